//! The set of configured secrets. It reads their sources and tells the
//! redactor about each value; it keeps no value of a variable or a file for
//! itself. What a person hands over while the host runs is kept in a directory
//! of its own, one file each; the configuration wins over it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
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
    kept: Option<Arc<PathBuf>>,
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
            kept: None,
            known: Arc::default(),
        };
        for name in vault.sources.keys() {
            // What cannot be read cannot leak; the error comes back, with its
            // reason, to whoever asks for this secret.
            let _ = vault.get(name);
        }
        Ok(vault)
    }

    /// With a directory for secrets that are handed over while the host runs.
    /// It is made when the first one is kept; those that are there are read
    /// once, so that the redactor knows them.
    #[must_use]
    pub fn with_kept(mut self, dir: PathBuf) -> Self {
        let names = std::fs::read_dir(&dir).into_iter().flatten().flatten();
        self.kept = Some(Arc::new(dir));
        for entry in names {
            if let Some(name) = entry.file_name().to_str() {
                // As in `new`: the error comes back to whoever asks for it.
                let _ = self.get(name);
            }
        }
        self
    }

    /// Keeps a secret, over one of the same name that was kept before. It is
    /// on disk, whole and for the host's own user alone, when this returns.
    ///
    /// # Errors
    ///
    /// [`VaultError::Configured`] when the configuration says where it comes
    /// from; when it is no secret, or cannot be written.
    pub fn keep(&self, name: &str, secret: &Secret) -> Result<(), VaultError> {
        check_name(name)?;
        if self.sources.contains_key(name) {
            return Err(VaultError::Configured(name.to_owned()));
        }
        check_value(name, secret)?;
        let dir = self
            .kept
            .as_ref()
            .ok_or_else(|| VaultError::Unknown(name.to_owned()))?;
        self.known.add(name, secret);
        write_file(dir, name, secret).map_err(|source| VaultError::Keep {
            name: name.to_owned(),
            path: dir.join(name),
            source,
        })
    }

    /// Forgets a secret that was kept, and says whether there was one. The
    /// redactor goes on removing its value from texts.
    ///
    /// # Errors
    ///
    /// [`VaultError::Configured`] when the configuration says where it comes
    /// from; when it cannot be erased.
    pub fn forget(&self, name: &str) -> Result<bool, VaultError> {
        if self.sources.contains_key(name) {
            return Err(VaultError::Configured(name.to_owned()));
        }
        let Ok(path) = self.kept_file(name) else {
            return Ok(false);
        };
        match std::fs::remove_file(&path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(source) => Err(VaultError::Forget {
                name: name.to_owned(),
                path,
                source,
            }),
        }
    }

    /// Lets the redactor know of a value before it is kept, so that nothing
    /// that is said about it holds it.
    pub fn hide(&self, name: &str, secret: &Secret) {
        if check_value(name, secret).is_ok() {
            self.known.add(name, secret);
        }
    }

    /// The names of all configured secrets, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.sources.keys().map(String::as_str)
    }

    /// Reads the secret from its source.
    pub fn get(&self, name: &str) -> Result<Secret, VaultError> {
        let secret = match self.sources.get(name) {
            None => read_file(name, &self.kept_file(name)?)?,
            Some(SecretSource::Value(secret)) => secret.clone(),
            Some(SecretSource::Env(variable)) => match std::env::var(variable) {
                Ok(value) => Secret::new(value),
                Err(_) => {
                    return Err(VaultError::Variable {
                        name: name.to_owned(),
                        variable: variable.clone(),
                    });
                }
            },
            Some(SecretSource::File(path)) => read_file(name, path)?,
        };
        check_value(name, &secret)?;
        self.known.add(name, &secret);
        Ok(secret)
    }

    /// The file of a kept secret. The name is checked: it becomes a path.
    fn kept_file(&self, name: &str) -> Result<PathBuf, VaultError> {
        let unknown = || VaultError::Unknown(name.to_owned());
        check_name(name).map_err(|_| unknown())?;
        let file = self.kept.as_ref().map(|dir| dir.join(name));
        file.filter(|file| file.is_file()).ok_or_else(unknown)
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
        && !name.starts_with('.')
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    if fits {
        Ok(())
    } else {
        Err(VaultError::Name(name.chars().take(80).collect()))
    }
}

fn check_value(name: &str, secret: &Secret) -> Result<(), VaultError> {
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
    Ok(())
}

