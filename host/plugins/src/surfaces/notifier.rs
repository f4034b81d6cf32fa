//! What notifiers are told and what they answer.

use super::cut_to;
use crate::{bindings::notifier::exports::sortie::notifier::notifier as wit, outside::JobView};

/// The longest reference of a receipt in bytes; longer ones are cut.
const MAX_REFERENCE_BYTES: usize = 200;
/// The longest reason of a failure in bytes; longer ones are cut.
const MAX_REASON_BYTES: usize = 1_000;

/// Something that happened to a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// Position on the timeline.
    pub seq: u64,
    /// When, in milliseconds since 1970 UTC.
    pub at_ms: u64,
    /// What.
    pub kind: String,
    /// The event's own fields as a JSON object.
    pub data: String,
    /// The job as it stands now.
    pub job: JobView,
}

/// What became of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The other side has it; what it calls it.
    Delivered(Option<String>),
    /// It may work later, not before that many milliseconds.
    Retry(String, Option<u32>),
    /// It will never work.
    Permanent(String),
}

impl From<Notification> for wit::Notification {
    fn from(event: Notification) -> Self {
        Self {
            seq: event.seq,
            at_ms: event.at_ms,
            kind: event.kind,
            data: event.data,
            job: event.job.into(),
        }
    }
}

impl From<Result<wit::Receipt, wit::Failure>> for Delivery {
    fn from(answer: Result<wit::Receipt, wit::Failure>) -> Self {
        let reason = |text| cut_to(text, MAX_REASON_BYTES);
        match answer {
            Ok(receipt) => {
                Self::Delivered(receipt.reference.map(|t| cut_to(t, MAX_REFERENCE_BYTES)))
            }
            Err(wit::Failure::Retry((text, after_ms))) => Self::Retry(reason(text), after_ms),
            Err(wit::Failure::Permanent(text)) => Self::Permanent(reason(text)),
            Err(wit::Failure::Other(text)) => Self::Retry(reason(text), None),
        }
    }
}
