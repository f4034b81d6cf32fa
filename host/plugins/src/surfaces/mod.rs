//! The records of each surface as the rest of the host uses and stores them,
//! with the checks a guest's answer must pass. WIT says what the fields mean.
//! Nothing here runs a guest.

pub mod agent;
pub mod budget;
pub mod connector;
pub mod notifier;
pub mod scanner;
pub mod workflow;

use crate::error::{At, PluginError};

/// The longest name of a rule, step or profile, in bytes.
pub const MAX_NAME_BYTES: usize = 64;

/// Whether `name` is lower-case words joined by single hyphens.
pub(crate) fn is_kebab(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= MAX_NAME_BYTES
        && name.split('-').all(|word| {
            !word.is_empty()
                && word
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        })
}

pub(crate) fn nonsense(at: &At, reason: impl Into<String>) -> PluginError {
    PluginError::Nonsense {
        at: at.clone(),
        reason: reason.into(),
    }
}

pub(crate) fn check_count(
    at: &At,
    what: &str,
    count: usize,
    limit: usize,
) -> Result<(), PluginError> {
    check_size(at, what, count, limit, "")
}

pub(crate) fn check_bytes(
    at: &At,
    what: &str,
    bytes: usize,
    limit: usize,
) -> Result<(), PluginError> {
    check_size(at, what, bytes, limit, " bytes")
}

fn check_size(
    at: &At,
    what: &str,
    size: usize,
    limit: usize,
    unit: &str,
) -> Result<(), PluginError> {
    if size <= limit {
        return Ok(());
    }
    Err(PluginError::ResultLimit {
        at: at.clone(),
        reason: format!("{what}: {size}{unit}, the limit is {limit}"),
    })
}

/// `text` cut to `bytes` at a character boundary, in place.
pub(crate) fn cut_to(mut text: String, bytes: usize) -> String {
    let end = crate::log::cut(&text, bytes).len();
    text.truncate(end);
    text
}

/// A text from a guest as one short quotation in an error.
pub(crate) fn quote(text: &str) -> String {
    format!("{:?}", crate::log::cut(text, 80))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kebab_case() {
        for good in ["a", "skipped-test", "verify-1", "2fa"] {
            assert!(is_kebab(good), "{good}");
        }
        let long = "a".repeat(MAX_NAME_BYTES + 1);
        for bad in ["", "-a", "a-", "a--b", "A", "a_b", "a b", "ä", &long] {
            assert!(!is_kebab(bad), "{bad}");
        }
    }
}
