//! `telegram-test-api`, a Bot API server from npm that nobody here wrote, and the
//! people who speak to its bot through that server's own user side. It is lenient;
//! [`super::proxy`] stands before it and says what it adds. What is shown here is
//! what the server keeps.

use super::chats::{self, Chat};
use super::peer::{EDITED, Kept, Peer};
use super::proxy::{self, Proxy};
use super::serve;
use super::state::{self, Document, Shown};
use crate::aimock::installed;
use serde_json::{Value, json};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How long the server may take to start on two busy cores.
const START: Duration = Duration::from_secs(60);

/// Starts the server as its README does. A port of 0 as a number would be 9000;
/// without the time it forgets what is a minute old. It ends with its stdin.
const PROGRAM: &str = "
const Server = require(process.argv[1]);
const server = new Server({ host: '127.0.0.1', port: '0', storeTimeout: 86400 });
server.start().then(() => console.log(server.server.address().port));
process.stdin.on('end', () => process.exit()).resume();
";

/// The server with its proxy. Both end when it is dropped.
pub struct TestApi {
    proxy: Arc<Proxy>,
    address: SocketAddr,
    serving: JoinHandle<()>,
    _process: Child,
}

impl Drop for TestApi {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl TestApi {
    /// The bot's token; its number is what the server answers to `getMe`.
    pub const TOKEN: &'static str = "666:AAserver-from-npm-for-tests-of-sortie-xxxxx";

    /// What the server calls the bot.
    pub const USERNAME: &'static str = "TestNameBot";

    /// Starts one on free ports, and waits until it listens.
    ///
    /// # Panics
    /// When it cannot be started.
    pub async fn start() -> Self {
        let mut process = Command::new("node")
            .arg("--eval")
            .arg(PROGRAM)
            .arg(installed("telegram-test-api/lib/index.js"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("node starts; scripts/setup.sh --tests installs it");
        let stdout = process.stdout.take().expect("a pipe");
        let mut lines = BufReader::new(stdout).lines();
        let line = tokio::time::timeout(START, lines.next_line()).await;
        let line = line.expect("telegram-test-api starts in time");
        let line = line.ok().flatten().expect("telegram-test-api starts");
        let port: u16 = line.trim().parse().expect("a port");
        let proxy = Arc::new(Proxy::new(Peer {
            address: (Ipv4Addr::LOCALHOST, port).into(),
            token: Self::TOKEN,
        }));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let serving = tokio::spawn(serve::listen(listener, {
            let proxy = proxy.clone();
            move |request| proxy::answer(proxy.clone(), request)
        }));
        Self {
            proxy,
            address,
            serving,
            _process: process,
        }
    }

    /// What `api_url` is set to.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A user says something in a chat; in a private one, the chat is the
    /// user's. Returns the id of the message.
    pub async fn says(&self, chat: i64, user: i64, text: &str) -> i64 {
        self.said(chat, user, text, Value::Null).await
    }

    /// A user replies to a message.
    pub async fn replies(&self, chat: i64, user: i64, text: &str, to: i64) -> i64 {
        let answered = self.message(chat, to).await.view();
        let more = json!({ "reply_to_message": answered });
        self.said(chat, user, text, more).await
    }

    /// A user gives a message of theirs another text.
    pub async fn edits(&self, chat: i64, user: i64, message: i64, text: &str) {
        let more = json!({ "edit_date": 1_760_000_001, EDITED: message });
        self.said(chat, user, text, more).await;
    }

    /// A user presses the button of a message that says so. Returns the id of the
    /// press.
    ///
    /// # Panics
    /// When there is no such button.
    pub async fn presses(&self, chat: i64, user: i64, message: i64, label: &str) -> String {
        let message = self.message(chat, message).await;
        let mut buttons = chats::buttons(&message.markup()).into_iter();
        let (_, data) = buttons
            .find(|(known, _)| known == label)
            .unwrap_or_else(|| panic!("no button {label} under {}", message.id));
        let press = json!({
            "botToken": Self::TOKEN, "from": state::person(user), "message": message.view(), "data": data,
        });
        self.post("/sendCallback", &press).await;
        let history = self.proxy.peer.history().await.expect("it answers");
        let id = history
            .iter()
            .filter_map(|entry| entry["callbackId"].as_i64())
            .max();
        self.proxy.tell();
        id.expect("the press is kept").to_string()
    }

    /// The messages of a chat as they are shown now.
    pub async fn shown(&self, chat: i64) -> Vec<Shown> {
        let messages = self.proxy.peer.messages(chat).await.expect("it answers");
        let added = self.proxy.added();
        let shown = messages.iter().map(|kept| Shown {
            id: kept.id,
            is_own: kept.is_own,
            text: kept.text(),
            buttons: chats::buttons(&kept.markup()),
            reply_to: kept.reply_to(),
            pinned: added.pinned.contains(&kept.id),
            edits: added.edits.get(&kept.id).copied().unwrap_or_default(),
        });
        shown.collect()
    }

    /// The notes that presses were answered with, by callback.
    pub fn notes(&self) -> Vec<(String, String)> {
        self.proxy.added().notes.clone()
    }

    /// The files that were sent.
    pub fn documents(&self) -> Vec<Document> {
        self.proxy.added().documents.clone()
    }

    /// The commands that were set.
    pub fn commands(&self) -> Value {
        self.proxy.added().commands.clone()
    }

    /// Changes whenever something happened.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.proxy.watch()
    }

    async fn said(&self, chat: i64, user: i64, text: &str, more: Value) -> i64 {
        let mut message = json!({
            "botToken": Self::TOKEN, "date": 1_760_000_000, "text": text,
            "from": state::person(user), "chat": Chat::new(chat).view(),
        });
        for (key, value) in more.as_object().into_iter().flatten() {
            message[key.as_str()] = value.clone();
        }
        match state::entities(text) {
            Some(entities) => {
                message["entities"] = entities;
                self.post("/sendCommand", &message).await;
            }
            None => self.post("/sendMessage", &message).await,
        }
        let messages = self.proxy.peer.messages(chat).await.expect("it answers");
        self.proxy.tell();
        let newest = messages.iter().rev().find(|kept| !kept.is_own);
        newest.expect("the message is kept").id
    }

    async fn message(&self, chat: i64, id: i64) -> Kept {
        let found = self.proxy.peer.message(chat, id).await.expect("it answers");
        found.unwrap_or_else(|| panic!("no message {id} in {chat}"))
    }

    /// The user side answers `null` to everything that it takes.
    async fn post(&self, path: &str, body: &Value) {
        let answer = self.proxy.peer.post(path, body).await.expect("it answers");
        assert_eq!(answer["ok"], true, "{path}: {answer}");
    }
}
