//! One attempt at a job, and the steps it consists of.

use crate::clock::Timestamp;
use crate::id::{JobId, RunId, Token};
use serde::{Deserialize, Serialize};

/// How far a run got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunPhase {
    /// A host took it.
    Leased,
    /// The repository is fetched and the workspace set up.
    Preparing,
    /// The workflow's steps run.
    Executing,
    /// A commit is on its way to the remote.
    Publishing,
    /// It waits for a person; it has no workspace and holds no lease.
    Parked,
    /// It is over.
    Finished,
}

impl RunPhase {
    /// Every phase, in order.
    pub const ALL: [Self; 6] = [
        Self::Leased,
        Self::Preparing,
        Self::Executing,
        Self::Publishing,
        Self::Parked,
        Self::Finished,
    ];

    /// The stable snake_case name, as stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Leased => "leased",
            Self::Preparing => "preparing",
            Self::Executing => "executing",
            Self::Publishing => "publishing",
            Self::Parked => "parked",
            Self::Finished => "finished",
        }
    }

    /// The phase of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.as_str() == name)
    }

    /// Whether a run may go from this phase to `next` under one lease. A new
    /// lease starts over at [`RunPhase::Leased`] from any phase but the last.
    pub fn may_become(self, next: Self) -> bool {
        use RunPhase::{Executing, Finished, Leased, Parked, Preparing, Publishing};
        match (self, next) {
            (Finished, _) => false,
            (_, Finished) => true,
            (Leased, Preparing | Executing | Publishing)
            | (Preparing, Executing)
            | (Executing, Preparing | Publishing | Parked)
            | (Publishing, Executing)
            | (Parked, Leased) => true,
            (from, to) => from != Parked && to == Leased,
        }
    }
}

impl std::fmt::Display for RunPhase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One attempt at a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// The job.
    pub job: JobId,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// How far it got.
    pub phase: RunPhase,
    /// The newest lease's token.
    pub token: Token,
    /// The commit the work starts from, once known.
    pub base_commit: Option<String>,
    /// The commit that holds the work so far, once there is one.
    pub head_commit: Option<String>,
    /// When it was leased first.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// What went wrong, when something did.
    pub error: Option<String>,
}

/// Whether a step is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepPhase {
    /// Decided on, not finished.
    Pending,
    /// Its outcome is stored.
    Done,
}

/// One step of a run, as stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The run.
    pub run: RunId,
    /// Position in the run, from 0; steps of one decision follow each other.
    pub position: u32,
    /// Which decision of the run asked for it, from 0.
    pub decision: u32,
    /// The workflow's name for it.
    pub name: String,
    /// Whether it is over.
    pub phase: StepPhase,
    /// What it does, as the engine's JSON.
    pub action: serde_json::Value,
    /// How it ended, as the engine's JSON.
    pub outcome: Option<serde_json::Value>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_finished() {
        for next in RunPhase::ALL {
            assert!(!RunPhase::Finished.may_become(next));
        }
    }

    #[test]
    fn every_unfinished_phase_can_be_leased_anew() {
        for phase in RunPhase::ALL {
            assert_eq!(
                phase.may_become(RunPhase::Leased),
                phase != RunPhase::Finished
            );
        }
    }

    #[test]
    fn a_parked_run_does_nothing_without_a_lease() {
        assert!(!RunPhase::Parked.may_become(RunPhase::Executing));
        assert!(!RunPhase::Parked.may_become(RunPhase::Publishing));
    }
}
