//! The engine, as the API sees it, and the watch over the container engine.

use async_trait::async_trait;
use sortie_api::{DiffFault, EngineState, EngineView};
use sortie_engine::{Engine, EngineError};
use sortie_model::id::{JobId, RunId};
use sortie_sandbox::{EngineReport, Sandbox};
use sortie_store::Artifact;
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How often the container engine is looked at while it works. Jobs find out
/// by themselves; this is for people.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// How often while it does not.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// The engine with what was last seen of the container engine.
pub struct View {
    /// The engine.
    pub engine: Engine,
    /// What was last seen.
    pub seen: watch::Receiver<EngineState>,
}

#[async_trait]
impl EngineView for View {
    async fn diff(&self, job: JobId) -> Result<Option<String>, DiffFault> {
        self.engine.diff(job).await.map_err(|error| match error {
            EngineError::Store(error) => DiffFault::Store(error),
            error @ EngineError::DiffTooLarge { .. } => DiffFault::TooLarge(error.to_string()),
            error => DiffFault::Unavailable(error.to_string()),
        })
    }

    fn log_path(&self, run: RunId) -> PathBuf {
        self.engine.log_path(run)
    }

    fn artifact_path(&self, artifact: &Artifact) -> PathBuf {
        self.engine.artifact_path(artifact)
    }

    fn state(&self) -> EngineState {
        self.seen.borrow().clone()
    }
}

/// What a report means for runs.
pub fn state(report: &EngineReport) -> EngineState {
    if report.is_usable() {
        let version = report.version.as_deref().unwrap_or("unknown version");
        return EngineState::Up(format!("{version} at {}", report.endpoint));
    }
    let fatal: Vec<String> = report
        .problems
        .iter()
        .filter(|problem| problem.fatal)
        .map(ToString::to_string)
        .collect();
    EngineState::Down(fatal.join("; "))
}

/// Looks at the container engine until the end, and says when it comes and
/// goes.
pub async fn watch(
    sandbox: Sandbox,
    seen: watch::Sender<EngineState>,
    shutdown: CancellationToken,
) {
    loop {
        let now = state(&sandbox.check().await);
        let pause = match &now {
            EngineState::Up(_) => LOOK_EVERY,
            _ => LOOK_AGAIN,
        };
        seen.send_if_modified(|before| {
            let moved = *before != now;
            if moved {
                match &now {
                    EngineState::Up(what) => tracing::info!(what, "the container engine is up"),
                    EngineState::Down(why) => {
                        tracing::warn!(why, "runs cannot start; submissions are taken and wait");
                    }
                    EngineState::Unknown => {}
                }
                *before = now;
            }
            moved
        });
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}
