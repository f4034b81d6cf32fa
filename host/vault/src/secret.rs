//! The value of a secret and the places it can come from. Neither type has a
//! way to print the value; reading it is a deliberate [`Secret::expose`].

use std::fmt;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;
use zeroize::Zeroizing;

/// A secret value: printed as `[redacted]`, overwritten when dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the value over; the caller's copy is the one that is kept.
    pub fn new(value: String) -> Self {
        Self(Zeroizing::new(value))
    }

    /// The value itself. Use it where it leaves for its destination, and
    /// nowhere else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

/// Where a secret comes from, as written in the configuration:
/// `{ value = "…" }`, `{ env = "NAME" }` or `{ file = "/path" }`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum SecretSource {
    /// The value itself; for tests and for files that are secret as a whole.
    Value(#[schemars(with = "String")] Secret),
    /// The name of an environment variable of the host.
    Env(String),
    /// A file that holds the value and nothing else; trailing line ends are
    /// cut off. It is read at every use.
    File(PathBuf),
}
