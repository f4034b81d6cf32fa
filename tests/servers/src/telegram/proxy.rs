//! What stands between a bot and `telegram-test-api` 4.2.1, which nobody here
//! wrote. Every message, update and press is the server's own: what it has, it is
//! asked for. Only this is added, as the server was seen to lack it:
//!
//! - tokens: it takes any; another than the bot's is answered 401.
//! - `getMe`: its answer lacks `is_bot` and what a bot can do.
//! - `getUpdates`: it answers at once and hands out each update once. Here the
//!   request waits for the first, and updates come again until an offset
//!   confirms them. It has no `edited_message` and no `chat_instance`, and shows
//!   the bot the `botToken` by which its user side names the bot.
//! - `sendMessage`: it takes empty, too long and ill-marked texts, wrong buttons,
//!   and chats that nobody ever spoke in. Its answer is the request with a date in
//!   milliseconds in a chat that is always private, not a message.
//! - `editMessageText`: it says yes to what is not there, not the bot's or not
//!   changed, answers `null` in place of the message, and keeps a keyboard that
//!   the edit leaves out.
//! - `answerCallbackQuery`: it keeps no note, takes any id any number of times,
//!   and answers `null`.
//! - `deleteMessage`: `null` in place of `true`, and words of its own.
//! - `sendDocument`, `pinChatMessage`, `unpinChatMessage` and `setMyCommands`: it
//!   has none. A document is a message of its caption there; its bytes stay here.
//! - a method that neither has is answered 500 without `ok` by the server, and 404
//!   as the service does here.
//!
//! Neither has limits (429), webhooks, migrations, blocked chats, a 409 for a
//! second poller, or message ids of a supergroup's own: [`super::BotApi`] has.

use super::answer::Refusal;
use super::methods::{self, Request};
use super::peer::{EDITED, Kept, Peer};
use super::serve::{self, Answer, Poll};
use super::state::Document;
use hyper::body::Incoming;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

pub(crate) struct Proxy {
    pub(crate) peer: Peer,
    changed: watch::Sender<u64>,
    added: Mutex<Added>,
}

/// What the server does not keep.
#[derive(Default)]
pub(crate) struct Added {
    /// Updates that were not confirmed yet.
    waiting: BTreeMap<i64, Value>,
    /// Messages by id, which is one of all chats there.
    pub(crate) pinned: HashSet<i64>,
    pub(crate) edits: HashMap<i64, u32>,
    pub(crate) notes: Vec<(String, String)>,
    pub(crate) commands: Value,
    pub(crate) documents: Vec<Document>,
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self::new(502, format!("Bad Gateway: {error}"))
    }
}

/// Answers a request of a bot.
pub(crate) async fn answer(proxy: Arc<Proxy>, request: hyper::Request<Incoming>) -> Answer {
    let (token, method, request) = serve::asked(request).await?;
    if token != proxy.peer.token {
        let refusal = Refusal::new(401, "Unauthorized");
        return Ok(serve::answered(Err(refusal)));
    }
    if method == "getupdates" {
        return Ok(serve::answered(updates(&proxy, &request).await));
    }
    let done = proxy.call(&method, &request).await;
    proxy.tell();
    Ok(serve::answered(done))
}

/// Waits for updates from the offset on; what stands before it is confirmed.
async fn updates(proxy: &Arc<Proxy>, request: &Request) -> Result<Value, Refusal> {
    let Poll { offset, limit, end } = Poll::of(request);
    let mut changes = proxy.changed.subscribe();
    loop {
        // In a task of its own: the server gives each once, and a bot may hang up.
        let pulled = tokio::spawn(pull(proxy.clone())).await;
        pulled.map_err(io::Error::other)??;
        let found: Vec<Value> = {
            let mut added = proxy.added();
            let rest = added.waiting.split_off(&offset);
            added.waiting = rest;
            added.waiting.values().take(limit).cloned().collect()
        };
        if !found.is_empty() {
            return Ok(found.into());
        }
        if tokio::time::timeout_at(end, changes.changed())
            .await
            .is_err()
        {
            return Ok(json!([]));
        }
    }
}

/// Takes what the server has for the bot.
async fn pull(proxy: Arc<Proxy>) -> Result<(), Refusal> {
    let new = proxy.forward("getUpdates", &json!({})).await?;
    let new = new.as_array().into_iter().flatten().cloned();
    let new = new.filter_map(|update| Some((update["update_id"].as_i64()?, whole(update))));
    proxy.added().waiting.extend(new);
    Ok(())
}

/// An update as the service shows it.
fn whole(mut update: Value) -> Value {
    if let Some(press) = update.get_mut("callback_query") {
        press["chat_instance"] = json!("1");
    }
    let Some(fields) = update.as_object_mut() else {
        return update;
    };
    let Some(Value::Object(mut message)) = fields.remove("message") else {
        return update;
    };
    message.remove("botToken");
    let kind = match message.remove(EDITED) {
        Some(id) => {
            message.insert("message_id".to_owned(), id);
            "edited_message"
        }
        None => "message",
    };
    fields.insert(kind.to_owned(), message.into());
    update
}

impl Proxy {
    pub(crate) fn new(peer: Peer) -> Self {
        Self {
            peer,
            changed: watch::Sender::new(0),
            added: Mutex::default(),
        }
    }

