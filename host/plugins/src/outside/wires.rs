//! Carries the effectful imports from a guest to its [`Outside`]: has the
//! records converted, keeps the bounds, and decides nothing.

use super::{
    Budget, ChatMessage, ChatPlace, Decision, HttpRequest, MAX_HTTP_TIMEOUT_MS, Outside,
    Submission, bounds,
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
    fn outside(&mut self) -> wasmtime::Result<(&mut dyn Outside, &mut Budget)> {
        self.count_host_call()?;
        match &mut self.outside {
            Some(outside) => Ok((&mut **outside, &mut self.budget)),
            // Unreachable: such imports are refused for pure surfaces.
            None => Err(Stop::Host("it is not an effectful call".into()).into()),
        }
    }
}

/// Does what a guest asks for when that is within its bounds, and gives the
/// guest the error of either.
async fn within<T, E, W: From<E>>(
    checked: Result<(), E>,
    then: impl Future<Output = Result<T, E>> + Send,
) -> Result<T, W> {
    match checked {
        Ok(()) => then.await.map_err(W::from),
        Err(error) => Err(W::from(error)),
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
        Ok(within(checked, outside.submit(job)).await)
    }

    async fn cancel(&mut self, job: u64) -> wasmtime::Result<Result<(), jobs::Error>> {
        let (outside, budget) = self.outside()?;
        Ok(within(budget.job(), outside.cancel(job)).await)
    }

    async fn retry(&mut self, job: u64) -> wasmtime::Result<Result<(), jobs::Error>> {
        let (outside, budget) = self.outside()?;
        Ok(within(budget.job(), outside.retry(job)).await)
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
        let decided = outside.decide(job, decision, commit, comment);
        Ok(within(checked, decided).await)
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
        let checked = bounds::word(state.as_deref());
        let views = within(checked, outside.newest(state, limit)).await;
        Ok(views.map(|views| views.into_iter().map(Into::into).collect()))
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
        let submitted = outside.follow_up(job, task, idempotency_key);
        Ok(within(checked, submitted).await)
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
        let answered = outside.answer(question, decision.into(), comment);
        Ok(within(checked, answered).await)
    }

    async fn admit_host(
        &mut self,
        ask: u64,
        allow: bool,
        reach: jobs::Reach,
    ) -> wasmtime::Result<Result<(), jobs::Error>> {
        let (outside, budget) = self.outside()?;
        let answered = outside.admit_host(ask, allow, reach.into());
        Ok(within(budget.job(), answered).await)
    }

    async fn stats(&mut self, hours: u32) -> wasmtime::Result<Result<String, jobs::Error>> {
        let (outside, _) = self.outside()?;
        Ok(within(bounds::hours(hours), outside.stats(hours)).await)
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
        Ok(within(checked, outside.chat_send(to, message)).await)
    }

    async fn edit(
        &mut self,
        number: u64,
        message: chat::Message,
    ) -> wasmtime::Result<Result<(), chat::Error>> {
        let (outside, budget) = self.outside()?;
        let message = ChatMessage::from(message);
        let checked = budget.chat().and_then(|()| bounds::message(&message));
        Ok(within(checked, outside.chat_edit(number, message)).await)
    }

    async fn remove(&mut self, number: u64) -> wasmtime::Result<Result<(), chat::Error>> {
        let (outside, budget) = self.outside()?;
        Ok(within(budget.chat(), outside.chat_remove(number)).await)
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
        let acknowledged = outside.chat_acknowledge(interaction, text);
        Ok(within(checked, acknowledged).await)
    }

    async fn pin(
        &mut self,
        number: u64,
        pinned: bool,
    ) -> wasmtime::Result<Result<(), chat::Error>> {
        let (outside, budget) = self.outside()?;
        Ok(within(budget.chat(), outside.chat_pin(number, pinned)).await)
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
        let queued = outside.chat_send_diff(to, job, message);
        Ok(within(checked, queued).await)
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
        let checked = budget.kv(&key, value.as_deref());
        Ok(within(checked, outside.kv_put(key, value)).await)
    }
}
