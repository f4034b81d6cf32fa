//! What goes out to notifiers.

use super::inbound::MessageState;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sortie_model::clock::Timestamp;
use sortie_model::id::{EventSeq, JobId};

/// A delivery whose turn it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueDelivery {
    /// The event to tell of.
    pub seq: EventSeq,
    /// The job it is about; none for an event of the host itself.
    pub job: Option<JobId>,
    /// The event's kind.
    pub kind: String,
    /// The event's data.
    pub data: Value,
    /// When it happened.
    pub at: Timestamp,
    /// Which try the next one is, from 1; to be shown when it is settled.
    pub attempt: u32,
    /// How many tries there were before a person asked for another; limits
    /// count from there.
    pub attempts_before_retry: u32,
}

/// A delivery as people see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The notifier.
    pub notifier: String,
    /// The event to tell of.
    pub seq: EventSeq,
    /// The job it is about; none for an event of the host itself.
    pub job: Option<JobId>,
    /// The event's kind.
    pub kind: String,
    /// Where it stands.
    pub state: MessageState,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next, at the earliest.
    pub not_before: Option<Timestamp>,
    /// Why the last try failed, or why it was dropped.
    pub error: Option<String>,
    /// What the other side calls it, once it was delivered.
    pub receipt: Option<String>,
    /// When it was delivered or dropped.
    pub settled_at: Option<Timestamp>,
}
