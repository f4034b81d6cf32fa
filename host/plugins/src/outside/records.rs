//! The records of the effectful imports as the rest of the host uses them.
//! WIT says what the fields mean.

use serde::{Deserialize, Serialize};

/// One header field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Name.
    pub name: String,
    /// Value.
    pub value: String,
}

/// A request to the world outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpRequest {
    /// Method in capitals.
    pub method: String,
    /// Absolute URL.
    pub url: String,
    /// Header fields.
    pub headers: Vec<Header>,
    /// Body; none for none.
    pub body: Option<Vec<u8>>,
    /// Milliseconds until the whole answer must be there, at most
    /// [`MAX_HTTP_TIMEOUT_MS`](super::MAX_HTTP_TIMEOUT_MS).
    pub timeout_ms: u32,
}

/// An answer, whatever its status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpResponse {
    /// Status code.
    pub status: u16,
    /// Header fields in the order they came.
    pub headers: Vec<Header>,
    /// Body.
    pub body: Vec<u8>,
}

/// Why there is no answer. The texts reach the guest: no secret is in them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HttpError {
    /// The request is malformed.
    Invalid(String),
    /// No grant allows it.
    Denied(String),
    /// Nothing answers there.
    Unreachable(String),
    /// The answer was not there in time.
    TimedOut,
    /// The answer is over its limit of bytes.
    TooLarge(u64),
    /// The connection or the protocol failed in the middle.
    Failed(String),
}

/// A job to submit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Submission {
    /// Name of a configured project.
    pub project: Option<String>,
    /// URL of an allowed repository.
    pub repository: Option<String>,
    /// What to do.
    pub task: String,
    /// Branch to begin at.
    pub base: Option<String>,
    /// Agent plugin.
    pub agent: Option<String>,
    /// Workflow plugin.
    pub workflow: Option<String>,
    /// Budget profile.
    pub budget: Option<String>,
    /// The same key with the same content gives the same job.
    pub idempotency_key: Option<String>,
}

/// A job as plugins see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobView {
    /// Its number.
    pub id: u64,
    /// Name of its project.
    pub project: String,
    /// State in snake_case.
    pub state: String,
    /// Whether it has ended.
    pub is_final: bool,
    /// First line of its task.
    pub title: String,
    /// Who asked for it.
    pub requested_by: String,
    /// Branch that was pushed.
    pub branch: Option<String>,
    /// The commit a person is asked about.
    pub asked_commit: Option<String>,
    /// Why it ended as it did, or what it came to.
    pub detail: Option<String>,
    /// Milliseconds since 1970 UTC.
    pub created_at_ms: u64,
    /// Milliseconds since 1970 UTC.
    pub updated_at_ms: u64,
}

/// What a person decides at a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Go on.
    Approve,
    /// Do not.
    Reject,
}

/// How far an answer about a host goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The run that was refused it.
    Run,
    /// All runs of the job.
    Job,
    /// All jobs of the project.
    Project,
}

/// Why nothing was done about a job. The texts reach the guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobsError {
    /// The grant does not allow it, or nobody is verified.
    Denied(String),
    /// There is no such job.
    NotFound,
    /// The job's state does not allow it.
    Conflict(String),
    /// The request is wrong.
    Invalid(String),
    /// The host could not do it now.
    Other(String),
}

impl JobsError {
    pub(super) fn none() -> Self {
        Self::Denied("nothing is granted about jobs".into())
    }
}

/// Where a message goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatPlace {
    /// Name of the chat source in the manifest.
    pub source: String,
    /// The chat, as the service names it.
    pub chat: String,
    /// A thread of that chat.
    pub thread: Option<String>,
}

/// How a text is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// As it is.
    Plain,
    /// CommonMark.
    Markdown,
}

/// Something to press.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Button {
    /// What it says.
    pub label: String,
    /// What comes back.
    pub action: String,
}

/// What a message answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answered {
    /// One that an event brought, by the service's id.
    Message(String),
    /// One of the plugin's own, by its number.
    Number(u64),
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatMessage {
    /// The text.
    pub text: String,
    /// How it is written.
    pub format: Format,
    /// Rows of buttons.
    pub buttons: Vec<Vec<Button>>,
    /// The message it answers.
    pub reply_to: Option<Answered>,
    /// Whether it arrives without a sound.
    pub silent: bool,
}

/// Why a message was not queued. The texts reach the guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChatError {
    /// The grant does not name this source.
    Denied(String),
    /// The message is wrong.
    Invalid(String),
    /// No message of this plugin has that number.
    NotFound,
    /// The host could not do it now.
    Other(String),
}

impl ChatError {
    pub(super) fn none() -> Self {
        Self::Denied("no chat source is granted".into())
    }
}

/// Why a value was not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KvError {
    /// The key or value is outside its bounds.
    Invalid(String),
    /// The plugin's quota in bytes would be passed.
    Quota(u64),
    /// The host could not do it now.
    Other(String),
}
