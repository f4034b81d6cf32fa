//! What connectors are told and what they answer.

use serde::{Deserialize, Serialize};

use super::{check_bytes, check_count, nonsense, quote};
use crate::{
    bindings::connector::sortie::connector::events as wit,
    error::{At, PluginError},
    outside::Header,
};

/// The most header fields of a reply.
pub const MAX_REPLY_HEADERS: usize = 32;
/// The most bytes of all header fields of a reply together; what servers
/// usually take in a request.
pub const MAX_REPLY_FIELD_BYTES: usize = 16 << 10;
/// The largest body of a reply in bytes.
pub const MAX_REPLY_BYTES: usize = 64 << 10;
/// The longest reason of a refusal in bytes; longer ones are cut.
const MAX_REASON_BYTES: usize = 1_000;

/// Who did it, as the host verified it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sender {
    /// The service's stable id.
    pub id: String,
    /// A name to show.
    pub name: String,
    /// Whether the operator lists it as an owner of the source.
    pub owner: bool,
}

/// Where something was said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The chat.
    pub chat: String,
    /// A thread of that chat.
    pub thread: Option<String>,
    /// Whether only the sender and the bot are there.
    pub private: bool,
}

/// What happened. The stored form of an event's contents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Payload {
    /// A request to an `http` source.
    Http {
        /// Method in capitals.
        method: String,
        /// Path below the source's own.
        path: String,
        /// Query without the question mark.
        query: String,
        /// Head without signatures and tokens.
        headers: Vec<Header>,
        /// Body.
        #[serde(with = "bytes_as_base64")]
        body: Vec<u8>,
    },
    /// A tick of a `timer` source.
    Tick {
        /// When it was due, in milliseconds since 1970 UTC.
        due_at_ms: u64,
        /// Ticks before this one that are not delivered.
        missed: u32,
    },
    /// Someone said something.
    Message {
        /// Where.
        place: Place,
        /// The service's id of the message.
        message: String,
        /// What was said.
        text: String,
        /// The message it answers.
        reply_to: Option<String>,
        /// The plugin's number of that message.
        reply_to_number: Option<u64>,
        /// Whether it replaces an older text.
        edited: bool,
    },
    /// Someone pressed a button.
    Press {
        /// Where.
        place: Place,
        /// Id to acknowledge it by.
        interaction: String,
        /// The number of the plugin's message.
        number: Option<u64>,
        /// The button's action.
        action: String,
    },
    /// Something newer than the plugin.
    Other {
        /// What, as JSON.
        json: String,
    },
}

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The host's number of it.
    pub id: u64,
    /// Name of the source.
    pub source: String,
    /// When it arrived, in milliseconds since 1970 UTC.
    pub received_at_ms: u64,
    /// Which try this is, from 1.
    pub attempt: u32,
    /// Who did it.
    pub sender: Option<Sender>,
    /// What happened.
    pub payload: Payload,
}

/// What an `http` source answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// 200 to 299 or 400 to 499.
    pub status: u16,
    /// At most [`MAX_REPLY_HEADERS`], of [`MAX_REPLY_FIELD_BYTES`] together;
    /// each fit for a response.
    pub headers: Vec<Header>,
    /// At most [`MAX_REPLY_BYTES`].
    pub body: Vec<u8>,
}

impl From<Event> for wit::Event {
    fn from(event: Event) -> Self {
        Self {
            id: event.id,
            source: event.source,
            received_at_ms: event.received_at_ms,
            attempt: event.attempt,
            sender: event.sender.map(|sender| wit::Sender {
                id: sender.id,
                name: sender.name,
                owner: sender.owner,
            }),
            payload: event.payload.into(),
        }
    }
}

impl From<Place> for wit::ChatPlace {
    fn from(place: Place) -> Self {
        Self {
            chat: place.chat,
            thread: place.thread,
            private: place.private,
        }
    }
}

impl From<Payload> for wit::Payload {
    fn from(payload: Payload) -> Self {
        match payload {
            Payload::Http {
                method,
                path,
                query,
                headers,
                body,
            } => Self::Http(wit::HttpRequest {
                method,
                path,
                query,
                headers: headers
                    .into_iter()
                    .map(|header| wit::Header {
                        name: header.name,
                        value: header.value,
                    })
                    .collect(),
                body,
            }),
            Payload::Tick { due_at_ms, missed } => Self::Tick(wit::Tick { due_at_ms, missed }),
            Payload::Message {
                place,
                message,
                text,
                reply_to,
                reply_to_number,
                edited,
            } => Self::Message(wit::ChatMessage {
                place: place.into(),
                message,
                text,
                reply_to,
                reply_to_number,
                edited,
            }),
            Payload::Press {
                place,
                interaction,
                number,
                action,
            } => Self::Press(wit::ChatPress {
                place: place.into(),
                interaction,
                number,
                action,
            }),
            Payload::Other { json } => Self::Other(json),
        }
    }
}

pub(crate) fn reply(
    at: &At,
    answer: Result<Option<wit::Reply>, String>,
) -> Result<Option<Reply>, PluginError> {
    let reply = answer.map_err(|reason| PluginError::Refused {
        at: at.clone(),
        reason: super::cut_to(reason, MAX_REASON_BYTES),
    })?;
    let Some(reply) = reply else { return Ok(None) };
    if !matches!(reply.status, 200..=299 | 400..=499) {
        return Err(nonsense(
            at,
            format!(
                "a reply with status {}; 200 to 299 and 400 to 499 are allowed",
                reply.status
            ),
        ));
    }
    check_count(
        at,
        "headers of a reply",
        reply.headers.len(),
        MAX_REPLY_HEADERS,
    )?;
    let fields = reply.headers.iter().map(|h| h.name.len() + h.value.len());
    check_bytes(at, "header of a reply", fields.sum(), MAX_REPLY_FIELD_BYTES)?;
    if let Some(header) = reply.headers.iter().find(|header| !is_field(header)) {
        return Err(nonsense(
            at,
            format!(
                "a reply with the header field {}, which no response can have",
                quote(&header.name)
            ),
        ));
    }
    check_bytes(at, "body of a reply", reply.body.len(), MAX_REPLY_BYTES)?;
    Ok(Some(Reply {
        status: reply.status,
        headers: reply
            .headers
            .into_iter()
            .map(|header| Header {
                name: header.name,
                value: header.value,
            })
            .collect(),
        body: reply.body,
    }))
}

/// A line break in either part would begin another field, or the body.
fn is_field(header: &wit::Header) -> bool {
    http::HeaderName::from_bytes(header.name.as_bytes()).is_ok()
        && http::HeaderValue::from_str(&header.value).is_ok()
}

/// Bodies are bytes, and JSON has none.
mod bytes_as_base64 {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(from)?;
        STANDARD.decode(text).map_err(D::Error::custom)
    }
}
