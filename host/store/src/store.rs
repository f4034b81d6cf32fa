//! The interface of the store. Bodies follow.
#![allow(clippy::unused_async, missing_docs, unused_variables)]
use crate::error::{Result, StoreError};
use crate::options::StoreOptions;
use crate::types::*;
use sortie_model::approval::{Approval, Decision};
use sortie_model::budget::{Limits, Usage};
use sortie_model::clock::Timestamp;
use sortie_model::event::Event;
use sortie_model::finding::Finding;
use sortie_model::id::{ApprovalId, EventSeq, Fence, JobId, RunId};
use sortie_model::job::JobEvent;
use sortie_model::project::Project;
use sortie_model::run::{Run, RunPhase, Step};

/// A handle on the store; clones share it.
#[derive(Clone)]
pub struct Store {
    id: String,
    work: tokio::sync::watch::Sender<u64>,
    events: tokio::sync::watch::Sender<EventSeq>,
    cancels: tokio::sync::broadcast::Sender<RunId>,
}

fn later<T>() -> Result<T> {
    Err(StoreError::Closed)
}

impl Store {
    pub fn open(options: StoreOptions) -> Result<Self> { later() }
    pub fn instance_id(&self) -> &str { &self.id }
    pub async fn close(self) {}
    pub async fn put_projects(&self, projects: Vec<Project>) -> Result<()> { later() }
    pub async fn project(&self, name: &str) -> Result<Option<Project>> { later() }
    pub async fn projects(&self) -> Result<Vec<Project>> { later() }
    pub async fn meta_get(&self, key: &str) -> Result<Option<String>> { later() }
    pub async fn meta_put(&self, key: &str, value: &str) -> Result<()> { later() }
    pub async fn submit(&self, new: NewJob) -> Result<Submitted> { later() }
    pub async fn claim(&self, limits: ClaimLimits) -> Result<Option<Claim>> { later() }
    pub async fn reclaim(&self) -> Result<Vec<Claim>> { later() }
    pub async fn next_due(&self) -> Result<Option<Timestamp>> { later() }
    pub fn work_signal(&self) -> tokio::sync::watch::Receiver<u64> { self.work.subscribe() }
    pub async fn set_run_phase(&self, fence: Fence, phase: RunPhase) -> Result<()> { later() }
    pub async fn set_base(&self, fence: Fence, commit: &str, limits: Limits, branch: &str) -> Result<()> { later() }
    pub async fn set_head(&self, fence: Fence, commit: &str) -> Result<()> { later() }
    pub async fn decide_steps(&self, fence: Fence, decision: NewDecision) -> Result<Vec<Step>> { later() }
    pub async fn finish_step(&self, fence: Fence, position: u32, outcome: serde_json::Value, record: StepRecord) -> Result<()> { later() }
    pub async fn scanned(&self, run: RunId) -> Result<Option<ScanRecord>> { later() }
    pub async fn run_state(&self, run: RunId) -> Result<RunState> { later() }
    pub async fn add_usage(&self, fence: Fence, delta: Usage, cap: Limits) -> Result<Result<Usage, Exhausted>> { later() }
    pub async fn park(&self, fence: Fence, event: JobEvent, approval: NewApproval) -> Result<ApprovalId> { later() }
    pub async fn finish(&self, fence: Fence, event: JobEvent, end: RunEnd) -> Result<Job> { later() }
    pub async fn decide(&self, job: JobId, decision: Decision, by: &str, via: &str, comment: Option<String>) -> Result<Decided> { later() }
    pub async fn cancel(&self, job: JobId, by: &str, via: &str) -> Result<Cancelled> { later() }
    pub fn cancel_signal(&self) -> tokio::sync::broadcast::Receiver<RunId> { self.cancels.subscribe() }
    pub async fn retry(&self, job: JobId, by: &str, via: &str) -> Result<Job> { later() }
    pub async fn expire_approvals(&self) -> Result<Vec<JobId>> { later() }
    pub async fn next_expiry(&self) -> Result<Option<Timestamp>> { later() }
    pub async fn job(&self, job: JobId) -> Result<Option<Job>> { later() }
    pub async fn jobs(&self, filter: JobFilter) -> Result<Vec<Job>> { later() }
    pub async fn runs(&self, job: JobId) -> Result<Vec<Run>> { later() }
    pub async fn steps(&self, run: RunId) -> Result<Vec<Step>> { later() }
    pub async fn findings(&self, job: JobId) -> Result<Vec<Finding>> { later() }
    pub async fn approval(&self, job: JobId) -> Result<Option<Approval>> { later() }
    pub async fn artifacts(&self, job: JobId) -> Result<Vec<Artifact>> { later() }
    pub async fn events_after(&self, after: EventSeq, job: Option<JobId>, limit: u32) -> Result<Vec<Event>> { later() }
    pub fn event_signal(&self) -> tokio::sync::watch::Receiver<EventSeq> { self.events.subscribe() }
    pub async fn emit(&self, fence: Fence, kind: &str, data: serde_json::Value) -> Result<EventSeq> { later() }
    pub async fn unfinished_runs(&self) -> Result<Vec<RunId>> { later() }
    pub async fn outbox_pending(&self, limit: u32) -> Result<Vec<OutboxItem>> { later() }
    pub async fn outbox_done(&self, id: u64) -> Result<()> { later() }
    pub async fn outbox_failed(&self, id: u64, not_before: Timestamp) -> Result<()> { later() }
    pub async fn outbox_next_due(&self) -> Result<Option<Timestamp>> { later() }
    pub async fn health(&self) -> Result<()> { later() }
    pub async fn queue_stats(&self) -> Result<QueueStats> { later() }
}
