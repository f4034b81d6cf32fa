//! What goes into the store and what comes out of it, beyond the model's words.

mod call;
mod delivery;
mod egress;
mod inbound;
mod intake;
mod model;
mod people;
mod plugin;
mod run;

pub use call::{CallCause, CallCommit, Committed, Effect};
pub use delivery::{ChatAction, ChatMessage, ChatPlace, ChatTask, Delivery, DueDelivery};
pub use egress::{
    EgressAsk, EgressConnection, EgressUsed, NewEgressConnection, NewEgressRefusal, NewRuling,
};
pub use inbound::{
    Accepted, Again, DeliveryKey, DueEvent, MessageState, NewPluginEvent, PluginEvent,
    PluginEventFilter,
};
pub use intake::{IdempotencyKey, Job, JobFilter, NewJob, Published, QueueStats, Submitted};
pub use model::{CallLimits, CallState, ModelCall, UsageBy, UsageFilter, UsageSum};
pub use people::{Cancelled, Decided, NewAnswer, NewRetry};
pub use plugin::{
    AuditEntry, AuditFilter, AuditRecord, InstalledPlugin, NewPlugin, PluginData, PluginVersion,
};
pub use run::{
    Artifact, Claim, ClaimLimits, Exhausted, ExhaustedLimit, NewApproval, NewArtifact, NewDecision,
    NewStep, RunEnd, RunState, ScanRecord, ScanReport, StepRecord,
};
