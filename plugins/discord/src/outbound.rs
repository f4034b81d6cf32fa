//! What is posted for an event, and what the answer means.

use crate::bindings::exports::sortie::notifier::notifier::{Failure, Notification, Receipt};
use crate::bindings::sortie::host::http::{Error, Header, Request, Response};
use crate::message;
use notify_kit::{Facts, Verdict};
use serde_json::Value;

/// The service answers at once or is in trouble.
const TIMEOUT_MS: u32 = 15_000;

/// Tells of an event by `send`.
///
/// # Errors
///
/// The service does not have it, or it is not known whether it has.
pub(crate) fn notify(
    event: &Notification,
    send: impl FnOnce(&Request) -> Result<Response, Error>,
) -> Result<Receipt, Failure> {
    let data = serde_json::from_str(&event.data).unwrap_or(Value::Null);
    let facts = Facts {
        kind: &event.kind,
        data: &data,
        job: event.job.id,
        project: &event.job.project,
        title: &event.job.title,
    };
    match notify_kit::note(&facts) {
        Some(note) => verdict(send(&post(message::URL, &message::of(&note)))),
        None => Ok(Receipt { reference: None }),
    }
}

/// The request that posts a body.
pub(crate) fn post(url: &str, body: &Value) -> Request {
    Request {
        method: "POST".into(),
        url: url.into(),
        headers: vec![Header {
            name: "content-type".into(),
            value: "application/json".into(),
        }],
        body: Some(body.to_string().into_bytes()),
        timeout_ms: Some(TIMEOUT_MS),
    }
}

fn verdict(answer: Result<Response, Error>) -> Result<Receipt, Failure> {
    let response = match answer {
        Ok(response) => response,
        Err(Error::Invalid(why)) => {
            return Err(Failure::Permanent(format!("the request is refused: {why}")));
        }
        Err(Error::Denied(why)) => {
            return Err(Failure::Other(format!(
                "the request is not granted: {why}; see `sortie plugin grant discord`"
            )));
        }
        Err(Error::TimedOut) => {
            return Err(Failure::Retry((
                "the service did not answer in time".into(),
                None,
            )));
        }
        Err(Error::TooLarge(limit)) => {
            return Err(Failure::Other(format!(
                "the answer has more than {limit} bytes"
            )));
        }
        Err(Error::Unreachable(why) | Error::Failed(why) | Error::Other(why)) => {
            return Err(Failure::Retry((why, None)));
        }
    };
    let mut headers = response.headers.iter();
    let wait = headers.find(|field| field.name.eq_ignore_ascii_case("retry-after"));
    match notify_kit::verdict(response.status, wait.map(|field| field.value.as_str())) {
        Verdict::Delivered => Ok(Receipt { reference: None }),
        Verdict::Later(why, after_ms) => Err(Failure::Retry((why, after_ms))),
        Verdict::Never(why) => Err(Failure::Permanent(why)),
    }
}
