//! A note in the data directory about the host that runs on it, or ran last:
//! where it listens and how its containers are marked. Commands on the same
//! machine read it; nothing is decided from it that matters.

use serde::{Deserialize, Serialize};
use std::io::Read;
use std::net::SocketAddr;
use std::path::Path;

const FILE: &str = "host.json";

/// The most that is read of the note.
const MAX_BYTES: u64 = 4096;

/// The note.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Where the API listens.
    pub address: SocketAddr,
    /// The label of everything the host makes in the container engine.
    pub instance: String,
    /// The process.
    pub pid: u32,
}

impl Record {
    /// The note in that data directory, if there is one.
    pub fn read(data_dir: &Path) -> Option<Self> {
        let mut text = String::new();
        std::fs::File::open(data_dir.join(FILE))
            .ok()?
            .take(MAX_BYTES)
            .read_to_string(&mut text)
            .ok()?;
        serde_json::from_str(&text).ok()
    }

    /// Writes the note, whole or not at all.
    pub fn write(&self, data_dir: &Path) -> std::io::Result<()> {
        let file = tempfile::NamedTempFile::new_in(data_dir)?;
        serde_json::to_writer(&file, self)?;
        file.persist(data_dir.join(FILE))?;
        Ok(())
    }
}
