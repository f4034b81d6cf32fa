//! A host that answers from a script and keeps what it is asked: what stands
//! behind the imports of a plugin under test. It grants what it was told to,
//! as the real one does, writes nothing anywhere and reaches no network.

mod covered;
mod kept;
mod script;

pub(crate) use covered::is_to_webhook;
pub(crate) use kept::Kept;
pub(crate) use script::{Script, answer, job};

use crate::asked::Asked;
use async_trait::async_trait;
use covered::covered;
use sortie_package::manifest::{Grant, JobAction};
use sortie_plugins::outside::{
    ChatError, ChatMessage, ChatPlace, Decision, Http, HttpError, HttpRequest, HttpResponse,
    JobView, JobsError, KvError, Outside, Reach, Submission,
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What came of a call.
#[derive(Clone, Debug, Default)]
pub(crate) struct Record {
    /// In order.
    pub(crate) asked: Vec<Asked>,
    /// What the grant does not cover.
    pub(crate) denied: Vec<String>,
    /// Whether the quota of keys was full.
    pub(crate) full: bool,
}

/// The host of one call. Clones are the same one.
#[derive(Clone)]
pub(crate) struct World(Arc<Mutex<Inner>>);

struct Inner {
    grant: Grant,
    source: String,
    script: Script,
    sent: usize,
    kept: Kept,
    record: Record,
}

impl World {
    /// `source` is where the call's event came from.
    pub(crate) fn new(grant: &Grant, source: &str, script: Script, kept: Kept) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            grant: grant.clone(),
            source: source.to_owned(),
            script,
            sent: 0,
            kept,
            record: Record::default(),
        })))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was asked, and what is kept when that is committed.
    pub(crate) fn end(&self) -> (Record, Kept) {
        let mut inner = self.inner();
        let kept = std::mem::take(&mut inner.kept);
        (std::mem::take(&mut inner.record), kept)
    }
}

impl Inner {
    fn denied(&mut self, what: String) -> String {
        self.record.denied.push(what.clone());
        what
    }

    fn job(&mut self, action: JobAction, asked: Asked) -> Result<(), JobsError> {
        self.record.asked.push(asked);
        if !self.grant.jobs.allow.contains(&action) {
            let what = format!("to {} jobs is not granted", name(action));
            return Err(JobsError::Denied(self.denied(what)));
        }
        match &self.script.jobs {
            Some(error) => Err(error.clone()),
            None => Ok(()),
        }
    }

    fn found(&self, id: u64) -> Result<JobView, JobsError> {
        self.script.found(id).ok_or(JobsError::NotFound)
    }

    fn chat(&mut self, source: Option<&str>, asked: Asked) -> Result<(), ChatError> {
        self.record.asked.push(asked);
        if let Some(source) = source
            && !self.grant.chat.sources.contains(source)
        {
            let what = format!("no chat source {source:?} is granted");
            return Err(ChatError::Denied(self.denied(what)));
        }
        match &self.script.chat {
            Some(error) => Err(error.clone()),
            None => Ok(()),
        }
    }
}

/// Whether there is a question of that number.
fn among(known: Option<&[u64]>, number: u64) -> Result<(), JobsError> {
    match known {
        Some(known) if !known.contains(&number) => Err(JobsError::NotFound),
        _ => Ok(()),
    }
}

fn name(action: JobAction) -> &'static str {
    match action {
        JobAction::Submit => "submit",
        JobAction::Read => "read",
        JobAction::Cancel => "cancel",
        JobAction::Retry => "retry",
        JobAction::Decide => "decide",
    }
}

#[async_trait]
impl Http for World {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let mut inner = self.inner();
        let covered = covered(&inner.grant, &request);
        let what = format!("{} {} is not granted", request.method, request.url);
        inner.record.asked.push(Asked::Http(request));
        match covered {
            Err(why) => return Err(HttpError::Invalid(why)),
            Ok(false) => return Err(HttpError::Denied(inner.denied(what))),
            Ok(true) => {}
        }
        let last = inner.script.http.len().saturating_sub(1);
        let at = inner.sent.min(last);
        inner.sent += 1;
        let answer = inner.script.http.get(at).cloned();
        answer.unwrap_or_else(|| Err(HttpError::Unreachable("nobody answers".into())))
    }
}

#[async_trait]
impl Outside for World {
    fn http(&self) -> Option<Arc<dyn Http>> {
        Some(Arc::new(self.clone()))
    }

    async fn submit(&mut self, job: Submission) -> Result<u64, JobsError> {
        let mut inner = self.inner();
        inner.job(JobAction::Submit, Asked::Submit(job))?;
        inner.kept.jobs += 1;
        Ok(inner.kept.jobs)
    }

    async fn cancel(&mut self, job: u64) -> Result<(), JobsError> {
        let mut inner = self.inner();
        inner.job(JobAction::Cancel, Asked::Cancel(job))?;
        inner.found(job).map(drop)
    }

    async fn retry(&mut self, job: u64) -> Result<(), JobsError> {
        let mut inner = self.inner();
        inner.job(JobAction::Retry, Asked::Retry(job))?;
        inner.found(job).map(drop)
    }

    async fn decide(
        &mut self,
        job: u64,
        decision: Decision,
        commit: Option<String>,
        comment: Option<String>,
    ) -> Result<(), JobsError> {
        let mut inner = self.inner();
        let asked = Asked::Decide {
            job,
            decision,
            commit,
            comment,
        };
        inner.job(JobAction::Decide, asked)?;
        inner.found(job).map(drop)
    }

