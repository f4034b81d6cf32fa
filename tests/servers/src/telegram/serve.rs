//! The HTTP side: who asks, what goes wrong on the way, and the long poll.

use super::answer::Refusal;
use super::methods::{self, Request};
use super::{Fault, Shared};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Response, header};
use hyper_util::rt::TokioIo;
use serde_json::{Map, Value, json};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::Instant;

/// The longest a request for updates waits, as the service has it.
const MAX_POLL: Duration = Duration::from_secs(50);

/// An error ends the connection without an answer.
pub(crate) type Answer = io::Result<Response<Full<Bytes>>>;

pub(crate) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    listen(listener, move |request| answer(shared.clone(), request)).await;
}

/// Answers whoever connects, for ever.
pub(crate) async fn listen<A, F>(listener: TcpListener, answer: A)
where
    A: Fn(hyper::Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Answer> + Send + 'static,
{
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((connection, _)) = listener.accept().await {
        let _ = connection.set_nodelay(true);
        let answer = answer.clone();
        connections.spawn(async move {
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(connection), service_fn(answer))
                .await;
        });
        while connections.try_join_next().is_some() {}
    }
}

/// What a request asks: with which token, by which method in small letters, and
/// with what.
pub(crate) async fn asked(
    request: hyper::Request<Incoming>,
) -> io::Result<(String, String, Request)> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let kind = head.headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let (token, method) = match head.uri.path().split('/').collect::<Vec<_>>()[..] {
        ["", bot, method] => (
            bot.strip_prefix("bot").unwrap_or_default(),
            method.to_lowercase(),
        ),
        _ => ("", String::new()),
    };
    Ok((token.to_owned(), method, read(kind, &body)))
}

async fn answer(shared: Arc<Shared>, request: hyper::Request<Incoming>) -> Answer {
    let (token, method, request) = asked(request).await?;
    let fault = {
        let mut state = shared.state();
        if state.down {
            return Err(broken());
        }
        if token != state.token {
            return Ok(refused(&Refusal::new(401, "Unauthorized")));
        }
        // Long polls come and go by the clock, not by what people do.
        if method != "getupdates" {
            state.moment("received", &method);
        }
        let (chat, now) = (request.number("chat_id"), std::time::Instant::now());
        if let Some(chat) = chat {
            state.limits.asked(chat, &method, now);
        }
        let fault = state.fault(&method);
        if let (Some(chat), Some(Fault::TooMany(seconds))) = (chat, &fault) {
            state.limits.pause(chat, *seconds, now);
        }
        fault
    };
    shared.tell();
    match &fault {
        Some(Fault::DropBefore) => return Err(broken()),
        Some(Fault::TooMany(seconds)) => return Ok(refused(&Refusal::too_many(*seconds))),
        Some(Fault::Refused(code, why)) => return Ok(refused(&Refusal::new(*code, why.as_str()))),
        Some(Fault::Delay(time)) => tokio::time::sleep(*time).await,
        Some(Fault::DropAfter | Fault::LateAnswer(_)) | None => {}
    }
    let done = match method.as_str() {
        "getupdates" => updates(&shared, &request).await?,
        method => {
            let mut state = shared.state();
            let done = methods::call(&mut state, method, &request);
            state.moment("answered", method);
            done
        }
    };
    shared.tell();
    match (fault, done) {
        (Some(Fault::DropAfter), _) => Err(broken()),
        (Some(Fault::LateAnswer(time)), done) => {
            tokio::time::sleep(time).await;
            Ok(answered(done))
        }
        (_, done) => Ok(answered(done)),
    }
}

/// What was done, or why it was not, as the service says it.
pub(crate) fn answered(done: Result<Value, Refusal>) -> Response<Full<Bytes>> {
    match done {
        Ok(result) => whole(200, &json!({ "ok": true, "result": result })),
        Err(refusal) => refused(&refusal),
    }
}

