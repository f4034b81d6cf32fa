//! The clean container and the programs in it.

use crate::clip::Clip;
use crate::doors::WireDoors;
use crate::drive::RunContext;
use crate::egress;
use crate::fault::Fault;
use crate::steps;
use crate::workspace::WALL_GRACE;
use sortie_git::CommitId;
use sortie_model::run::Step;
use sortie_sandbox::{
    ExitStatus, KillReason, LaunchSpec, Part, SandboxError, StepSpec, Workspace, place,
};
use sortie_verify::extract::{Ended, extract};
use sortie_verify::inventory::{Inventory, Probe};
use std::time::{Duration, Instant};

/// What is kept of one command's output: fifty thousand tests of eighty bytes
/// fit into each end.
const HEAD_BYTES: usize = 4 * 1024 * 1024;
const TAIL_BYTES: usize = 4 * 1024 * 1024;

/// Why there is no inventory.
pub(super) enum Stopped {
    /// The run itself cannot go on.
    Fault(Fault),
    /// Something stood in the way; what, in words.
    Because(String),
}

impl From<SandboxError> for Stopped {
    /// An engine that is away comes back: then the step is tried again, since a
    /// change must not get past by what passes.
    fn from(error: SandboxError) -> Self {
        match error.is_transient() {
            true => Self::Fault(error.into()),
            false => Self::Because(error.to_string()),
        }
    }
}

impl From<Fault> for Stopped {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// What one commit's tests came to.
pub(super) struct Ran {
    pub(super) tests: Inventory,
    /// What stood in the way of the last command that did not pass, for the
    /// case that no test was named.
    pub(super) why: Option<String>,
}

/// When the check ends at the latest.
#[derive(Clone, Copy)]
pub(super) struct Deadline {
    at: Instant,
    /// It is the run that has no time left then, and not only the check.
    of_run: bool,
}

impl Deadline {
    /// For a check that may take `limit` in a run that has `left`.
    pub(super) fn new(limit: Duration, left: Duration) -> Self {
        Self {
            at: Instant::now() + limit.min(left),
            of_run: left < limit,
        }
    }

    fn left(self) -> Duration {
        self.at.saturating_duration_since(Instant::now())
    }

    /// What follows when it passed: a person is asked for more of a run's time.
    fn passed(self, context: &RunContext) -> Stopped {
        match self.of_run {
            true => Stopped::Fault(steps::out_of_time(context)),
            false => Stopped::Because("it took longer than the check may".to_owned()),
        }
    }
}

/// The container of a check.
pub(super) struct Container {
    workspace: Workspace,
    deadline: Deadline,
}

impl Container {
    /// Makes it, with a repository that holds `newest` and what it builds on.
    pub(super) async fn open(
        context: &RunContext,
        newest: &CommitId,
        deadline: Deadline,
    ) -> Result<Self, Stopped> {
        let run = context.fence.run.0;
        let dir = context.options.data_dir.join("runs").join(run.to_string());
        let bundle = dir.join("check.bundle");
        tokio::fs::create_dir_all(&dir).await.map_err(Fault::from)?;
        context
            .mirror
            .bundle_for_sandbox(newest, &bundle, None)
            .await
            .map_err(Fault::from)?;
        let spec = LaunchSpec {
            run,
            part: Part::Check,
            job: context.fence.job.0,
            token: context.fence.token.0,
            wall_limit: deadline.left() + WALL_GRACE,
            image: context.job.policy.image.clone(),
        };
        // The same way out as the verification has, and the same ledger.
        let doors = WireDoors::of(context);
        let workspace = context.options.sandbox.launch(spec, doors).await?;
        workspace.put(&bundle, newest.as_str()).await?;
        // The next check overwrites it.
        let _ = tokio::fs::remove_file(&bundle).await;
        Ok(Self {
            workspace,
            deadline,
        })
    }

    /// Puts everything back to a commit, runs what names its tests, and reads
    /// their names.
    pub(super) async fn tests(
        &self,
        context: &RunContext,
        step: &Step,
        what: &str,
        commit: &CommitId,
        probes: &[Probe],
    ) -> Result<Ran, Stopped> {
        self.workspace.reset(commit.as_str(), true).await?;
        let mut ran = Ran {
            tests: Inventory::default(),
            why: None,
        };
        for (number, probe) in (1_u32..).zip(probes) {
            let id = format!("{}-{what}-{number}", step.position);
            let (output, ended) = self.run(context, id, &probe.command).await?;
            ran.tests.merge(probe.read(&output));
            if let Some(ended) = ended {
                let said = extract(&ended, &output);
                ran.why = said.infrastructure.or(ran.why);
            }
        }
        Ok(ran)
    }

    /// Runs one command; how it ended when it did not pass.
    async fn run(
        &self,
        context: &RunContext,
        id: String,
        command: &str,
    ) -> Result<(String, Option<Ended>), Stopped> {
        let left = self.deadline.left();
        if left.is_zero() {
            return Err(self.deadline.passed(context));
        }
        self.workspace.set_wall(left + WALL_GRACE).await?;
        let mut spec = StepSpec {
            id,
            argv: vec!["/bin/sh".into(), "-c".into(), command.to_owned()],
            env: Vec::new(),
            cwd: place::REPO.into(),
            files: Vec::new(),
            stdin: None,
            wall_limit_ms: u64::try_from(left.as_millis()).unwrap_or(u64::MAX),
            output_limit_bytes: context.options.limits.step_output_bytes,
        };
        egress::tell_of_mirrors(context, &mut spec);
        let mut program = self.workspace.start(spec).await?;
        let mut clip = Clip::new(HEAD_BYTES, TAIL_BYTES);
        let follow = async {
            while let Some(output) = program.next_output().await? {
                clip.push(&output.bytes);
            }
            program.wait().await
        };
        // The runner keeps the limit; this is for a runner that lies.
        let Ok(exit) = tokio::time::timeout(left + Duration::from_secs(20), follow).await else {
            return Err(self.deadline.passed(context));
        };
        let ended = match exit?.status {
            ExitStatus::Code(0) => None,
            ExitStatus::Code(code) => Some(Ended::Code(code)),
            ExitStatus::Signal(signal) => Some(Ended::Signal(signal)),
            ExitStatus::Oom => Some(Ended::OutOfMemory),
            ExitStatus::TimedOut | ExitStatus::Killed(KillReason::WallLimit) => {
                return Err(self.deadline.passed(context));
            }
            ExitStatus::Killed(KillReason::WorkspaceFull) => {
                return Err(Stopped::Because("the workspace is full".to_owned()));
            }
            ExitStatus::Killed(_) => {
                return Err(Stopped::Because("the container was stopped".to_owned()));
            }
        };
        Ok((clip.text(), ended))
    }
}
