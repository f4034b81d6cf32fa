//! The cases of a connector's or notifier's author: an event or a delivery,
//! what the host has and answers, and what must come of it. Files are others'
//! to find; here is what stands in them.

use crate::asked::{Asked, body, headers};
use crate::world::{self, Kept, Script};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sortie_plugins::outside::{Header, HttpError, HttpResponse, JobView, MAX_BODY_BYTES};
use sortie_plugins::surfaces::connector::{Event, Payload, Place, Reply, Sender};
use sortie_plugins::surfaces::notifier::{Delivery, Notification};
use std::collections::BTreeMap;

/// What the host has and answers; by default every number is that of a job that
/// runs and of a question, nothing is kept and every request is answered 200
/// with `{}`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Given {
    /// Keys with their values.
    kv: BTreeMap<String, Value>,
    /// Every job there is.
    jobs: Option<Vec<Job>>,
    /// The number of every question there is about a job.
    questions: Option<Vec<u64>>,
    /// The number of every question there is about a host.
    hosts: Option<Vec<u64>>,
    /// Answers to requests, in order; the last for all that follow.
    http: Vec<Answer>,
}

/// An event, and what is given.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventCase {
    source: String,
    #[serde(default = "one")]
    id: u64,
    #[serde(default = "first")]
    attempt: u32,
    #[serde(default)]
    sender: Option<Sender>,
    payload: Said,
    #[serde(default)]
    given: Given,
}

/// Something that happened to a job, and what is given.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeliveryCase {
    kind: String,
    #[serde(default)]
    data: Map<String, Value>,
    #[serde(default = "one")]
    seq: u64,
    #[serde(default)]
    at_ms: u64,
    #[serde(default = "key")]
    key: String,
    #[serde(default)]
    job: Job,
    #[serde(default)]
    given: Given,
}

fn one() -> u64 {
    1
}

fn first() -> u32 {
    1
}

