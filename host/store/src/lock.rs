//! One host per data directory: a lock file that says who holds it.
//!
//! The lock is the kernel's (`flock`), so it ends with the process however
//! that ends; the file's content only tells the next one whom to ask. The file
//! is never removed: removing it would let two processes lock two files.

use crate::error::{Result, StoreError};
use crate::limits::LOCK_FILE;
use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};
use sortie_model::clock::Timestamp;
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Who holds a data directory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Its process id on that machine; 0 when it could not be read.
    pub pid: u32,
    /// The machine's name.
    pub host: String,
    /// When it opened the directory.
    pub since: Option<Timestamp>,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.pid == 0 {
            return f.write_str("another process");
        }
        write!(f, "process {} on {}", self.pid, self.host)?;
        match self.since {
            Some(since) => write!(f, " (since {since})"),
            None => Ok(()),
        }
    }
}

/// A held lock; dropping it frees the directory.
#[derive(Debug)]
pub(crate) struct DirLock {
    _file: Flock<File>,
}

impl DirLock {
    /// Takes the directory, or says who has it. Never waits.
    pub(crate) fn take(dir: &Path, now: Timestamp) -> Result<Self> {
        let path = dir.join(LOCK_FILE);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(|e| StoreError::io("open", &path, &e))?;
        let mut file = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(file) => file,
            Err((mut file, nix::errno::Errno::EWOULDBLOCK)) => {
                return Err(StoreError::Held {
                    dir: dir.to_owned(),
                    by: read_holder(&mut file),
                });
            }
            Err((_, errno)) => return Err(StoreError::io("lock", &path, &errno.into())),
        };
        let holder = Holder {
            pid: std::process::id(),
            host: nix::unistd::gethostname()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default(),
            since: Some(now),
        };
        // The content is a courtesy to the next opener. A full disk must not
        // keep a host from starting, so a failure to write it is only logged.
        if let Err(error) = write_holder(&mut file, &holder) {
            tracing::warn!(path = %path.display(), %error, "could not write who holds the lock");
        }
        Ok(Self { _file: file })
    }
}

fn write_holder(file: &mut File, holder: &Holder) -> std::io::Result<()> {
    let text = serde_json::to_string(holder).map_err(std::io::Error::other)?;
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    file.write_all(text.as_bytes())
}

fn read_holder(file: &mut File) -> Holder {
    let mut text = String::new();
    // The holder may be writing right now; then the text does not parse and
    // the answer is the nameless one.
    let read = file.take(4096).read_to_string(&mut text);
    match read {
        Ok(_) => serde_json::from_str(&text).unwrap_or_default(),
        Err(_) => Holder::default(),
    }
}
