//! What a plugin asked of the host in a call, and how cases write it down.

use serde_json::{Map, Value, json};
use sortie_plugins::outside::{
    ChatMessage, ChatPlace, Decision, Header, HttpRequest, Reach, Submission,
};

/// One thing that was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Http(HttpRequest),
    Submit(Submission),
    Cancel(u64),
    Retry(u64),
    Decide {
        job: u64,
        decision: Decision,
        commit: Option<String>,
        comment: Option<String>,
    },
    Get(u64),
    Newest {
        state: Option<String>,
        limit: u32,
    },
    FollowUp {
        job: u64,
        task: String,
        idempotency_key: Option<String>,
    },
    Answer {
        question: u64,
        decision: Decision,
        comment: Option<String>,
    },
    AdmitHost {
        ask: u64,
        allow: bool,
        reach: Reach,
    },
    Stats(u32),
    Projects,
    Send {
        to: ChatPlace,
        message: ChatMessage,
    },
    Edit {
        number: u64,
        message: ChatMessage,
    },
    Remove(u64),
    Pin {
        number: u64,
        pinned: bool,
    },
    SendDiff {
        to: ChatPlace,
        job: u64,
        message: ChatMessage,
    },
    Acknowledge {
        interaction: String,
        text: Option<String>,
    },
    /// A key is set, or removed.
    Keep {
        key: String,
        value: Option<Vec<u8>>,
    },
}

/// Who is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Import {
    Http,
    Jobs,
    Chat,
    Kv,
}

impl Import {
    pub(crate) const ALL: [Self; 4] = [Self::Http, Self::Jobs, Self::Chat, Self::Kv];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Jobs => "jobs",
            Self::Chat => "chat",
            Self::Kv => "kv",
        }
    }
}

impl Asked {
    pub(crate) fn of(&self) -> Import {
        match self {
            Self::Http(_) => Import::Http,
            Self::Submit(_)
            | Self::Cancel(_)
            | Self::Retry(_)
            | Self::Decide { .. }
            | Self::Get(_)
            | Self::Newest { .. }
            | Self::FollowUp { .. }
            | Self::Answer { .. }
            | Self::AdmitHost { .. }
            | Self::Stats(_)
            | Self::Projects => Import::Jobs,
            Self::Send { .. }
            | Self::Edit { .. }
            | Self::Remove(_)
            | Self::Pin { .. }
            | Self::SendDiff { .. }
            | Self::Acknowledge { .. } => Import::Chat,
            Self::Keep { .. } => Import::Kv,
        }
    }

    /// Whether it changes anything when the call is committed.
    pub(crate) fn is_effect(&self) -> bool {
        !matches!(
            self,
            Self::Http(_) | Self::Get(_) | Self::Newest { .. } | Self::Stats(_) | Self::Projects
        )
    }

    /// As a case's file has it: one key that says what, and no key for what
    /// was not said.
    pub(crate) fn to_json(&self) -> Value {
        let value = match self {
            Self::Http(request) => json!({ "http": {
                "method": request.method,
                "url": request.url,
                "headers": headers(&request.headers),
                "body": request.body.as_deref().map(body),
            }}),
            Self::Submit(job) => json!({ "submit": {
                "project": job.project,
                "repository": job.repository,
                "task": job.task,
                "base": job.base,
                "agent": job.agent,
                "workflow": job.workflow,
                "budget": job.budget,
                "idempotency_key": job.idempotency_key,
            }}),
            Self::Cancel(job) => json!({ "cancel": job }),
            Self::Retry(job) => json!({ "retry": job }),
            Self::Decide {
                job,
                decision,
                commit,
                comment,
            } => json!({ "decide": {
                "job": job,
                "decision": decided(*decision),
                "commit": commit,
                "comment": comment,
            }}),
            Self::Get(job) => json!({ "get": job }),
            Self::Newest { state, limit } => {
                json!({ "newest": { "state": state, "limit": limit } })
            }
            Self::FollowUp {
                job,
                task,
                idempotency_key,
            } => json!({ "follow_up": {
                "job": job,
                "task": task,
                "idempotency_key": idempotency_key,
            }}),
            Self::Answer {
                question,
                decision,
                comment,
            } => json!({ "answer": {
                "question": question,
                "decision": decided(*decision),
                "comment": comment,
            }}),
            Self::AdmitHost { ask, allow, reach } => json!({ "admit_host": {
                "ask": ask,
                "allow": allow,
                "reach": match reach {
                    Reach::Run => "run",
                    Reach::Job => "job",
                    Reach::Project => "project",
                },
            }}),
            Self::Stats(hours) => json!({ "stats": hours }),
            Self::Projects => json!({ "projects": {} }),
            Self::Send { to, message } => json!({ "send": { "to": to, "message": message } }),
            Self::Edit { number, message } => {
                json!({ "edit": { "number": number, "message": message } })
            }
            Self::Remove(number) => json!({ "remove": number }),
            Self::Pin { number, pinned } => {
                json!({ "pin": { "number": number, "pinned": pinned } })
            }
            Self::SendDiff { to, job, message } => {
                json!({ "send_diff": { "to": to, "job": job, "message": message } })
            }
            Self::Acknowledge { interaction, text } => {
                json!({ "acknowledge": { "interaction": interaction, "text": text } })
            }
            Self::Keep { key, value: None } => json!({ "delete": key }),
            Self::Keep {
                key,
                value: Some(value),
            } => json!({ "set": { "key": key, "value": body(value) } }),
        };
        without_nulls(value)
    }
}

fn decided(decision: Decision) -> &'static str {
    match decision {
        Decision::Approve => "approve",
        Decision::Reject => "reject",
    }
}

/// Fields by name; of several of one name the last.
pub(crate) fn headers(fields: &[Header]) -> Map<String, Value> {
    let field = |field: &Header| (field.name.to_lowercase(), field.value.clone().into());
    fields.iter().map(field).collect()
}

/// A body as JSON when it is some, else as text.
pub(crate) fn body(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or_else(|_| String::from_utf8_lossy(bytes).into())
}

/// What is not said is not written, in what the host's own records hold. The
/// bodies in them are others' and stay as they are.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(key, value)| match key.as_str() {
                "body" | "value" => (key, value),
                _ => (key, without_nulls(value)),
            })
            .collect::<Map<_, _>>()
            .into(),
        other => other,
    }
}
