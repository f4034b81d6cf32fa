//! Human gates: exactly one decision wins.

use crate::budget::Limits;
use crate::clock::Timestamp;
use crate::halt::HaltReason;
use crate::id::{ApprovalId, JobId, RunId};
use serde::{Deserialize, Serialize};

/// What became of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Go on.
    Approved,
    /// Do not.
    Rejected,
    /// Nobody answered in time.
    Expired,
    /// The job was cancelled before anybody answered.
    Withdrawn,
}

impl Decision {
    /// Every decision.
    pub const ALL: [Self; 4] = [
        Self::Approved,
        Self::Rejected,
        Self::Expired,
        Self::Withdrawn,
    ];

    /// The stable name, as stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// What a question is about, and so what a yes and a no do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Subject {
    /// Whether the job goes on at a gate of its workflow.
    Gate,
    /// Whether what the scanners found may be published.
    Review,
    /// Whether the run's budget is raised; a no ends the job with `exhausted`.
    Budget {
        /// What is used up.
        exhausted: HaltReason,
        /// What a yes adds to the run's limits, unless it says otherwise.
        raise: Limits,
    },
}

impl Subject {
    /// The stable name, as stored and shown.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Gate => "gate",
            Self::Review => "review",
            Self::Budget { .. } => "budget",
        }
    }
}

/// One question put to a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Its id.
    pub id: ApprovalId,
    /// The job it holds up.
    pub job: JobId,
    /// The run that asked.
    pub run: RunId,
    /// The step that asked.
    pub step: String,
    /// What it is about.
    pub subject: Subject,
    /// What is asked, for people.
    pub question: String,
    /// The commit the answer is about; only this commit is released by it.
    pub commit: Option<String>,
    /// The answer; none while it is pending.
    pub decision: Option<Decision>,
    /// Who decided.
    pub decided_by: Option<String>,
    /// Through which door, such as `cli` or `http`.
    pub decided_via: Option<String>,
    /// The reason given, if one was.
    pub comment: Option<String>,
    /// When it was asked.
    pub asked_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
    /// When it was decided.
    pub decided_at: Option<Timestamp>,
}
