//! What goes into the store and what comes out of it, beyond the model's words.

mod call;
mod chat;
mod decide;
mod delivery;
mod egress;
mod host;
mod inbound;
mod intake;
mod model;
mod people;
mod plugin;
mod run;

pub use call::{CallCause, CallCommit, Committed, Effect};
pub use chat::{Button, ChatAction, ChatHead, ChatKindOfTask, ChatMessage, ChatPlace, ChatTask};
pub use decide::{Cancelled, Decided, NewAnswer, NewRetry};
pub use delivery::{Delivery, DueDelivery};
pub use egress::{
    EgressAsk, EgressConnection, EgressUsed, NewEgressConnection, NewEgressRefusal, NewRuling,
};
pub use host::{
    JobLine, Pause, PauseLine, ProjectTally, QueueCounts, Stats, TaskCounts, Tokens, WaitingLine,
};
pub use inbound::{
    Accepted, Again, DeliveryKey, DueEvent, MessageState, NewPluginEvent, PluginEvent,
    PluginEventFilter,
};
pub use intake::{
    IdempotencyKey, Job, JobFilter, NewJob, Published, QueueStats, Submitted, ThreadEntry,
};
pub use model::{CallLimits, CallState, ModelCall, UsageBy, UsageFilter, UsageSum};
pub use people::{ChatChange, ChatKind, ChatRow, NewPerson, Pairing, Person, SeenMessage};
pub use plugin::{
    AuditEntry, AuditFilter, AuditRecord, InstalledPlugin, NewPlugin, PluginData, PluginVersion,
};
pub use run::{
    Artifact, Claim, ClaimLimits, Exhausted, ExhaustedLimit, NewApproval, NewArtifact, NewDecision,
    NewStep, RunEnd, RunState, ScanRecord, ScanReport, StepRecord,
};
