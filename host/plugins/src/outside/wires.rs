//! Carries the effectful imports from a guest to its [`Outside`]: translates
//! the records, keeps the bounds, and decides nothing.

use super::{
    Answered, ChatMessage, ChatPlace, Decision, Format, Header, HttpError, HttpRequest, JobView,
    JobsError, KvError, MAX_HTTP_TIMEOUT_MS, Outside, Reach, Submission, bounds,
    records::ChatError,
};
use crate::{
    bindings::connector::sortie::{
        connector::events,
        host::{chat, http, job_types, jobs, kv},
    },
    call::{CallState, Stop},
};

impl CallState {
    /// What stands behind the imports, with the counters of this call.
    fn outside(&mut self) -> wasmtime::Result<(&mut dyn Outside, &mut super::Budget)> {
        self.count_host_call()?;
        match &mut self.outside {
            Some(outside) => Ok((&mut **outside, &mut self.budget)),
            // Unreachable: such imports are refused for pure surfaces.
            None => Err(Stop::Host("it is not an effectful call".into()).into()),
        }
    }
}

impl events::Host for CallState {}
impl job_types::Host for CallState {}

impl http::Host for CallState {
    async fn send(
        &mut self,
        request: http::Request,
    ) -> wasmtime::Result<Result<http::Response, http::Error>> {
        self.count_host_call()?;
        let request = HttpRequest {
            method: request.method,
            url: request.url,
            headers: request.headers.into_iter().map(Into::into).collect(),
            body: request.body,
            timeout_ms: request
                .timeout_ms
                .unwrap_or(MAX_HTTP_TIMEOUT_MS)
                .clamp(1, MAX_HTTP_TIMEOUT_MS),
        };
        let sent = self.door.send(request).await;
        Ok(sent
            .map(|response| http::Response {
                status: response.status,
                headers: response.headers.into_iter().map(Into::into).collect(),
                body: response.body,
            })
            .map_err(Into::into))
    }
}

impl jobs::Host for CallState {
    async fn submit(
        &mut self,
        job: jobs::Submission,
    ) -> wasmtime::Result<Result<u64, jobs::Error>> {
        let (outside, budget) = self.outside()?;
        let job = Submission::from(job);
        let checked = budget.job().and_then(|()| bounds::submission(&job));
        Ok(match checked {
            Ok(()) => outside.submit(job).await.map_err(Into::into),
            Err(error) => Err(error.into()),
        })
    }

    async fn cancel(&mut self, job: u64) -> wasmtime::Result<Result<(), jobs::Error>> {
        let (outside, budget) = self.outside()?;
        Ok(match budget.job() {
            Ok(()) => outside.cancel(job).await.map_err(Into::into),
            Err(error) => Err(error.into()),
        })
    }

    async fn retry(&mut self, job: u64) -> wasmtime::Result<Result<(), jobs::Error>> {
        let (outside, budget) = self.outside()?;
        Ok(match budget.job() {
            Ok(()) => outside.retry(job).await.map_err(Into::into),
            Err(error) => Err(error.into()),
        })
    }

    async fn decide(
        &mut self,
        job: u64,
        decision: jobs::Decision,
        commit: Option<String>,
        comment: Option<String>,
    ) -> wasmtime::Result<Result<(), jobs::Error>> {
        let (outside, budget) = self.outside()?;
        let decision = Decision::from(decision);
        let checked = budget
            .job()
            .and_then(|()| bounds::word(commit.as_deref()))
            .and_then(|()| bounds::comment(comment.as_deref()));
        Ok(match checked {
            Ok(()) => outside
                .decide(job, decision, commit, comment)
                .await
                .map_err(Into::into),
            Err(error) => Err(error.into()),
        })
    }

    async fn get(&mut self, job: u64) -> wasmtime::Result<Result<jobs::View, jobs::Error>> {
        let (outside, _) = self.outside()?;
        Ok(outside.job(job).await.map(Into::into).map_err(Into::into))
    }

    async fn newest(
        &mut self,
        state: Option<String>,
        limit: u32,
    ) -> wasmtime::Result<Result<Vec<jobs::View>, jobs::Error>> {
        let (outside, _) = self.outside()?;
        Ok(match bounds::word(state.as_deref()) {
            Ok(()) => outside
                .newest(state, limit)
                .await
                .map(|views| views.into_iter().map(Into::into).collect())
                .map_err(Into::into),
            Err(error) => Err(error.into()),
        })
    }

    async fn follow_up(
        &mut self,
        job: u64,
        task: String,
        idempotency_key: Option<String>,
    ) -> wasmtime::Result<Result<u64, jobs::Error>> {
        let (outside, budget) = self.outside()?;
        let checked = budget
            .job()
            .and_then(|()| bounds::task(&task, idempotency_key.as_deref()));
        Ok(match checked {
            Ok(()) => outside
                .follow_up(job, task, idempotency_key)
                .await
                .map_err(Into::into),
            Err(error) => Err(error.into()),
        })
    }

