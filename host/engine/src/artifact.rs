//! Files that steps leave for people: what an agent was asked and what a
//! program said last. Nothing is decided from them, so one that cannot be
//! written costs the file and not the job.

use crate::drive::RunContext;
use crate::fault::Fault;
use sortie_model::run::Step;
use sortie_store::{NewArtifact, StoreError};
use std::path::Path;

/// What a file is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// The whole prompt.
    Prompt,
    /// The end of the output.
    Output,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Prompt => "prompt",
            Self::Output => "output",
        }
    }
}

/// Writes a file of a step without the host's secrets, in place of one that an
/// earlier try wrote.
///
/// # Errors
/// Only when the lease is over.
pub(crate) async fn keep(
    context: &RunContext,
    step: &Step,
    kind: Kind,
    text: &str,
) -> Result<(), Fault> {
    let kind = kind.as_str();
    let run = context.fence.run.0;
    let text = &*context.options.redactor.redact(text);
    let path = format!("runs/{run}/{}-{kind}.txt", step.position);
    let artifact = NewArtifact {
        kind: kind.to_owned(),
        name: format!("{} of {}", kind, step.name),
        path: path.clone(),
        size_bytes: text.len() as u64,
    };
    if let Err(error) = write(&context.options.data_dir.join(&path), text).await {
        tracing::warn!(%error, run, path, "a file of a step is lost");
        return Ok(());
    }
    let store = &context.options.store;
    match store
        .keep_artifact(context.fence, step.position, artifact)
        .await
    {
        Err(StoreError::Stale { .. }) => Err(Fault::Stale),
        Err(error) => {
            tracing::warn!(%error, run, path, "a file of a step is not listed");
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

async fn write(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(dir) = path.parent() {
        tokio::fs::create_dir_all(dir).await?;
    }
    tokio::fs::write(path, text).await
}
