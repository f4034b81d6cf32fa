//! What the service knows: chats with their messages, updates that wait, and
//! what was seen of the bot. Changes only; nothing here waits.

use super::Fault;
use super::chats::Chat;
use super::limits::Meter;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Instant;

/// A message the bot made, as it was at first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Created {
    /// Its chat.
    pub chat: i64,
    /// Its id there.
    pub id: i64,
    /// What it showed, without markup.
    pub text: String,
}

/// A message as it is shown now.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// Its id.
    pub id: i64,
    /// Whether the bot made it.
    pub is_own: bool,
    /// Without markup.
    pub text: String,
    /// What its buttons say and carry.
    pub buttons: Vec<(String, String)>,
    /// The message it answers.
    pub reply_to: Option<i64>,
    /// Whether it is pinned.
    pub pinned: bool,
    /// How often it was changed.
    pub edits: u32,
}

/// A file that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Its chat.
    pub chat: i64,
    /// What it is called.
    pub name: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// Where updates are sent instead of being asked for.
pub(crate) struct Webhook {
    pub(crate) url: String,
    /// What the one who sends them shows.
    pub(crate) secret: String,
}

pub(crate) struct State {
    pub(crate) token: String,
    pub(crate) chats: BTreeMap<i64, Chat>,
    /// Private chats and groups share one counter of message ids.
    counter: i64,
    next_update: i64,
    pub(crate) waiting: VecDeque<(i64, Value)>,
    confirmed: HashMap<i64, Value>,
    /// Which request for updates is the newest; older ones end.
    pub(crate) poll: u64,
    pub(crate) webhook: Option<Webhook>,
    /// Presses that were not answered yet, and when they were made.
    pub(crate) presses: HashMap<String, Instant>,
    next_press: u64,
    pub(crate) faults: HashMap<String, VecDeque<Fault>>,
    pub(crate) down: bool,
    pub(crate) limits: Meter,
    pub(crate) created: Vec<Created>,
    pub(crate) notes: Vec<(String, String)>,
    pub(crate) documents: Vec<Document>,
    pub(crate) commands: Value,
    pub(crate) moments: Vec<String>,
}

impl State {
    pub(crate) fn new(token: &str) -> Self {
        Self {
            token: token.to_owned(),
            chats: BTreeMap::new(),
            counter: 0,
            next_update: 1_000,
            waiting: VecDeque::new(),
            confirmed: HashMap::new(),
            poll: 0,
            webhook: None,
            presses: HashMap::new(),
            next_press: 1,
            faults: HashMap::new(),
            down: false,
            limits: Meter::default(),
            created: Vec::new(),
            notes: Vec::new(),
            documents: Vec::new(),
            commands: json!([]),
            moments: Vec::new(),
        }
    }

    /// A chat; a private one when it was not made before.
    pub(crate) fn chat(&mut self, id: i64) -> &mut Chat {
        self.chats.entry(id).or_insert_with(|| Chat::new(id))
    }

    pub(crate) fn group(&mut self, id: i64, is_super: bool) {
        let chat = self.chat(id);
        chat.kind = match is_super {
            true => "supergroup",
            false => "group",
        };
    }

    pub(crate) fn migrate(&mut self, from: i64, to: i64) {
        self.chat(from).migrated_to = Some(to);
        self.group(to, true);
        let id = self.next_id(from);
        let chat = self.chat(from).view();
        let message = json!({
            "message_id": id, "date": 1_760_000_000, "chat": chat, "migrate_to_chat_id": to,
        });
        self.update(json!({ "message": message }));
    }

    /// The id of the next message of a chat.
    pub(crate) fn next_id(&mut self, chat: i64) -> i64 {
        let chat = self.chat(chat);
        if chat.kind == "supergroup" {
            chat.counter += 1;
            return chat.counter;
        }
        self.counter += 1;
        self.counter
    }

    pub(crate) fn said(&mut self, chat: i64, user: i64, text: &str, to: Option<i64>) -> i64 {
        let id = self.next_id(chat);
        let known = self.chat(chat);
        known.add(id, text, false, to);
        let mut message = known.message(id);
        message["from"] = person(user);
        if let Some(entities) = entities(text) {
            message["entities"] = entities;
        }
        self.update(json!({ "message": message }));
        id
    }

    /// The data of the button that says so.
    pub(crate) fn button(&mut self, chat: i64, message: i64, label: &str) -> Option<String> {
        let message = self.chat(chat).messages.get(&message)?;
        let mut buttons = message.buttons().into_iter();
        buttons
            .find(|(known, _)| known == label)
            .map(|(_, data)| data)
    }

    pub(crate) fn pressed(&mut self, chat: i64, user: i64, message: i64, data: &str) -> String {
        let id = format!("{}", 4_000_000_000_000_u64 + self.next_press);
        self.next_press += 1;
        self.presses.insert(id.clone(), Instant::now());
        let message = self.chat(chat).message(message);
        self.update(json!({ "callback_query": {
            "id": id, "from": person(user), "message": message,
            "chat_instance": "1", "data": data,
        } }));
        id
    }

    pub(crate) fn update(&mut self, mut update: Value) -> i64 {
        let id = update["update_id"].as_i64().unwrap_or(self.next_update);
        self.next_update = self.next_update.max(id) + 1;
        update["update_id"] = json!(id);
        self.waiting.push_back((id, update));
        id
    }

    /// Updates below the offset are confirmed and come no more.
    pub(crate) fn confirm(&mut self, offset: i64) {
        while self.waiting.front().is_some_and(|(id, _)| *id < offset) {
            if let Some((id, update)) = self.waiting.pop_front() {
                self.confirmed.insert(id, update);
            }
        }
    }

    pub(crate) fn replay(&mut self, id: i64) {
        if let Some(update) = self.confirmed.get(&id).cloned() {
            self.waiting.push_front((id, update));
        }
    }

    pub(crate) fn fail(&mut self, method: &str, faults: impl IntoIterator<Item = Fault>) {
        let known = self.faults.entry(method.to_lowercase()).or_default();
        known.extend(faults);
    }

    /// What goes wrong with this request.
    pub(crate) fn fault(&mut self, method: &str) -> Option<Fault> {
        let mut of = |name: &str| self.faults.get_mut(name)?.pop_front();
        of(method).or_else(|| of("*"))
    }

    pub(crate) fn moment(&mut self, what: &str, name: &str) {
        self.moments.push(format!("{what} {name}"));
    }

    pub(crate) fn shown(&self, chat: i64) -> Vec<Shown> {
        self.chats.get(&chat).map(Chat::shown).unwrap_or_default()
    }

    /// What passed the limits, and texts that a chat got twice.
    pub(crate) fn violations(&self) -> Vec<String> {
        let mut all = self.limits.passed.clone();
        for (at, one) in self.created.iter().enumerate() {
            let same = |other: &Created| other.chat == one.chat && other.text == one.text;
            if self.created[..at].iter().any(same) {
                all.push(format!("twice in chat {}: {}", one.chat, one.text));
            }
        }
        all
    }
}

/// A user as an object of the API.
pub(crate) fn person(id: i64) -> Value {
    json!({ "id": id, "is_bot": false, "first_name": format!("User {id}") })
}

/// The entities of a command, which is its first word.
pub(crate) fn entities(text: &str) -> Option<Value> {
    let word = text.split_whitespace().next()?;
    let length = word.encode_utf16().count();
    text.starts_with('/')
        .then(|| json!([{ "type": "bot_command", "offset": 0, "length": length }]))
}
