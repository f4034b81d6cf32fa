//! Turns the records of the effectful imports from those of the WIT into those
//! of the rest of the host, and back. It checks nothing: bounds are for others.

use super::{
    Answered, Button, ChatError, ChatMessage, ChatPlace, Decision, Format, Header, HttpError,
    JobView, JobsError, KvError, Reach, Submission,
};
use crate::bindings::connector::sortie::host::{chat, http, job_types, jobs, kv};

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
        let button = |b: chat::Button| Button {
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