/// What a request for updates asks.
pub(crate) struct Poll {
    /// What stands before it is confirmed.
    pub(crate) offset: i64,
    /// The most it takes.
    pub(crate) limit: usize,
    /// When it takes none.
    pub(crate) end: Instant,
}

impl Poll {
    pub(crate) fn of(request: &Request) -> Self {
        let wait = request.number("timeout").unwrap_or(0).max(0) as u64;
        Self {
            offset: request.number("offset").unwrap_or(0),
            limit: request.number("limit").unwrap_or(100).clamp(1, 100) as usize,
            end: Instant::now() + Duration::from_secs(wait).min(MAX_POLL),
        }
    }
}

/// Waits for updates from the offset on; what stands before it is confirmed.
async fn updates(shared: &Shared, request: &Request) -> io::Result<Result<Value, Refusal>> {
    let Poll { offset, limit, end } = Poll::of(request);
    let mut changes = shared.watch();
    let poll = {
        let mut state = shared.state();
        if state.webhook.is_some() {
            return Ok(Err(Refusal::conflict(false)));
        }
        state.confirm(offset);
        state.poll += 1;
        state.poll
    };
    shared.tell();
    loop {
        {
            let mut state = shared.state();
            if state.down {
                return Err(broken());
            }
            if state.poll != poll {
                return Ok(Err(Refusal::conflict(true)));
            }
            let found: Vec<Value> = state
                .waiting
                .iter()
                .take(limit)
                .map(|(_, update)| update.clone())
                .collect();
            if !found.is_empty() {
                for update in &found {
                    let id = update["update_id"].to_string();
                    state.moment("handed out", &id);
                }
                return Ok(Ok(found.into()));
            }
        }
        if tokio::time::timeout_at(end, changes.changed())
            .await
            .is_err()
        {
            return Ok(Ok(json!([])));
        }
    }
}

/// The fields of a body of JSON or of a form with a file.
fn read(kind: &str, body: &[u8]) -> Request {
    let Some((_, boundary)) = kind.split_once("boundary=") else {
        let fields = serde_json::from_slice(body).unwrap_or_default();
        return Request { fields, file: None };
    };
    let (mut fields, mut file) = (Map::new(), None);
    let mark = format!("--{}", boundary.trim_matches('"'));
    for part in split(body, mark.as_bytes()) {
        let Some(at) = find(part, b"\r\n\r\n") else {
            continue;
        };
        let head = String::from_utf8_lossy(&part[..at]).into_owned();
        let value = part[at + 4..]
            .strip_suffix(b"\r\n")
            .unwrap_or(&part[at + 4..]);
        let quoted = |key: &str| {
            let (_, rest) = head.split_once(&format!("{key}=\""))?;
            rest.split_once('"').map(|(value, _)| value.to_owned())
        };
        match (quoted("filename"), quoted(" name")) {
            (Some(name), _) => file = Some((name, value.to_vec())),
            (None, Some(name)) => {
                let text = String::from_utf8_lossy(value).into_owned();
                fields.insert(name, text.into());
            }
            (None, None) => {}
        }
    }
    Request {
        fields: fields.into(),
        file,
    }
}

fn split<'a>(bytes: &'a [u8], mark: &[u8]) -> Vec<&'a [u8]> {
    let (mut parts, mut rest) = (Vec::new(), bytes);
    while let Some(at) = find(rest, mark) {
        parts.push(&rest[..at]);
        rest = &rest[at + mark.len()..];
    }
    parts
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

fn refused(refusal: &Refusal) -> Response<Full<Bytes>> {
    whole(refusal.code, &refusal.body())
}

fn whole(status: u16, body: &Value) -> Response<Full<Bytes>> {
    let body = Full::new(Bytes::from(body.to_string()));
    let response = Response::builder().status(status);
    let response = response.header(header::CONTENT_TYPE, "application/json");
    response.body(body).expect("the header is valid")
}

fn broken() -> io::Error {
    io::Error::other("the line is cut")
}
