//! What is posted for an event, and what the answer means.

use serde_json::{Value, json};

use crate::bindings::exports::sortie::notifier::notifier::{Failure, Notification, Receipt};
use crate::bindings::sortie::host::http::{Error, Header, Request, Response};
use crate::{date, view};

/// Receivers put an event into a queue and answer; one that takes longer than
/// this holds up the events behind it.
const TIMEOUT_MS: u32 = 15_000;

/// The longest part of a receiver's words that is repeated.
const MAX_SHOWN_CHARS: usize = 200;

/// The longest name of a receipt, in bytes, as the WIT says.
const MAX_REFERENCE_BYTES: usize = 200;

/// Tells of an event by `send`. Without a URL nobody wants to be told.
///
/// # Errors
///
/// The receiver does not have the event, or it is not known whether it has.
pub(crate) fn notify(
    event: Notification,
    key: String,
    url: Option<String>,
    send: impl FnOnce(&Request) -> Result<Response, Error>,
) -> Result<Receipt, Failure> {
    match url {
        Some(url) => verdict(send(&request(event, key, url))),
        None => Ok(Receipt { reference: None }),
    }
}

/// The request for an event.
fn request(event: Notification, key: String, url: String) -> Request {
    // The host writes JSON; a plugin that cannot read it hands it on all the same.
    let data = serde_json::from_str(&event.data).unwrap_or(Value::String(event.data));
    let body = json!({
        "id": key,
        "kind": event.kind,
        "seq": event.seq,
        "at": date::rfc_3339(event.at_ms),
        "job": view::job(event.job),
        "data": data,
    });
    let header = |name: &str, value: String| Header {
        name: name.into(),
        value,
    };
    Request {
        method: "POST".into(),
        url,
        headers: vec![
            header("content-type", "application/json".into()),
            header(
                "user-agent",
                concat!("sortie-webhook/", env!("CARGO_PKG_VERSION")).into(),
            ),
            header("idempotency-key", key),
        ],
        body: Some(body.to_string().into_bytes()),
        timeout_ms: Some(TIMEOUT_MS),
    }
}

/// What became of a request.
fn verdict(answer: Result<Response, Error>) -> Result<Receipt, Failure> {
    let response = match answer {
        Ok(response) => response,
        Err(Error::Invalid(why)) => {
            return Err(Failure::Permanent(format!("the request is refused: {why}")));
        }
        // The operator can grant it before the last try.
        Err(Error::Denied(why)) => {
            return Err(Failure::Other(format!(
                "the request is not granted: {why}; see `sortie plugin grant webhook`"
            )));
        }
        Err(Error::TimedOut) => return Err(later("the receiver did not answer in time", None)),
        Err(Error::TooLarge(limit)) => {
            return Err(Failure::Other(format!(
                "the receiver's answer has more than {limit} bytes; let it answer shortly"
            )));
        }
        Err(Error::Unreachable(why) | Error::Failed(why) | Error::Other(why)) => {
            return Err(later(&why, None));
        }
    };
    let status = response.status;
    let said = || format!("the receiver answered {status}{}", words(&response.body));
    match status {
        200..=299 => Ok(Receipt {
            reference: field(&response, "x-request-id")
                .map(|name| view::cut(name, MAX_REFERENCE_BYTES).to_owned()),
        }),
        300..=399 => Err(Failure::Permanent(format!(
            "the receiver answered {status}, and redirects are not followed; set `url` to {}",
            field(&response, "location").map_or_else(|| "where it is".into(), shown)
        ))),
        // 409: another try with the same key is still under way there.
        408 | 409 | 425 | 429 | 500.. => Err(later(&said(), retry_after_ms(&response))),
        _ => Err(Failure::Permanent(said())),
    }
}

fn later(why: &str, after_ms: Option<u32>) -> Failure {
    Failure::Retry((why.into(), after_ms))
}

