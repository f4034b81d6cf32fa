//! What workflows decide, and what they are told. The engine stores these
//! records as JSON, so a field is only added with a default. Nothing here runs
//! a workflow or carries out what one decides.

mod read;
mod write;

pub(crate) use read::{advance, description};
pub use sortie_model::{finding::Severity, project::PublishMode, start::StartMode};

use serde::{Deserialize, Serialize};

/// The largest state, as the WIT says.
pub const MAX_STATE_BYTES: usize = 256 << 10;
/// The most steps of one decision, as the WIT says.
pub const MAX_STEPS: usize = 32;

/// The most scanners that a step may name.
pub const MAX_SCANNERS: usize = 1_000;
/// How many decisions a run may take; a workflow that asks for more is not
/// going anywhere.
pub const MAX_DECISIONS: u32 = 1_000;
/// The longest prompt or command of a step.
const MAX_PROMPT_BYTES: usize = 1 << 20;
/// The longest text for people in bytes; longer ones are cut. A halt carries
/// the end of a command's output, which has up to 16 KiB.
const MAX_TEXT_BYTES: usize = 20 << 10;
/// The longest name of a branch; git takes 250 on every file system.
const MAX_BRANCH_BYTES: usize = 240;
/// The most phases a description names.
const MAX_PHASES: usize = 64;

/// What a workflow is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// One sentence for people.
    pub summary: String,
    /// The ids of the steps it may ask for, in their usual order.
    pub phases: Vec<String>,
}

/// What is known about the job; the same in every call of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Context {
    /// The number people see.
    pub job: u64,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// The text of the task.
    pub task: String,
    /// The project's name.
    pub project: String,
    /// The name of the agent plugin to use.
    pub agent: String,
    /// The commands that must pass, in order, each for `sh -c`.
    pub verify: Vec<String>,
    /// Whether the host found them in the base commit.
    pub detected: bool,
    /// Files of the base commit that say how the repository is worked on.
    pub conventions: Vec<String>,
    /// The names of the scanner plugins that must judge the change.
    pub scanners: Vec<String>,
    /// The least severity that asks for a person.
    pub review_from: Severity,
    /// How the result leaves the house.
    pub publish: PublishMode,
    /// The name of the branch to publish to.
    pub branch: String,
    /// What the workspace holds when the run begins.
    pub start: StartMode,
}

/// Run a coding agent in the workspace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentStep {
    /// The name of an agent plugin.
    pub agent: String,
    /// The whole prompt.
    pub prompt: String,
    /// What was asked for, without the prompt's frame; none when it has none.
    #[serde(default)]
    pub instruction: Option<String>,
    /// What the agent is here for; none for `build`.
    #[serde(default)]
    pub role: Option<String>,
    /// Whether changes are taken over; without, they are discarded.
    pub writes: bool,
}

/// Run one command in the workspace; its exit status is the outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecStep {
    /// The command, for `sh -c`, in the root of the repository.
    pub command: String,
    /// The most it may take, in milliseconds; none for the run's own limit.
    pub time_limit_ms: Option<u64>,
}

/// Let scanners judge the change since the base commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScanStep {
    /// The scanner plugins; the host adds those the project demands.
    pub scanners: Vec<String>,
}

/// Ask a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalStep {
    /// What is asked, in a sentence.
    pub question: String,
    /// Whether it is findings that are being asked about.
    pub review: bool,
}

/// Push the current commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishStep {
    /// The branch to publish to.
    pub branch: String,
}

/// Tell people something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotifyStep {
    /// What, in plain text.
    pub message: String,
}

/// Wait before the next decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitStep {
    /// How long, in milliseconds.
    pub time_ms: u64,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Run a coding agent.
    Agent(AgentStep),
    /// Run a command.
    Exec(ExecStep),
    /// Scan the change.
    Scan(ScanStep),
    /// Ask a person.
    Approval(ApprovalStep),
    /// Publish the result.
    Publish(PublishStep),
    /// Tell people.
    Notify(NotifyStep),
    /// Wait.
    Wait(WaitStep),
    /// A later version's step, as JSON text; the engine refuses it.
    Other(String),
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Kebab-case name, unique within the decision; people see it.
    pub id: String,
    /// What it does.
    pub action: Action,
}

/// How a program in the sandbox ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Exit {
    /// It exited with this status.
    Code(i32),
    /// It was killed by this signal.
    Signal(i32),
    /// It took longer than it may.
    TimedOut,
    /// The host stopped it; why, in words.
    Stopped(String),
}

/// How an agent step ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentOutcome {
    /// How the program ended.
    pub exit: Exit,
    /// Whether, by the agent's own protocol, it finished its task.
    pub completed: bool,
    /// The agent's own account; display text, never a verdict.
    pub summary: String,
    /// Whether the host found changes against the base commit.
    pub changed: bool,
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecOutcome {
    /// How it ended.
    pub exit: Exit,
    /// The end of its output, at most 16 KiB.
    pub tail: String,
    /// The lines of its output that say what is wrong; empty when it passed.
    #[serde(default)]
    pub errors: String,
    /// The same for the same failure; empty when it passed.
    #[serde(default)]
    pub fingerprint: String,
    /// Why no change to the repository mends it, when that is so.
    #[serde(default)]
    pub infrastructure: Option<String>,
}

/// How many findings of each severity the scanners have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScanOutcome {
    /// Of severity info.
    pub info: u32,
    /// Of severity warn.
    pub warn: u32,
    /// Of severity block.
    pub block: u32,
}

/// How a publication ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishOutcome {
    /// The branch.
    pub branch: String,
    /// The commit that stands there now, as hexadecimal digits.
    pub commit: String,
}

/// How one step ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// An agent ran.
    Agent(AgentOutcome),
    /// A command ran.
    Exec(ExecOutcome),
    /// The scanners judged.
    Scan(ScanOutcome),
    /// A person decided, or nobody did.
    Approval(ApprovalOutcome),
    /// The result was published.
    Publish(PublishOutcome),
    /// People were told, or the wait is over.
    Done,
    /// The step could not be carried out; why, in words for people.
    Failed(String),
    /// A later version's outcome, as JSON text.
    Other(String),
}

/// What a person decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ApprovalOutcome {
    /// Go on.
    Approved,
    /// Do not.
    Rejected,
    /// Nobody answered in time.
    Expired,
}

/// A finished step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepResult {
    /// The step's id.
    pub id: String,
    /// How it ended.
    pub outcome: Outcome,
}

/// Why a workflow stops a job before its end, each in words for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HaltReason {
    /// The verification commands do not pass.
    VerificationFailed(String),
    /// The verification commands cannot be run.
    InfrastructureFailed(String),
    /// The agent changed nothing.
    NoChanges(String),
    /// The agent did not finish its task.
    AgentFailed(String),
    /// Nobody answered a question in time.
    ApprovalExpired(String),
    /// Anything else.
    Other(String),
}

/// What happens next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// Carry out these steps, side by side when there are several; at least
    /// one, at most [`MAX_STEPS`].
    Run(Vec<Step>),
    /// The job is done; a summary for people.
    Finish(String),
    /// This attempt failed for a reason that may pass; try again later.
    Retry(String),
    /// A person rejected the result; it is not published.
    Reject(String),
    /// The job stops early.
    Halt(HaltReason),
    /// A later version's decision, as JSON text; the engine refuses it.
    Other(String),
}

/// A decision and what the workflow wants to remember.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Advance {
    /// Handed back in the next call as it is.
    pub state: Vec<u8>,
    /// What happens next.
    pub decision: Decision,
}