    async fn answer(
        &mut self,
        question: u64,
        decision: jobs::Decision,
        comment: Option<String>,
    ) -> wasmtime::Result<Result<(), jobs::Error>> {
        let (outside, budget) = self.outside()?;
        let checked = budget
            .job()
            .and_then(|()| bounds::comment(comment.as_deref()));
        Ok(match checked {
            Ok(()) => outside
                .answer(question, decision.into(), comment)
                .await
                .map_err(Into::into),
            Err(error) => Err(error.into()),
        })
    }

    async fn admit_host(
        &mut self,
        ask: u64,
        allow: bool,
        reach: jobs::Reach,
    ) -> wasmtime::Result<Result<(), jobs::Error>> {
        let (outside, budget) = self.outside()?;
        Ok(match budget.job() {
            Ok(()) => outside
                .admit_host(ask, allow, reach.into())
                .await
                .map_err(Into::into),
            Err(error) => Err(error.into()),
        })
    }

    async fn stats(&mut self, hours: u32) -> wasmtime::Result<Result<String, jobs::Error>> {
        let (outside, _) = self.outside()?;
        Ok(match bounds::hours(hours) {
            Ok(()) => outside.stats(hours).await.map_err(Into::into),
            Err(error) => Err(error.into()),
        })
    }

    async fn projects(&mut self) -> wasmtime::Result<Result<String, jobs::Error>> {
        let (outside, _) = self.outside()?;
        Ok(outside.projects().await.map_err(Into::into))
    }
}

impl chat::Host for CallState {
    async fn send(
        &mut self,
        to: chat::Place,
        message: chat::Message,
    ) -> wasmtime::Result<Result<u64, chat::Error>> {
        let (outside, budget) = self.outside()?;
        let (to, message) = (ChatPlace::from(to), ChatMessage::from(message));
        let checked = budget
            .chat()
            .and_then(|()| bounds::place(&to))
            .and_then(|()| bounds::message(&message));
        Ok(match checked {
            Ok(()) => outside.chat_send(to, message).await.map_err(Into::into),
            Err(error) => Err(error.into()),
        })
    }

    async fn edit(
        &mut self,
        number: u64,
        message: chat::Message,
    ) -> wasmtime::Result<Result<(), chat::Error>> {
        let (outside, budget) = self.outside()?;
        let message = ChatMessage::from(message);
        let checked = budget.chat().and_then(|()| bounds::message(&message));
        Ok(match checked {
            Ok(()) => outside.chat_edit(number, message).await.map_err(Into::into),
            Err(error) => Err(error.into()),
        })
    }

    async fn remove(&mut self, number: u64) -> wasmtime::Result<Result<(), chat::Error>> {
        let (outside, budget) = self.outside()?;
        Ok(match budget.chat() {
            Ok(()) => outside.chat_remove(number).await.map_err(Into::into),
            Err(error) => Err(error.into()),
        })
    }

    async fn acknowledge(
        &mut self,
        interaction: String,
        text: Option<String>,
    ) -> wasmtime::Result<Result<(), chat::Error>> {
        let (outside, budget) = self.outside()?;
        let checked = budget
            .chat()
            .and_then(|()| bounds::note(&interaction, text.as_deref()));
        Ok(match checked {
            Ok(()) => outside
                .chat_acknowledge(interaction, text)
                .await
                .map_err(Into::into),
            Err(error) => Err(error.into()),
        })
    }

    async fn pin(
        &mut self,
        number: u64,
        pinned: bool,
    ) -> wasmtime::Result<Result<(), chat::Error>> {
        let (outside, budget) = self.outside()?;
        Ok(match budget.chat() {
            Ok(()) => outside.chat_pin(number, pinned).await.map_err(Into::into),
            Err(error) => Err(error.into()),
        })
    }

    async fn send_diff(
        &mut self,
        to: chat::Place,
        job: u64,
        message: chat::Message,
    ) -> wasmtime::Result<Result<u64, chat::Error>> {
        let (outside, budget) = self.outside()?;
        let (to, message) = (ChatPlace::from(to), ChatMessage::from(message));
        let checked = budget
            .chat()
            .and_then(|()| bounds::place(&to))
            .and_then(|()| bounds::message(&message));
        Ok(match checked {
            Ok(()) => outside
                .chat_send_diff(to, job, message)
                .await
                .map_err(Into::into),
            Err(error) => Err(error.into()),
        })
    }
}

impl kv::Host for CallState {
    async fn get(&mut self, key: String) -> wasmtime::Result<Option<Vec<u8>>> {
        let (outside, _) = self.outside()?;
        outside
            .kv_get(key)
            .await
            .map_err(|reason| Stop::Host(reason).into())
    }

    async fn set(
        &mut self,
        key: String,
        value: Vec<u8>,
    ) -> wasmtime::Result<Result<(), kv::Error>> {
        self.put(key, Some(value)).await
    }