    pub(crate) fn added(&self) -> MutexGuard<'_, Added> {
        self.added.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes everybody who waits for something to happen.
    pub(crate) fn tell(&self) {
        self.changed.send_modify(|version| *version += 1);
    }

    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    async fn call(&self, method: &str, request: &Request) -> Result<Value, Refusal> {
        match method {
            "getme" => {
                let mut me = self.forward("getMe", &request.fields).await?;
                me["is_bot"] = json!(true);
                me["can_join_groups"] = json!(true);
                for key in [
                    "can_read_all_group_messages",
                    "supports_inline_queries",
                    "can_connect_to_business",
                    "has_main_web_app",
                ] {
                    me[key] = json!(false);
                }
                Ok(me)
            }
            "sendmessage" => self.send(request, "text").await,
            "senddocument" => self.send(request, "caption").await,
            "editmessagetext" => self.edit(request).await,
            "answercallbackquery" => self.note(request).await,
            "deletemessage" => {
                let deleted = self.forward("deleteMessage", &request.fields).await;
                deleted.map_err(|_| Refusal::bad("message to delete not found"))?;
                Ok(json!(true))
            }
            "pinchatmessage" => {
                let message = self.message(request, "message to pin not found").await?;
                self.added().pinned.insert(message.id);
                Ok(json!(true))
            }
            "unpinchatmessage" => {
                let message = self.message(request, "message to unpin not found").await?;
                self.added().pinned.remove(&message.id);
                Ok(json!(true))
            }
            "setmycommands" => {
                self.added().commands = request.object("commands");
                Ok(json!(true))
            }
            _ => self.forward(method, &request.fields).await,
        }
    }

    /// Asks the server.
    async fn forward(&self, method: &str, fields: &Value) -> Result<Value, Refusal> {
        let path = format!("/bot{}/{method}", self.peer.token);
        let mut answer = self.peer.post(&path, fields).await?;
        let why = answer["description"].as_str().unwrap_or_default();
        match answer["ok"].as_bool() {
            Some(true) => Ok(answer["result"].take()),
            Some(false) => Err(Refusal::new(400, why)),
            None => Err(Refusal::new(404, "Not Found")),
        }
    }

    /// The message that a request names, or what is wrong.
    async fn message(&self, request: &Request, why: &str) -> Result<Kept, Refusal> {
        let id = request.number("message_id").unwrap_or_default();
        let chat = request.number("chat_id").unwrap_or_default();
        let found = self.peer.message(chat, id).await?;
        found.ok_or_else(|| Refusal::bad(why))
    }

    /// Sends a message, whose text the request has under `key`.
    async fn send(&self, request: &Request, key: &str) -> Result<Value, Refusal> {
        methods::shown(request, key)?;
        methods::keyboard(request)?;
        let chat = request.number("chat_id").unwrap_or_default();
        if self.peer.messages(chat).await?.is_empty() {
            return Err(Refusal::bad("chat not found"));
        }
        let mut fields = request.fields.clone();
        fields["text"] = json!(request.text(key));
        if let Some((name, bytes)) = &request.file {
            fields["document"] = json!({
                "file_id": name, "file_unique_id": name, "file_name": name, "file_size": bytes.len(),
            });
            let (name, bytes) = (name.clone(), bytes.clone());
            self.added().documents.push(Document { chat, name, bytes });
        }
        let sent = self.forward("sendMessage", &fields).await?;
        let id = sent["message_id"].as_i64().unwrap_or_default();
        let kept = self.peer.message(chat, id).await?;
        let kept = kept.ok_or_else(|| Refusal::new(502, "Bad Gateway"))?;
        Ok(kept.view())
    }

    async fn edit(&self, request: &Request) -> Result<Value, Refusal> {
        methods::shown(request, "text")?;
        let markup = methods::keyboard(request)?;
        let why = "message to edit not found";
        let kept = self.message(request, why).await?;
        if !kept.is_own || kept.is_file() {
            return Err(Refusal::bad("message can't be edited"));
        }
        if kept.said.text("text") == request.text("text") && kept.markup() == markup {
            return Err(Refusal::not_modified());
        }
        let mut fields = request.fields.clone();
        if markup.is_null() {
            fields["reply_markup"] = json!({ "inline_keyboard": [] });
        }
        self.forward("editMessageText", &fields).await?;
        *self.added().edits.entry(kept.id).or_default() += 1;
        Ok(self.message(request, why).await?.view())
    }

    async fn note(&self, request: &Request) -> Result<Value, Refusal> {
        let id = request.text("callback_query_id").to_owned();
        let history = self.peer.history().await?;
        let made = id.parse::<i64>().ok();
        let is_made = history
            .iter()
            .any(|entry| made.is_some() && entry["callbackId"].as_i64() == made);
        let is_answered = self.added().notes.iter().any(|(known, _)| *known == id);
        if !is_made || is_answered {
            return Err(Refusal::bad(
                "query is too old and response timeout expired or query ID is invalid",
            ));
        }
        self.forward("answerCallbackQuery", &request.fields).await?;
        let note = request.text("text").to_owned();
        self.added().notes.push((id, note));
        Ok(json!(true))
    }
}
