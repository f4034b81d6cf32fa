//! What each method does, once the service lets it.

use super::answer::Refusal;
use super::html;
use super::state::{Created, Document, State, Webhook};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// How long a press can be answered.
const PRESS_TIME: Duration = Duration::from_secs(15);

/// The longest text, and the longest caption, in UTF-16 units.
const TEXT_UNITS: usize = 4_096;
const CAPTION_UNITS: usize = 1_024;

/// A request: its fields, and the file it carries.
pub(crate) struct Request {
    pub(crate) fields: Value,
    pub(crate) file: Option<(String, Vec<u8>)>,
}

impl Request {
    pub(crate) fn text(&self, key: &str) -> &str {
        self.fields[key].as_str().unwrap_or_default()
    }

    /// A number, also one written as a text.
    pub(crate) fn number(&self, key: &str) -> Option<i64> {
        number(&self.fields[key])
    }

    /// An object, also one written as a text, as forms do.
    pub(crate) fn object(&self, key: &str) -> Value {
        match &self.fields[key] {
            Value::String(text) => serde_json::from_str(text).unwrap_or_default(),
            value => value.clone(),
        }
    }
}

/// A number, also one written as a text.
pub(crate) fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

/// Does one request; `getUpdates` is not among them, because it waits.
pub(crate) fn call(state: &mut State, method: &str, request: &Request) -> Result<Value, Refusal> {
    match method {
        "getme" => Ok(super::me()),
        "setwebhook" => {
            let url = request.text("url");
            state.webhook = (!url.is_empty()).then(|| Webhook {
                url: url.to_owned(),
                secret: request.text("secret_token").to_owned(),
            });
            Ok(json!(true))
        }
        "deletewebhook" => {
            state.webhook = None;
            Ok(json!(true))
        }
        "setmycommands" => {
            state.commands = request.object("commands");
            Ok(json!(true))
        }
        "answercallbackquery" => answer_press(state, request),
        "sendmessage" | "senddocument" => send(state, method, request),
        "editmessagetext" | "editmessagecaption" => edit(state, method, request),
        "deletemessage" => delete(state, request),
        "pinchatmessage" | "unpinchatmessage" => pin(state, method, request),
        _ => Err(Refusal::new(404, "Not Found")),
    }
}

/// The chat of a request, when the bot may write there.
fn reached(state: &State, request: &Request) -> Result<i64, Refusal> {
    let id = request
        .number("chat_id")
        .ok_or_else(|| Refusal::bad("chat_id is empty"))?;
    let chat = state.chats.get(&id).filter(|chat| !chat.deleted);
    let chat = chat.ok_or_else(|| Refusal::bad("chat not found"))?;
    match (chat.migrated_to, chat.blocked, chat.kind) {
        (Some(to), ..) => Err(Refusal::moved(to)),
        (None, true, "private") => Err(Refusal::new(403, "Forbidden: bot was blocked by the user")),
        (None, true, kind) => Err(Refusal::new(
            403,
            format!("Forbidden: bot was kicked from the {kind} chat"),
        )),
        (None, false, _) => Ok(id),
    }
}

/// A chat that may be written to now.
fn written(state: &mut State, method: &str, request: &Request) -> Result<i64, Refusal> {
    let chat = reached(state, request)?;
    match state.limits.count(chat, method, Instant::now()) {
        Some(seconds) => Err(Refusal::too_many(seconds)),
        None => Ok(chat),
    }
}

/// What a text shows, when it is one.
pub(crate) fn shown(request: &Request, key: &str) -> Result<String, Refusal> {
    let text = request.text(key);
    let text = match request.text("parse_mode").to_lowercase().as_str() {
        "html" => html::shown(text).map_err(|why| Refusal::bad(&why))?,
        _ => text.to_owned(),
    };
    let text = text.trim();
    let most = match key {
        "caption" => CAPTION_UNITS,
        _ => TEXT_UNITS,
    };
    match text.encode_utf16().count() {
        0 if key == "text" => Err(Refusal::bad("message text is empty")),
        units if units > most && key == "text" => Err(Refusal::bad("message is too long")),
        units if units > most => Err(Refusal::bad("message caption is too long")),
        _ => Ok(text.to_owned()),
    }
}

