//! The engine: leases jobs, asks their workflow what to do, and does it.
//!
//! One dispatcher (`dispatch`) owns the loop: it claims, cancels, expires and
//! re-adopts. Each claimed run is a task of its own (`drive`) that shares no
//! mutable state with another; what it learns it writes to the store under its
//! fencing token, so that it may be dropped at any await point and taken up by
//! a later task. The engine never talks SQL, never runs git or an engine call
//! of its own, and never believes what a sandbox says about itself.

mod artifact;
mod backoff;
mod base_tests;
mod budget;
mod checkpoint;
mod clip;
mod dispatch;
mod doors;
mod drive;
mod egress;
mod evidence;
mod fault;
mod gate;
mod log;
mod meter;
mod prepare;
mod program;
mod progress;
mod result;
mod scan;
mod steps;
mod stint;
mod thread;
mod translate;
mod verification;
mod watchdog;
mod workspace;

pub use log::LogLine;
pub use scan::scan_with;

use sortie_gateway::llm::Llm;
use sortie_git::{Author, CommitId, Git, GitError, RemoteUrl};
use sortie_model::budget::MicroUsd;
use sortie_model::clock::Clock;
use sortie_model::id::{JobId, RunId};
use sortie_model::run::Run;
use sortie_plugins::Plugins;
use sortie_sandbox::Sandbox;
use sortie_store::{Job, Store, StoreError};
use sortie_vault::Redactor;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What bounds the engine. Each limit is the operator's to set.
#[derive(Clone, Copy, Debug)]
pub struct EngineLimits {
    /// Runs at the same time on this host.
    pub max_parallel: u32,
    /// Runs at the same time on one project.
    pub max_parallel_per_project: u32,
    /// The largest bundle taken out of a sandbox, in bytes.
    pub bundle_bytes: u64,
    /// The most output kept of one step, in bytes; what follows is counted and
    /// dropped.
    pub step_output_bytes: u64,
    /// The largest diff given out as text, in bytes.
    pub diff_bytes: usize,
    /// What the models of one project may cost in a UTC day.
    pub project_day: MicroUsd,
    /// What the models of all projects may cost in a UTC day.
    pub host_day: MicroUsd,
}

impl Default for EngineLimits {
    fn default() -> Self {
        Self {
            max_parallel: 2,
            max_parallel_per_project: 2,
            bundle_bytes: 256 * 1024 * 1024,
            step_output_bytes: 16 * 1024 * 1024,
            diff_bytes: 4 * 1024 * 1024,
            project_day: MicroUsd(20_000_000),
            host_day: MicroUsd(50_000_000),
        }
    }
}

/// What an engine is made of.
#[derive(Clone)]
pub struct EngineOptions {
    /// Queue, leases and everything durable.
    pub store: Store,
    /// Mirrors, bundles, diffs and pushes.
    pub git: Git,
    /// Containers.
    pub sandbox: Sandbox,
    /// Workflows, agents, scanners and budgets.
    pub plugins: Plugins,
    /// Providers and models.
    pub llm: Llm,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Where logs of runs and bundles on their way live.
    pub data_dir: PathBuf,
    /// Whom the host's commits name.
    pub author: Author,
    /// What bounds it.
    pub limits: EngineLimits,
    /// Takes the host's secrets out of logs and files of steps.
    pub redactor: Redactor,
    /// Search and fetch for agents; none when neither is offered.
    pub web: Option<sortie_gateway::web::WebService>,
}

/// Why the engine could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Git failed.
    #[error(transparent)]
    Git(#[from] GitError),
    /// A diff is larger than may be given out.
    #[error(
        "show the diff of job {job}: it is over {limit} bytes; fetch the branch, or raise host.diff_bytes"
    )]
    DiffTooLarge {
        /// The job.
        job: JobId,
        /// The limit in bytes.
        limit: usize,
    },
}

/// The handle of the engine.
#[derive(Clone)]
pub struct Engine {
    pub(crate) options: Arc<EngineOptions>,
}

impl Engine {
    /// An engine that does nothing until [`Engine::run`].
    pub fn new(options: EngineOptions) -> Self {
        Self {
            options: Arc::new(options),
        }
    }

    /// Works until `shutdown`. Sandboxes that are running then go on running;
    /// the next start takes them up.
    pub async fn run(
        &self,
        shutdown: tokio_util::sync::CancellationToken,
    ) -> Result<(), EngineError> {
        dispatch::run(self.options.clone(), shutdown).await
    }

    /// The diff of what the newest run that made something made against its base
    /// commit, as git prints it. None when there is no result yet.
    pub async fn diff(&self, job: JobId) -> Result<Option<String>, EngineError> {
        let Some(found) = self.options.store.job(job).await? else {
            return Ok(None);
        };
        let mut runs = self.options.store.runs(job).await?;
        let made = |run: &Run| run.head_commit.is_some() && run.head_commit != run.base_commit;
        let newest = runs.iter().rposition(made).unwrap_or(runs.len().max(1) - 1);
        let Some(run) = runs.drain(..).nth(newest) else {
            return Ok(None);
        };
        let (Some(base), Some(head)) = (run.base_commit, run.head_commit) else {
            return Ok(None);
        };
        self.patch(&found, &base, &head).await.map(Some)
    }

    /// The diff between two commits of a job's repository, as git prints it. None
    /// when there is no such job.
    pub async fn diff_between(
        &self,
        job: JobId,
        base: &str,
        head: &str,
    ) -> Result<Option<String>, EngineError> {
        match self.options.store.job(job).await? {
            Some(found) => self.patch(&found, base, head).await.map(Some),
            None => Ok(None),
        }
    }

    async fn patch(&self, job: &Job, base: &str, head: &str) -> Result<String, EngineError> {
        let url = RemoteUrl::parse(&job.repository).map_err(GitError::from)?;
        let mirror = self.options.git.open(&url)?;
        let limit = self.options.limits.diff_bytes;
        let base = base.parse::<CommitId>()?;
        let head = head.parse::<CommitId>()?;
        let diff = mirror.diff(&base, &head).await?;
        let text = diff.patch();
        if text.len() > limit {
            return Err(EngineError::DiffTooLarge { job: job.id, limit });
        }
        Ok(String::from_utf8_lossy(text).into_owned())
    }

    /// Where the log of a run stands: one [`LogLine`] as JSON a line. The file
    /// may not be there yet.
    pub fn log_path(&self, run: RunId) -> PathBuf {
        log::path(&self.options.data_dir, run)
    }

    /// Where a file of a step stands.
    pub fn artifact_path(&self, artifact: &sortie_store::Artifact) -> PathBuf {
        self.options.data_dir.join(&artifact.path)
    }

    /// Where the files of runs live.
    pub fn data_dir(&self) -> &Path {
        &self.options.data_dir
    }
}
