//! Who stands behind a package: an ed25519 signature of its name, version and
//! digest. Says who signed what; whether that is enough is the operator's
//! setting. Never fetches a key and trusts none by itself.

mod keys;

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use ring::signature::{ED25519, UnparsedPublicKey};
use semver::Version;
use serde::{Deserialize, Serialize};

pub use keys::{KeyError, KeyId, PublicKey, SecretKey, TrustedKeys};

use crate::digest::Digest;

/// What the file beside a package is called: the package's name and this.
pub const SUFFIX: &str = ".sig";

/// The annotation of an OCI image that carries the signature.
pub const ANNOTATION: &str = "dev.sortie.signature";

/// The format that is written; others are refused by name.
const FORMAT: u32 = 1;

/// The longest signature text that is read.
const MAX_BYTES: usize = 16 << 10;

/// What is signed. The bytes are its compact JSON with the fields in this
/// order, so there is one spelling of each statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// The format, 1. It also keeps these bytes from being taken for something
    /// else that the key signs.
    #[serde(rename = "sortie-signature")]
    format: u32,
    /// The plugin's name.
    pub name: String,
    /// Its version.
    pub version: Version,
    /// The digest of the package.
    pub digest: Digest,
}

/// A statement with its signature, as it stands beside a package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// Which key signed.
    pub key: KeyId,
    /// What it signed.
    pub statement: Statement,
    /// The 64 bytes, in base64.
    signature: String,
}

/// What a signature must be about.
#[derive(Clone, Debug)]
pub struct Expected<'a> {
    /// The name in the package's manifest.
    pub name: &'a str,
    /// The version in the package's manifest.
    pub version: &'a Version,
    /// The digest of the package.
    pub digest: Digest,
    /// The version that is installed and must not become older; none when
    /// there is none or an older one is wanted.
    pub not_below: Option<&'a Version>,
}

/// Why a signature does not do.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// Not a signature file.
    #[error("the signature cannot be read: {0}; get it again, or sign with `sortie plugin sign`")]
    Malformed(String),
    /// Of another release.
    #[error("the signature has the format {0}, and {FORMAT} is known here; use a newer Sortie")]
    Format(u32),
    /// Nobody that is trusted.
    #[error(
        "the key {0} is not trusted; if you trust its owner, add the public key to the trusted keys"
    )]
    Untrusted(KeyId),
    /// Not by that key.
    #[error(
        "the signature was not made by the key {0} that it names; the signature or its statement was changed"
    )]
    Forged(KeyId),
    /// Of another plugin.
    #[error(
        "the signature is for the plugin `{signed}`, and this is `{found}`; get the signature that belongs to it"
    )]
    OtherName {
        /// What was signed.
        signed: String,
        /// What is there.
        found: String,
    },
    /// Of another version.
    #[error(
        "the signature is for version {signed}, and this is {found}; get the signature that belongs to it"
    )]
    OtherVersion {
        /// What was signed.
        signed: Version,
        /// What is there.
        found: Version,
    },
    /// Of other bytes.
    #[error(
        "the signature is for the bytes {signed}, and these are {found}; the package was changed after it was signed"
    )]
    OtherBytes {
        /// What was signed.
        signed: Digest,
        /// What is there.
        found: Digest,
    },
    /// Properly signed, but older.
    #[error(
        "version {offered} is older than the installed {installed}; to go back on purpose, use `sortie plugin rollback`"
    )]
    Downgrade {
        /// What is there.
        installed: Version,
        /// What is offered.
        offered: Version,
    },
}

impl Statement {
    /// A statement about a package.
    pub fn new(name: &str, version: &Version, digest: Digest) -> Self {
        Self {
            format: FORMAT,
            name: name.to_owned(),
            version: version.clone(),
            digest,
        }
    }

    /// Signs it.
    pub fn sign(self, key: &SecretKey) -> Signature {
        Signature {
            key: key.public().id(),
            signature: BASE64.encode(key.sign(&self.bytes())),
            statement: self,
        }
    }

    fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a statement is plain data")
    }
}

impl Signature {
    /// Reads a signature.
    ///
    /// # Errors
    /// [`SignatureError::Malformed`] or [`SignatureError::Format`].
    pub fn parse(text: &str) -> Result<Self, SignatureError> {
        let malformed = |error: serde_json::Error| SignatureError::Malformed(error.to_string());
        if text.len() > MAX_BYTES {
            return Err(SignatureError::Malformed(format!(
                "it has {} bytes, more than {MAX_BYTES}",
                text.len()
            )));
        }
        // The format first: a newer one may have other fields.
        let value: serde_json::Value = serde_json::from_str(text).map_err(malformed)?;
        let format = value.pointer("/statement/sortie-signature");
        match format.and_then(serde_json::Value::as_u64) {
            Some(format) if format != u64::from(FORMAT) => Err(SignatureError::Format(
                u32::try_from(format).unwrap_or(u32::MAX),
            )),
            _ => serde_json::from_str(text).map_err(malformed),
        }
    }

    /// The text of it, one line.
    pub fn to_text(&self) -> String {
        serde_json::to_string(self).expect("a signature is plain data")
    }

    /// Checks it, and says who signed.
    ///
    /// # Errors
    /// The first of: who, whether, then what.
    pub fn verify<'k>(
        &self,
        expected: &Expected<'_>,
        trusted: &'k TrustedKeys,
    ) -> Result<&'k PublicKey, SignatureError> {
        let key = trusted
            .get(self.key)
            .ok_or(SignatureError::Untrusted(self.key))?;
        let signature = BASE64
            .decode(&self.signature)
            .map_err(|error| SignatureError::Malformed(error.to_string()))?;
        UnparsedPublicKey::new(&ED25519, key.bytes())
            .verify(&self.statement.bytes(), &signature)
            .map_err(|_| SignatureError::Forged(self.key))?;
        let signed = &self.statement;
        if signed.name != expected.name {
            return Err(SignatureError::OtherName {
                signed: signed.name.clone(),
                found: expected.name.to_owned(),
            });
        }
        if signed.version != *expected.version {
            return Err(SignatureError::OtherVersion {
                signed: signed.version.clone(),
                found: expected.version.clone(),
            });
        }
        if signed.digest != expected.digest {
            return Err(SignatureError::OtherBytes {
                signed: signed.digest,
                found: expected.digest,
            });
        }
        match expected.not_below {
            Some(installed) if signed.version < *installed => Err(SignatureError::Downgrade {
                installed: installed.clone(),
                offered: signed.version.clone(),
            }),
            _ => Ok(key),
        }
    }
}

#[cfg(test)]
#[path = "signature/tests.rs"]
mod tests;
