//! One run's container with its wire open.

use crate::error::SandboxError;
use crate::limits::{CALL_LIMIT, GIT_LIMIT};
use crate::link::Link;
use crate::sandbox::{Part, Sandbox};
use crate::step::Step;
use sortie_wire::blob;
use sortie_wire::hello::WireToken;
use sortie_wire::message::{self, CollectSpec, Open, Started, Status, StepSpec};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::fs::File;

/// A handle on a run's container. Cheap to clone; when the last one is
/// dropped the wire closes and the container runs on.
#[derive(Clone)]
pub struct Workspace(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    sandbox: Sandbox,
    part: Part,
    container: String,
    job: u64,
    pub link: Link,
}

impl fmt::Debug for Workspace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workspace")
            .field("run", &self.run())
            .field("container", &self.0.container)
            .finish()
    }
}

/// How to collect what changed.
#[derive(Clone, Debug)]
pub struct CollectRequest<'a> {
    /// The commit that the result builds on, as given to [`Workspace::put`].
    pub base: &'a str,
    /// Message for what the agent left uncommitted.
    pub message: &'a str,
    /// Author and committer of that commit.
    pub author_name: &'a str,
    /// Their address.
    pub author_email: &'a str,
    /// Where the bundle is written; replaced if it is there.
    pub into: &'a Path,
    /// Largest bundle that is accepted.
    pub max_bytes: u64,
}

/// What a collection brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Collected {
    /// The work tree is as the base.
    Unchanged,
    /// A bundle is at the place that was named. Hostile until the host checked
    /// it: what it holds is only what the runner said.
    Bundle {
        /// The commit that `refs/heads/sortie/out` is said to be.
        commit: String,
        /// The bundle's size.
        bytes: u64,
    },
}

impl Workspace {
    pub(crate) fn new(
        sandbox: Sandbox,
        part: Part,
        container: String,
        job: u64,
        link: Link,
    ) -> Self {
        Self(Arc::new(Inner {
            sandbox,
            part,
            container,
            job,
            link,
        }))
    }

    /// The run.
    pub fn run(&self) -> u64 {
        self.0.link.run()
    }

    /// The job.
    pub fn job(&self) -> u64 {
        self.0.job
    }

    /// The engine's id of the container.
    pub fn container(&self) -> &str {
        &self.0.container
    }

    /// The token under which the wire is held.
    pub fn token(&self) -> WireToken {
        self.0.link.token()
    }

    /// Makes the repository in the container from a bundle whose one ref is
    /// `refs/heads/sortie/base` at `base`. Replaces one that is there.
    pub async fn put(&self, bundle: &Path, base: &str) -> Result<(), SandboxError> {
        let link = &self.0.link;
        let failed = |source| SandboxError::File {
            path: bundle.to_owned(),
            source,
        };
        let mut file = File::open(bundle).await.map_err(failed)?;
        link.within(GIT_LIMIT, async {
            let mut io = link.stream(&Open::Put { base: base.into() }).await?;
            let sent = blob::send(&mut file, &mut io, u64::MAX).await;
            match link.reply(&mut io).await {
                // A refusal says more than the broken stream it causes.
                Err(SandboxError::WireLost { .. }) | Ok(()) => sent
                    .map_err(|e| SandboxError::blob(link.run(), bundle, e))
                    .map(|_| ()),
                Err(e) => Err(e),
            }
        })
        .await
    }

    /// Starts a step, or finds the one started under its id before, and reads
    /// its output from the first byte.
    pub async fn start(&self, spec: StepSpec) -> Result<Step, SandboxError> {
        self.start_from(spec, 0).await
    }

    /// The same, reading on from an offset.
    pub async fn start_from(&self, spec: StepSpec, from: u64) -> Result<Step, SandboxError> {
        let id = spec.id.clone();
        let _: Started = self.0.link.call(&Open::Start(spec), CALL_LIMIT).await?;
        Step::follow(self.clone(), id, from).await
    }

