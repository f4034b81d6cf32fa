//! People, their chats and the chat source, as clients see them.

use super::moment;
use serde::{Deserialize, Serialize};
use sortie_model::people::time_of_day;
use sortie_store::{ChatHead, ChatRow, Pause, Person};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Who may speak to the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PersonList {
    /// The people.
    pub people: Vec<PersonView>,
}

/// A person who may speak to the host through a source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PersonView {
    /// Its number.
    pub id: u64,
    /// The source.
    #[schema(example = "telegram")]
    pub source: String,
    /// What the service calls the person.
    #[schema(example = "123456789")]
    pub user: String,
    /// The name that people see.
    pub name: String,
    /// `viewer`, `requester`, `approver` or `owner`.
    #[schema(example = "approver")]
    pub role: String,
    /// Who let the person in.
    pub added_by: String,
    /// When (RFC 3339).
    #[schema(format = DateTime)]
    pub added_at: String,
}

/// A person to be let in, or with another role from now on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PersonBody {
    /// The source.
    #[schema(example = "telegram")]
    pub source: String,
    /// What the service calls the person; it never changes, as a name may.
    #[schema(example = "123456789")]
    pub user: String,
    /// `viewer`, `requester`, `approver` or `owner`.
    #[schema(example = "approver")]
    pub role: String,
    /// The name that people see; when left out, the one that the person has, or
    /// else the service's own id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// The chats of a source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChatList {
    /// The chats.
    pub chats: Vec<ChatView>,
}

/// What is known of a chat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChatView {
    /// What the service calls it.
    pub chat: String,
    /// `private`, `group`, `supergroup` or `channel`.
    pub kind: String,
    /// The title that people see.
    pub title: String,
    /// Whether people may speak to the host there.
    pub admitted: bool,
    /// Whether it is told nothing either: somebody shut it, or removed the person
    /// whose it is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shut: bool,
    /// How much it hears: `all`, `results`, `questions` or `none`.
    #[schema(example = "all")]
    pub level: String,
    /// How much it hears of projects, where that differs.
    pub levels: BTreeMap<String, String>,
    /// When it hears questions and replies alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiet: Option<QuietView>,
    /// Why nothing can be sent there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone: Option<String>,
    /// The chat that it became.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved_to: Option<String>,
}

/// Hours of the day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QuietView {
    /// From when.
    #[schema(example = "22:00")]
    pub from: String,
    /// Until when; before the beginning it is of the next day.
    #[schema(example = "07:00")]
    pub to: String,
    /// The IANA name of the zone whose clock they mean.
    #[schema(example = "Europe/Berlin")]
    pub time_zone: String,
}

/// What is to change about a chat; what is left out stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChatBody {
    /// Whether people may speak to the host there; with false it is told nothing
    /// either.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admitted: Option<bool>,
    /// How much it hears: `all`, `results`, `questions` or `none`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
    /// A project of which it hears another amount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// How much of that project; as much as of the others when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_level: Option<String>,
    /// When it hears questions and replies alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiet: Option<QuietView>,
    /// With true, no hours are quiet from now on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub no_quiet: bool,
}

/// Whether new runs begin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IntakeView {
    /// Why none does; none when they do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<PauseView>,
    /// Whether the request changed that; false for one that only looked.
    pub changed: bool,
}

/// A pause of the intake. Jobs are taken in and wait.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PauseView {
    /// Who said so.
    pub by: String,
    /// Through which door.
    pub via: String,
    /// The reason, if one was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Since when (RFC 3339).
    #[schema(format = DateTime)]
    pub at: String,
}

/// What may go with a pause.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PauseBody {
    /// The reason, for whoever asks why nothing begins; at most 4 KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// A bot to be set up. What is left out stays as an earlier set-up said it, or
/// else as the configuration says. It has no text form, so that its token is in
/// no log.
#[derive(Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TelegramBody {
    /// Its token, as @BotFather gives it.
    pub token: String,
    /// Where the Bot API is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_url: Option<String>,
    /// `poll` or `webhook`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// Where Telegram reaches this host, for `webhook`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook_url: Option<String>,
    /// With true, Telegram is asked whose the token is, and nothing is kept.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub only_ask: bool,
}

/// How the chat source is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TelegramView {
    /// `off` without a token, `connecting`, `up`, `nobody-hears` when its
    /// connector does not run, `conflict` when another host polls with the same
    /// token, `refused`, or `unreachable`.
    #[schema(example = "up")]
    pub state: String,
    /// The bot, when it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bot: Option<BotView>,
    /// How updates come: `poll` or `webhook`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// More about the state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// The bot that a token belongs to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BotView {
    /// Its number.
    pub id: u64,
    /// Its name in links, without the `@`.
    pub username: String,
    /// Its name.
    pub name: String,
}

/// Whom a pairing code lets in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PairingBody {
    /// `viewer`, `requester`, `approver` or `owner`; `owner` unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
}

/// A code for the first who sends it to the bot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PairingView {
    /// The code.
    pub code: String,
    /// A link that sends it.
    pub link: String,
    /// What it makes of the one who sends it.
    pub role: String,
    /// Until when it holds (RFC 3339).
    #[schema(format = DateTime)]
    pub expires_at: String,
}

/// Messages that could not be sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ParkedList {
    /// The oldest first.
    pub parked: Vec<ParkedView>,
}

/// A message, or something about one, that could not be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ParkedView {
    /// Its number.
    pub id: u64,
    /// The plugin that asked for it.
    pub plugin: String,
    /// `send`, `edit`, `remove`, `pin` or `ack`.
    pub kind: String,
    /// The chat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat: Option<String>,
    /// `reply`, `question`, `result`, `report` or `progress`.
    pub class: String,
    /// The project of the job that it tells of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was asked for (RFC 3339).
    #[schema(format = DateTime)]
    pub queued_at: String,
    /// Why it could not be done.
    pub error: String,
}

impl From<Person> for PersonView {
    fn from(person: Person) -> Self {
        Self {
            id: person.id,
            source: person.source,
            user: person.user,
            name: person.name,
            role: person.role.as_str().to_owned(),
            added_by: person.added_by,
            added_at: moment(person.added_at),
        }
    }
}

impl From<ChatRow> for ChatView {
    fn from(row: ChatRow) -> Self {
        Self {
            chat: row.chat,
            kind: row.kind.as_str().to_owned(),
            title: row.title,
            admitted: row.admitted,
            shut: row.shut,
            level: row.level.as_str().to_owned(),
            levels: row
                .levels
                .into_iter()
                .map(|(project, level)| (project, level.as_str().to_owned()))
                .collect(),
            quiet: row.quiet.map(|quiet| QuietView {
                from: time_of_day(quiet.from_min),
                to: time_of_day(quiet.to_min),
                time_zone: quiet.time_zone,
            }),
            gone: row.gone,
            moved_to: row.moved_to,
        }
    }
}

impl From<Pause> for PauseView {
    fn from(pause: Pause) -> Self {
        Self {
            by: pause.by,
            via: pause.via,
            why: pause.why,
            at: moment(pause.at),
        }
    }
}

impl From<(ChatHead, String)> for ParkedView {
    fn from((head, error): (ChatHead, String)) -> Self {
        Self {
            id: head.id,
            plugin: head.plugin,
            kind: head.kind.as_str().to_owned(),
            chat: head.place.map(|place| place.chat),
            class: head.class.as_str().to_owned(),
            project: head.project,
            attempts: head.attempts,
            queued_at: moment(head.queued_at),
            error,
        }
    }
}
