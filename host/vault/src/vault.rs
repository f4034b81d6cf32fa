//! The set of configured secrets. It reads their sources and tells the
//! redactor about each value; it keeps no value of a variable or a file for
//! itself.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::redact::{Known, Redactor};
use crate::{Secret, SecretSource};

/// The shortest secret that is accepted. Anything shorter would turn every
/// redacted text into confetti, and protects nothing anyway.
pub const MIN_SECRET_BYTES: usize = 4;

/// The longest secret that is accepted: a private key with room to spare, so
/// that a wrong path (a log, a device) is not read into memory.
pub const MAX_SECRET_BYTES: usize = 64 * 1024;

/// The configured secrets. Cloning shares them.
#[derive(Clone, Debug, Default)]
pub struct Vault {
    sources: Arc<BTreeMap<String, SecretSource>>,
    known: Arc<Known>,
}

impl Vault {
    /// A vault over the named sources.
    ///
    /// Each source is read once, so that the redactor knows its value before
    /// anyone asks for it; one that cannot be read yet is no error here.
    pub fn new(sources: BTreeMap<String, SecretSource>) -> Result<Self, VaultError> {
        for name in sources.keys() {
            check_name(name)?;
        }
        let vault = Self {
            sources: Arc::new(sources),
            known: Arc::default(),
        };
        for name in vault.sources.keys() {
            // What cannot be read cannot leak; the error comes back, with its
            // reason, to whoever asks for this secret.
            let _ = vault.get(name);
        }
        Ok(vault)
    }

    /// The names of all configured secrets, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.sources.keys().map(String::as_str)
    }

    /// Reads the secret from its source.
    pub fn get(&self, name: &str) -> Result<Secret, VaultError> {
        let source = self
            .sources
            .get(name)
            .ok_or_else(|| VaultError::Unknown(name.to_owned()))?;
        let secret = match source {
            SecretSource::Value(secret) => secret.clone(),
            SecretSource::Env(variable) => match std::env::var(variable) {
                Ok(value) => Secret::new(value),
                Err(_) => {
                    return Err(VaultError::Variable {
                        name: name.to_owned(),
                        variable: variable.clone(),
                    });
                }
            },
            SecretSource::File(path) => read_file(name, path)?,
        };
        let bytes = secret.expose().len();
        if bytes < MIN_SECRET_BYTES {
            return Err(VaultError::TooShort {
                name: name.to_owned(),
                bytes,
            });
        }
        if bytes > MAX_SECRET_BYTES {
            return Err(VaultError::TooLong(name.to_owned()));
        }
        self.known.add(name, &secret);
        Ok(secret)
    }

    /// A redactor for all values this vault has handed out or will hand out.
    pub fn redactor(&self) -> Redactor {
        Redactor::new(Arc::clone(&self.known))
    }

    /// A redactor for the values of the named secrets alone, for text that
    /// goes to someone who must not learn which guesses are other secrets.
    pub fn redactor_of<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> Redactor {
        let names = names.into_iter().map(str::to_owned).collect();
        Redactor::of(Arc::clone(&self.known), names)
    }
}

fn check_name(name: &str) -> Result<(), VaultError> {
    let fits = (1..=64).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    if fits {
        Ok(())
    } else {
        Err(VaultError::Name(name.chars().take(80).collect()))
    }
}

fn read_file(name: &str, path: &Path) -> Result<Secret, VaultError> {
    let failed = |source| VaultError::File {
        name: name.to_owned(),
        path: path.to_owned(),
        source,
    };
    // Allocated once at its full size: a growing buffer would leave copies of
    // the value behind in freed memory.
    let mut text = zeroize::Zeroizing::new(String::with_capacity(MAX_SECRET_BYTES + 1));
    File::open(path)
        .map_err(failed)?
        .take(MAX_SECRET_BYTES as u64 + 1)
        .read_to_string(&mut text)
        .map_err(failed)?;
    if text.len() > MAX_SECRET_BYTES {
        return Err(VaultError::TooLong(name.to_owned()));
    }
    // A private key must keep its last line end, or ssh cannot read it.
    let value = if text.trim_end().contains('\n') {
        text.as_str()
    } else {
        text.trim_end_matches(['\r', '\n'])
    };
    Ok(Secret::new(value.to_owned()))
}

