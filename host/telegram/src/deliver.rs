//! Does one thing of the queue: the requests it takes, and what is written
//! afterwards. One task of one chat at a time; the sender sees to that.

use crate::content::{self, Content, File, Part};
use crate::doubt::{self, STORE_PAUSE};
use crate::hold::Hold;
use crate::limits::{FILE_BYTES, SEND_FOR, SEND_PAUSE, SOURCE};
use crate::note;
use crate::pace::{Pace, Turn};
use crate::pacer::Shape;
use crate::queue::{LAST, Place, Task};
use crate::requests::{self, Target};
use crate::service::{Inner, Link};
use crate::verdict::{self, Remedy, Verdict};
use crate::{keyboard, pause, recover};
use sortie_model::clock::Timestamp;
use sortie_model::id::JobId;
use sortie_platform::sources::chat::{DiffFile, Outgoing};
use sortie_store::{Again, ChatAction, ChatKindOfTask, ChatRow, ChatTask, StoreError};
use std::sync::Arc;
use teloxide_core::RequestError;
use teloxide_core::payloads::{
    AnswerCallbackQuerySetters, PinChatMessageSetters, UnpinChatMessageSetters,
};
use teloxide_core::requests::Requester;
use teloxide_core::types::{CallbackQueryId, ChatId, MessageId};

/// One thing to do, whose turn was taken.
pub(crate) struct Delivery {
    pub(crate) inner: Arc<Inner>,
    pub(crate) link: Arc<Link>,
    pub(crate) pace: Arc<Pace>,
    pub(crate) task: Task,
    /// The turn of its first request; none for what is dropped.
    pub(crate) turn: Option<Turn>,
    pub(crate) hold: Hold,
}

/// Why it was not done.
enum Fault {
    Telegram(RequestError),
    /// The same, but some of it may be in the chat.
    Partly(RequestError),
    Store(StoreError),
    /// The same, when it was done already.
    Unnoted(StoreError),
    /// It can never be done, and why. No request was made.
    Never(String),
    /// The chat was shut, as it stands now: what the sender knows of chats is a
    /// while old. No request was made.
    Shut,
}

