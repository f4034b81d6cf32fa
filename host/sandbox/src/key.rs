//! The host's wire key: from it come the secrets of all its containers, so
//! that a host which restarts can open their wires again and nobody else can.

use crate::error::SandboxError;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use sortie_wire::hello::{Secret, random};
use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// 32 random bytes that belong with the host's database. Losing them means
/// that running containers can only be removed, nothing worse.
#[derive(Clone)]
pub struct WireKey([u8; 32]);

impl fmt::Debug for WireKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WireKey(..)")
    }
}

impl WireKey {
    /// A key that lives as long as this process.
    pub fn ephemeral() -> Result<Self, SandboxError> {
        random().map(Self).map_err(|e| SandboxError::Options {
            reason: e.to_string(),
        })
    }

    /// Reads the key at `path`, or makes one there that only the owner reads.
    pub fn load_or_create(path: &Path) -> Result<Self, SandboxError> {
        let failed = |source| SandboxError::File {
            path: path.to_owned(),
            source,
        };
        match fs::read(path) {
            Ok(bytes) => Self::from_bytes(&bytes).ok_or_else(|| SandboxError::Options {
                reason: format!(
                    "{} is no wire key: it must hold 32 bytes; remove it",
                    path.display()
                ),
            }),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                let key = Self::ephemeral()?;
                // Written aside first, so that a crash leaves no half key.
                let part = path.with_extension("part");
                let mut file = OpenOptions::new()
                    .write(true)
                    .create(true)
                    .truncate(true)
                    .mode(0o600)
                    .open(&part)
                    .map_err(failed)?;
                file.write_all(&key.0)
                    .and_then(|()| file.sync_all())
                    .map_err(failed)?;
                fs::rename(&part, path).map_err(failed)?;
                Ok(key)
            }
            Err(e) => Err(failed(e)),
        }
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The secret of one container, told apart by a random nonce in its labels.
    pub(crate) fn secret(&self, instance: &str, run: u64, nonce: &str) -> Secret {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(b"sortie container secret\0");
        mac.update(instance.as_bytes());
        mac.update(b"\0");
        mac.update(&run.to_le_bytes());
        mac.update(nonce.as_bytes());
        Secret(mac.finalize().into_bytes().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_key_stays_the_same_and_private() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("wire.key");
        let first = WireKey::load_or_create(&path).unwrap();
        let again = WireKey::load_or_create(&path).unwrap();
        assert_eq!(first.0, again.0);
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_ne!(first.secret("a", 1, "n").0, first.secret("a", 2, "n").0);
        assert_ne!(first.secret("a", 1, "n").0, first.secret("a", 1, "m").0);
    }

    #[test]
    fn a_broken_key_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("wire.key");
        fs::write(&path, "short").unwrap();
        let error = WireKey::load_or_create(&path).unwrap_err().to_string();
        assert!(error.contains("32 bytes"), "{error}");
    }
}
