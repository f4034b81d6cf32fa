//! What is posted for an event, and what the answer means.

use crate::bindings::exports::sortie::notifier::notifier::{Failure, Notification, Receipt};
use crate::bindings::sortie::host::http::{Error, Header, Request, Response};
use crate::{Facts, Service, note};
use serde_json::Value;

/// The service answers at once or is in trouble.
const TIMEOUT_MS: u32 = 15_000;

/// Tells of an event by `send`.
///
/// # Errors
///
/// The service does not have it, or it is not known whether it has.
pub(crate) fn notify<S: Service>(
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
    match note(&facts) {
        Some(note) => verdict(S::NAME, send(&post(S::URL, &S::message(&note)))),
        None => Ok(Receipt { reference: None }),
    }
}

/// The request that posts a body.
pub fn post(url: &str, body: &Value) -> Request {
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

/// What became of a request of that plugin.
fn verdict(plugin: &str, answer: Result<Response, Error>) -> Result<Receipt, Failure> {
    let response = match answer {
        Ok(response) => response,
        Err(Error::Invalid(why)) => {
            return Err(Failure::Permanent(format!("the request is refused: {why}")));
        }
        Err(Error::Denied(why)) => {
            return Err(Failure::Other(format!(
                "the request is not granted: {why}; see `sortie plugin grant {plugin}`"
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
    let said = format!("the service answered {}", response.status);
    match response.status {
        200..=299 => Ok(Receipt { reference: None }),
        408 | 429 | 500.. => Err(Failure::Retry((said, pause_ms(&response.headers)))),
        _ => Err(Failure::Permanent(said)),
    }
}

/// The pause that the service asks for, when it says so in seconds.
fn pause_ms(headers: &[Header]) -> Option<u32> {
    let mut headers = headers.iter();
    let wait = headers.find(|field| field.name.eq_ignore_ascii_case("retry-after"))?;
    let secs: u32 = wait.value.trim().parse().ok()?;
    Some(secs.saturating_mul(1_000))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::sortie::host::job_types::View;
    use crate::{Event, Note, Reply, jobs};
    use serde_json::json;

    /// A service that takes a text.
    struct Plain;

    impl Service for Plain {
        const NAME: &'static str = "plain";
        const URL: &'static str = "https://h.example/-";

        fn message(note: &Note) -> Value {
            json!({ "text": note.text, "question": note.question })
        }

        fn receive(
            _event: &Event,
            _send: impl FnOnce(&Request) -> Result<Response, Error>,
            _decide: impl FnOnce(u64, jobs::Decision) -> Result<(), jobs::Error>,
        ) -> Result<Option<Reply>, String> {
            Ok(None)
        }
    }

    fn event(kind: &str, data: &Value) -> Notification {
        Notification {
            seq: 7,
            at_ms: 0,
            kind: kind.into(),
            data: data.to_string(),
            job: View {
                id: 42,
                project: "site".into(),
                state: "halted".into(),
                is_final: true,
                title: "Fix it".into(),
                requested_by: "Ana".into(),
                branch: None,
                asked_commit: None,
                detail: None,
                created_at_ms: 0,
                updated_at_ms: 0,
            },
        }
    }

    /// What comes of telling of a halt when the service answers so.
    fn answered(status: u16, headers: &[(&str, &str)]) -> Result<Receipt, Failure> {
        let headers = headers.iter().map(|(name, value)| Header {
            name: (*name).into(),
            value: (*value).into(),
        });
        let response = Response {
            status,
            headers: headers.collect(),
            body: Vec::new(),
        };
        notify::<Plain>(&event("job.halted", &json!({})), |_| Ok(response))
    }

    #[test]
    fn a_halt_is_posted_with_its_reason() {
        let mut posted = None;
        let data = json!({ "reason": "no-changes", "detail": "Nothing was changed." });
        let receipt = notify::<Plain>(&event("job.halted", &data), |request| {
            posted = Some(request.clone());
            Ok(Response {
                status: 200,
                headers: Vec::new(),
                body: Vec::new(),
            })
        });
        assert_eq!(receipt, Ok(Receipt { reference: None }));
        let request = posted.expect("a request");
        assert_eq!((&*request.method, &*request.url), ("POST", Plain::URL));
        assert_eq!(request.timeout_ms, Some(TIMEOUT_MS));
        let body = request.body.expect("a body");
        let body: Value = serde_json::from_slice(&body).expect("JSON");
        let text = body["text"].as_str().expect("a text");
        for part in ["42 halted", "site", "Fix it", "Nothing was changed"] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(body["question"].is_null(), "nothing is asked");
    }

    #[test]
    fn what_is_quiet_sends_nothing() {
        for kind in [
            "step.started",
            "agent.progress",
            "job.queued",
            "job.invented",
        ] {
            let receipt = notify::<Plain>(&event(kind, &json!({})), |_| {
                unreachable!("{kind} is not told")
            });
            assert_eq!(receipt, Ok(Receipt { reference: None }));
        }
    }

    #[test]
    fn a_service_that_is_busy_is_asked_again_when_it_says() {
        for (headers, after_ms) in [
            (
                &[("content-type", "text/plain"), ("Retry-After", "3")][..],
                Some(3_000),
            ),
            (&[("retry-after", "soon")][..], None),
            (&[][..], None),
        ] {
            let said = "the service answered 429".to_owned();
            assert_eq!(
                answered(429, headers),
                Err(Failure::Retry((said, after_ms)))
            );
        }
        assert!(matches!(answered(503, &[]), Err(Failure::Retry((_, None)))));
    }

    #[test]
    fn a_webhook_that_is_gone_is_given_up() {
        for status in [400, 401, 403, 404] {
            let failed = answered(status, &[]);
            assert!(matches!(failed, Err(Failure::Permanent(_))), "{status}");
        }
    }

    #[test]
    fn what_did_not_get_through_may_later_unless_it_cannot() {
        let failed = |error| notify::<Plain>(&event("job.halted", &json!({})), |_| Err(error));
        for error in [
            Error::TimedOut,
            Error::Unreachable("no address".into()),
            Error::Failed("reset".into()),
        ] {
            assert!(matches!(failed(error), Err(Failure::Retry((_, None)))));
        }
        let refused = failed(Error::Invalid("a header".into()));
        assert!(matches!(refused, Err(Failure::Permanent(_))));
        // Whoever runs the host can grant it before the last try.
        let denied = failed(Error::Denied("no grant".into()));
        assert!(matches!(denied, Err(Failure::Other(why)) if why.contains("plugin grant plain")));
    }
}
