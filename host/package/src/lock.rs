//! `sortie-plugins.lock`: which plugins a host has, exactly, so that another
//! host can have the same. Written in one spelling, read strictly. Holds no
//! configuration and no secret, only their names in grants.

use semver::Version;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::manifest::{Grant, check_name};

/// What the file is called.
pub const FILE_NAME: &str = "sortie-plugins.lock";

/// The format that is written; others are refused by name.
const FORMAT: u32 = 1;

/// The largest file: a thousand plugins with long grants.
pub const MAX_LOCK_BYTES: usize = 8 << 20;

/// The lines before everything, for people who open the file.
const HEAD: &str =
    "# Written by `sortie plugin lock`, restored by `sortie plugin sync`. Not to be edited.\n";

/// What is locked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lock {
    plugins: Vec<LockedPlugin>,
}

/// One plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedPlugin {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: Version,
    /// Where it comes from, as [`Source`](crate::fetch::Source) reads it.
    pub source: String,
    /// The digest of its package.
    pub digest: Digest,
    /// Why a person disabled it; none when nobody did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled: Option<String>,
    /// What it was given.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub grant: Grant,
}

fn is_empty(grant: &Grant) -> bool {
    *grant == Grant::default()
}

/// Why a lock is not read.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Too much of it.
    #[error("the lock file has {0} bytes, more than the {MAX_LOCK_BYTES} that are read")]
    TooLarge(usize),
    /// Not the format.
    #[error("the lock file cannot be read: {0}; write it again with `sortie plugin lock`")]
    Malformed(String),
    /// Of another release.
    #[error("the lock file has the format {0}, and {FORMAT} is known here; use a newer Sortie")]
    Format(u32),
    /// Two plugins of one name.
    #[error("the lock file has `{0}` twice; remove one of them")]
    Twice(String),
    /// A name that is none.
    #[error("the lock file has a plugin with a wrong name: {0}")]
    Name(String),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: u32,
    #[serde(default, rename = "plugin", skip_serializing_if = "Vec::is_empty")]
    plugins: Vec<LockedPlugin>,
}

impl Lock {
    /// A lock of these plugins.
    ///
    /// # Errors
    /// When two have one name, or one has none.
    pub fn new(mut plugins: Vec<LockedPlugin>) -> Result<Self, LockError> {
        plugins.sort_by(|a, b| a.name.cmp(&b.name));
        for plugin in &plugins {
            check_name(&plugin.name).map_err(LockError::Name)?;
        }
        match plugins.windows(2).find(|pair| pair[0].name == pair[1].name) {
            Some(pair) => Err(LockError::Twice(pair[0].name.clone())),
            None => Ok(Self { plugins }),
        }
    }

    /// Reads a lock file.
    ///
    /// # Errors
    /// When anything in it is not as it was written.
    pub fn parse(text: &str) -> Result<Self, LockError> {
        #[derive(Deserialize)]
        struct Head {
            format: u32,
        }
        if text.len() > MAX_LOCK_BYTES {
            return Err(LockError::TooLarge(text.len()));
        }
        let malformed =
            |error: toml::de::Error| LockError::Malformed(error.to_string().trim_end().to_owned());
        // The format first: a newer one may have other keys.
        let head: Head = toml::from_str(text).map_err(malformed)?;
        if head.format != FORMAT {
            return Err(LockError::Format(head.format));
        }
        let file: File = toml::from_str(text).map_err(malformed)?;
        Self::new(file.plugins)
    }

    /// The text of the file. The same plugins give the same text.
    pub fn to_text(&self) -> String {
        let file = File {
            format: FORMAT,
            plugins: self.plugins.clone(),
        };
        let text = toml::to_string(&file).expect("a lock is plain data with text keys");
        format!("{HEAD}{text}")
    }

    /// The plugins, ordered by name.
    pub fn plugins(&self) -> &[LockedPlugin] {
        &self.plugins
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plugin(name: &str) -> LockedPlugin {
        LockedPlugin {
            name: name.into(),
            version: Version::new(0, 1, 0),
            source: "oci://ghcr.io/a/b:1".into(),
            digest: Digest::of(name.as_bytes()),
            disabled: (name == "b").then(|| "too \"loud\"".to_owned()),
            grant: serde_json::from_value(serde_json::json!({
                "egress": [{ "host": "a.example", "credential": { "secret": "s", "header": "x-key" } }],
                "sources": [{ "kind": "timer", "name": "t", "every": "1h" },
                            { "kind": "http", "name": "h", "verify": { "scheme": "none" } }],
                "directories": [{ "name": "rules", "path": "/srv/rules" }],
                "jobs": { "allow": ["read"] },
                "limits": { "cpu_ms": 5 },
            }))
            .unwrap(),
        }
    }

    #[test]
    fn it_is_written_sorted_and_read_the_same() {
        let lock = Lock::new(vec![plugin("b"), plugin("a")]).unwrap();
        let text = lock.to_text();
        assert_eq!(lock, Lock::new(vec![plugin("a"), plugin("b")]).unwrap());
        assert_eq!(Lock::parse(&text).unwrap(), lock);
        assert_eq!(text.matches("disabled = ").count(), 1);
        assert!(text.find("name = \"a\"").unwrap() < text.find("name = \"b\"").unwrap());
        assert_eq!(
            Lock::parse(&Lock::default().to_text()).unwrap(),
            Lock::default()
        );
    }

    #[test]
    fn whatever_is_not_as_it_was_written_is_refused() {
        let text = Lock::new(vec![plugin("a"), plugin("b")]).unwrap().to_text();
        for (old, new, said) in [
            ("format = 1", "format = 2", "format 2"),
            ("format = 1", "", "format"),
            ("name = \"b\"", "name = \"a\"", "`a` twice"),
            ("name = \"a\"", "name = \"../a\"", "wrong name"),
            ("sha256:", "sha512:", "no digest"),
            ("version = \"0.1.0\"", "version = \"1\"", "version"),
            ("source =", "sauce =", "sauce"),
            ("cpu_ms", "cpu", "cpu"),
        ] {
            assert!(text.contains(old), "{old} in {text}");
            let error = Lock::parse(&text.replacen(old, new, 1))
                .unwrap_err()
                .to_string();
            assert!(error.contains(said), "{new}: {error}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,200}") {
            let _ = Lock::parse(&text);
            let _ = Lock::parse(&format!("format = 1\n[[plugin]]\n{text}"));
        }
    }
}
