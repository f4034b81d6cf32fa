//! The answer of a provider on its way to the client, read on the side, and
//! the settlement of its call.
//!
//! An answer that comes piece by piece goes on piece by piece, byte for byte
//! but for the provider's own key, and its end waits until the settlement is
//! handed in; so does a whole answer. What a provider says of an error is passed on with its
//! status, without anything secret in it, and is kept nowhere.

use super::Shared;
use super::call::OpenCall;
use super::clean::Clean;
use super::refusal::Refused;
use super::sse::Watch;
use super::upstream::{self, Upstream};
use super::usage::{self, Report};
use crate::body::{Cut, GatewayBody, Piece};
use crate::outbound::scrub;
use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use hyper::{Method, Response, StatusCode};
use serde::Deserialize;
use sortie_model::llm::ModelApi;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

/// The most of an error's text that is passed on.
const MAX_ERROR_BYTES: usize = 64 * 1024;

/// Pieces of a stream that may wait for the client. Enough to even out its
/// pauses, few enough that a client that does not read holds up the provider
/// and not the host's memory.
const PIECES: usize = 32;

/// The longest list of models that is read.
const MAX_LIST_BYTES: usize = 4 * 1024 * 1024;

/// Why a stream ends when its client is no longer there.
const GONE: &str = "the client went away";

/// Why a stream ends when its client is there and takes nothing.
const NOT_READ: &str = "the client did not read on";

/// What an answer's header may have of interest to a client.
const PASSED_ON: &[&str] = &["request-id", "x-request-id"];

/// A call whose answer began.
pub(crate) struct Relayed {
    pub(crate) shared: Arc<Shared>,
    pub(crate) provider: String,
    pub(crate) idle_timeout: Duration,
    pub(crate) secret: Option<String>,
    pub(crate) api: ModelApi,
    /// Whether to take the usage out that the client did not ask for.
    pub(crate) strip: bool,
    pub(crate) streamed: bool,
    pub(crate) open: Box<OpenCall>,
    /// Its place at the provider, and its turn among those of its run.
    pub(crate) place: OwnedSemaphorePermit,
    pub(crate) turn: OwnedSemaphorePermit,
}

impl Relayed {
    /// Passes the answer on.
    pub(crate) async fn answer(
        self,
        response: reqwest::Response,
    ) -> Result<Response<GatewayBody>, Refused> {
        let status = response.status();
        if status.is_client_error() || status.is_server_error() {
            let answer = error(&self.shared, response, self.idle_timeout).await;
            let what = format!("{} answered {status}", self.provider);
            match upstream::may_have_worked(status) {
                true => self.open.close(Report::Missing, Some(&what)).await,
                false => self.open.release(&what).await,
            }
            return Ok(answer);
        }
        if !status.is_success() || scrub::is_packed(response.headers()) {
            let what = format!("{} answered in a way nobody asked for", self.provider);
            self.open.close(Report::Missing, Some(&what)).await;
            return Err(Refused::gateway(what));
        }
        let is_stream = response
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .map_or(self.streamed, |kind| kind.starts_with("text/event-stream"));
        match is_stream {
            true => Ok(self.stream(response)),
            false => self.whole(response).await,
        }
    }

    async fn whole(self, response: reqwest::Response) -> Result<Response<GatewayBody>, Refused> {
        let (status, headers) = (
            response.status(),
            passed_on(&self.shared, response.headers()),
        );
        let limit = self.shared.max_response_bytes;
        match collect(response, limit, self.idle_timeout).await {
            Ok(body) => {
                self.open
                    .close(usage::of_answer(self.api, &body), None)
                    .await;
                let own = self.shared.vault.redactor_of(self.secret.as_deref());
                Ok(with_headers(
                    status,
                    headers,
                    scrub::body(body, &own).into(),
                ))
            }
            Err(why) => {
                let what = format!("{} {why}", self.provider);
                self.open.close(Report::Missing, Some(&what)).await;
                Err(Refused::gateway(what))
            }
        }
    }

    fn stream(self, response: reqwest::Response) -> Response<GatewayBody> {
        let headers = passed_on(&self.shared, response.headers());
        let status = response.status();
        let (pieces, body) = mpsc::channel(PIECES + 1);
        // The one more is for the cut: there is room for it whatever the client
        // leaves lying.
        let last = pieces.clone().try_reserve_owned();
        let last = last.expect("a new channel has room");
        tokio::spawn(self.pump(response, pieces, last));
        with_headers(status, headers, GatewayBody::Stream(body))
    }

    /// Carries a stream to its end, or as far as the client wants it.
    async fn pump(
        self,
        mut response: reqwest::Response,
        pieces: mpsc::Sender<Piece>,
        last: mpsc::OwnedPermit<Piece>,
    ) {
        let mut watch = Watch::new(self.api, self.strip);
        let own = self.secret.as_deref();
        let mut clean = Clean::new(own.map(|name| self.shared.vault.redactor_of([name])));
        let mut broken = loop {
            let next = tokio::select! {
                biased;
                // What a client no longer wants need not be written, either.
                () = pieces.closed() => break Some(GONE),
                next = tokio::time::timeout(self.idle_timeout, response.chunk()) => next,
            };
            match next {
                Ok(Ok(Some(piece))) => {
                    let piece = clean.push(watch.push(piece));
                    if let Err(why) = pass(&pieces, piece, self.idle_timeout).await {
                        break Some(why);
                    }
                }
                Ok(Ok(None)) => break None,
                Ok(Err(_)) => break Some("the provider broke the stream off"),
                Err(_) => break Some("the provider fell silent in the middle of a stream"),
            }
        };
        drop(response);
        // A client that is gone is told nothing more, and one that left a piece
        // lying does not get what comes after it.
        if !matches!(broken, Some(GONE | NOT_READ)) {
            let rest = clean.rest(watch.rest());
            broken = pass(&pieces, rest, self.idle_timeout)
                .await
                .err()
                .or(broken);
        }
        self.open.close(watch.report(), broken).await;
        drop((self.place, self.turn));
        // The provider may have ended all the same; the client has it all only
        // if it took it.
        if let Some(why) = broken.filter(|why| !watch.ended() || *why == NOT_READ) {
            last.send(Err(Cut(why)));
        }
    }
}

