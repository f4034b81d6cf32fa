//! What goes into the store and what comes out of it, beyond the model's words.

mod intake;
mod people;
mod run;

pub use intake::{IdempotencyKey, Job, JobFilter, NewJob, Published, QueueStats, Submitted};
pub use people::{Cancelled, Decided, NewAnswer, OutboxItem};
pub use run::{
    Artifact, Claim, ClaimLimits, Exhausted, ExhaustedLimit, NewApproval, NewArtifact, NewDecision,
    NewStep, RunEnd, RunState, ScanRecord, ScanReport, StepRecord,
};
