//! The methods that a rule can name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::RuleError;

/// The name of a method: capitals and hyphens, at most sixteen. `CONNECT`
/// makes a tunnel nobody looks into and `TRACE` sends a credential back by
/// definition; neither can be named.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MethodName(String);

/// Longer than any method in the registry that an API answers to.
const MAX_METHOD_CHARS: usize = 16;

impl MethodName {
    /// The method of a rule that names none.
    pub(super) fn get() -> Self {
        Self("GET".to_owned())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether what a request asks for is in its body.
    pub(super) fn is_its_body(&self) -> bool {
        matches!(self.0.as_str(), "POST" | "PUT" | "PATCH")
    }
}

impl FromStr for MethodName {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let refuse = |advice: String| RuleError::new("method", text, advice);
        let fits = (1..=MAX_METHOD_CHARS).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_uppercase() || b == b'-');
        match text {
            "CONNECT" | "TRACE" => Err(refuse(
                "leave it out: neither CONNECT nor TRACE is ever allowed".to_owned(),
            )),
            _ if fits => Ok(Self(text.to_owned())),
            _ if text.len() <= MAX_METHOD_CHARS
                && text.bytes().all(|b| b.is_ascii_alphabetic())
                && !text.is_empty() =>
            {
                Err(refuse(format!(
                    "write it in capitals, {}",
                    text.to_ascii_uppercase()
                )))
            }
            _ => Err(refuse(
                "write a method such as GET or POST; name each one".to_owned(),
            )),
        }
    }
}

impl TryFrom<String> for MethodName {
    type Error = RuleError;

    fn try_from(text: String) -> Result<Self, RuleError> {
        text.parse()
    }
}

impl From<MethodName> for String {
    fn from(name: MethodName) -> Self {
        name.0
    }
}

impl fmt::Display for MethodName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
