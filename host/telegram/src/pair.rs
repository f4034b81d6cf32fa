//! Pairing codes: eight signs that are told apart on any screen. Only their
//! hash is kept.

use sha2::{Digest, Sha256};

/// Crockford's base 32: no I, L, O and U.
const SIGNS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Forty bits. With twenty tries in fifteen minutes nobody guesses one.
const LENGTH: usize = 8;

/// A new code.
pub(crate) fn make() -> Result<String, getrandom::Error> {
    let mut bytes = [0; LENGTH];
    getrandom::fill(&mut bytes)?;
    let sign = |byte: u8| char::from(SIGNS[usize::from(byte) % SIGNS.len()]);
    Ok(bytes.into_iter().map(sign).collect())
}

/// What is kept of a code.
pub(crate) fn hash(code: &str) -> [u8; 32] {
    Sha256::digest(code.as_bytes()).into()
}

/// The code that a person sent: behind `/start`, or alone.
pub(crate) fn sent(text: &str) -> Option<String> {
    started(text).or_else(|| read(text))
}

/// The code behind `/start`, as the link that setup prints sends it.
pub(crate) fn started(text: &str) -> Option<String> {
    read(text.trim().strip_prefix("/start")?)
}

/// Reads what stands for a code, however it was typed.
fn read(text: &str) -> Option<String> {
    let mut code = String::new();
    for sign in text
        .trim()
        .chars()
        .filter(|sign| !matches!(sign, '-' | ' '))
    {
        let sign = match sign.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        };
        let known = u8::try_from(sign).is_ok_and(|sign| SIGNS.contains(&sign));
        if !known || code.len() == LENGTH {
            return None;
        }
        code.push(sign);
    }
    (code.len() == LENGTH).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_however_it_is_typed() {
        for text in [
            "ABCD1234",
            "/start ABCD1234",
            " abcd-1234 ",
            "abcd i234",
            "/start abcdl234",
        ] {
            assert_eq!(sent(text).as_deref(), Some("ABCD1234"), "{text}");
        }
        for text in [
            "",
            "/start",
            "/status",
            "ABCD123",
            "ABCD12345",
            "ÄBCD1234",
            "ABCDU234",
        ] {
            assert_eq!(sent(text), None, "{text}");
        }
        assert_eq!(started("ABCD1234"), None);
    }

    #[test]
    fn codes_are_readable_and_differ() {
        let (a, b) = (make().expect("random"), make().expect("random"));
        assert_eq!(sent(&a).as_deref(), Some(a.as_str()));
        assert_ne!(a, b);
        assert_ne!(hash(&a), hash(&b));
    }
}
