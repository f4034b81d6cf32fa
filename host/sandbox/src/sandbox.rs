//! The engine with its options: making containers and finding them again.

use crate::engine::Engine;
use crate::error::SandboxError;
use crate::gateway::WireGateway;
use crate::labels;
use crate::limits::{WIRE_PAUSE, WIRE_TRIES};
use crate::link::{Link, transport};
use crate::options::EngineOptions;
use crate::policy::{Policy, verify};
use crate::workspace::Workspace;
use bollard::container::AttachContainerResults;
use bollard::exec::{CreateExecOptions, StartExecOptions, StartExecResults};
use bollard::models::{ContainerInspectResponse, ContainerStateStatusEnum};
use bollard::query_parameters::{
    AttachContainerOptionsBuilder, CreateContainerOptionsBuilder, InspectContainerOptions,
    StartContainerOptions,
};
use sortie_wire::hello::{Opening, Refusal, random};
use sortie_wire::status;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A container engine and how this host uses it. Cheap to clone.
#[derive(Clone)]
pub struct Sandbox(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub engine: Engine,
    pub options: EngineOptions,
    /// Containers that this process launched or adopted and did not remove; a
    /// sweep leaves their runs alone whatever it is told to keep.
    pub live: Mutex<BTreeSet<(u64, Part)>>,
}

/// Which of a run's containers is meant. Both are made alike and are gone with
/// the run; neither sees anything of the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The one where the agent works.
    #[default]
    Work,
    /// A clean one, in which the host checks what came of it. It is never
    /// adopted: a check that was broken off begins anew.
    Check,
}

impl Part {
    /// What it adds to names and labels.
    pub(crate) fn name(self) -> Option<&'static str> {
        match self {
            Self::Work => None,
            Self::Check => Some("check"),
        }
    }

    fn suffix(self) -> String {
        self.name()
            .map_or_else(String::new, |name| format!("-{name}"))
    }
}

/// What to launch.
#[derive(Clone, Debug)]
pub struct LaunchSpec {
    /// The run; it has at most one container of each part.
    pub run: u64,
    /// Which of its containers this is.
    pub part: Part,
    /// The job it belongs to, for people who look at the engine.
    pub job: u64,
    /// The lease's fencing token.
    pub token: u64,
    /// How long the container may live.
    pub wall_limit: Duration,
    /// Another image than the configured one.
    pub image: Option<String>,
}

/// What became of a run's container.
#[derive(Debug)]
pub enum Adoption {
    /// It runs, and the wire is open again.
    Live(Workspace),
    /// It ended meanwhile, and was removed.
    Ended(Ending),
    /// There is none.
    Absent,
}

/// How a container ended while nobody was looking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Its wall limit passed.
    WallLimit,
    /// It was never used: the host went away during the launch.
    Unused,
    /// It was stopped from outside.
    Stopped,
    /// The kernel ended it for want of memory.
    OutOfMemory,
    /// It ended with another status.
    Failed(i64),
}

impl Sandbox {
    /// Checks the options. The engine itself may be down; each call reaches
    /// for it anew.
    pub async fn connect(options: EngineOptions) -> Result<Self, SandboxError> {
        options.check()?;
        let engine = Engine::new(
            options.endpoint.clone(),
            options.connect_timeout,
            options.call_timeout,
        )?;
        Ok(Self(Arc::new(Inner {
            engine,
            options,
            live: Mutex::default(),
        })))
    }

    /// Makes and starts a run's container and opens its wire. On an error no
    /// container is left, unless the engine went away as well; a sweep finds
    /// such a one.
    pub async fn launch(
        &self,
        spec: LaunchSpec,
        gateway: Arc<dyn WireGateway>,
    ) -> Result<Workspace, SandboxError> {
        let (run, part) = (spec.run, spec.part);
        let inner = &self.0;
        let nonce = hex::encode(&random().map_err(|e| SandboxError::hello(run, e))?[..8]);
        let mut policy = self.policy(&spec, &nonce);
        let mut claim = inner.claim(run, part);
        let container = match self.create(run, part, &mut policy).await {
            Ok(container) => container,
            Err(e) => {
                // An engine that failed late may have made the volume already. Of
                // a run that has its container this must not take anything.
                if !matches!(e, SandboxError::AlreadyLaunched { .. }) {
                    let _ = self.remove_part(run, part).await;
                }
                return Err(e);
            }
        };
        match self
            .bring_up(&spec, &policy, &container, &nonce, gateway)
            .await
        {
            Ok(link) => {
                claim.kept = true;
                Ok(Workspace::new(
                    self.clone(),
                    part,
                    container,
                    spec.job,
                    link,
                ))
            }
            Err(e) => {
                if let Err(left) = self.remove_part(run, part).await {
                    tracing::warn!(run, error = %left, "a container may be left; a sweep removes it");
                }
                Err(e)
            }
        }
    }

