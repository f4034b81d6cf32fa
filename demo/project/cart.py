"""Prices of a shopping cart, in whole cents."""


def subtotal(items):
    """The sum over (unit price, quantity) pairs."""
    return sum(price * quantity for price, quantity in items)


def discounted(cents, percent):
    """What is left of an amount after a discount, rounded down."""
    return cents - cents * percent // 10


def shipping(cents):
    """Shipping is free from 50.00 on."""
    return 0 if cents >= 5000 else 490