impl From<RequestError> for Fault {
    fn from(error: RequestError) -> Self {
        Self::Telegram(error)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Delivery {
    /// Does it. What is to be tried again comes back.
    pub(crate) async fn run(mut self) -> Option<Task> {
        let turn = self.turn.take();
        // Which contents were tried.
        let mut tried = 0;
        let done = self.try_once(turn, &mut tried).await;
        match done {
            Ok(left) => left,
            Err(Fault::Store(error)) => Some(self.after_store(&error)),
            Err(Fault::Unnoted(error)) => Some(self.unnoted(&error).await),
            Err(Fault::Shut) => self.left(tried).await,
            Err(Fault::Never(why)) => self.park(tried, &why, self.task.unsent).await,
            Err(Fault::Telegram(error)) => self.failed(tried, &error, true).await,
            Err(Fault::Partly(error)) => self.failed(tried, &error, false).await,
        }
    }

    async fn try_once(&self, turn: Option<Turn>, tried: &mut u64) -> Result<Option<Task>, Fault> {
        let store = &self.inner.store;
        let Some(task) = store.chat_task(self.task.id).await? else {
            return Ok(None);
        };
        *tried = task.revision;
        if self.hold == Hold::Drop && task.class != self.task.class {
            // Newer contents came, which the chat may want.
            return Ok(Some(Task {
                class: task.class,
                ..self.again_at(self.now())
            }));
        }
        if self.hold == Hold::Drop {
            store.chat_done(task.id, task.revision, None).await?;
            return Ok(None);
        }
        let service_id = self.act(&task, turn).await?;
        let noted = store.chat_done(task.id, task.revision, service_id).await;
        noted.map_err(Fault::Unnoted)?;
        // A newer edit may have come while this one was under way.
        let left =
            self.task.kind == ChatKindOfTask::Edit && store.chat_task(task.id).await?.is_some();
        Ok(left.then(|| Task {
            rank: LAST,
            ..self.again_at(self.now())
        }))
    }

    /// What it takes; the turn is kept until the answer is there.
    async fn act(&self, task: &ChatTask, turn: Option<Turn>) -> Result<Option<String>, Fault> {
        match &task.action {
            ChatAction::Send(_, body) => {
                let target = self.target().await?;
                let content = self.content(task, outgoing(body)?).await;
                self.send(task, target, content, turn).await.map(Some)
            }
            ChatAction::Edit(message, body) => {
                if let Some(id) = service_id(message.service_id.as_deref()) {
                    let target = self.target().await?;
                    let content = self.content(task, outgoing(body)?).await;
                    settled(self.edit(target, id, &content).await)?;
                }
                Ok(None)
            }
            ChatAction::Remove(message) => {
                if let Some(id) = service_id(message.service_id.as_deref()) {
                    let chat = ChatId(self.target().await?.chat);
                    let bot = &self.link.bots.send;
                    settled(bot.delete_message(chat, MessageId(id)).await.map(drop))?;
                }
                Ok(None)
            }
            ChatAction::Pin(message, pinned) => {
                if let Some(id) = service_id(message.service_id.as_deref()) {
                    let chat = ChatId(self.target().await?.chat);
                    let (bot, id) = (&self.link.bots.send, MessageId(id));
                    let done = match pinned {
                        true => {
                            bot.pin_chat_message(chat, id)
                                .disable_notification(true)
                                .await
                        }
                        false => bot.unpin_chat_message(chat).message_id(id).await,
                    };
                    settled(done.map(drop))?;
                }
                Ok(None)
            }
            ChatAction::Ack { interaction, text } => {
                let id = CallbackQueryId(interaction.clone());
                let mut request = self.link.bots.send.answer_callback_query(id);
                if let Some(text) = text {
                    request = request.text(text);
                }
                settled(request.await.map(drop))?;
                Ok(None)
            }
        }
    }

    /// Where the message goes now: chats move, and some hear nothing any more.
    async fn target(&self) -> Result<Target, Fault> {
        let place = self.place()?;
        let row = self.inner.store.chat(SOURCE, &place.chat).await?;
        if row.as_ref().is_some_and(|row| row.shut) {
            return Err(Fault::Shut);
        }
        if let Some(why) = row.as_ref().and_then(|row| row.gone.clone()) {
            return Err(Fault::Never(why));
        }
        let chat = row
            .as_ref()
            .map_or(place.chat.as_str(), |row| row.chat.as_str());
        let chat = requests::number_of(chat)
            .ok_or_else(|| Fault::Never(format!("{chat:?} is no chat of Telegram's")))?;
        let own = row.as_ref().map_or(0, |row: &ChatRow| row.newest_message);
        let thread = place.thread.as_deref().map(str::parse::<i32>).transpose();
        Ok(Target {
            chat,
            thread: thread.map_err(|_| Fault::Never("it is no topic of Telegram's".to_owned()))?,
            newest: self.pace.newest(chat, own),
        })
    }

    fn place(&self) -> Result<&Place, Fault> {
        let place = self.task.place.as_ref();
        place.ok_or_else(|| Fault::Never("it has no place".to_owned()))
    }

    async fn content(&self, task: &ChatTask, outgoing: Outgoing) -> Content {
        let Outgoing { mut message, file } = outgoing;
        let file = match file {
            Some(file) => match self.file(&file).await {
                Ok(file) => Some(file),
                Err(why) => {
                    message.text = format!("{}\n\n{why}", message.text);
                    None
                }
            },
            None => None,
        };
        Content {
            rich: content::rich(&message),
            file,
            keyboard: keyboard::of(&message, &task.buttons),
            reply_to: service_id(task.reply_to.as_deref()),
            silent: message.silent,
        }
    }

    /// The file, without what the vault knows: no question shows that either.
    async fn file(&self, wanted: &DiffFile) -> Result<File, &'static str> {
        let diffs = &self.inner.diffs;
        let diff = diffs
            .diff(JobId(wanted.job), &wanted.base, &wanted.head)
            .await
            .ok_or(note::NO_FILE)?;
        let redactor = self.inner.redactor.clone();
        // It takes a look at all of it for each form of each secret.
        let redacted = tokio::task::spawn_blocking(move || redactor.redact(&diff).into_owned());
        let bytes = redacted.await.map_err(|_| note::NO_FILE)?.into_bytes();
        match bytes.len() <= FILE_BYTES {
            true => Ok(File {
                name: format!("{}.diff", wanted.job),
                bytes: bytes.into(),
            }),
            false => Err(note::LARGE_FILE),
        }
    }

    /// Sends a message that is in the chat once, whatever happened before. Gives
    /// the id of the part that it is known by: the one with its buttons, which
    /// is what people press and what an edit takes them from; else the first.
    async fn send(
        &self,
        task: &ChatTask,
        target: Target,
        mut content: Content,
        mut turn: Option<Turn>,
    ) -> Result<String, Fault> {
        let mut parts = content.parts();
        let mut sent: Vec<i32> = Vec::new();
        let mut floor = target.newest;
        if let Some(before) = task.floor.filter(|_| !self.task.unsent) {
            drop(turn.take());
            sent = self.recover(before, target, &content, &parts).await?;
            floor = before;
        }
        let permitted = self.is_permitted(task, target);
        if !permitted && !self.inner.store.chat_begin(task.id, floor).await? {
            return Err(Fault::Never("it was settled meanwhile".to_owned()));
        }
        while let Some(part) = parts.get(sent.len()) {
            // The turn that was taken is for the first request.
            let here = match turn.take() {
                Some(turn) => turn,
                None => {
                    let turn = self.pace.take(target.shape()).await;
                    // Somebody may have shut it while this waited.
                    match self.is_shut(target).await.map_err(Fault::Unnoted)? {
                        true if sent.is_empty() => return Err(Fault::Shut),
                        true => break,
                        false => turn,
                    }
                }
            };
            let reply_to = content.reply_to.filter(|_| sent.is_empty());
            let answer = self.send_part(target, &content, part, reply_to).await;
            drop(here);
            match answer {
                Ok(id) => {
                    self.pace.saw(target.chat, i64::from(id));
                    sent.push(id);
                }
                Err(error) => match verdict::of(&error) {
                    Verdict::Wrong(Remedy::NoReply) if content.reply_to.is_some() => {
                        content.reply_to = None;
                    }
                    Verdict::Wrong(Remedy::Plain) if sent.is_empty() && content.strip() => {
                        parts = content.parts();
                    }
                    _ if sent.is_empty() => return Err(Fault::Telegram(error)),
                    _ => {
                        if let Err(error) = self.reached(target, &sent).await {
                            doubt::warn(task.id, &error);
                        }
                        return Err(Fault::Partly(error));
                    }
                },
            }
        }
        let (Some(first), Some(last)) = (sent.first(), sent.last()) else {
            return Err(Fault::Never("it says nothing".to_owned()));
        };
        if sent.len() > 1 {
            let noted = self.reached(target, &sent).await;
            noted.map_err(Fault::Unnoted)?;
        }
        let known_by = match content.keyboard {
            Some(_) => last,
            None => first,
        };
        Ok(known_by.to_string())
    }

    /// The parts that are in the chat already.
    async fn recover(
        &self,
        floor: i64,
        target: Target,
        content: &Content,
        parts: &[Part],
    ) -> Result<Vec<i32>, Fault> {
        let (mut found, mut floor) = (Vec::new(), floor);
        for part in parts {
            let probe = |id: i64| async move {
                let _turn = self.pace.take(Shape::LOOSE).await;
                let id = i32::try_from(id).unwrap_or(i32::MAX);
                self.edit_part(target, id, content, part).await
            };
            let found_id = recover::find(floor, target.newest, probe).await;
            let Some(id) = found_id.map_err(Fault::Partly)? else {
                break;
            };
            floor = id;
            found.extend(i32::try_from(id));
        }
        Ok(found)
    }

    /// What follows an answer that is no success.
    async fn failed(&self, tried: u64, error: &RequestError, whole: bool) -> Option<Task> {
        let why = self.inner.redacted(error);
        let now = self.now();
        let (again, counts) = match verdict::of(error) {
            Verdict::Again(Some(asked)) => {
                self.pace.freeze(self.chat(), asked);
                (Again::At(now.plus(asked)), false)
            }
            Verdict::Again(None) if now.since(self.task.queued_at) < SEND_FOR => {
                let attempts = self.task.attempts.saturating_add(1);
                (
                    Again::At(now.plus(pause::after(attempts, SEND_PAUSE))),
                    true,
                )
            }
            Verdict::Gone => {
                self.gone(&why).await;
                (Again::Park, true)
            }
            Verdict::Moved(new) => {
                self.moved(new).await;
                (Again::At(now), false)
            }
            Verdict::Done | Verdict::Wrong(_) | Verdict::Again(None) => (Again::Park, true),
        };
        let Again::At(at) = again else {
            // What the service says no to is in no chat.
            let refused = matches!(verdict::of(error), Verdict::Gone | Verdict::Wrong(_));
            return self.park(tried, &why, whole && refused).await;
        };
        tracing::debug!(error = why, task = self.task.id, "a message is tried again");
        let mut task = self.again_at(at);
        task.attempts += u32::from(counts);
        if let Verdict::Moved(new) = verdict::of(error)
            && let Some(place) = &mut task.place
        {
            place.chat = new.to_string();
        }
        // Only an answer that says so is certain, and what reached nobody.
        let refused = match error {
            RequestError::RetryAfter(_) | RequestError::MigrateToChatId(_) => true,
            RequestError::Network(error) => error.is_connect(),
            _ => false,
        };
        let store = &self.inner.store;
        task.unsent = whole && refused;
        if !task.unsent {
            return Some(doubt::note(store, task, &why, counts).await);
        }
        if let Err(error) = store.chat_failed(task.id, &why, again, counts).await {
            doubt::warn(task.id, &error);
        }
        Some(task)
    }

    /// Leaves unsaid what its chat is told no more.
    async fn left(&self, tried: u64) -> Option<Task> {
        let left = self.inner.store.chat_done(self.task.id, tried, None).await;
        left.err().map(|error| self.after_store(&error))
    }

    /// Gives it up. `unsent` is what is certain now.
    async fn park(&self, tried: u64, why: &str, unsent: bool) -> Option<Task> {
        let store = &self.inner.store;
        // Nobody looks at that button any more; and what a bot may not pin in a
        // group would be parked with every job.
        if matches!(self.task.kind, ChatKindOfTask::Ack | ChatKindOfTask::Pin) {
            tracing::info!(error = why, kind = ?self.task.kind, "something small is given up");
            if let Err(error) = store.chat_done(self.task.id, tried, None).await {
                doubt::warn(self.task.id, &error);
            }
            return None;
        }
        tracing::warn!(error = why, task = self.task.id, "a message is parked");
        match store.chat_parked(self.task.id, tried, why, unsent).await {
            Ok(true) => None,
            // Newer contents came, which may fare better.
            Ok(false) => Some(self.again_at(self.now())),
            Err(error) if unsent => Some(Task {
                unsent,
                ..self.after_store(&error)
            }),
            Err(error) => Some(self.unnoted(&error).await),
        }
    }

    /// What is left to do once the store is well again, which failed before any
    /// request that could have sent it.
    fn after_store(&self, error: &StoreError) -> Task {
        doubt::warn(self.task.id, error);
        self.again_at(self.now().plus(STORE_PAUSE))
    }

    /// The same after such a request.
    async fn unnoted(&self, error: &StoreError) -> Task {
        let (store, task, why) = (
            &self.inner.store,
            self.after_store(error),
            error.to_string(),
        );
        doubt::note(store, task, &why, false).await
    }

    async fn gone(&self, why: &str) {
        let Some(place) = &self.task.place else {
            return;
        };
        if let Err(error) = self.inner.store.chat_gone(SOURCE, &place.chat, why).await {
            tracing::warn!(%error, chat = place.chat, "could not note that a chat is gone");
        }
    }

    async fn moved(&self, new: i64) {
        let Some(place) = &self.task.place else {
            return;
        };
        let (store, new) = (&self.inner.store, new.to_string());
        if let Err(error) = store.chat_moved(SOURCE, &place.chat, &new).await {
            tracing::warn!(%error, chat = place.chat, "could not note that a chat moved");
        }
    }

    fn chat(&self) -> Option<i64> {
        self.task.place.as_ref()?.chat.parse().ok()
    }

    fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    fn again_at(&self, not_before: Timestamp) -> Task {
        Task {
            not_before,
            ..self.task.clone()
        }
    }
}

fn outgoing(body: &serde_json::Value) -> Result<Outgoing, Fault> {
    serde_json::from_value(body.clone())
        .map_err(|error| Fault::Never(format!("it cannot be read: {error}")))
}

/// What Telegram calls a message.
fn service_id(id: Option<&str>) -> Option<i32> {
    id?.parse().ok()
}

/// What is so already was done.
fn settled(done: Result<(), RequestError>) -> Result<(), RequestError> {
    match done {
        Err(error) if verdict::of(&error) == Verdict::Done => Ok(()),
        // A success whose form is unknown.
        Err(RequestError::InvalidJson { raw, .. }) if raw.starts_with("{\"ok\":true") => Ok(()),
        done => done,
    }
}
