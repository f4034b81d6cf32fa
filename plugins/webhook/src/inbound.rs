//! The hook: from a request to what is done with jobs, and to the answer.
//!
//! What the sender did wrong is an answer; only the host's own trouble is an
//! error, because an error keeps the request and tries it again.

use serde_json::{Value, json};

use crate::bindings::exports::sortie::connector::connector::{Event, Reply};
use crate::bindings::sortie::connector::events::{Header, Payload};
use crate::bindings::sortie::host::{
    job_types::View,
    jobs::{Error, Submission},
};
use crate::order::Order;
use crate::view;

/// What the host does with jobs for a call.
pub(crate) trait Jobs {
    fn submit(&mut self, job: &Submission) -> Result<u64, Error>;
    fn cancel(&mut self, job: u64) -> Result<(), Error>;
    fn get(&mut self, job: u64) -> Result<View, Error>;
}

/// Handles one request.
///
/// # Errors
///
/// The host could not do it now, and may later.
pub(crate) fn receive(event: Event, jobs: &mut impl Jobs) -> Result<Option<Reply>, String> {
    // Of a source that the operator added to the grant; nothing is meant by it.
    let Payload::Http(request) = event.payload else {
        return Ok(None);
    };
    if request.method != "POST" {
        let mut reply = problem(405, "send a POST request");
        reply.headers.push(header("allow", "POST"));
        return Ok(Some(reply));
    }
    let order = match Order::parse(&request.body) {
        Ok(order) => order,
        Err(why) => return Ok(Some(problem(400, &why))),
    };
    let done = match order {
        Order::Submit(job) => jobs.submit(&job).map(|id| json!({ "job": id })),
        Order::Cancel(id) => jobs.cancel(id).map(|()| json!({ "job": id })),
        Order::Status(id) => jobs.get(id).map(view::job),
    };
    match done {
        Ok(body) => Ok(Some(answer(200, "application/json", &body))),
        Err(Error::Denied(why)) => Ok(Some(problem(403, &why))),
        Err(Error::NotFound) => Ok(Some(problem(404, "there is no such job"))),
        Err(Error::Conflict(why)) => Ok(Some(problem(409, &why))),
        Err(Error::Invalid(why)) => Ok(Some(problem(422, &why))),
        Err(Error::Other(why)) => Err(why),
    }
}

/// A problem as RFC 9457 writes it.
fn problem(status: u16, detail: &str) -> Reply {
    let title = match status {
        400 => "The body is not understood",
        403 => "Not granted",
        404 => "Not found",
        405 => "Method not allowed",
        409 => "The job's state does not allow it",
        _ => "Not accepted",
    };
    let detail = view::cut(detail, view::MAX_DETAIL_BYTES);
    let body = json!({ "title": title, "status": status, "detail": detail });
    answer(status, "application/problem+json", &body)
}

fn answer(status: u16, content_type: &str, body: &Value) -> Reply {
    Reply {
        status,
        headers: vec![header("content-type", content_type)],
        body: body.to_string().into_bytes(),
    }
}

