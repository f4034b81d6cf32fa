//! What the API asks of the engine: the seam that keeps containers and git out
//! of this crate.

use async_trait::async_trait;
use sortie_model::id::{JobId, RunId};
use sortie_store::{Artifact, StoreError};
use std::path::PathBuf;

/// Whether runs can start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EngineState {
    /// Not known yet.
    Unknown,
    /// The container engine answers; the text says which it is.
    Up(String),
    /// It does not; the text says why and what to do.
    Down(String),
}

/// Why a diff cannot be shown. Completes "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum DiffFault {
    /// It is larger than may be given out.
    #[error("{0}")]
    TooLarge(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Something else is in the way.
    #[error("{0}")]
    Unavailable(String),
}

/// The engine, as the API sees it.
#[async_trait]
pub trait EngineView: Send + Sync {
    /// The diff of a job's newest result against its base, as git prints it;
    /// none when there is no result yet.
    async fn diff(&self, job: JobId) -> Result<Option<String>, DiffFault>;

    /// Where the log of a run stands, one JSON line per chunk; the file may
    /// not be there yet.
    fn log_path(&self, run: RunId) -> PathBuf;

    /// Where a file of a step stands; it may be gone.
    fn artifact_path(&self, artifact: &Artifact) -> PathBuf;

    /// Whether runs can start, as last seen. Must not wait.
    fn state(&self) -> EngineState;
}
