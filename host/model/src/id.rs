//! Names of durable things, as newtypes so that they cannot be mixed up.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }
    };
}

number_id!(
    /// A job, as people see it: `#42`.
    JobId,
    "#"
);
number_id!(
    /// A piece of work that several jobs may belong to.
    ThreadId,
    "thread "
);
number_id!(
    /// One attempt at a job.
    RunId,
    "run "
);
number_id!(
    /// A question put to a person.
    ApprovalId,
    "approval "
);
number_id!(
    /// Something that came in for a plugin: a request, a tick, a message.
    PluginEventId,
    "event "
);
number_id!(
    /// A message that a plugin sends, as the plugin knows it.
    ChatNumber,
    "message "
);
number_id!(
    /// A request to a model, as the ledger knows it.
    CallId,
    "call "
);

/// The position of an event in the host's timeline; grows by at least one with
/// every event and is never reused.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct EventSeq(pub u64);

/// A fencing token: each new lease of a run shows a greater one, and a write
/// that shows an older one is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Token(pub u64);

/// The right to act on a run: which run, under which lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Fence {
    /// The job.
    pub job: JobId,
    /// The run.
    pub run: RunId,
    /// The lease's token.
    pub token: Token,
}
