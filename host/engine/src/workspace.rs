//! The sandbox of a run: made when the first step needs it, found again after
//! a restart, and replaced when it is gone.

use crate::doors::WireDoors;
use crate::drive::RunContext;
use crate::fault::Fault;
use sortie_git::CommitId;
use sortie_model::budget::Limits;
use sortie_model::id::RunId;
use sortie_sandbox::{Adoption, LaunchSpec, Part, SandboxError, Workspace};
use std::time::Duration;
use tokio::sync::Mutex;

/// What a sandbox may outlive its run's time budget by when no host is there
/// to stop it. Steps are stopped at the budget itself; this is the backstop.
pub(crate) const WALL_GRACE: Duration = Duration::from_secs(60);
/// How long to leave an engine alone that did not answer.
const ENGINE_PAUSE: Duration = Duration::from_secs(2);
/// How often to ask an engine that went away during a run before the attempt
/// is given up: about two minutes, enough for a restart of the engine.
const ENGINE_TRIES: u32 = 60;

/// The workspace of one run.
pub(crate) struct WorkspaceSlot(Mutex<Slot>);

struct Slot {
    workspace: Option<Workspace>,
    /// A container of this run may be there already.
    may_exist: bool,
    /// The commit that its repository was put to last; none when that is not
    /// known.
    tree: Option<String>,
    /// Whether a command may have left files since.
    littered: bool,
}

impl WorkspaceSlot {
    /// Nothing yet; `resumed` says that an earlier stretch may have left one.
    pub(crate) fn new(resumed: bool) -> Self {
        Self(Mutex::new(Slot {
            workspace: None,
            may_exist: resumed,
            tree: None,
            littered: false,
        }))
    }

    /// The workspace, with the newest commit of the run checked out when it
    /// had to be made.
    pub(crate) async fn ensure(&self, context: &RunContext) -> Result<Workspace, Fault> {
        let mut slot = self.0.lock().await;
        if let Some(workspace) = &slot.workspace {
            return Ok(workspace.clone());
        }
        let mut tries = 0;
        let workspace = loop {
            match slot.open(context).await {
                Err(Opening::Sandbox(error)) => wait_for_engine(context, error, &mut tries).await?,
                Err(Opening::Fault(fault)) => return Err(fault),
                Ok(workspace) => break workspace,
            }
        };
        slot.workspace = Some(workspace.clone());
        Ok(workspace)
    }

    /// The workspace that is there, opened anew where its wire broke or an
    /// earlier stretch left it; none is made.
    pub(crate) async fn left(&self, context: &RunContext) -> Result<Option<Workspace>, Fault> {
        let mut slot = self.0.lock().await;
        if slot.workspace.is_some() {
            return Ok(slot.workspace.clone());
        }
        let mut tries = 0;
        loop {
            match slot.adopt(context).await {
                Err(Opening::Sandbox(error)) => wait_for_engine(context, error, &mut tries).await?,
                Err(Opening::Fault(fault)) => return Err(fault),
                Ok(found) => {
                    slot.workspace.clone_from(&found);
                    return Ok(found);
                }
            }
        }
    }

    /// The repository was put to this commit.
    pub(crate) async fn is_at(&self, commit: &str) {
        let mut slot = self.0.lock().await;
        slot.tree = Some(commit.to_owned());
        slot.littered = false;
    }

    /// A command runs in it, and may leave files that nobody wrote.
    pub(crate) async fn littered(&self) {
        self.0.lock().await.littered = true;
    }

    /// Removes what commands left, so that it is not taken for an agent's work;
    /// what git ignores stays.
    pub(crate) async fn tidy(&self, workspace: &Workspace) -> Result<(), SandboxError> {
        let mut slot = self.0.lock().await;
        if let (true, Some(commit)) = (slot.littered, &slot.tree) {
            workspace.reset(commit, false).await?;
            slot.littered = false;
        }
        Ok(())
    }

    /// Puts everything back to the newest commit of the run: what an agent did
    /// that may only read is no work, and what was done before it is.
    pub(crate) async fn put_back(&self, workspace: &Workspace) -> Result<(), SandboxError> {
        let mut slot = self.0.lock().await;
        match &slot.tree {
            Some(commit) => workspace.reset(commit, true).await?,
            None => workspace.discard().await?,
        }
        slot.littered = false;
        Ok(())
    }

    /// The wire broke: the next user looks whether the container lives.
    pub(crate) async fn lost(&self) {
        let mut slot = self.0.lock().await;
        slot.workspace = None;
        slot.may_exist = true;
    }
}

enum Opening {
    Sandbox(SandboxError),
    Fault(Fault),
}

