//! The host's timeline: what happened to which job, in order.

use crate::clock::Timestamp;
use crate::id::{EventSeq, JobId};
use serde::{Deserialize, Serialize};

/// One thing that happened. Written in the transaction that made it true.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Its place in the timeline.
    pub seq: EventSeq,
    /// The job it is about.
    pub job: JobId,
    /// Dotted kebab-case name, such as `job.running` or `step.finished`.
    pub kind: String,
    /// What belongs to it, as JSON; its shape depends on `kind`.
    pub data: serde_json::Value,
    /// When.
    pub at: Timestamp,
}