    fn policy(&self, spec: &LaunchSpec, nonce: &str) -> Policy {
        let options = &self.0.options;
        Policy {
            image: spec.image.clone().unwrap_or_else(|| options.image.clone()),
            runtime: options.runtime.clone(),
            limits: options.limits.clone(),
            labels: labels::of(&options.instance, spec.run, spec.part, spec.job, nonce),
            volume: format!("sortie-{}-run-{}-{nonce}", options.instance, spec.run),
            wall_limit: spec.wall_limit,
            swap_bounded: true,
        }
    }

    async fn create(
        &self,
        run: u64,
        part: Part,
        policy: &mut Policy,
    ) -> Result<String, SandboxError> {
        let options = &self.0.options;
        let name = format!("sortie-{}-run-{run}{}", options.instance, part.suffix());
        let query = CreateContainerOptionsBuilder::new().name(&name).build();
        let body = policy.body();
        let made = self
            .0
            .engine
            .call("create a container", |docker| async move {
                docker.create_container(Some(query), body).await
            });
        match made.await {
            Ok(made) => {
                policy.swap_bounded = !made
                    .warnings
                    .iter()
                    .any(|warning| warning.contains("swap limit"));
                Ok(made.id)
            }
            Err(SandboxError::EngineRefused {
                status: 404,
                message,
                ..
            }) if message.to_lowercase().contains("image") => Err(SandboxError::ImageMissing {
                image: policy.image.clone(),
                help: "build it with `cargo xtask image`, or set another image".into(),
            }),
            Err(SandboxError::EngineRefused { status: 409, .. }) => {
                Err(SandboxError::AlreadyLaunched { run })
            }
            Err(e) => Err(e),
        }
    }

    /// From a created container to an open wire.
    async fn bring_up(
        &self,
        spec: &LaunchSpec,
        policy: &Policy,
        container: &str,
        nonce: &str,
        gateway: Arc<dyn WireGateway>,
    ) -> Result<Link, SandboxError> {
        let engine = &self.0.engine;
        let run = spec.run;
        // The wire is attached while the check is made; nothing runs yet.
        let (made, attached) = tokio::try_join!(self.inspect(container), self.attach(container))?;
        verify(&made, policy)
            .map_err(|violations| SandboxError::PolicyViolated { run, violations })?;
        let id = container.to_owned();
        engine
            .call("start a container", |docker| async move {
                docker
                    .start_container(&id, None::<StartContainerOptions>)
                    .await
            })
            .await?;
        let secret = self
            .0
            .options
            .key
            .secret(&self.0.options.instance, run, nonce);
        let io = transport(attached.output, attached.input);
        Link::open(io, run, spec.token, &secret, Opening::Claim, gateway).await
    }

    pub(crate) async fn inspect(
        &self,
        container: &str,
    ) -> Result<ContainerInspectResponse, SandboxError> {
        let id = container.to_owned();
        self.0
            .engine
            .call("inspect a container", |docker| async move {
                docker
                    .inspect_container(&id, None::<InspectContainerOptions>)
                    .await
            })
            .await
    }

    async fn attach(&self, container: &str) -> Result<AttachContainerResults, SandboxError> {
        let id = container.to_owned();
        let query = AttachContainerOptionsBuilder::new()
            .stream(true)
            .stdin(true)
            .stdout(true)
            .stderr(true)
            .build();
        self.0
            .engine
            .call("attach to a container", |docker| async move {
                docker.attach_container(&id, Some(query)).await
            })
            .await
    }

