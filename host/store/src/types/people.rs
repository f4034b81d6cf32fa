//! What people decide, and what others are told.

use super::intake::Job;
use serde::Serialize;
use sortie_model::approval::{Approval, Decision};
use sortie_model::clock::Timestamp;
use sortie_model::id::{EventSeq, JobId, RunId};

/// A person's answer to the question about a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NewAnswer {
    /// The answer.
    pub decision: Decision,
    /// The commit that the person looked at. When it is given, the answer
    /// counts for a question about that very commit and for no other.
    pub commit: Option<String>,
    /// Who answers.
    pub by: String,
    /// Through which door.
    pub via: String,
    /// The reason, if one is given.
    pub comment: Option<String>,
}

/// What became of a person's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Decided {
    /// The job as it stands now.
    pub job: Job,
    /// The question and its answer.
    pub approval: Approval,
    /// False when the same answer had been given before.
    pub changed: bool,
}

/// What became of a cancellation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cancelled {
    /// The job as it stands now.
    pub job: Job,
    /// The run that lost its lease or its turn, if one was under way.
    pub run: Option<RunId>,
    /// False when it had been cancelled before.
    pub changed: bool,
}

/// Something that must be told to others, at least once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OutboxItem {
    /// Its id; never reused, so it serves as the delivery's idempotency key.
    pub id: u64,
    /// The event it is about.
    pub seq: EventSeq,
    /// The job it is about.
    pub job: JobId,
    /// The event's kind.
    pub kind: String,
    /// The event's data.
    pub data: serde_json::Value,
    /// When it happened.
    pub at: Timestamp,
    /// How often telling it failed.
    pub failures: u32,
}
