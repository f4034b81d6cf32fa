//! Telegram's Bot API, for tests that need more than a lenient one: it answers
//! as <https://core.telegram.org/bots/api> says, in that page's and the
//! service's own words, redelivers what was not confirmed, numbers messages as
//! the service does, and writes down every request that passes its limits.
//! Users are the test: it says, replies and presses for them.

mod answer;
mod chats;
mod html;
mod limits;
mod methods;
mod npm;
mod peer;
mod proxy;
mod serve;
mod state;

pub use npm::TestApi;
pub use state::{Created, Document, Shown};

use serde_json::{Value, json};
use state::State;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What goes wrong with the next requests of a method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The connection breaks before anything happened.
    DropBefore,
    /// It happened, and the connection breaks before the answer.
    DropAfter,
    /// It happens so much later, and so does the answer.
    Delay(Duration),
    /// It happened, and the answer comes so much later.
    LateAnswer(Duration),
    /// Answered 429 with so many seconds to wait.
    TooMany(u32),
    /// Answered with this code and description.
    Refused(u16, String),
}

/// The service. It ends when it is dropped.
pub struct BotApi {
    shared: Arc<Shared>,
    address: SocketAddr,
    serving: JoinHandle<()>,
}

pub(crate) struct Shared {
    state: Mutex<State>,
    changed: watch::Sender<u64>,
}

impl Shared {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes everybody who waits for something to happen.
    pub(crate) fn tell(&self) {
        self.changed.send_modify(|version| *version += 1);
    }

    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }
}

impl Drop for BotApi {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl BotApi {
    /// The token of the only bot there is.
    pub const TOKEN: &'static str = "7000000001:AAstrict-server-for-tests-of-sortie-xxx";

    /// Starts one on a free port, with Telegram's limits.
    ///
    /// # Panics
    /// When there is no port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            state: Mutex::new(State::new(Self::TOKEN)),
            changed: watch::Sender::new(0),
        });
        let serving = tokio::spawn(serve::serve(listener, shared.clone()));
        Self {
            shared,
            address,
            serving,
        }
    }

    /// What `api_url` is set to.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A user says something in a chat; in a private one, the chat is the
    /// user's. Returns the id of the message.
    pub fn says(&self, chat: i64, user: i64, text: &str) -> i64 {
        self.told(|state| state.said(chat, user, text, None))
    }

    /// A user replies to a message.
    pub fn replies(&self, chat: i64, user: i64, text: &str, to: i64) -> i64 {
        self.told(|state| state.said(chat, user, text, Some(to)))
    }

    /// A user presses the button of a message that says so.
    ///
    /// # Panics
    /// When there is no such button.
    pub fn presses(&self, chat: i64, user: i64, message: i64, label: &str) -> String {
        self.told(|state| {
            let data = state.button(chat, message, label);
            let data = data.unwrap_or_else(|| panic!("no button {label} under {message}"));
            state.pressed(chat, user, message, &data)
        })
    }

    /// A press of any data, also of what no button has.
    pub fn presses_data(&self, chat: i64, user: i64, message: i64, data: &str) -> String {
        self.told(|state| state.pressed(chat, user, message, data))
    }

    /// An update as it is written here; its id is put in unless it has one.
    pub fn update(&self, update: Value) -> i64 {
        self.told(|state| state.update(update))
    }

    /// Hands out an update again that was confirmed before.
    pub fn replay(&self, update: i64) {
        self.told(|state| state.replay(update));
    }

    /// Makes a group, or a supergroup, which numbers its own messages.
    pub fn group(&self, chat: i64, is_super: bool) {
        self.told(|state| state.group(chat, is_super));
    }

    /// The bot may no longer write to a chat.
    pub fn block(&self, chat: i64) {
        self.told(|state| state.chat(chat).blocked = true);
    }

    /// A chat is no more.
    pub fn delete_chat(&self, chat: i64) {
        self.told(|state| state.chat(chat).deleted = true);
    }

    /// A group becomes a supergroup of another id.
    pub fn migrate(&self, chat: i64, to: i64) {
        self.told(|state| state.migrate(chat, to));
    }

    /// The next requests of a method, or of every one for `*`, go wrong; one
    /// for each fault.
    pub fn fails(&self, method: &str, faults: impl IntoIterator<Item = Fault>) {
        self.told(|state| state.fail(method, faults));
    }

    /// Every connection breaks from now on, or no longer.
    pub fn down(&self, is_down: bool) {
        self.told(|state| state.down = is_down);
    }

    /// Every message the bot made, in order, as it was at first.
    pub fn created(&self) -> Vec<Created> {
        self.shared.state().created.clone()
    }

    /// The messages of a chat as they are shown now.
    pub fn shown(&self, chat: i64) -> Vec<Shown> {
        self.shared.state().shown(chat)
    }

    /// The notes that presses were answered with, by callback.
    pub fn notes(&self) -> Vec<(String, String)> {
        self.shared.state().notes.clone()
    }

    /// The files that were sent.
    pub fn documents(&self) -> Vec<Document> {
        self.shared.state().documents.clone()
    }

    /// The commands that were set.
    pub fn commands(&self) -> Value {
        self.shared.state().commands.clone()
    }

    /// Where updates are sent to, and the secret that is shown there; none while
    /// the bot asks for them.
    pub fn webhook(&self) -> Option<(String, String)> {
        let state = self.shared.state();
        let webhook = state.webhook.as_ref()?;
        Some((webhook.url.clone(), webhook.secret.clone()))
    }

    /// What passed the limits, came before a pause was over, or was said twice.
    pub fn violations(&self) -> Vec<String> {
        self.shared.state().violations()
    }

    /// What passed Telegram's limits. That a chat reads a text twice is none of
    /// that: people ask the same again.
    pub fn over_limits(&self) -> Vec<String> {
        self.shared.state().limits.passed.clone()
    }

    /// How many moments there were: updates handed out, requests received and
    /// answered.
    pub fn moments(&self) -> usize {
        self.shared.state().moments.len()
    }

    /// The names of all moments.
    pub fn moment_names(&self) -> Vec<String> {
        self.shared.state().moments.clone()
    }

    /// Changes whenever something happened.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.shared.watch()
    }

    /// Waits until something is so.
    pub async fn until(&self, mut done: impl FnMut(&Self) -> bool) {
        let mut changes = self.shared.watch();
        while !done(self) {
            changes.changed().await.expect("the server lives");
        }
    }

    fn told<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let done = change(&mut self.shared.state());
        self.shared.tell();
        done
    }
}

/// The bot, as `getMe` tells it.
pub(crate) fn me() -> Value {
    json!({
        "id": 7_000_000_001_i64, "is_bot": true, "first_name": "Sortie", "username": "sortie_test_bot",
        "can_join_groups": true, "can_read_all_group_messages": false,
        "supports_inline_queries": false, "can_connect_to_business": false, "has_main_web_app": false,
    })
}