    /// A step that was started before, reading on from an offset.
    pub async fn step(&self, id: &str, from: u64) -> Result<Step, SandboxError> {
        Step::follow(self.clone(), id.into(), from).await
    }

    /// Ends a step with everything it started; returns when all is gone.
    pub async fn kill(&self, step: &str) -> Result<(), SandboxError> {
        self.0
            .link
            .call(&Open::Kill { step: step.into() }, CALL_LIMIT)
            .await
    }

    /// What the runner has and does.
    pub async fn status(&self) -> Result<Status, SandboxError> {
        self.0.link.call(&Open::Status, CALL_LIMIT).await
    }

    /// Sets what is left of the container's wall clock.
    pub async fn set_wall(&self, remaining: Duration) -> Result<(), SandboxError> {
        self.0.link.set_wall(remaining).await
    }

    /// Commits what is in the work tree, whatever the agent's own repository
    /// says of it, and fetches it as a bundle with the one ref
    /// `refs/heads/sortie/out` and the prerequisite `base`.
    pub async fn collect(&self, request: CollectRequest<'_>) -> Result<Collected, SandboxError> {
        let link = &self.0.link;
        let spec = CollectSpec {
            base: request.base.into(),
            author_name: request.author_name.into(),
            author_email: request.author_email.into(),
            message: request.message.into(),
            max_bytes: request.max_bytes,
        };
        link.within(GIT_LIMIT, async {
            let mut io = link.stream(&Open::Collect(spec)).await?;
            let commit = match link.reply(&mut io).await? {
                message::Collected::Unchanged => return Ok(Collected::Unchanged),
                message::Collected::Bundle { commit } => commit,
            };
            if !matches!(commit.len(), 40 | 64) || !commit.bytes().all(|b| b.is_ascii_hexdigit()) {
                return Err(SandboxError::Protocol {
                    run: link.run(),
                    reason: "a commit id is none".into(),
                });
            }
            // Written aside, so that a half bundle never stands at the place.
            let part = aside(request.into);
            let failed = |source| SandboxError::File {
                path: part.clone(),
                source,
            };
            let mut file = File::create(&part).await.map_err(failed)?;
            let received = blob::receive(&mut io, &mut file, request.max_bytes).await;
            let stored = match received.map_err(|e| SandboxError::blob(link.run(), &part, e)) {
                Ok(bytes) => tokio::fs::rename(&part, request.into)
                    .await
                    .map_err(failed)
                    .map(|()| bytes),
                Err(e) => Err(e),
            };
            if stored.is_err() {
                // It may not even be there.
                let _ = tokio::fs::remove_file(&part).await;
            }
            Ok(Collected::Bundle {
                commit,
                bytes: stored?,
            })
        })
        .await
    }

    /// Puts the work tree back to the commit of [`Workspace::put`], without
    /// anything else in it.
    pub async fn discard(&self) -> Result<(), SandboxError> {
        let base = self
            .status()
            .await?
            .base
            .ok_or(message::RunnerError::NoWorkspace)?;
        self.reset(&base, true).await
    }

    /// Puts the work tree back to a commit that was put or collected: exactly
    /// its files, and with `ignored` none of the ignored ones either. After a
    /// collection this makes what is tested next what was collected.
    pub async fn reset(&self, commit: &str, ignored: bool) -> Result<(), SandboxError> {
        self.0
            .link
            .call(
                &Open::Reset {
                    commit: commit.into(),
                    ignored,
                },
                GIT_LIMIT,
            )
            .await
    }

    /// Removes the container and its volume.
    pub async fn destroy(self) -> Result<(), SandboxError> {
        let (sandbox, run, part) = (self.0.sandbox.clone(), self.run(), self.0.part);
        self.0.link.session().close();
        drop(self);
        sandbox.remove_part(run, part).await.map(|_| ())
    }

    /// Resolves when the wire is gone, and with it perhaps the container.
    pub async fn closed(&self) {
        self.0.link.session().closed().await;
    }

    /// Whether the wire is gone.
    pub fn is_closed(&self) -> bool {
        self.0.link.session().is_closed()
    }
}

fn aside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    path.with_file_name(name)
}