/// Why a secret could not be read. No variant holds a value.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The name breaks the rules.
    #[error("use the secret name {0:?}: write 1 to 64 letters, digits, '-', '_' or '.'")]
    Name(String),
    /// Nothing of that name is configured.
    #[error("find the secret {0:?}: add it to the [secrets] of the configuration")]
    Unknown(String),
    /// The environment variable is not set, or is not text.
    #[error("read the secret {name:?}: the environment variable {variable} is not set")]
    Variable {
        /// The secret.
        name: String,
        /// Its variable.
        variable: String,
    },
    /// The file could not be read.
    #[error("read the secret {name:?} from {}: {source}", path.display())]
    File {
        /// The secret.
        name: String,
        /// Its file.
        path: PathBuf,
        /// What went wrong.
        source: std::io::Error,
    },
    /// The value is too short to be redacted.
    #[error(
        "use the secret {name:?}: it has {bytes} bytes, at least {MIN_SECRET_BYTES} are needed"
    )]
    TooShort {
        /// The secret.
        name: String,
        /// Its length.
        bytes: usize,
    },
    /// The value is longer than any key.
    #[error("use the secret {0:?}: it is over {MAX_SECRET_BYTES} bytes; is its path right?")]
    TooLong(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault(entries: &[(&str, SecretSource)]) -> Vault {
        let map = entries
            .iter()
            .map(|(n, s)| ((*n).to_owned(), s.clone()))
            .collect();
        Vault::new(map).expect("the names are valid")
    }

    #[test]
    fn configuration_reads_each_kind_of_source_and_prints_none() {
        let text = "a = { value = \"hunter2-value\" }\nb = { env = \"B_TOKEN\" }\nc = { file = \"/run/c\" }\n";
        let map: BTreeMap<String, SecretSource> = toml::from_str(text).expect("parses");
        assert!(matches!(map["b"], SecretSource::Env(ref v) if v == "B_TOKEN"));
        let vault = Vault::new(map).expect("builds");
        assert!(!format!("{vault:?}").contains("hunter2"));
        let secret = vault.get("a").expect("has a value");
        assert_eq!(format!("{secret} {secret:?}"), "[redacted] [redacted]");
        assert_eq!(secret.expose(), "hunter2-value");
        assert!(toml::from_str::<BTreeMap<String, SecretSource>>("a = { vlaue = \"x\" }").is_err());
    }

    #[test]
    fn a_file_is_read_again_at_every_use_and_old_values_stay_redacted() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("token");
        std::fs::write(&path, "first-token\n").expect("writes");
        let vault = vault(&[("t", SecretSource::File(path.clone()))]);
        assert_eq!(vault.get("t").expect("reads").expose(), "first-token");
        std::fs::write(&path, "second-token\n").expect("writes");
        assert_eq!(vault.get("t").expect("reads").expose(), "second-token");
        let redactor = vault.redactor();
        assert_eq!(
            redactor.redact("first-token then second-token"),
            "[redacted:t] then [redacted:t]"
        );
    }

    #[test]
    fn a_private_key_keeps_its_last_line_end() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("key");
        std::fs::write(&path, "-----BEGIN\nbody\n-----END\n").expect("writes");
        let vault = vault(&[("k", SecretSource::File(path))]);
        assert!(vault.get("k").expect("reads").expose().ends_with("END\n"));
    }

    #[test]
    fn errors_name_the_secret_and_the_remedy() {
        let dir = tempfile::tempdir().expect("a directory");
        let big = dir.path().join("big");
        std::fs::write(&big, vec![b'x'; MAX_SECRET_BYTES + 1]).expect("writes");
        let vault = vault(&[
            ("short", SecretSource::Value(Secret::new("abc".into()))),
            (
                "unset",
                SecretSource::Env("SORTIE_TEST_SURELY_UNSET".into()),
            ),
            ("gone", SecretSource::File(dir.path().join("none"))),
            ("big", SecretSource::File(big)),
        ]);
        assert!(matches!(
            vault.get("short"),
            Err(VaultError::TooShort { bytes: 3, .. })
        ));
        let unset = vault.get("unset").expect_err("it is not set").to_string();
        assert!(unset.contains("SORTIE_TEST_SURELY_UNSET"), "{unset}");
        assert!(matches!(vault.get("gone"), Err(VaultError::File { .. })));
        assert!(matches!(vault.get("big"), Err(VaultError::TooLong(_))));
        assert!(matches!(vault.get("nope"), Err(VaultError::Unknown(_))));
        let bad = BTreeMap::from([("a b".to_owned(), SecretSource::Env("X".into()))]);
        assert!(matches!(Vault::new(bad), Err(VaultError::Name(_))));
    }
}
