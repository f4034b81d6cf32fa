//! The host's timeline: what happened, to which job or to the host, in order.

use crate::clock::Timestamp;
use crate::id::{EventSeq, JobId};
use serde::{Deserialize, Serialize};

/// One thing that happened. Written in the transaction that made it true.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Its place in the timeline.
    pub seq: EventSeq,
    /// The job it is about; none for an event of the host itself.
    pub job: Option<JobId>,
    /// Who and what, with a dot between, such as `job.needs_review` or
    /// `step.finished`. After `job.` and `run.` stands the phase's own name.
    pub kind: String,
    /// What belongs to it, as JSON; its shape depends on `kind`.
    pub data: serde_json::Value,
    /// When.
    pub at: Timestamp,
}