/// Writes a file that nobody else may read, whole or not at all.
fn write_file(dir: &Path, name: &str, secret: &Secret) -> std::io::Result<()> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)?;
    // Temporary files have a name that no secret has, and are made private.
    let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(dir)?;
    let private = std::fs::Permissions::from_mode(0o600);
    file.as_file().set_permissions(private)?;
    file.write_all(secret.expose().as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(dir.join(name))?;
    File::open(dir)?.sync_all()
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
    #[error(
        "use the secret name {0:?}: write 1 to 64 letters, digits, '-', '_' or '.', the first no '.'"
    )]
    Name(String),
    /// Nothing of that name is configured.
    #[error(
        "find the secret {0:?}: add it to the [secrets] of the configuration, or `sortie secret set {0}`"
    )]
    Unknown(String),
    /// The configuration says where it comes from.
    #[error(
        "change the secret {0:?}: the [secrets] of the configuration say where it comes from; change it there"
    )]
    Configured(String),
    /// The file could not be written.
    #[error("keep the secret {name:?} in {}: {source}", path.display())]
    Keep {
        /// The secret.
        name: String,
        /// Its file.
        path: PathBuf,
        /// What went wrong.
        source: std::io::Error,
    },
    /// The file could not be erased.
    #[error("forget the secret {name:?} in {}: {source}", path.display())]
    Forget {
        /// The secret.
        name: String,
        /// Its file.
        path: PathBuf,
        /// What went wrong.
        source: std::io::Error,
    },
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
    fn a_kept_secret_is_private_and_known_after_a_restart() {
        let dir = tempfile::tempdir().expect("a directory");
        let dir = dir.path().join("secrets");
        let first = vault(&[]).with_kept(dir.clone());
        assert!(matches!(first.get("bot"), Err(VaultError::Unknown(_))));
        for value in ["1:first-token", "1:second-token"] {
            let secret = Secret::new(value.into());
            first.keep("bot", &secret).expect("keeps");
            assert_eq!(first.get("bot").expect("reads").expose(), value);
        }
        let mode = |path: &Path| path.metadata().expect("is there").permissions().mode() & 0o777;
        assert_eq!((mode(&dir), mode(&dir.join("bot"))), (0o700, 0o600));
        assert_eq!(std::fs::read_dir(&dir).expect("reads").count(), 1);
        let second = vault(&[]).with_kept(dir);
        let redactor = second.redactor();
        assert_eq!(redactor.redact("x1:second-token"), "x[redacted:bot]");
    }

    #[test]
    fn what_is_forgotten_is_gone_and_stays_redacted() {
        let dir = tempfile::tempdir().expect("a directory");
        let configured = SecretSource::Value(Secret::new("configured-value".into()));
        let vault = vault(&[("c", configured)]).with_kept(dir.path().to_path_buf());
        let secret = Secret::new("1:the-token".into());
        vault.keep("bot", &secret).expect("keeps");
        assert!(vault.forget("bot").expect("forgets"));
        assert!(matches!(vault.get("bot"), Err(VaultError::Unknown(_))));
        assert!(!vault.forget("bot").expect("there is none"));
        assert!(!vault.forget("../bot").expect("that is none"));
        assert!(matches!(vault.forget("c"), Err(VaultError::Configured(_))));
        assert_eq!(vault.redactor().redact("1:the-token"), "[redacted:bot]");
    }

    #[test]
    fn the_configuration_wins_over_what_is_kept() {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::write(dir.path().join("t"), "kept-value").expect("writes");
        let configured = SecretSource::Value(Secret::new("configured-value".into()));
        let vault = vault(&[("t", configured)]).with_kept(dir.path().to_path_buf());
        assert_eq!(vault.get("t").expect("reads").expose(), "configured-value");
        let other = Secret::new("other-value".into());
        assert!(matches!(
            vault.keep("t", &other),
            Err(VaultError::Configured(_))
        ));
        for name in ["../t", ".t", "", "a/b"] {
            assert!(
                matches!(vault.keep(name, &other), Err(VaultError::Name(_))),
                "{name}"
            );
            assert!(
                matches!(vault.get(name), Err(VaultError::Unknown(_))),
                "{name}"
            );
        }
    }

    #[test]
    fn a_hidden_value_is_redacted_before_it_is_kept() {
        let vault = vault(&[]);
        vault.hide("t", &Secret::new("about-to-be-kept".into()));
        assert_eq!(vault.redactor().redact("about-to-be-kept"), "[redacted:t]");
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
