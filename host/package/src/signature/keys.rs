//! Keys as text: one line of a kind, the key in base64 and a comment, such as
//! `sortie-ed25519 AAAA… alice@example.com`. A list of trusted keys is such
//! lines, with empty ones and `#` comments between.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// What a public key's line begins with.
const PUBLIC: &str = "sortie-ed25519";

/// What a secret key's line begins with; another word, so that neither is
/// taken for the other.
const SECRET: &str = "sortie-ed25519-secret";

/// How many keys a list may have; each is a decision of a person.
const MAX_KEYS: usize = 1000;

/// The longest comment.
const MAX_COMMENT_BYTES: usize = 200;

/// A key's short name: the first half of the SHA-256 of its bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyId([u8; 16]);

/// A public key and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    bytes: [u8; 32],
    /// Whose it is, in the words of who wrote the line; shown, never trusted.
    pub comment: String,
}

/// A secret key. It is not shown by `Debug` and is wiped when dropped.
pub struct SecretKey {
    seed: Zeroizing<[u8; 32]>,
    pair: Ed25519KeyPair,
    comment: String,
}

/// The keys that an operator trusts.
#[derive(Clone, Debug, Default)]
pub struct TrustedKeys(BTreeMap<KeyId, PublicKey>);

/// Why a text is no key.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not the format.
    #[error("that is no {wanted} key: {reason}; it is one line, `{} <base64> <comment>`", kind(.wanted))]
    Malformed {
        /// `public` or `secret`.
        wanted: &'static str,
        /// Why.
        reason: &'static str,
    },
    /// The other half.
    #[error("that is a {found} key, and a {wanted} one is needed here")]
    OtherHalf {
        /// What is needed.
        wanted: &'static str,
        /// What is there.
        found: &'static str,
    },
    /// In a list.
    #[error("line {line} of the trusted keys: {error}")]
    Line {
        /// 1-based.
        line: usize,
        /// What is wrong there.
        error: Box<KeyError>,
    },
    /// A list that is too long.
    #[error("there are more than {MAX_KEYS} trusted keys; remove those that are not used")]
    TooMany,
    /// The system has no randomness.
    #[error("the system gives no random numbers; a key cannot be made here")]
    NoRandomness,
}

fn kind(wanted: &str) -> &'static str {
    match wanted {
        "secret" => SECRET,
        _ => PUBLIC,
    }
}

impl PublicKey {
    /// Its short name.
    pub fn id(&self) -> KeyId {
        let digest = Sha256::digest(self.bytes);
        KeyId(std::array::from_fn(|n| digest[n]))
    }

    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.bytes
    }
}

impl FromStr for PublicKey {
    type Err = KeyError;

    fn from_str(line: &str) -> Result<Self, KeyError> {
        let (bytes, comment) = parse(line, "public")?;
        Ok(Self {
            bytes: *bytes,
            comment,
        })
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PUBLIC} {}", BASE64.encode(self.bytes))?;
        match self.comment.as_str() {
            "" => Ok(()),
            comment => write!(f, " {comment}"),
        }
    }
}

impl SecretKey {
    /// A new key.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn generate(comment: &str) -> Result<Self, KeyError> {
        let mut seed = Zeroizing::new([0; 32]);
        SystemRandom::new()
            .fill(seed.as_mut())
            .map_err(|_| KeyError::NoRandomness)?;
        let comment = comment.split_whitespace().collect::<Vec<_>>().join(" ");
        Self::of(seed, comment.chars().take(MAX_COMMENT_BYTES / 4).collect())
    }

    /// Reads a secret key's line.
    ///
    /// # Errors
    /// When it is none; the text never repeats it.
    pub fn parse(line: &str) -> Result<Self, KeyError> {
        let (seed, comment) = parse(line, "secret")?;
        Self::of(seed, comment)
    }

    fn of(seed: Zeroizing<[u8; 32]>, comment: String) -> Result<Self, KeyError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_ref()).map_err(|_| {
            KeyError::Malformed {
                wanted: "secret",
                reason: "it is not a seed of 32 bytes",
            }
        })?;
        Ok(Self {
            seed,
            pair,
            comment,
        })
    }

    /// The line to keep in a file that only its owner reads.
    pub fn to_line(&self) -> Zeroizing<String> {
        let seed = Zeroizing::new(BASE64.encode(self.seed.as_ref()));
        Zeroizing::new(
            format!("{SECRET} {} {}", seed.as_str(), self.comment)
                .trim_end()
                .to_owned(),
        )
    }

    /// The half to give away.
    pub fn public(&self) -> PublicKey {
        PublicKey {
            bytes: self
                .pair
                .public_key()
                .as_ref()
                .try_into()
                .expect("an ed25519 public key has 32 bytes"),
            comment: self.comment.clone(),
        }
    }

    pub(super) fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        self.pair.sign(bytes).as_ref().to_vec()
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretKey")
            .field("id", &self.public().id())
            .finish_non_exhaustive()
    }
}

impl TrustedKeys {
    /// Reads a list.
    ///
    /// # Errors
    /// The first line that is no public key.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let mut keys = Self::default();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            keys.add(line.parse().map_err(|error| KeyError::Line {
                line: index + 1,
                error: Box::new(error),
            })?);
            if keys.0.len() > MAX_KEYS {
                return Err(KeyError::TooMany);
            }
        }
        Ok(keys)
    }

    /// Trusts one more.
    pub fn add(&mut self, key: PublicKey) {
        self.0.insert(key.id(), key);
    }

    /// The key of that name, when it is trusted.
    pub fn get(&self, id: KeyId) -> Option<&PublicKey> {
        self.0.get(&id)
    }

    /// Whether nobody is trusted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TryFrom<String> for KeyId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let mut bytes = [0; 16];
        match hex::decode_to_slice(&text, &mut bytes) {
            Ok(()) => Ok(Self(bytes)),
            Err(_) => Err("a key's name has 32 hexadecimal digits"),
        }
    }
}

impl From<KeyId> for String {
    fn from(id: KeyId) -> Self {
        id.to_string()
    }
}

fn parse(line: &str, wanted: &'static str) -> Result<(Zeroizing<[u8; 32]>, String), KeyError> {
    let malformed = |reason| KeyError::Malformed { wanted, reason };
    let line = line.trim();
    if line.contains(['\n', '\r']) {
        return Err(malformed("it has several lines"));
    }
    let mut words = line.splitn(3, ' ');
    let found = match words.next() {
        Some(PUBLIC) => "public",
        Some(SECRET) => "secret",
        _ => return Err(malformed("it does not begin with its kind")),
    };
    if found != wanted {
        return Err(KeyError::OtherHalf { wanted, found });
    }
    let decoded = words
        .next()
        .and_then(|text| BASE64.decode(text).ok())
        .map(Zeroizing::new)
        .ok_or_else(|| malformed("its second word is not base64"))?;
    let bytes: [u8; 32] = decoded
        .as_slice()
        .try_into()
        .map_err(|_| malformed("it does not have 32 bytes"))?;
    let comment = words.next().unwrap_or_default().trim();
    if comment.len() > MAX_COMMENT_BYTES || comment.chars().any(char::is_control) {
        return Err(malformed("its comment is too long, or not of plain text"));
    }
    Ok((Zeroizing::new(bytes), comment.to_owned()))
}
