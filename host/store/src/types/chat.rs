//! What goes out to chats.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sortie_model::clock::Timestamp;
use sortie_model::id::{ApprovalId, ChatNumber};
use sortie_model::people::Class;

/// Where a message to people goes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
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

/// The kind of something that a chat source has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChatKindOfTask {
    /// Send a message.
    Send,
    /// Give a message other contents.
    Edit,
    /// Take a message away.
    Remove,
    /// Tell the one who pressed a button that it was seen.
    Ack,
    /// Pin a message, or unpin it.
    Pin,
}

impl ChatKindOfTask {
    /// The stable name, as stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::Edit => "edit",
            Self::Remove => "remove",
            Self::Ack => "ack",
            Self::Pin => "pin",
        }
    }

    /// The kind of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Send, Self::Edit, Self::Remove, Self::Ack, Self::Pin]
            .into_iter()
            .find(|kind| kind.as_str() == name)
    }
}

/// Something that a chat source has to do, without what it says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChatHead {
    /// Its place in the queue; never used twice.
    pub id: u64,
    /// The plugin that asked for it.
    pub plugin: String,
    /// What.
    pub kind: ChatKindOfTask,
    /// The message; none for an acknowledgement.
    pub number: Option<ChatNumber>,
    /// Where the message is or goes.
    pub place: Option<ChatPlace>,
    /// What it is to the one who reads it.
    pub class: Class,
    /// The project of the job that it tells of.
    pub project: Option<String>,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next, at the earliest.
    pub not_before: Timestamp,
    /// When it was asked for.
    pub queued_at: Timestamp,
    /// Whether it may have been done already by a host that died, or by this one
    /// in a try before.
    pub begun: bool,
}

/// Something that a chat source has to do, with what it says now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatTask {
    /// Its place in the queue.
    pub id: u64,
    /// The plugin that asked for it.
    pub plugin: String,
    /// What.
    pub action: ChatAction,
    /// What it is to the one who reads it: newer contents may weigh more.
    pub class: Class,
    /// Which contents these are; to be shown when it was done.
    pub revision: u64,
    /// The highest message number of the chat before it was begun, or before it
    /// was queued where that is its permit: it may be sent without being begun.
    pub floor: Option<i64>,
    /// Whether it was begun.
    pub begun: bool,
    /// The token of each action of the message's buttons.
    pub buttons: Vec<(String, String)>,
    /// What the service calls the message that it answers; none when it answers
    /// none, or one that was not sent.
    pub reply_to: Option<String>,
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
    /// Pin that message, or unpin it.
    Pin(ChatMessage, bool),
    /// Tell the one who pressed a button that it was seen.
    Ack {
        /// The service's id of the press.
        interaction: String,
        /// A note to show.
        text: Option<String>,
    },
}

/// A button of a message, as its token finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Button {
    /// The plugin whose message it is.
    pub plugin: String,
    /// The message.
    pub number: ChatNumber,
    /// The chat source.
    pub source: String,
    /// The chat.
    pub chat: String,
    /// What the service calls the message.
    pub service_id: Option<String>,
    /// What the plugin hears.
    pub action: String,
    /// The question that it answers, if it is one's.
    pub approval: Option<ApprovalId>,
    /// Whether that question is open; true when it answers none.
    pub is_open: bool,
    /// Until when it counts.
    pub expires_at: Timestamp,
    /// Who used it, or another button of the same message.
    pub used_by: Option<String>,
}
