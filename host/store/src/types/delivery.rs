//! What goes out: deliveries to notifiers, and messages to chats.

use super::inbound::MessageState;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sortie_model::clock::Timestamp;
use sortie_model::id::{ChatNumber, EventSeq, JobId};

/// A delivery whose turn it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueDelivery {
    /// The event to tell of.
    pub seq: EventSeq,
    /// The job it is about.
    pub job: JobId,
    /// The event's kind.
    pub kind: String,
    /// The event's data.
    pub data: Value,
    /// When it happened.
    pub at: Timestamp,
    /// Which try the next one is, from 1; to be shown when it is settled.
    pub attempt: u32,
    /// How many tries there were before a person asked for another; limits
    /// count from there.
    pub attempts_before_retry: u32,
}

/// A delivery as people see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The notifier.
    pub notifier: String,
    /// The event to tell of.
    pub seq: EventSeq,
    /// The job it is about.
    pub job: JobId,
    /// The event's kind.
    pub kind: String,
    /// Where it stands.
    pub state: MessageState,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next, at the earliest.
    pub not_before: Option<Timestamp>,
    /// Why the last try failed, or why it was dropped.
    pub error: Option<String>,
    /// What the other side calls it, once it was delivered.
    pub receipt: Option<String>,
    /// When it was delivered or dropped.
    pub settled_at: Option<Timestamp>,
}

/// Where a message to people goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatPlace {
    /// The chat source.
    pub source: String,
    /// The chat, as the service names it.
    pub chat: String,
    /// A thread or topic of that chat; none for its main one.
    pub thread: Option<String>,
}

/// A message that a plugin sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatMessage {
    /// Its number, as the plugin knows it.
    pub number: ChatNumber,
    /// The plugin.
    pub plugin: String,
    /// Where it went.
    pub place: ChatPlace,
    /// What the service calls it; none until it was sent.
    pub service_id: Option<String>,
}

/// Something that a chat source has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatTask {
    /// Its place in the queue; never used twice.
    pub id: u64,
    /// The plugin that asked for it.
    pub plugin: String,
    /// What.
    pub action: ChatAction,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next, at the earliest.
    pub not_before: Timestamp,
}

/// What a chat source has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChatAction {
    /// Send this as that message.
    Send(ChatMessage, Value),
    /// Give that message this content.
    Edit(ChatMessage, Value),
    /// Take that message away.
    Remove(ChatMessage),
    /// Tell the one who pressed a button that it was seen.
    Ack {
        /// The service's id of the press.
        interaction: String,
        /// A note to show.
        text: Option<String>,
    },
}
