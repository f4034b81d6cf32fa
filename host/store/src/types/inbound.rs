//! What comes in for plugins.

use super::people::SeenMessage;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sortie_model::clock::Timestamp;
use sortie_model::id::PluginEventId;

/// Where a message stands, one that came in or one that goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageState {
    /// It waits for its turn, or for its next try.
    Pending,
    /// It was handled, or delivered.
    Done,
    /// It failed for good; a person has it tried again or drops it.
    Parked,
    /// A person dropped it, or its plugin was removed.
    Dropped,
}

impl MessageState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Done, Self::Parked, Self::Dropped];

    /// The stable name, as stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Done => "done",
            Self::Parked => "parked",
            Self::Dropped => "dropped",
        }
    }

    /// The state of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

/// What makes a repeated delivery the same one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliveryKey {
    /// SHA-256 over the sender's id of the delivery, or over its content.
    pub hash: [u8; 32],
    /// For how long it is remembered, in milliseconds; none for as long as
    /// the event's row is kept.
    pub window_ms: Option<u32>,
}

/// An event, verified and about to be taken in or handled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPluginEvent {
    /// Its number, from [`Store::reserve_event_id`](crate::Store::reserve_event_id).
    pub id: PluginEventId,
    /// The plugin.
    pub plugin: String,
    /// The source, by its name in the plugin's manifest.
    pub source: String,
    /// Whether it waits until those of its source that came before are settled
    /// or parked; otherwise they are handled side by side.
    pub in_line: bool,
    /// What makes a repetition of it the same event; none when it cannot be
    /// repeated.
    pub delivery: Option<DeliveryKey>,
    /// Who sent it, as verified.
    pub sender: Option<Value>,
    /// What it says, as the intake writes it.
    pub payload: Vec<u8>,
    /// Where the source stands after it, such as a timer's tick; none for a
    /// source that keeps no place.
    pub cursor: Option<Value>,
    /// The message that it brought, when it came from a chat.
    pub seen: Option<SeenMessage>,
}

/// What became of an event that came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// It is on disk and waits for its turn.
    New(PluginEventId),
    /// It was there before; nothing changed.
    Duplicate(PluginEventId, MessageState),
}

/// An event whose turn it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueEvent {
    /// Its number.
    pub id: PluginEventId,
    /// The plugin.
    pub plugin: String,
    /// The source.
    pub source: String,
    /// Who sent it, as verified.
    pub sender: Option<Value>,
    /// What it says.
    pub payload: Vec<u8>,
    /// Which try the next one is, from 1; to be shown when it is settled.
    pub attempt: u32,
    /// How many tries there were before a person asked for another; limits
    /// count from there.
    pub attempts_before_retry: u32,
    /// When it came in.
    pub received_at: Timestamp,
}

/// An event as people see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginEvent {
    /// Its number.
    pub id: PluginEventId,
    /// The plugin.
    pub plugin: String,
    /// The source.
    pub source: String,
    /// Where it stands.
    pub state: MessageState,
    /// Who sent it; kept until it is settled.
    pub sender: Option<Value>,
    /// Size of what it says in bytes; 0 when that is no longer kept.
    pub payload_bytes: u64,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next, at the earliest.
    pub not_before: Option<Timestamp>,
    /// Why the last try failed, or why it was dropped.
    pub error: Option<String>,
    /// When it came in.
    pub received_at: Timestamp,
    /// When it was handled or dropped.
    pub settled_at: Option<Timestamp>,
}

/// Which events to list. The default lists the newest of all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PluginEventFilter {
    /// Only of this plugin.
    pub plugin: Option<String>,
    /// Only in this state.
    pub state: Option<MessageState>,
    /// Only older ones than this one: the last of the page before.
    pub before: Option<PluginEventId>,
    /// At most so many; 0 for the largest page, see
    /// [`MAX_PAGE`](crate::limits::MAX_PAGE).
    pub limit: u32,
}

/// What follows a failed try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// Another one, not before that time.
    At(Timestamp),
    /// None until a person asks for it.
    Park,
}