/// Hands a piece to the client, or says why it does not take it.
async fn pass(
    pieces: &mpsc::Sender<Piece>,
    piece: Bytes,
    patience: Duration,
) -> Result<(), &'static str> {
    if piece.is_empty() {
        return Ok(());
    }
    match tokio::time::timeout(patience, pieces.send(Ok(piece))).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(GONE),
        Err(_) => Err(NOT_READ),
    }
}

/// An answer that costs nothing, whole.
pub(crate) async fn whole(
    shared: &Shared,
    upstream: &Upstream,
    response: reqwest::Response,
) -> Result<Response<GatewayBody>, Refused> {
    let (status, idle) = (response.status(), upstream.provider.idle_timeout);
    if status.is_client_error() || status.is_server_error() {
        return Ok(error(shared, response, idle).await);
    }
    let headers = passed_on(shared, response.headers());
    let packed = scrub::is_packed(response.headers());
    match collect(response, MAX_LIST_BYTES, idle).await {
        Ok(body) if status.is_success() && !packed => {
            let own = shared
                .vault
                .redactor_of(upstream.provider.secret.as_deref());
            Ok(with_headers(
                status,
                headers,
                scrub::body(body, &own).into(),
            ))
        }
        _ => Err(Refused::gateway(format!(
            "{} did not answer",
            upstream.name
        ))),
    }
}

/// The ids of a provider's models.
pub(crate) async fn list(shared: &Shared, upstream: &Upstream) -> Result<Vec<String>, String> {
    #[derive(Deserialize)]
    struct List {
        data: Vec<Entry>,
    }
    #[derive(Deserialize)]
    struct Entry {
        id: String,
    }
    let is_anthropic = upstream.provider.apis.contains(&ModelApi::Messages);
    let mut admitted = upstream.admit().map_err(|refused| refused.message)?;
    let response = upstream
        .send(
            &shared.vault,
            &mut admitted,
            Method::GET,
            "models",
            upstream::forwarded(&HeaderMap::new(), is_anthropic),
            None,
        )
        .await
        .map_err(|failed| failed.refused.message)?;
    let status = response.status();
    if !status.is_success() {
        return Err(match status.as_u16() {
            401 | 403 => format!("{} does not take its key ({status})", upstream.name),
            _ => format!("{} answered {status}", upstream.name),
        });
    }
    let body = collect(response, MAX_LIST_BYTES, upstream.provider.idle_timeout)
        .await
        .map_err(|why| format!("{} {why}", upstream.name))?;
    serde_json::from_slice::<List>(&body)
        .map(|list| list.data.into_iter().map(|entry| entry.id).collect())
        .map_err(|error| format!("{} does not list its models: {error}", upstream.name))
}

/// What a provider says of an error.
async fn error(
    shared: &Shared,
    response: reqwest::Response,
    idle: Duration,
) -> Response<GatewayBody> {
    let status = response.status();
    let retry_after = response.headers().get(RETRY_AFTER).cloned();
    let mut headers = passed_on(shared, response.headers());
    let text = collect(response, MAX_ERROR_BYTES, idle)
        .await
        .unwrap_or_default();
    // It may hold part of a key, as some providers show it, or another secret
    // that an agent found a way to have echoed.
    let everything = shared.vault.redactor();
    let text = scrub::body(text, &everything);
    if serde_json::from_slice::<serde::de::IgnoredAny>(&text).is_err() {
        let refused = Refused::new(
            status,
            "provider_error",
            format!("the provider answered {status}"),
        );
        return refused.response();
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(after) = retry_after {
        headers.insert(RETRY_AFTER, after);
    }
    with_headers(status, headers, text.into())
}

/// All of a body, or what was wrong with it.
async fn collect(
    mut response: reqwest::Response,
    limit: usize,
    idle: Duration,
) -> Result<Bytes, &'static str> {
    let mut body = BytesMut::new();
    loop {
        match tokio::time::timeout(idle, response.chunk()).await {
            Ok(Ok(Some(piece))) if piece.len() > limit - body.len() => {
                return Err("answered more than is taken");
            }
            Ok(Ok(Some(piece))) => body.extend_from_slice(&piece),
            Ok(Ok(None)) => return Ok(body.freeze()),
            Ok(Err(_)) => return Err("broke its answer off"),
            Err(_) => return Err("fell silent in the middle of its answer"),
        }
    }
}

/// The header fields that go on: few, and without a secret.
fn passed_on(shared: &Shared, headers: &HeaderMap) -> HeaderMap {
    let everything = shared.vault.redactor();
    let mut kept = HeaderMap::new();
    if let Some(kind) = headers.get(CONTENT_TYPE) {
        kept.insert(CONTENT_TYPE, kind.clone());
    }
    for name in PASSED_ON {
        let value = headers.get(*name).and_then(|value| value.to_str().ok());
        if let Some(value) = value
            && matches!(everything.redact(value), Cow::Borrowed(_))
            && let Ok(value) = HeaderValue::from_str(value)
        {
            kept.insert(HeaderName::from_static(name), value);
        }
    }
    kept
}

fn with_headers(
    status: StatusCode,
    headers: HeaderMap,
    body: GatewayBody,
) -> Response<GatewayBody> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}