/// A keyboard, when it is one.
pub(crate) fn keyboard(request: &Request) -> Result<Value, Refusal> {
    let markup = request.object("reply_markup");
    let rows = markup["inline_keyboard"].as_array().into_iter().flatten();
    for button in rows.filter_map(Value::as_array).flatten() {
        let data = button["callback_data"].as_str().unwrap_or_default();
        if data.is_empty() || data.len() > 64 {
            return Err(Refusal::bad("BUTTON_DATA_INVALID"));
        }
    }
    let is_empty = markup["inline_keyboard"]
        .as_array()
        .is_none_or(Vec::is_empty);
    Ok(match is_empty {
        true => Value::Null,
        false => markup,
    })
}

fn send(state: &mut State, method: &str, request: &Request) -> Result<Value, Refusal> {
    let key = match method {
        "senddocument" => "caption",
        _ => "text",
    };
    let (text, markup) = (shown(request, key)?, keyboard(request)?);
    let chat = written(state, method, request)?;
    let reply = request.object("reply_parameters");
    let to = reply["message_id"].as_i64();
    let to = to.or_else(|| request.number("reply_to_message_id"));
    let is_known = to.is_none_or(|to| state.chat(chat).messages.contains_key(&to));
    let lenient = reply["allow_sending_without_reply"] == true
        || request.object("allow_sending_without_reply") == true;
    if !is_known && !lenient {
        return Err(Refusal::bad("message to be replied not found"));
    }
    let id = state.next_id(chat);
    let known = state.chat(chat);
    let message = known.add(id, &text, true, to.filter(|_| is_known));
    message.raw = request.text(key).to_owned();
    message.markup = markup;
    message.is_file = method == "senddocument";
    let view = known.message(id);
    state.created.push(Created { chat, id, text });
    if let Some((name, bytes)) = &request.file {
        let (name, bytes) = (name.clone(), bytes.clone());
        state.documents.push(Document { chat, name, bytes });
    }
    Ok(view)
}

fn edit(state: &mut State, method: &str, request: &Request) -> Result<Value, Refusal> {
    let wants_file = method == "editmessagecaption";
    let key = if wants_file { "caption" } else { "text" };
    let text = shown(request, key)?;
    let markup = keyboard(request)?;
    let chat = reached(state, request)?;
    let id = request.number("message_id").unwrap_or_default();
    let known = state.chat(chat).messages.get(&id);
    let message = known.ok_or_else(|| Refusal::bad("message to edit not found"))?;
    if !message.is_own {
        return Err(Refusal::bad("message can't be edited"));
    }
    if message.is_file != wants_file {
        let why = format!("there is no {key} in the message to edit");
        return Err(Refusal::bad(&why));
    }
    let raw = request.text(key);
    if raw == message.raw && markup == message.markup {
        return Err(Refusal::not_modified());
    }
    written(state, method, request)?;
    let chat = state.chat(chat);
    if let Some(message) = chat.messages.get_mut(&id) {
        message.text = text;
        message.raw = raw.to_owned();
        message.markup = markup;
        message.edits += 1;
    }
    Ok(chat.message(id))
}

fn delete(state: &mut State, request: &Request) -> Result<Value, Refusal> {
    let chat = reached(state, request)?;
    let id = request.number("message_id").unwrap_or_default();
    match state.chat(chat).messages.remove(&id) {
        Some(_) => Ok(json!(true)),
        None => Err(Refusal::bad("message to delete not found")),
    }
}

fn pin(state: &mut State, method: &str, request: &Request) -> Result<Value, Refusal> {
    let chat = reached(state, request)?;
    let id = request.number("message_id").unwrap_or_default();
    let pins = method == "pinchatmessage";
    if !state.chat(chat).messages.contains_key(&id) {
        return Err(Refusal::bad(match pins {
            true => "message to pin not found",
            false => "message to unpin not found",
        }));
    }
    written(state, method, request)?;
    if let Some(message) = state.chat(chat).messages.get_mut(&id) {
        message.pinned = pins;
    }
    Ok(json!(true))
}

fn answer_press(state: &mut State, request: &Request) -> Result<Value, Refusal> {
    let id = request.text("callback_query_id").to_owned();
    let made = state.presses.remove(&id);
    if made.is_none_or(|made| made.elapsed() > PRESS_TIME) {
        return Err(Refusal::bad(
            "query is too old and response timeout expired or query ID is invalid",
        ));
    }
    state.notes.push((id, request.text("text").to_owned()));
    Ok(json!(true))
}
