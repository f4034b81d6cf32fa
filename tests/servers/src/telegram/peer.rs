//! The own HTTP of `telegram-test-api`, and what it says of the messages it keeps.
//! Asks and reads only; what a bot is told of it is decided in [`super::proxy`].

use super::chats::Chat;
use super::methods::{self, Request};
use super::npm::TestApi;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper::header;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;

/// How long the server may take to answer.
const ANSWER: Duration = Duration::from_secs(10);

/// The field that tells the proxy which message an update edits. The server knows
/// no edits by users, and numbers every message anew.
pub(crate) const EDITED: &str = "edited_message_id";

/// The server's own HTTP.
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    pub(crate) token: &'static str,
}

impl Peer {
    /// Posts JSON; gives the JSON of the answer.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> io::Result<Value> {
        let answered = self.exchange(path, body);
        let answered = tokio::time::timeout(ANSWER, answered).await;
        let bytes = answered.map_err(io::Error::other)??;
        Ok(serde_json::from_slice(&bytes).unwrap_or_default())
    }

    async fn exchange(&self, path: &str, body: &Value) -> io::Result<Bytes> {
        let stream = TcpStream::connect(self.address).await?;
        let (mut sender, connection) = http1::handshake::<_, Full<Bytes>>(TokioIo::new(stream))
            .await
            .map_err(io::Error::other)?;
        // It ends with the sender.
        tokio::spawn(async move { drop(connection.await) });
        let request = hyper::Request::post(path)
            .header(header::HOST, self.address.to_string())
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body.to_string())))
            .map_err(io::Error::other)?;
        sender.ready().await.map_err(io::Error::other)?;
        let response = sender.send_request(request).await;
        let body = response.map_err(io::Error::other)?.into_body();
        let body = body.collect().await.map_err(io::Error::other)?;
        Ok(body.to_bytes())
    }

    /// All that was said and pressed.
    pub(crate) async fn history(&self) -> io::Result<Vec<Value>> {
        let wanted = json!({ "token": self.token });
        let mut answer = self.post("/getUpdatesHistory", &wanted).await?;
        Ok(match answer["result"].take() {
            Value::Array(entries) => entries,
            _ => Vec::new(),
        })
    }

    /// The messages of a chat, oldest first.
    pub(crate) async fn messages(&self, chat: i64) -> io::Result<Vec<Kept>> {
        let history = self.history().await?;
        let all = history.iter().filter_map(Kept::read);
        let mut own: Vec<Kept> = all.filter(|kept| kept.chat == chat).collect();
        own.sort_by_key(|kept| kept.id);
        Ok(own)
    }

    pub(crate) async fn message(&self, chat: i64, id: i64) -> io::Result<Option<Kept>> {
        let messages = self.messages(chat).await?;
        Ok(messages.into_iter().find(|kept| kept.id == id))
    }
}

/// A message as the server keeps it: what a user said, or the bot's request.
pub(crate) struct Kept {
    pub(crate) id: i64,
    pub(crate) is_own: bool,
    pub(crate) said: Request,
    chat: i64,
    date: i64,
}

impl Kept {
    /// One of its history; none of a press, nor of an edit by a user.
    fn read(entry: &Value) -> Option<Self> {
        let fields = entry["message"].clone();
        if fields.get(EDITED).is_some() {
            return None;
        }
        let own = methods::number(&fields["chat_id"]);
        Some(Self {
            id: entry["messageId"].as_i64()?,
            is_own: own.is_some(),
            chat: own.or_else(|| fields["chat"]["id"].as_i64())?,
            date: entry["time"].as_i64()? / 1_000,
            said: Request { fields, file: None },
        })
    }

    /// Without markup.
    pub(crate) fn text(&self) -> String {
        methods::shown(&self.said, "text").unwrap_or_default()
    }

    /// Its keyboard, if it has one.
    pub(crate) fn markup(&self) -> Value {
        methods::keyboard(&self.said).unwrap_or_default()
    }

    pub(crate) fn is_file(&self) -> bool {
        self.said.fields["document"].is_object()
    }

    pub(crate) fn reply_to(&self) -> Option<i64> {
        let fields = &self.said.fields;
        let own = self.said.object("reply_parameters")["message_id"].as_i64();
        own.or_else(|| fields["reply_to_message"]["message_id"].as_i64())
    }

    /// As an object of the API.
    pub(crate) fn view(&self) -> Value {
        let fields = &self.said.fields;
        let mut view = json!({
            "message_id": self.id, "date": self.date, "chat": Chat::new(self.chat).view(),
            "from": fields["from"],
        });
        if self.is_own {
            view["from"] = json!({
                "id": 666, "is_bot": true, "first_name": "Test First name", "username": TestApi::USERNAME,
            });
        }
        let key = match self.is_file() {
            true => {
                view["document"] = fields["document"].clone();
                "caption"
            }
            false => "text",
        };
        view[key] = json!(self.text());
        let markup = self.markup();
        if !markup.is_null() {
            view["reply_markup"] = markup;
        }
        view
    }
}
