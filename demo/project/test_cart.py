import unittest

from cart import discounted, shipping, subtotal


class Cart(unittest.TestCase):
    def test_subtotal_multiplies_by_quantity(self):
        self.assertEqual(subtotal([(250, 2), (99, 1)]), 599)

    def test_discount_is_a_percentage(self):
        self.assertEqual(discounted(1000, 25), 750)

    def test_no_discount_changes_nothing(self):
        self.assertEqual(discounted(1000, 0), 1000)

    def test_shipping_is_free_from_fifty(self):
        self.assertEqual(shipping(5000), 0)
        self.assertEqual(shipping(4999), 490)


if __name__ == "__main__":
    unittest.main()
