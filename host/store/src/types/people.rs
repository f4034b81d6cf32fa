//! People, and the chats they speak in.

use serde::{Deserialize, Serialize};
use sortie_model::clock::Timestamp;
use sortie_model::people::{Level, Quiet, Role};
use std::collections::BTreeMap;

/// A person who may speak to the host through a source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Its number.
    pub id: u64,
    /// The source, such as `telegram`.
    pub source: String,
    /// What the service calls the person; it never changes.
    pub user: String,
    /// The name that people see.
    pub name: String,
    /// What the person is trusted with.
    pub role: Role,
    /// Who let the person in.
    pub added_by: String,
    /// When.
    pub added_at: Timestamp,
}

/// A person to be let in, or with another role from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPerson {
    /// The source.
    pub source: String,
    /// What the service calls the person.
    pub user: String,
    /// The name that people see; none for the one that the person has, or else
    /// what the service calls them.
    pub name: Option<String>,
    /// What the person is trusted with.
    pub role: Role,
}

/// What a chat is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChatKind {
    /// With one person.
    Private,
    /// With several.
    Group,
    /// With many; it has message numbers of its own.
    Supergroup,
    /// From one to many.
    Channel,
}

impl ChatKind {
    /// The stable name, as stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Group => "group",
            Self::Supergroup => "supergroup",
            Self::Channel => "channel",
        }
    }

    /// The kind of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Private, Self::Group, Self::Supergroup, Self::Channel]
            .into_iter()
            .find(|kind| kind.as_str() == name)
    }
}

/// What is known of a chat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatRow {
    /// The source.
    pub source: String,
    /// What the service calls it.
    pub chat: String,
    /// What it is.
    pub kind: ChatKind,
    /// The title that people see.
    pub title: String,
    /// Whether people may speak to the host there.
    pub admitted: bool,
    /// Whether it is told nothing either: somebody shut it, or it is of somebody
    /// who is on the list no more.
    pub shut: bool,
    /// How much it hears.
    pub level: Level,
    /// How much it hears of a project, where that is less.
    pub levels: BTreeMap<String, Level>,
    /// When it hears less.
    pub quiet: Option<Quiet>,
    /// The highest message number that was seen there; 0 before the first.
    pub newest_message: i64,
    /// Why nothing can be sent there.
    pub gone: Option<String>,
    /// The chat that it became.
    pub moved_to: Option<String>,
}

/// What is to change about a chat; what is none stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChatChange {
    /// Whether people may speak to the host there. With false it is shut, and
    /// told nothing either.
    pub admitted: Option<bool>,
    /// How much it hears.
    pub level: Option<Level>,
    /// How much it hears of a project; as much as of the others when none.
    pub project: Option<(String, Option<Level>)>,
    /// When it hears less.
    pub quiet: Option<Option<Quiet>>,
    /// What it is.
    pub kind: Option<ChatKind>,
    /// The title that people see.
    pub title: Option<String>,
}

/// A message that came from a chat, or was seen in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenMessage {
    /// What the service calls the chat.
    pub chat: String,
    /// What it is.
    pub kind: ChatKind,
    /// Its title.
    pub title: String,
    /// The message's number; 0 when it has none.
    pub id: i64,
}

/// What became of a code that was sent to pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pairing {
    /// It was the right one: this person is let in.
    Paired(Person),
    /// The same person sent it before.
    Again(Person),
    /// It is none of those that are open.
    Wrong,
    /// None is open.
    NoneOpen,
}