    async fn job(&mut self, job: u64) -> Result<JobView, JobsError> {
        let mut inner = self.inner();
        inner.job(JobAction::Read, Asked::Get(job))?;
        inner.found(job)
    }

    async fn newest(
        &mut self,
        state: Option<String>,
        limit: u32,
    ) -> Result<Vec<JobView>, JobsError> {
        /// The most jobs of one listing, as the WIT says.
        const MAX_LISTED: u32 = 100;
        let mut inner = self.inner();
        inner.job(
            JobAction::Read,
            Asked::Newest {
                state: state.clone(),
                limit,
            },
        )?;
        let limit = u64::from(limit.clamp(1, MAX_LISTED));
        let listed: Vec<JobView> = match &inner.script.known {
            Some(known) => known.clone(),
            None => (1..=limit)
                .rev()
                .filter_map(|id| inner.found(id).ok())
                .collect(),
        };
        let fits = |job: &JobView| state.as_ref().is_none_or(|state| job.state == *state);
        Ok(listed
            .into_iter()
            .filter(fits)
            .take(limit as usize)
            .collect())
    }

    async fn follow_up(
        &mut self,
        job: u64,
        task: String,
        idempotency_key: Option<String>,
    ) -> Result<u64, JobsError> {
        let mut inner = self.inner();
        let asked = Asked::FollowUp {
            job,
            task,
            idempotency_key,
        };
        inner.job(JobAction::Submit, asked)?;
        inner.found(job)?;
        inner.kept.jobs += 1;
        Ok(inner.kept.jobs)
    }

    async fn answer(
        &mut self,
        question: u64,
        decision: Decision,
        comment: Option<String>,
    ) -> Result<(), JobsError> {
        let asked = Asked::Answer {
            question,
            decision,
            comment,
        };
        let mut inner = self.inner();
        inner.job(JobAction::Decide, asked)?;
        among(inner.script.questions.as_deref(), question)
    }

    async fn admit_host(&mut self, ask: u64, allow: bool, reach: Reach) -> Result<(), JobsError> {
        let asked = Asked::AdmitHost { ask, allow, reach };
        let mut inner = self.inner();
        inner.job(JobAction::Decide, asked)?;
        among(inner.script.hosts.as_deref(), ask)
    }

    async fn stats(&mut self, hours: u32) -> Result<String, JobsError> {
        let mut inner = self.inner();
        inner.job(JobAction::Read, Asked::Stats(hours))?;
        Ok(inner.script.stats.clone())
    }

    async fn projects(&mut self) -> Result<String, JobsError> {
        let mut inner = self.inner();
        inner.job(JobAction::Read, Asked::Projects)?;
        Ok(inner.script.projects.clone())
    }

    async fn chat_send(&mut self, to: ChatPlace, message: ChatMessage) -> Result<u64, ChatError> {
        let mut inner = self.inner();
        let source = to.source.clone();
        inner.chat(Some(&source), Asked::Send { to, message })?;
        inner.kept.messages += 1;
        Ok(inner.kept.messages)
    }

    async fn chat_edit(&mut self, number: u64, message: ChatMessage) -> Result<(), ChatError> {
        self.inner().chat(None, Asked::Edit { number, message })
    }

    async fn chat_remove(&mut self, number: u64) -> Result<(), ChatError> {
        self.inner().chat(None, Asked::Remove(number))
    }

    async fn chat_pin(&mut self, number: u64, pinned: bool) -> Result<(), ChatError> {
        self.inner().chat(None, Asked::Pin { number, pinned })
    }

    async fn chat_send_diff(
        &mut self,
        to: ChatPlace,
        job: u64,
        message: ChatMessage,
    ) -> Result<u64, ChatError> {
        let mut inner = self.inner();
        let source = to.source.clone();
        inner.chat(Some(&source), Asked::SendDiff { to, job, message })?;
        if !inner.grant.jobs.allow.contains(&JobAction::Read) {
            let what = "to read jobs is not granted".to_owned();
            return Err(ChatError::Denied(inner.denied(what)));
        }
        if inner.found(job).is_err() {
            return Err(ChatError::NotFound);
        }
        inner.kept.messages += 1;
        Ok(inner.kept.messages)
    }

    async fn chat_acknowledge(
        &mut self,
        interaction: String,
        text: Option<String>,
    ) -> Result<(), ChatError> {
        let mut inner = self.inner();
        let source = inner.source.clone();
        inner.chat(Some(&source), Asked::Acknowledge { interaction, text })
    }

    async fn kv_get(&mut self, key: String) -> Result<Option<Vec<u8>>, String> {
        Ok(self.inner().kept.kv.get(&key).cloned())
    }

    async fn kv_put(&mut self, key: String, value: Option<Vec<u8>>) -> Result<(), KvError> {
        let mut inner = self.inner();
        inner.record.asked.push(Asked::Keep {
            key: key.clone(),
            value: value.clone(),
        });
        if let Some(error) = &inner.script.kv {
            return Err(error.clone());
        }
        let quota = inner.grant.limits.kv_limit_bytes();
        let done = inner.kept.put(key, value, quota);
        inner.record.full |= done.is_err();
        done
    }

    async fn kv_keys(
        &mut self,
        prefix: String,
        after: Option<String>,
        limit: u32,
    ) -> Result<Vec<String>, String> {
        let inner = self.inner();
        let keys = inner.kept.kv.keys();
        Ok(keys
            .filter(|key| key.starts_with(&prefix))
            .filter(|key| after.as_ref().is_none_or(|after| *key > after))
            .take(limit as usize)
            .cloned()
            .collect())
    }
}
