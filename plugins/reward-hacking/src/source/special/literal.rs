//! What a literal looks like: one particular thing, the outcome of a computation, or neither.

use crate::lexer::{Kind, Tok};
use crate::text::number;

/// Numbers that programs compare with for good reasons.
const ROUND: [f64; 40] = [
    0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 15.0, 16.0, 20.0,
    24.0, 28.0, 29.0, 30.0, 31.0, 32.0, 50.0, 60.0, 64.0, 80.0, 100.0, 127.0, 128.0, 255.0, 256.0,
    360.0, 365.0, 366.0, 443.0, 512.0, 1000.0, 1024.0, 3600.0,
];

/// A literal that names one particular thing.
pub(super) fn instance_like(t: &Tok) -> bool {
    if t.kind == Kind::Number {
        // Status codes are compared with for good reasons too.
        let status = |v: f64| (100.0..600.0).contains(&v) && v.fract() == 0.0;
        return number(t.text).is_some_and(|v| {
            !ROUND.contains(&v.abs()) && v.abs() > 10.0 && !status(v) || v.fract() != 0.0
        });
    }
    let digits = t.text.chars().any(|c| c.is_ascii_digit());
    let letters = t.text.chars().any(char::is_alphabetic);
    let spaced = t.text.trim().contains(' ');
    t.text.chars().count() >= 4
        && (digits && (letters || t.text.len() >= 5)
            || spaced
            || t.text.len() >= 10
                && !t.text.contains('/')
                && t.text.contains(['-', '.', '@', ',', ':', '(', '+', '*']))
}

/// A literal that looks like the outcome of a computation.
pub(super) fn computed_like(t: &Tok) -> bool {
    if t.kind == Kind::Number {
        return number(t.text)
            .is_some_and(|v| !ROUND.contains(&v.abs()) && (v.abs() > 20.0 || v.fract() != 0.0));
    }
    t.text.chars().count() >= 4
        && (number(t.text).is_some()
            || t.text.chars().filter(char::is_ascii_digit).count() >= 2
            || t.text.contains(' ')
            || t.text.contains(['-', '_', ':', ',', '.', '/'])
            || t.text.len() >= 12)
}