fn key() -> String {
    "host-plugin-1".into()
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum Said {
    Http {
        #[serde(default = "post")]
        method: String,
        #[serde(default = "root")]
        path: String,
        #[serde(default)]
        query: String,
        #[serde(default)]
        headers: BTreeMap<String, String>,
        #[serde(default)]
        body: Value,
    },
    Tick {
        #[serde(default)]
        due_at_ms: u64,
        #[serde(default)]
        missed: u32,
    },
    Message {
        text: String,
        #[serde(default = "place")]
        place: Place,
        #[serde(default = "key")]
        message: String,
        #[serde(default)]
        reply_to: Option<String>,
        #[serde(default)]
        reply_to_number: Option<u64>,
        #[serde(default)]
        edited: bool,
    },
    Press {
        action: String,
        #[serde(default = "place")]
        place: Place,
        #[serde(default = "key")]
        interaction: String,
        #[serde(default)]
        number: Option<u64>,
    },
}

fn post() -> String {
    "POST".into()
}

fn root() -> String {
    "/".into()
}

pub(crate) fn place() -> Place {
    Place {
        chat: "100".into(),
        thread: None,
        private: true,
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Job {
    id: u64,
    project: String,
    state: String,
    is_final: Option<bool>,
    title: String,
    requested_by: String,
    branch: Option<String>,
    asked_commit: Option<String>,
    detail: Option<String>,
    created_at_ms: u64,
    updated_at_ms: u64,
}

impl Default for Job {
    fn default() -> Self {
        let usual = world::job(42, "running");
        Self {
            id: usual.id,
            project: usual.project,
            state: usual.state,
            is_final: None,
            title: usual.title,
            requested_by: usual.requested_by,
            branch: usual.branch,
            asked_commit: usual.asked_commit,
            detail: usual.detail,
            created_at_ms: usual.created_at_ms,
            updated_at_ms: usual.updated_at_ms,
        }
    }
}

impl From<Job> for JobView {
    fn from(job: Job) -> Self {
        let usual = world::job(job.id, &job.state);
        Self {
            project: job.project,
            is_final: job.is_final.unwrap_or(usual.is_final),
            title: job.title,
            requested_by: job.requested_by,
            branch: job.branch,
            asked_commit: job.asked_commit,
            detail: job.detail,
            created_at_ms: job.created_at_ms,
            updated_at_ms: job.updated_at_ms,
            ..usual
        }
    }
}

/// An answer to a request, or why there is none: exactly one of `status` and
/// `error`.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Written")]
struct Answer(Result<HttpResponse, HttpError>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    status: Option<u16>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: Value,
    error: Option<Failure>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Failure {
    Invalid,
    Denied,
    Unreachable,
    TimedOut,
    TooLarge,
    Failed,
}

impl TryFrom<Written> for Answer {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        let why = || "the case says so".to_owned();
        match (written.status, written.error) {
            (Some(status), None) => Ok(Self(Ok(HttpResponse {
                status,
                headers: fields(written.headers),
                body: bytes(&written.body),
            }))),
            (None, Some(error)) => Ok(Self(Err(match error {
                Failure::Invalid => HttpError::Invalid(why()),
                Failure::Denied => HttpError::Denied(why()),
                Failure::Unreachable => HttpError::Unreachable(why()),
                Failure::TimedOut => HttpError::TimedOut,
                Failure::TooLarge => HttpError::TooLarge(MAX_BODY_BYTES as u64),
                Failure::Failed => HttpError::Failed(why()),
            }))),
            _ => Err("an answer has either `status` or `error`"),
        }
    }
}

/// A body as a case writes it: a text as it is, nothing for null, anything
/// else as JSON.
fn bytes(body: &Value) -> Vec<u8> {
    match body {
        Value::Null => Vec::new(),
        Value::String(text) => text.clone().into_bytes(),
        other => other.to_string().into_bytes(),
    }
}

fn fields(headers: BTreeMap<String, String>) -> Vec<Header> {
    let field = |(name, value)| Header { name, value };
    headers.into_iter().map(field).collect()
}

impl Given {
    pub(crate) fn script(&self) -> Script {
        let usual = Script::default();
        Script {
            known: self
                .jobs
                .clone()
                .map(|jobs| jobs.into_iter().map(JobView::from).collect()),
            questions: self.questions.clone(),
            hosts: self.hosts.clone(),
            http: match self.http.is_empty() {
                true => usual.http,
                false => self.http.iter().map(|answer| answer.0.clone()).collect(),
            },
            ..usual
        }
    }

    pub(crate) fn kept(&self) -> Kept {
        let kv = self.kv.iter();
        Kept::with(kv.map(|(key, value)| (key.clone(), bytes(value))).collect())
    }
}

impl EventCase {
    pub(crate) fn given(&self) -> &Given {
        &self.given
    }

    pub(crate) fn event(&self) -> Event {
        Event {
            id: self.id,
            source: self.source.clone(),
            received_at_ms: 1_760_000_000_000,
            attempt: self.attempt,
            sender: self.sender.clone(),
            payload: self.payload.clone().into(),
        }
    }
}

impl From<Said> for Payload {
    fn from(said: Said) -> Self {
        match said {
            Said::Http {
                method,
                path,
                query,
                headers,
                body,
            } => Self::Http {
                method,
                path,
                query,
                headers: fields(headers),
                body: bytes(&body),
            },
            Said::Tick { due_at_ms, missed } => Self::Tick { due_at_ms, missed },
            Said::Message {
                text,
                place,
                message,
                reply_to,
                reply_to_number,
                edited,
            } => Self::Message {
                place,
                message,
                text,
                reply_to,
                reply_to_number,
                edited,
            },
            Said::Press {
                action,
                place,
                interaction,
                number,
            } => Self::Press {
                place,
                interaction,
                number,
                action,
            },
        }
    }
}

impl DeliveryCase {
    pub(crate) fn given(&self) -> &Given {
        &self.given
    }

    pub(crate) fn delivery(&self) -> (Notification, String) {
        let event = Notification {
            seq: self.seq,
            at_ms: self.at_ms,
            kind: self.kind.clone(),
            data: Value::Object(self.data.clone()).to_string(),
            job: self.job.clone().into(),
        };
        (event, self.key.clone())
    }
}

/// What came of an event, as a case's file expects it.
pub(crate) fn replied(reply: Option<&Reply>, asked: &[Asked]) -> Value {
    let reply = reply.map(|reply| {
        json!({
            "status": reply.status,
            "headers": headers(&reply.headers),
            "body": body(&reply.body),
        })
    });
    json!({ "reply": reply, "asks": asks(asked) })
}

/// What came of an event that was refused.
pub(crate) fn refused(why: &str, asked: &[Asked]) -> Value {
    json!({ "error": why, "asks": asks(asked) })
}

/// What came of a delivery.
pub(crate) fn delivered(delivery: &Delivery, asked: &[Asked]) -> Value {
    let asks = asks(asked);
    match delivery {
        Delivery::Delivered(reference) => json!({ "delivered": reference, "asks": asks }),
        Delivery::Retry(why, after_ms) => {
            json!({ "retry": why, "after_ms": after_ms, "asks": asks })
        }
        Delivery::Permanent(why) => json!({ "permanent": why, "asks": asks }),
    }
}

fn asks(asked: &[Asked]) -> Value {
    asked.iter().map(Asked::to_json).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::World;
    use sortie_package::manifest::{Grant, JobAction};
    use sortie_plugins::outside::{Decision, JobsError, Outside, Reach};

    #[tokio::test]
    async fn no_other_question_is_found_than_those_there_are() {
        let mut grant = Grant::default();
        grant.jobs.allow.insert(JobAction::Decide);
        let host = |given: &str| {
            let given: Given = serde_json::from_str(given).expect("what is given");
            World::new(&grant, "in", given.script(), given.kept())
        };
        let mut usual = host("{}");
        let mut told = host(r#"{ "questions": [9], "hosts": [3] }"#);
        for (number, about_job, about_host) in [
            (9, Ok(()), Err(JobsError::NotFound)),
            (3, Err(JobsError::NotFound), Ok(())),
        ] {
            let given = told.answer(number, Decision::Approve, None).await;
            assert_eq!(given, about_job, "{number}");
            let given = told.admit_host(number, true, Reach::Job).await;
            assert_eq!(given, about_host, "{number}");
            let given = usual.answer(number, Decision::Reject, None).await;
            assert_eq!(given, Ok(()), "{number}");
            let given = usual.admit_host(number, false, Reach::Run).await;
            assert_eq!(given, Ok(()), "{number}");
        }
    }

    #[test]
    fn an_answer_is_a_status_or_an_error() {
        let read = |text: &str| serde_json::from_str::<Answer>(text);
        let given = read(r#"{ "status": 429, "headers": { "retry-after": "1" }, "body": [1] }"#);
        let given = given.expect("an answer").0.expect("with a status");
        assert_eq!((given.status, given.body), (429, b"[1]".to_vec()));
        let none = read(r#"{ "error": "timed-out" }"#).expect("an answer");
        assert_eq!(none.0, Err(HttpError::TimedOut));
        for wrong in [
            "{}",
            r#"{"status":200,"error":"failed"}"#,
            r#"{"state":200}"#,
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
