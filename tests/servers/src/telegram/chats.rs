//! A chat and its messages, and how the service shows them.

use super::state::Shown;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// One message.
pub(crate) struct Message {
    /// Without markup.
    pub(crate) text: String,
    /// As it was sent, to tell an equal edit.
    pub(crate) raw: String,
    pub(crate) is_own: bool,
    pub(crate) is_file: bool,
    pub(crate) markup: Value,
    pub(crate) reply_to: Option<i64>,
    pub(crate) pinned: bool,
    pub(crate) edits: u32,
}

impl Message {
    /// What its buttons say and carry.
    pub(crate) fn buttons(&self) -> Vec<(String, String)> {
        buttons(&self.markup)
    }
}

/// What the buttons of a keyboard say and carry.
pub(crate) fn buttons(markup: &Value) -> Vec<(String, String)> {
    let rows = markup["inline_keyboard"].as_array().into_iter().flatten();
    let buttons = rows.filter_map(Value::as_array).flatten();
    let text = |button: &Value, key: &str| button[key].as_str().unwrap_or_default().to_owned();
    buttons
        .map(|button| (text(button, "text"), text(button, "callback_data")))
        .collect()
}

/// One chat.
pub(crate) struct Chat {
    id: i64,
    pub(crate) kind: &'static str,
    pub(crate) blocked: bool,
    pub(crate) deleted: bool,
    pub(crate) migrated_to: Option<i64>,
    /// Of a supergroup's own message ids.
    pub(crate) counter: i64,
    pub(crate) messages: BTreeMap<i64, Message>,
}

impl Chat {
    pub(crate) fn new(id: i64) -> Self {
        Self {
            id,
            kind: match id < 0 {
                true => "group",
                false => "private",
            },
            blocked: false,
            deleted: false,
            migrated_to: None,
            counter: 0,
            messages: BTreeMap::new(),
        }
    }

    pub(crate) fn add(
        &mut self,
        id: i64,
        text: &str,
        is_own: bool,
        reply_to: Option<i64>,
    ) -> &mut Message {
        let message = Message {
            text: text.to_owned(),
            raw: text.to_owned(),
            is_own,
            is_file: false,
            markup: Value::Null,
            reply_to,
            pinned: false,
            edits: 0,
        };
        self.messages.entry(id).insert_entry(message).into_mut()
    }

    /// The chat as an object of the API.
    pub(crate) fn view(&self) -> Value {
        match self.kind {
            "private" => {
                json!({ "id": self.id, "type": "private", "first_name": format!("User {}", self.id) })
            }
            kind => json!({ "id": self.id, "type": kind, "title": format!("Group {}", self.id) }),
        }
    }

    /// A message as an object of the API; of one that is gone, its id alone.
    pub(crate) fn message(&self, id: i64) -> Value {
        let mut view = json!({ "message_id": id, "date": 1_760_000_000, "chat": self.view() });
        let Some(message) = self.messages.get(&id) else {
            // An inaccessible message has the date 0.
            view["date"] = json!(0);
            return view;
        };
        if message.is_own {
            view["from"] = super::me();
        }
        match message.is_file {
            true => {
                view["caption"] = json!(message.text);
                view["document"] = json!({
                    "file_id": format!("file-{id}"), "file_unique_id": format!("u{id}"), "file_size": 1,
                });
            }
            false => view["text"] = json!(message.text),
        }
        if message.edits > 0 {
            view["edit_date"] = json!(1_760_000_001);
        }
        if message.markup.is_object() {
            view["reply_markup"] = message.markup.clone();
        }
        if let Some(to) = message.reply_to.filter(|to| self.messages.contains_key(to)) {
            let mut answered = self.message(to);
            if let Some(fields) = answered.as_object_mut() {
                fields.remove("reply_to_message");
            }
            view["reply_to_message"] = answered;
        }
        view
    }

    pub(crate) fn shown(&self) -> Vec<Shown> {
        let shown = self.messages.iter().map(|(&id, message)| Shown {
            id,
            is_own: message.is_own,
            text: message.text.clone(),
            buttons: message.buttons(),
            reply_to: message.reply_to,
            pinned: message.pinned,
            edits: message.edits,
        });
        shown.collect()
    }
}
