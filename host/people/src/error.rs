//! Why the clockwork's heart does not beat.

use sortie_store::StoreError;
use std::path::PathBuf;

/// What went wrong. Texts complete "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum PeopleError {
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