fn header(name: &str, value: &str) -> Header {
    Header {
        name: name.into(),
        value: value.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::sortie::connector::events::{HttpRequest, Tick};

    /// Says what it was told to, and keeps what it was asked.
    struct Host {
        answer: Result<(), Error>,
        asked: Vec<String>,
    }

    impl Jobs for Host {
        fn submit(&mut self, job: &Submission) -> Result<u64, Error> {
            self.asked.push(format!("submit {}", job.task));
            self.answer.clone().map(|()| 42)
        }

        fn cancel(&mut self, job: u64) -> Result<(), Error> {
            self.asked.push(format!("cancel {job}"));
            self.answer.clone()
        }

        fn get(&mut self, job: u64) -> Result<View, Error> {
            self.asked.push(format!("get {job}"));
            self.answer.clone().map(|()| View {
                id: job,
                project: "site".into(),
                state: "needs_review".into(),
                is_final: false,
                title: "fix it".into(),
                requested_by: "webhook".into(),
                branch: None,
                asked_commit: Some("abc".into()),
                detail: None,
                created_at_ms: 0,
                updated_at_ms: 1_500,
            })
        }
    }

    fn event(payload: Payload) -> Event {
        Event {
            id: 1,
            source: "in".into(),
            received_at_ms: 0,
            attempt: 1,
            sender: None,
            payload,
        }
    }

    fn request(method: &str, body: &str) -> Event {
        event(Payload::Http(HttpRequest {
            method: method.into(),
            path: "/".into(),
            query: String::new(),
            headers: Vec::new(),
            body: body.into(),
        }))
    }

    /// The answer to a body, and what the host was asked.
    fn told(body: &str, answer: Result<(), Error>) -> (u16, Value, Vec<String>) {
        let mut host = Host {
            answer,
            asked: Vec::new(),
        };
        let reply = receive(request("POST", body), &mut host)
            .expect("an answer")
            .expect("with a body");
        let json = serde_json::from_slice(&reply.body).expect("JSON");
        (reply.status, json, host.asked)
    }

    #[test]
    fn what_is_asked_is_done_and_answered() {
        let submission = r#"{"project":"site","task":"fix it"}"#;
        assert_eq!(
            told(submission, Ok(())),
            (200, json!({"job": 42}), vec!["submit fix it".into()])
        );
        assert_eq!(
            told(r#"{"cancel":7}"#, Ok(())),
            (200, json!({"job": 7}), vec!["cancel 7".into()])
        );
        let status = json!({
            "id": 7,
            "project": "site",
            "state": "needs_review",
            "is_final": false,
            "title": "fix it",
            "requested_by": "webhook",
            "asked_commit": "abc",
            "created_at": "1970-01-01T00:00:00.000Z",
            "updated_at": "1970-01-01T00:00:01.500Z",
        });
        assert_eq!(
            told(r#"{"status":7}"#, Ok(())),
            (200, status, vec!["get 7".into()])
        );
    }

    #[test]
    fn a_wrong_request_is_answered_and_asks_nothing_of_the_host() {
        for body in ["", "{", "{\"project\":\"site\"}", "{\"cancel\":\"x\"}"] {
            let (status, problem, asked) = told(body, Ok(()));
            assert_eq!((status, asked.len()), (400, 0), "{body}");
            assert_eq!(problem["status"], 400);
            assert!(problem["detail"].is_string(), "{problem}");
        }
        let mut host = Host {
            answer: Ok(()),
            asked: Vec::new(),
        };
        let reply = receive(request("GET", "{\"status\":7}"), &mut host);
        let reply = reply.expect("an answer").expect("with a body");
        assert_eq!((reply.status, host.asked.len()), (405, 0));
        assert!(reply.headers.contains(&header("allow", "POST")));
    }

    #[test]
    fn a_refusal_is_an_answer_and_trouble_is_an_error() {
        for (error, status, detail) in [
            (Error::Invalid("no project x".into()), 422, "no project x"),
            (Error::Denied("not granted".into()), 403, "not granted"),
            (Error::Conflict("it ended".into()), 409, "it ended"),
            (Error::NotFound, 404, "there is no such job"),
        ] {
            let (told, problem, _) = told("{\"cancel\":7}", Err(error));
            assert_eq!(told, status);
            assert_eq!(problem["detail"], detail);
        }
        let mut host = Host {
            answer: Err(Error::Other("the disk is full".into())),
            asked: Vec::new(),
        };
        assert_eq!(
            receive(request("POST", "{\"cancel\":7}"), &mut host),
            Err("the disk is full".into())
        );
        let tick = Payload::Tick(Tick {
            due_at_ms: 0,
            missed: 0,
        });
        assert_eq!(receive(event(tick), &mut host), Ok(None));
    }

    #[test]
    fn an_answer_fits_whatever_is_in_it() {
        // What JSON writes longest.
        let long = "\u{1}".repeat(100_000);
        let (_, problem, _) = told("{\"cancel\":7}", Err(Error::Invalid(long.clone())));
        assert!(problem.to_string().len() <= 64 << 10);
        let mut view = Host {
            answer: Ok(()),
            asked: Vec::new(),
        }
        .get(7)
        .expect("a job");
        view.detail = Some(long);
        assert!(view::job(view).to_string().len() <= 64 << 10);
    }
}
