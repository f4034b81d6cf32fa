//! What effectful guests may ask the host for, as a trait that whoever makes
//! the call implements.
//!
//! This crate carries each request across with its bounds checked and knows
//! nothing of queues, grants or the network. The implementation decides what
//! is granted, collects the effects, and throws them away unless the call
//! returns ok: a call is a transaction.

mod bounds;
mod convert;
mod door;
mod records;
mod wasi_http;
mod wires;

pub use bounds::{
    MAX_BODY_BYTES, MAX_HTTP_CALLS, MAX_HTTP_TIMEOUT_MS, MAX_KEY_BYTES, MAX_KV_CHANGES,
    MAX_VALUE_BYTES,
};
pub use records::{
    Answered, Button, ChatError, ChatMessage, ChatPlace, Decision, Format, Header, HttpError,
    HttpRequest, HttpResponse, JobView, JobsError, KvError, Reach, Submission,
};

pub(crate) use bounds::Budget;
pub(crate) use door::HttpDoor;

use std::sync::Arc;

use async_trait::async_trait;

/// Sends requests to the world outside, each at once: they cannot be taken
/// back when the call fails. `sortie:host/http` and `wasi:http` both end here.
#[async_trait]
pub trait Http: Send + Sync {
    /// Sends one request and waits for the whole answer.
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError>;
}

/// What stands behind the imports of one effectful call.
///
/// Every method has a default that denies, so that an implementation offers
/// exactly what it names.
#[async_trait]
pub trait Outside: Send {
    /// What sends requests for this plugin, under its grant; none when it has
    /// no egress at all.
    fn http(&self) -> Option<Arc<dyn Http>> {
        None
    }

    /// Submits a job and gives its number.
    async fn submit(&mut self, job: Submission) -> Result<u64, JobsError> {
        let _ = job;
        Err(JobsError::none())
    }

    /// Cancels a job.
    async fn cancel(&mut self, job: u64) -> Result<(), JobsError> {
        let _ = job;
        Err(JobsError::none())
    }

    /// Queues a job again.
    async fn retry(&mut self, job: u64) -> Result<(), JobsError> {
        let _ = job;
        Err(JobsError::none())
    }

    /// Answers the open question of a job.
    async fn decide(
        &mut self,
        job: u64,
        decision: Decision,
        commit: Option<String>,
        comment: Option<String>,
    ) -> Result<(), JobsError> {
        let _ = (job, decision, commit, comment);
        Err(JobsError::none())
    }

    /// One job as it stands on disk.
    async fn job(&mut self, job: u64) -> Result<JobView, JobsError> {
        let _ = job;
        Err(JobsError::none())
    }

    /// The newest jobs, newest first.
    async fn newest(
        &mut self,
        state: Option<String>,
        limit: u32,
    ) -> Result<Vec<JobView>, JobsError> {
        let _ = (state, limit);
        Err(JobsError::none())
    }

    /// Submits a job that continues another and gives its number.
    async fn follow_up(
        &mut self,
        job: u64,
        task: String,
        idempotency_key: Option<String>,
    ) -> Result<u64, JobsError> {
        let _ = (job, task, idempotency_key);
        Err(JobsError::none())
    }

    /// Answers the question of that id.
    async fn answer(
        &mut self,
        question: u64,
        decision: Decision,
        comment: Option<String>,
    ) -> Result<(), JobsError> {
        let _ = (question, decision, comment);
        Err(JobsError::none())
    }

    /// Answers whether jobs may reach a host that one was refused.
    async fn admit_host(&mut self, ask: u64, allow: bool, reach: Reach) -> Result<(), JobsError> {
        let _ = (ask, allow, reach);
        Err(JobsError::none())
    }

    /// What happened in the last hours, as JSON.
    async fn stats(&mut self, hours: u32) -> Result<String, JobsError> {
        let _ = hours;
        Err(JobsError::none())
    }

    /// The projects and what today cost, as JSON.
    async fn projects(&mut self) -> Result<String, JobsError> {
        Err(JobsError::none())
    }

    /// Queues a message and gives its number.
    async fn chat_send(&mut self, to: ChatPlace, message: ChatMessage) -> Result<u64, ChatError> {
        let _ = (to, message);
        Err(ChatError::none())
    }

    /// Queues new contents for a message.
    async fn chat_edit(&mut self, number: u64, message: ChatMessage) -> Result<(), ChatError> {
        let _ = (number, message);
        Err(ChatError::none())
    }

    /// Queues the removal of a message.
    async fn chat_remove(&mut self, number: u64) -> Result<(), ChatError> {
        let _ = number;
        Err(ChatError::none())
    }

    /// Queues the acknowledgement of a pressed button.
    async fn chat_acknowledge(
        &mut self,
        interaction: String,
        text: Option<String>,
    ) -> Result<(), ChatError> {
        let _ = (interaction, text);
        Err(ChatError::none())
    }

    /// Pins a message, or unpins it.
    async fn chat_pin(&mut self, number: u64, pinned: bool) -> Result<(), ChatError> {
        let _ = (number, pinned);
        Err(ChatError::none())
    }

    /// Queues a job's diff with a message as its caption; gives its number.
    async fn chat_send_diff(
        &mut self,
        to: ChatPlace,
        job: u64,
        message: ChatMessage,
    ) -> Result<u64, ChatError> {
        let _ = (to, job, message);
        Err(ChatError::none())
    }

    /// The value of a key. An error here is the host's own and ends the call.
    async fn kv_get(&mut self, key: String) -> Result<Option<Vec<u8>>, String> {
        let _ = key;
        Ok(None)
    }

    /// Sets the value of a key, or removes it.
    async fn kv_put(&mut self, key: String, value: Option<Vec<u8>>) -> Result<(), KvError> {
        let _ = (key, value);
        Err(KvError::Quota(0))
    }

    /// Keys with a prefix after another one, in byte order. An error here is
    /// the host's own and ends the call.
    async fn kv_keys(
        &mut self,
        prefix: String,
        after: Option<String>,
        limit: u32,
    ) -> Result<Vec<String>, String> {
        let _ = (prefix, after, limit);
        Ok(Vec::new())
    }
}