/// What `Retry-After` asks for: seconds, or a date that is held against the
/// answer's own.
fn retry_after_ms(response: &Response) -> Option<u32> {
    let asked = field(response, "retry-after")?;
    let secs = match asked.bytes().all(|b| b.is_ascii_digit()) {
        // More digits than a number has are a long time too.
        true => asked.parse().unwrap_or(u64::MAX),
        false => {
            let now = field(response, "date").and_then(date::http_date)?;
            date::http_date(asked)?.saturating_sub(now)
        }
    };
    Some(u32::try_from(secs.saturating_mul(1000)).unwrap_or(u32::MAX))
}

/// The value of a header field; none when there is none or an empty one.
fn field<'r>(response: &'r Response, name: &str) -> Option<&'r str> {
    let mut fields = response.headers.iter();
    let found = fields.find(|field| field.name.eq_ignore_ascii_case(name))?;
    Some(found.value.trim()).filter(|value| !value.is_empty())
}

/// `: ` and the beginning of what a body says, on one line.
fn words(body: &[u8]) -> String {
    let text = shown(String::from_utf8_lossy(body).trim());
    match text.is_empty() {
        true => text,
        false => format!(": {text}"),
    }
}

fn shown(text: &str) -> String {
    let line = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    line.take(MAX_SHOWN_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::sortie::host::job_types::View;

    fn event(data: &str) -> Notification {
        Notification {
            seq: 9,
            at_ms: 1_500,
            kind: "job.succeeded".into(),
            data: data.into(),
            job: View {
                id: 42,
                project: "site".into(),
                state: "succeeded".into(),
                is_final: true,
                title: "fix it".into(),
                requested_by: "ana".into(),
                branch: Some("sortie/42".into()),
                asked_commit: None,
                detail: None,
                created_at_ms: 0,
                updated_at_ms: 0,
            },
        }
    }

    #[test]
    fn an_event_is_posted_with_its_key_and_everything_in_it() {
        let url = "https://h.org/hook".to_owned();
        let request = request(event(r#"{"attempt":1}"#), "host-webhook-9".into(), url);
        assert_eq!(
            (request.method.as_str(), request.url.as_str()),
            ("POST", "https://h.org/hook")
        );
        let sent = |name: &str| {
            let found = request.headers.iter().find(|field| field.name == name);
            found.map(|field| field.value.as_str())
        };
        assert_eq!(sent("idempotency-key"), Some("host-webhook-9"));
        assert_eq!(sent("content-type"), Some("application/json"));
        let body: Value = serde_json::from_slice(&request.body.expect("a body")).expect("JSON");
        assert_eq!(
            body,
            json!({
                "id": "host-webhook-9",
                "kind": "job.succeeded",
                "seq": 9,
                "at": "1970-01-01T00:00:01.500Z",
                "job": {
                    "id": 42,
                    "project": "site",
                    "state": "succeeded",
                    "is_final": true,
                    "title": "fix it",
                    "requested_by": "ana",
                    "branch": "sortie/42",
                    "created_at": "1970-01-01T00:00:00.000Z",
                    "updated_at": "1970-01-01T00:00:00.000Z",
                },
                "data": { "attempt": 1 },
            })
        );
    }

    #[test]
    fn the_same_event_makes_the_same_bytes() {
        let bytes = || request(event(r#"{"b":1,"a":2}"#), "k".into(), "u".into()).body;
        assert_eq!(bytes(), bytes());
    }

    fn answered(status: u16, headers: &[(&str, &str)]) -> Result<Receipt, Failure> {
        let header = |(name, value): &(&str, &str)| Header {
            name: (*name).into(),
            value: (*value).into(),
        };
        verdict(Ok(Response {
            status,
            headers: headers.iter().map(header).collect(),
            body: b" no\n thanks ".to_vec(),
        }))
    }

    #[test]
    fn statuses_mean_what_they_mean() {
        for status in [200, 202, 204, 299] {
            assert!(answered(status, &[]).is_ok_and(|r| r.reference.is_none()));
        }
        for status in [408, 409, 425, 429, 500, 503, 599] {
            let failure = answered(status, &[]).expect_err("it failed");
            assert!(
                matches!(&failure, Failure::Retry((why, None)) if why.contains("no  thanks")),
                "{failure:?}"
            );
        }
        for status in [300, 301, 400, 401, 404, 410, 413, 422, 499] {
            let failure = answered(status, &[]).expect_err("it failed");
            assert!(matches!(failure, Failure::Permanent(_)), "{failure:?}");
        }
        let moved = answered(308, &[("location", "https://h.org/new")]).expect_err("it failed");
        assert!(
            matches!(&moved, Failure::Permanent(why) if why.ends_with("set `url` to https://h.org/new")),
            "{moved:?}"
        );
    }

    #[test]
    fn a_receipt_is_what_the_receiver_calls_it() {
        let reference = |fields: &[(&str, &str)]| answered(200, fields).expect("made").reference;
        assert_eq!(reference(&[("X-Request-Id", " r1 ")]), Some("r1".into()));
        assert_eq!(reference(&[("x-request-id", "")]), None);
        let long = reference(&[("x-request-id", &"ä".repeat(150))]);
        assert_eq!(long.expect("a name").len(), 200);
    }

    #[test]
    fn nobody_is_told_who_did_not_ask() {
        let told = notify(event("{}"), "k".into(), None, |_| {
            panic!("nothing is sent without a URL")
        });
        assert!(told.is_ok_and(|receipt| receipt.reference.is_none()));
        let mut sent = String::new();
        let told = notify(
            event("{}"),
            "k".into(),
            Some("https://h/".into()),
            |request| {
                sent.clone_from(&request.url);
                Err(Error::TimedOut)
            },
        );
        assert_eq!(sent, "https://h/");
        assert!(told.is_err());
    }

    #[test]
    fn a_pause_that_is_asked_for_is_passed_on() {
        let pause = |fields: &[(&str, &str)]| match answered(429, fields) {
            Err(Failure::Retry((_, pause))) => pause,
            other => panic!("{other:?}"),
        };
        assert_eq!(pause(&[("retry-after", "120")]), Some(120_000));
        assert_eq!(pause(&[("Retry-After", "0")]), Some(0));
        assert_eq!(pause(&[("retry-after", &"9".repeat(40))]), Some(u32::MAX));
        assert_eq!(pause(&[("retry-after", "soon")]), None);
        assert_eq!(pause(&[("retry-after", "")]), None);
        let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        let after = ("retry-after", "Sun, 06 Nov 1994 08:50:07 GMT");
        assert_eq!(pause(&[date, after]), Some(30_000));
        assert_eq!(
            pause(&[after]),
            None,
            "a date alone says nothing to who has no clock"
        );
        let before = ("retry-after", "Sun, 06 Nov 1994 08:00:00 GMT");
        assert_eq!(pause(&[date, before]), Some(0));
    }

    #[test]
    fn only_what_can_never_work_is_given_up() {
        for error in [
            Error::Unreachable("no such name".into()),
            Error::TimedOut,
            Error::Failed("it broke off".into()),
            Error::Other("who knows".into()),
        ] {
            let failure = verdict(Err(error)).expect_err("it failed");
            assert!(matches!(failure, Failure::Retry((_, None))), "{failure:?}");
        }
        for error in [Error::Denied("no rule".into()), Error::TooLarge(1)] {
            let failure = verdict(Err(error)).expect_err("it failed");
            assert!(matches!(failure, Failure::Other(_)), "{failure:?}");
        }
        let failure = verdict(Err(Error::Invalid("no URL".into()))).expect_err("it failed");
        assert!(matches!(failure, Failure::Permanent(_)), "{failure:?}");
    }
}
