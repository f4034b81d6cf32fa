//! A plugin's call that went well: what it was about and what it asked for.

use super::chat::ChatPlace;
use super::inbound::{MessageState, NewPluginEvent};
use super::intake::{Job, NewJob};
use crate::db::cut_to;
use crate::limits::MAX_KV_KEY_BYTES;
use serde_json::Value;
use sortie_model::approval::Decision;
use sortie_model::egress::RulingScope;
use sortie_model::id::{ApprovalId, ChatNumber, EventSeq, JobId, PluginEventId};

/// A call to be written: all of it or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallCommit {
    /// The plugin.
    pub plugin: String,
    /// What the call was about.
    pub cause: CallCause,
    /// Who acts, as verified: moves of jobs are theirs.
    pub actor: String,
    /// Through which door, such as `plugin:webhook`.
    pub via: String,
    /// What the plugin's keys and values may add up to, in bytes.
    pub kv_max_bytes: u64,
    /// The token of the button whose press the call is about. A call that did
    /// something to a job uses up all buttons of that message.
    pub button: Option<String>,
    /// What the call asked for, in order; at most
    /// [`MAX_EFFECTS`](crate::limits::MAX_EFFECTS).
    pub effects: Vec<Effect>,
}

/// What a call was about; settled together with its effects.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "one per call, moved a few times")]
pub enum CallCause {
    /// An event that was handled as it came in and is not stored yet.
    NewEvent(NewPluginEvent),
    /// An event that waited.
    Event {
        /// The event.
        id: PluginEventId,
        /// Which try it was, from 1.
        attempt: u32,
    },
    /// A delivery, which was made.
    Delivery {
        /// The event that was told of.
        seq: EventSeq,
        /// Which try it was, from 1.
        attempt: u32,
        /// What the other side calls it; cut to
        /// [`MAX_RECEIPT_BYTES`](crate::limits::MAX_RECEIPT_BYTES).
        receipt: Option<String>,
    },
}

/// One thing that a call asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Submit a job under a number from
    /// [`Store::reserve_job_id`](crate::Store::reserve_job_id).
    Submit {
        /// The number that the plugin was told.
        id: JobId,
        /// The job.
        job: Box<NewJob>,
    },
    /// Cancel a job.
    Cancel {
        /// The job.
        job: JobId,
    },
    /// Queue a job again that ended without success.
    Retry {
        /// The job.
        job: JobId,
    },
    /// Answer the open question about a job.
    Decide {
        /// The job.
        job: JobId,
        /// The answer.
        decision: Decision,
        /// The commit that was seen, if the answer is about one.
        commit: Option<String>,
        /// The reason, if one is given.
        comment: Option<String>,
    },
    /// Answer that question and no other.
    Answer {
        /// The question.
        approval: ApprovalId,
        /// The answer.
        decision: Decision,
        /// The reason, if one is given.
        comment: Option<String>,
    },
    /// Answer for a host that a job was refused.
    AdmitHost {
        /// What was asked, as [`EgressAsk::id`](crate::EgressAsk::id) says.
        ask: u64,
        /// Whether it may be reached.
        allow: bool,
        /// How far the answer goes.
        scope: RulingScope,
    },
    /// Set the value of a key.
    KvSet {
        /// The key, 1 to 256 bytes.
        key: String,
        /// The value, at most 64 KiB.
        value: Vec<u8>,
    },
    /// Remove a key; one that is not there is no error.
    KvDelete {
        /// The key.
        key: String,
    },
    /// Queue a message under a number from
    /// [`Store::reserve_chat_number`](crate::Store::reserve_chat_number).
    ChatSend {
        /// The number that the plugin was told.
        number: ChatNumber,
        /// Where it goes.
        place: ChatPlace,
        /// The message, as the chat source reads it.
        message: Value,
        /// What its buttons do. `answer:` and the number of a question bind one
        /// to that question.
        actions: Vec<String>,
    },
    /// Queue new contents for a message of this plugin, in place of others
    /// that wait.
    ChatEdit {
        /// The message.
        number: ChatNumber,
        /// The new message, as the chat source reads it.
        message: Value,
        /// What its buttons do from now on.
        actions: Vec<String>,
    },
    /// Pin a message of this plugin, or unpin it.
    ChatPin {
        /// The message.
        number: ChatNumber,
        /// Whether it is pinned from now on.
        pinned: bool,
    },
    /// Queue the removal of a message of this plugin.
    ChatRemove {
        /// The message.
        number: ChatNumber,
    },
    /// Queue a word to the one who pressed a button.
    ChatAck {
        /// The chat source.
        source: String,
        /// The service's id of the press.
        interaction: String,
        /// A note to show.
        text: Option<String>,
    },
}

impl Effect {
    /// Whether it does something to a job or decides something about one.
    pub(crate) fn acts_on_a_job(&self) -> bool {
        matches!(
            self,
            Self::Submit { .. }
                | Self::Cancel { .. }
                | Self::Retry { .. }
                | Self::Decide { .. }
                | Self::Answer { .. }
                | Self::AdmitHost { .. }
        )
    }
}

impl std::fmt::Display for Effect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Submit { id, .. } => write!(f, "submit {id}"),
            Self::Cancel { job } => write!(f, "cancel {job}"),
            Self::Retry { job } => write!(f, "retry {job}"),
            Self::Decide { job, .. } => write!(f, "decide {job}"),
            Self::Answer { approval, .. } => write!(f, "answer {approval}"),
            Self::AdmitHost { ask, .. } => write!(f, "answer for host {ask}"),
            Self::KvSet { key, .. } => write!(f, "set {:?}", cut_to(key, MAX_KV_KEY_BYTES)),
            Self::KvDelete { key } => write!(f, "delete {:?}", cut_to(key, MAX_KV_KEY_BYTES)),
            Self::ChatSend { number, .. } => write!(f, "send {number}"),
            Self::ChatEdit { number, .. } => write!(f, "edit {number}"),
            Self::ChatPin { number, .. } => write!(f, "pin {number}"),
            Self::ChatRemove { number } => write!(f, "remove {number}"),
            Self::ChatAck { source, .. } => write!(f, "acknowledge a press at {source}"),
        }
    }
}

/// What became of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Committed {
    /// It is written.
    Done {
        /// The jobs that were submitted or moved, as they stand now, in the
        /// order of the effects.
        jobs: Vec<Job>,
    },
    /// Its event had been there before; nothing was written.
    Duplicate(PluginEventId, MessageState),
}