impl From<SandboxError> for Opening {
    fn from(error: SandboxError) -> Self {
        Self::Sandbox(error)
    }
}

/// Leaves an engine that is away alone for a while; the error when it is not
/// worth another try.
async fn wait_for_engine(
    context: &RunContext,
    error: SandboxError,
    tries: &mut u32,
) -> Result<(), Fault> {
    if !error.is_transient() || *tries >= ENGINE_TRIES {
        return Err(error.into());
    }
    *tries += 1;
    tracing::warn!(%error, run = context.fence.run.0, "waiting for the engine");
    tokio::time::sleep(ENGINE_PAUSE).await;
    Ok(())
}

impl Slot {
    /// The container that an earlier stretch left, if one lives.
    async fn adopt(&mut self, context: &RunContext) -> Result<Option<Workspace>, Opening> {
        if !self.may_exist {
            return Ok(None);
        }
        let run = context.fence.run.0;
        let (token, doors) = (context.fence.token.0, WireDoors::of(context));
        match context.options.sandbox.adopt(run, token, doors).await? {
            Adoption::Live(workspace) => {
                tracing::info!(run, "took up a running sandbox");
                if let Some(base) = workspace.status().await?.base {
                    if self.tree.is_none() {
                        let tree = newest_in(context, base).await;
                        self.tree = tree.map_err(Opening::Fault)?;
                        self.littered = true;
                    }
                    return Ok(Some(workspace));
                }
                // Its repository never arrived, so it is of no use.
                workspace.destroy().await?;
            }
            Adoption::Ended(ending) => {
                tracing::info!(run, ?ending, "a sandbox ended while nobody looked");
            }
            Adoption::Absent => {}
        }
        // What was known of its repository says nothing of the next one's.
        self.tree = None;
        self.littered = false;
        self.may_exist = false;
        Ok(None)
    }

    async fn open(&mut self, context: &RunContext) -> Result<Workspace, Opening> {
        if let Some(workspace) = self.adopt(context).await? {
            return Ok(workspace);
        }
        let sandbox = &context.options.sandbox;
        let doors = WireDoors::of(context);
        let token = context.fence.token.0;
        let run = context.fence.run.0;
        let state = context
            .options
            .store
            .run_state(context.fence.run)
            .await
            .map_err(|error| Opening::Fault(error.into()))?;
        let head = match &state.run.head_commit {
            Some(head) => head
                .parse::<CommitId>()
                .map_err(|error| Opening::Fault(error.into()))?,
            None => context.base.clone(),
        };
        let remaining = remaining_ms(context.limits, state.usage.time_ms);
        let dir = context.options.data_dir.join("runs").join(run.to_string());
        let bundle = dir.join("in.bundle");
        // The bundle and the container are made side by side.
        let bundled = async {
            tokio::fs::create_dir_all(&dir).await?;
            context
                .mirror
                .bundle_for_sandbox(&head, &bundle, None)
                .await
                .map_err(Fault::from)
        };
        let launched = sandbox.launch(
            LaunchSpec {
                run,
                part: Part::Work,
                job: context.fence.job.0,
                token,
                wall_limit: Duration::from_millis(remaining) + WALL_GRACE,
                image: context.job.policy.image.clone(),
            },
            doors,
        );
        let (bundled, launched) = tokio::join!(bundled, launched);
        // From here on a container may be there, whatever went wrong.
        self.may_exist = true;
        let workspace = launched?;
        bundled.map_err(Opening::Fault)?;
        workspace.put(&bundle, head.as_str()).await?;
        self.tree = Some(head.as_str().to_owned());
        self.littered = false;
        let _ = tokio::fs::remove_file(&bundle).await;
        Ok(workspace)
    }
}

/// The ref of a mirror that keeps the commit that was taken out of a run's
/// sandbox last.
pub(crate) fn taken_as(run: RunId) -> String {
    format!("refs/sortie/runs/{}/out", run.0)
}

/// The commit with the files of the run's newest one in a container that began
/// with `first`; none when it is not known. What the host makes of a result is
/// not in there, but what it was made of is.
async fn newest_in(context: &RunContext, first: String) -> Result<Option<String>, Fault> {
    let state = context.options.store.run_state(context.fence.run).await?;
    let base = context.base.as_str();
    match state.run.head_commit {
        None => Ok(Some(base.to_owned())),
        Some(head) if head == first || head == base => Ok(Some(head)),
        Some(_) => {
            let taken = context.mirror.kept(&taken_as(context.fence.run)).await?;
            Ok(taken.map(String::from))
        }
    }
}

/// What is left of the time budget, in milliseconds.
pub(crate) fn remaining_ms(limits: Limits, used_ms: u64) -> u64 {
    limits.time_ms.saturating_sub(used_ms)
}