    /// Finds the container where a run works and opens its wire again. A token newer than
    /// the last one takes the wire from whoever holds it; the same token does
    /// so too, being the same lease; an older one is refused. What is found
    /// dead is removed.
    pub async fn adopt(
        &self,
        run: u64,
        token: u64,
        gateway: Arc<dyn WireGateway>,
    ) -> Result<Adoption, SandboxError> {
        let Some(found) = self.find(run).await? else {
            return Ok(Adoption::Absent);
        };
        let part = Part::Work;
        let mut claim = self.0.claim(run, part);
        let mut last = None;
        for attempt in 0..WIRE_TRIES {
            if attempt > 0 {
                tokio::time::sleep(WIRE_PAUSE).await;
            }
            let made = match self.inspect(&found.container).await {
                Err(SandboxError::EngineRefused { status: 404, .. }) => {
                    return Ok(Adoption::Absent);
                }
                made => made?,
            };
            if let Some(ending) = ending(&made) {
                self.remove_part(run, part).await?;
                return Ok(Adoption::Ended(ending));
            }
            match self
                .reopen(run, token, &found.container, &made, gateway.clone())
                .await
            {
                Ok(link) => {
                    claim.kept = true;
                    return Ok(Adoption::Live(Workspace::new(
                        self.clone(),
                        part,
                        found.container,
                        found.job,
                        link,
                    )));
                }
                Err(SandboxError::WireRefused {
                    refusal: Refusal::Unclaimed,
                    ..
                }) => {
                    self.remove_part(run, part).await?;
                    return Ok(Adoption::Ended(Ending::Unused));
                }
                Err(e @ (SandboxError::WireLost { .. } | SandboxError::EngineRefused { .. })) => {
                    last = Some(e)
                }
                Err(e) => return Err(e),
            }
        }
        Err(last.unwrap_or(SandboxError::WireLost {
            run,
            reason: "it could not be opened".into(),
        }))
    }

    async fn reopen(
        &self,
        run: u64,
        token: u64,
        container: &str,
        made: &ContainerInspectResponse,
        gateway: Arc<dyn WireGateway>,
    ) -> Result<Link, SandboxError> {
        const RUNNER: &str = "/usr/local/bin/sortie-runner";
        let labels = made
            .config
            .as_ref()
            .and_then(|config| config.labels.clone())
            .unwrap_or_default();
        let nonce = labels.get(labels::NONCE).map_or("", String::as_str);
        let secret = self
            .0
            .options
            .key
            .secret(&self.0.options.instance, run, nonce);
        let id = container.to_owned();
        let options = CreateExecOptions {
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            cmd: Some(vec![RUNNER.to_owned(), "wire".to_owned()]),
            ..Default::default()
        };
        let exec = self
            .0
            .engine
            .call("create an exec", |docker| async move {
                docker.create_exec(&id, options).await
            })
            .await?;
        let start = StartExecOptions {
            output_capacity: Some(128 * 1024),
            ..Default::default()
        };
        let started = self
            .0
            .engine
            .call("start an exec", |docker| async move {
                docker.start_exec(&exec.id, Some(start)).await
            })
            .await?;
        match started {
            StartExecResults::Attached { output, input } => {
                Link::open(
                    transport(output, input),
                    run,
                    token,
                    &secret,
                    Opening::Resume,
                    gateway,
                )
                .await
            }
            StartExecResults::Detached => Err(SandboxError::WireLost {
                run,
                reason: "the engine did not attach the exec".into(),
            }),
        }
    }
}

/// Keeps a run from being swept while its container is being made or opened;
/// when that fails, or is given up half-way, the run is anybody's again.
struct Claim<'a> {
    inner: &'a Inner,
    run: u64,
    part: Part,
    kept: bool,
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        if !self.kept {
            self.inner.release(self.run, self.part);
        }
    }
}

impl Inner {
    fn claim(&self, run: u64, part: Part) -> Claim<'_> {
        // One that is live already stays so, whatever becomes of this attempt.
        let fresh = self.containers().insert((run, part));
        Claim {
            inner: self,
            run,
            part,
            kept: !fresh,
        }
    }

    pub fn release(&self, run: u64, part: Part) {
        self.containers().remove(&(run, part));
    }

    pub fn is_live(&self, run: u64) -> bool {
        let live = self.containers();
        [Part::Work, Part::Check]
            .iter()
            .any(|part| live.contains(&(run, *part)))
    }

    fn containers(&self) -> std::sync::MutexGuard<'_, BTreeSet<(u64, Part)>> {
        // A set is never left half changed.
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a container ended; none while it runs.
fn ending(made: &ContainerInspectResponse) -> Option<Ending> {
    let state = made.state.clone().unwrap_or_default();
    if state.running == Some(true) {
        return None;
    }
    let code = state.exit_code.unwrap_or_default();
    Some(match code {
        _ if state.status == Some(ContainerStateStatusEnum::CREATED) => Ending::Unused,
        code if code == i64::from(status::WALL_LIMIT) => Ending::WallLimit,
        code if code == i64::from(status::UNCLAIMED) => Ending::Unused,
        _ if state.oom_killed == Some(true) && code != 0 => Ending::OutOfMemory,
        code if code == i64::from(status::STOPPED) => Ending::Stopped,
        code => Ending::Failed(code),
    })
}
