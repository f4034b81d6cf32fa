//! Leases, and what a run records.

use super::intake::{Job, Published};
use serde::{Deserialize, Serialize};
use sortie_model::approval::Subject;
use sortie_model::budget::{Limits, Usage};
use sortie_model::clock::Timestamp;
use sortie_model::finding::{Finding, Severity};
use sortie_model::halt::HaltReason;
use sortie_model::id::{Fence, RunId};
use sortie_model::run::{Run, Step};

/// How many jobs may run at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClaimLimits {
    /// On the whole host.
    pub max_running_total: u32,
    /// In one project.
    pub max_running_per_project: u32,
}

/// A lease: the right to work on a job, and what is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// What every write has to show.
    pub fence: Fence,
    /// The job, now running.
    pub job: Job,
    /// The run, now leased.
    pub run: Run,
    /// Whether the run had begun before; see
    /// [`Store::run_state`](crate::Store::run_state) for how far it got.
    pub resumed: bool,
}

/// A decision of a run's workflow, about to be acted on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDecision {
    /// Which decision of the run it is, from 0; one more than the last.
    pub index: u32,
    /// The workflow's state after it.
    pub state: Vec<u8>,
    /// The decision, as the engine's JSON.
    pub decision: serde_json::Value,
    /// The steps it asks for; none when it finishes or halts.
    pub steps: Vec<NewStep>,
}

/// A step that a decision asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewStep {
    /// The workflow's name for it.
    pub name: String,
    /// What it does, as the engine's JSON.
    pub action: serde_json::Value,
}

/// What a step leaves behind, stored together with its outcome.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StepRecord {
    /// What the scanners said, when the step was a scan.
    pub findings: Option<ScanReport>,
    /// What it used, beyond what was metered by
    /// [`Store::charge_step`](crate::Store::charge_step).
    pub usage: Usage,
    /// The commit that holds the work so far, when the step made one.
    pub head: Option<String>,
}

/// What scanners said about a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScanReport {
    /// The commit they judged.
    pub commit: String,
    /// Those that judged it, findings or not.
    pub scanners: Vec<String>,
    /// What they found.
    pub findings: Vec<Finding>,
}

/// The newest scan of a run, in short: what the gate before publishing reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScanRecord {
    /// The commit that was judged.
    pub commit: String,
    /// The worst finding; none when there was none.
    pub worst: Option<Severity>,
    /// The scanners that judged it.
    pub scanners: Vec<String>,
}

/// A file to remember.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewArtifact {
    /// What it is, such as `prompt` or `output`.
    pub kind: String,
    /// The name people see.
    pub name: String,
    /// Where it is, relative to the data directory.
    pub path: String,
    /// Its size in bytes.
    pub size_bytes: u64,
}

/// A file that a step left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// Its id.
    pub id: u64,
    /// The run.
    pub run: RunId,
    /// The step's position in the run.
    pub position: u32,
    /// What it is, such as `prompt` or `output`.
    pub kind: String,
    /// The name people see.
    pub name: String,
    /// Where it is, relative to the data directory.
    pub path: String,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// When it was recorded.
    pub created_at: Timestamp,
}

/// How far a run got: everything that is needed to go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunState {
    /// The run.
    pub run: Run,
    /// Its resolved budget, once set.
    pub limits: Option<Limits>,
    /// What it used so far.
    pub usage: Usage,
    /// The branch its result is published to, once set.
    pub branch: Option<String>,
    /// Why it is to stop, once that was stored; see
    /// [`Store::stop`](crate::Store::stop).
    pub stop: Option<serde_json::Value>,
    /// The number of its last decision.
    pub decision_index: Option<u32>,
    /// The workflow's state after its last decision; empty before the first.
    pub state: Vec<u8>,
    /// The last decision, as the engine's JSON.
    pub decision: Option<serde_json::Value>,
    /// The steps of the last decision, in order.
    pub steps: Vec<Step>,
}

/// Which limit stands in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExhaustedLimit {
    /// The number of metered calls.
    Calls,
    /// Money.
    Cost,
    /// Wall-clock time.
    Time,
}

impl ExhaustedLimit {
    /// The halt that follows from it.
    pub fn halt_reason(self) -> HaltReason {
        match self {
            Self::Calls => HaltReason::BudgetCalls,
            Self::Cost => HaltReason::BudgetCost,
            Self::Time => HaltReason::BudgetTime,
        }
    }
}

impl std::fmt::Display for ExhaustedLimit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Calls => "calls",
            Self::Cost => "money",
            Self::Time => "time",
        })
    }
}

/// A budget does not allow what was to be used; nothing was booked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the run used all of its {limit}")]
pub struct Exhausted {
    /// The first limit that would be exceeded.
    pub limit: ExhaustedLimit,
    /// What is used so far.
    pub used: Usage,
    /// What may be used.
    pub cap: Limits,
}

impl Exhausted {
    /// The halt that follows from it.
    pub fn halt_reason(&self) -> HaltReason {
        self.limit.halt_reason()
    }
}

/// A question to put to a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewApproval {
    /// The step that asks.
    pub step: String,
    /// What it is about. A question about findings makes the job one that needs
    /// review, any other one that awaits approval.
    pub subject: Subject,
    /// What is asked.
    pub question: String,
    /// The commit the answer is about.
    pub commit: Option<String>,
    /// When it expires.
    pub expires_at: Timestamp,
    /// When the one who is asked is reminded; none for never.
    pub remind_at: Option<Timestamp>,
    /// What the event tells beside it, for whoever has to judge.
    pub evidence: Option<serde_json::Value>,
}

/// What a run leaves behind when it ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunEnd {
    /// The result in a sentence or two.
    pub summary: Option<String>,
    /// What went wrong; taken from the event when it says so itself.
    pub error: Option<String>,
    /// What was published.
    pub published: Option<Published>,
    /// More about the result, for the event that tells of the end.
    pub result: Option<serde_json::Value>,
}
