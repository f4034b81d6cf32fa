//! What stands behind the imports of one call: checks each request against the
//! grant, collects the effects, and hands them to whoever commits.
//!
//! Nothing is written here. A call that fails takes its `Ledger` with it.

mod answers;
mod chat;
mod http;
mod jobs;
mod kv;
mod report;
mod role;

pub(crate) use http::AuditLog;
pub use report::{DayLimits, HostLine, ProjectLine, Projects};

use crate::running::Running;
use crate::sources::sender::Verified;
use async_trait::async_trait;
use sortie_gateway::outbound::Outbound;
use sortie_intake::{Intake, SubmitRequest};
use sortie_plugins::outside::{
    ChatError, ChatMessage, ChatPlace, Decision, Http, JobView, JobsError, KvError, Outside, Reach,
    Submission,
};
use sortie_store::{Effect, Store};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// What a call asked for, in order.
#[derive(Clone, Default)]
pub(crate) struct Ledger(Arc<Mutex<Vec<Effect>>>);

impl Ledger {
    fn add(&self, effect: Effect) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(effect);
    }

    fn any(&self, test: impl FnMut(&Effect) -> bool) -> bool {
        let effects = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        effects.iter().any(test)
    }

    /// Everything, once.
    pub(crate) fn take(&self) -> Vec<Effect> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Who acts in a call.
#[derive(Clone, Debug)]
pub(crate) struct Actor {
    /// The event's verified sender.
    pub(crate) sender: Option<Verified>,
    /// The source it came through.
    pub(crate) source: String,
}

impl Actor {
    /// The name that stands with what is done: the sender's, under the source
    /// that vouches for it, or the plugin's own.
    pub(crate) fn name(&self, plugin: &str) -> String {
        match &self.sender {
            Some(verified) => format!("{plugin}/{}:{}", self.source, verified.sender.id),
            None => format!("plugin:{plugin}"),
        }
    }
}

/// Behind the imports of one call.
pub(crate) struct Context {
    store: Store,
    intake: Intake,
    outbound: Outbound,
    plugin: Arc<Running>,
    actor: Actor,
    ledger: Ledger,
    kv: kv::Overlay,
    /// Jobs submitted under a key in this call, by key.
    keyed: BTreeMap<String, (SubmitRequest, u64)>,
    day_limits: DayLimits,
}

impl Context {
    pub(crate) fn new(
        store: Store,
        intake: Intake,
        outbound: Outbound,
        plugin: Arc<Running>,
        actor: Actor,
        day_limits: DayLimits,
    ) -> (Self, Ledger) {
        let ledger = Ledger::default();
        let context = Self {
            store,
            intake,
            outbound,
            plugin,
            actor,
            ledger: ledger.clone(),
            kv: kv::Overlay::default(),
            keyed: BTreeMap::new(),
            day_limits,
        };
        (context, ledger)
    }
}

#[async_trait]
impl Outside for Context {
    fn http(&self) -> Option<Arc<dyn Http>> {
        http::door(&self.outbound, &self.plugin)
    }

    async fn submit(&mut self, job: Submission) -> Result<u64, JobsError> {
        jobs::submit(self, job).await
    }

    async fn cancel(&mut self, job: u64) -> Result<(), JobsError> {
        jobs::cancel(self, job).await
    }

    async fn retry(&mut self, job: u64) -> Result<(), JobsError> {
        jobs::retry(self, job).await
    }

    async fn decide(
        &mut self,
        job: u64,
        decision: Decision,
        commit: Option<String>,
        comment: Option<String>,
    ) -> Result<(), JobsError> {
        answers::decide(self, job, decision, commit, comment).await
    }

    async fn job(&mut self, job: u64) -> Result<JobView, JobsError> {
        jobs::get(self, job).await
    }

    async fn newest(
        &mut self,
        state: Option<String>,
        limit: u32,
    ) -> Result<Vec<JobView>, JobsError> {
        jobs::newest(self, state, limit).await
    }

    async fn follow_up(
        &mut self,
        job: u64,
        task: String,
        idempotency_key: Option<String>,
    ) -> Result<u64, JobsError> {
        jobs::follow_up(self, job, task, idempotency_key).await
    }

    async fn answer(
        &mut self,
        question: u64,
        decision: Decision,
        comment: Option<String>,
    ) -> Result<(), JobsError> {
        answers::answer(self, question, decision, comment).await
    }

    async fn admit_host(&mut self, ask: u64, allow: bool, reach: Reach) -> Result<(), JobsError> {
        answers::admit_host(self, ask, allow, reach).await
    }

    async fn stats(&mut self, hours: u32) -> Result<String, JobsError> {
        report::stats(self, hours).await
    }

    async fn projects(&mut self) -> Result<String, JobsError> {
        report::projects_of(self).await
    }

    async fn chat_send(&mut self, to: ChatPlace, message: ChatMessage) -> Result<u64, ChatError> {
        chat::send(self, to, message).await
    }

    async fn chat_edit(&mut self, number: u64, message: ChatMessage) -> Result<(), ChatError> {
        chat::edit(self, number, message).await
    }

    async fn chat_remove(&mut self, number: u64) -> Result<(), ChatError> {
        chat::remove(self, number).await
    }

    async fn chat_pin(&mut self, number: u64, pinned: bool) -> Result<(), ChatError> {
        chat::pin(self, number, pinned).await
    }

    async fn chat_send_diff(
        &mut self,
        to: ChatPlace,
        job: u64,
        message: ChatMessage,
    ) -> Result<u64, ChatError> {
        chat::send_diff(self, to, job, message).await
    }

    async fn chat_acknowledge(
        &mut self,
        interaction: String,
        text: Option<String>,
    ) -> Result<(), ChatError> {
        chat::acknowledge(self, interaction, text)
    }

    async fn kv_get(&mut self, key: String) -> Result<Option<Vec<u8>>, String> {
        kv::get(self, key).await
    }

    async fn kv_put(&mut self, key: String, value: Option<Vec<u8>>) -> Result<(), KvError> {
        kv::put(self, key, value).await
    }

    async fn kv_keys(
        &mut self,
        prefix: String,
        after: Option<String>,
        limit: u32,
    ) -> Result<Vec<String>, String> {
        kv::keys(self, prefix, after, limit).await
    }
}

pub(crate) use jobs::view_of;