    async fn delete(&mut self, key: String) -> wasmtime::Result<Result<(), kv::Error>> {
        self.put(key, None).await
    }

    async fn keys(
        &mut self,
        prefix: String,
        after: Option<String>,
        limit: u32,
    ) -> wasmtime::Result<Vec<String>> {
        let (outside, _) = self.outside()?;
        outside
            .kv_keys(prefix, after, limit.min(bounds::MAX_KV_CHANGES))
            .await
            .map_err(|reason| Stop::Host(reason).into())
    }
}

impl CallState {
    async fn put(
        &mut self,
        key: String,
        value: Option<Vec<u8>>,
    ) -> wasmtime::Result<Result<(), kv::Error>> {
        let (outside, budget) = self.outside()?;
        Ok(match budget.kv(&key, value.as_deref()) {
            Ok(()) => outside.kv_put(key, value).await.map_err(Into::into),
            Err(error) => Err(error.into()),
        })
    }
}

impl From<http::Header> for Header {
    fn from(header: http::Header) -> Self {
        Self {
            name: header.name,
            value: header.value,
        }
    }
}

impl From<Header> for http::Header {
    fn from(header: Header) -> Self {
        Self {
            name: header.name,
            value: header.value,
        }
    }
}

impl From<HttpError> for http::Error {
    fn from(error: HttpError) -> Self {
        match error {
            HttpError::Invalid(why) => Self::Invalid(why),
            HttpError::Denied(why) => Self::Denied(why),
            HttpError::Unreachable(why) => Self::Unreachable(why),
            HttpError::TimedOut => Self::TimedOut,
            HttpError::TooLarge(limit) => Self::TooLarge(limit),
            HttpError::Failed(why) => Self::Failed(why),
        }
    }
}

impl From<jobs::Submission> for Submission {
    fn from(job: jobs::Submission) -> Self {
        Self {
            project: job.project,
            repository: job.repository,
            task: job.task,
            base: job.base,
            agent: job.agent,
            workflow: job.workflow,
            budget: job.budget,
            idempotency_key: job.idempotency_key,
        }
    }
}

impl From<jobs::Decision> for Decision {
    fn from(decision: jobs::Decision) -> Self {
        match decision {
            jobs::Decision::Approve => Self::Approve,
            jobs::Decision::Reject => Self::Reject,
        }
    }
}

impl From<jobs::Reach> for Reach {
    fn from(reach: jobs::Reach) -> Self {
        match reach {
            jobs::Reach::Run => Self::Run,
            jobs::Reach::Job => Self::Job,
            jobs::Reach::Project => Self::Project,
        }
    }
}

impl From<JobView> for job_types::View {
    fn from(job: JobView) -> Self {
        Self {
            id: job.id,
            project: job.project,
            state: job.state,
            is_final: job.is_final,
            title: job.title,
            requested_by: job.requested_by,
            branch: job.branch,
            asked_commit: job.asked_commit,
            detail: job.detail,
            created_at_ms: job.created_at_ms,
            updated_at_ms: job.updated_at_ms,
        }
    }
}

impl From<JobsError> for jobs::Error {
    fn from(error: JobsError) -> Self {
        match error {
            JobsError::Denied(why) => Self::Denied(why),
            JobsError::NotFound => Self::NotFound,
            JobsError::Conflict(why) => Self::Conflict(why),
            JobsError::Invalid(why) => Self::Invalid(why),
            JobsError::Other(why) => Self::Other(why),
        }
    }
}

impl From<chat::Place> for ChatPlace {
    fn from(place: chat::Place) -> Self {
        Self {
            source: place.source,
            chat: place.chat,
            thread: place.thread,
        }
    }
}

impl From<chat::Message> for ChatMessage {
    fn from(message: chat::Message) -> Self {
        let button = |b: chat::Button| super::Button {
            label: b.label,
            action: b.action,
        };
        Self {
            text: message.text,
            format: match message.format {
                chat::Format::Plain => Format::Plain,
                chat::Format::Markdown => Format::Markdown,
            },
            buttons: message
                .buttons
                .into_iter()
                .map(|row| row.into_iter().map(button).collect())
                .collect(),
            reply_to: message.reply_to.map(|answered| match answered {
                chat::Answered::Message(id) => Answered::Message(id),
                chat::Answered::Number(number) => Answered::Number(number),
            }),
            silent: message.silent,
        }
    }
}

impl From<ChatError> for chat::Error {
    fn from(error: ChatError) -> Self {
        match error {
            ChatError::Denied(why) => Self::Denied(why),
            ChatError::Invalid(why) => Self::Invalid(why),
            ChatError::NotFound => Self::NotFound,
            ChatError::Other(why) => Self::Other(why),
        }
    }
}

impl From<KvError> for kv::Error {
    fn from(error: KvError) -> Self {
        match error {
            KvError::Invalid(why) => Self::Invalid(why),
            KvError::Quota(limit) => Self::Quota(limit),
            KvError::Other(why) => Self::Other(why),
        }
    }
}
