//! Why the clockwork does not start, or its heart not beat.

use sortie_store::StoreError;
use std::path::PathBuf;

/// What went wrong. Texts complete "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum PeopleError {
    /// The digest's time is none.
    #[error("read digest.at: {at:?} is no time of a day; write one such as \"20:00\"")]
    Time {
        /// What was written.
        at: String,
    },
    /// The store takes nothing.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file cannot be written.
    #[error("write the heartbeat {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
}
