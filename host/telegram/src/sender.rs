//! The loop that sends: knows what waits, picks what may go, and lets so many
//! requests be under way. What was begun when it ends is found again by the
//! next one.

use crate::deliver::Delivery;
use crate::doubt;
use crate::hold::{self, Hold};
use crate::limits::{IN_FLIGHT, QUEUE_PAGE, REREAD, SOURCE};
use crate::note::Note;
use crate::pace::Pace;
use crate::pacer::Shape;
use crate::queue::{Next, Queue, Task, When};
use crate::service::{Inner, Link};
use sortie_model::clock::Timestamp;
use sortie_store::{ChatHead, ChatKind, ChatKindOfTask, ChatRow, Store, StoreError};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use teloxide_core::payloads::AnswerCallbackQuerySetters;
use teloxide_core::requests::Requester;
use teloxide_core::types::CallbackQueryId;
use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

/// How long to wait when nothing says when to go on: the queue is read again
/// before.
const IDLE: Duration = Duration::from_secs(60);

/// How long requests under way get at the end.
const GRACE: Duration = Duration::from_secs(3);

/// What waits, and what is known about where it goes.
struct Desk {
    inner: Arc<Inner>,
    link: Arc<Link>,
    pace: Arc<Pace>,
    queue: Queue,
    chats: HashMap<String, ChatRow>,
    flights: JoinSet<Option<Task>>,
    /// What is under way, by what does it.
    ids: HashMap<Id, u64>,
}

/// Sends until it is told to stop.
pub(crate) async fn run(inner: &Arc<Inner>, link: &Arc<Link>, until: &CancellationToken) {
    let mut notes = inner.notes.lock().await;
    let mut signal = inner.store.chat_signal();
    let mut reread = tokio::time::interval(REREAD);
    let mut desk = Desk {
        inner: Arc::clone(inner),
        link: Arc::clone(link),
        pace: Arc::new(Pace::new()),
        queue: Queue::default(),
        chats: HashMap::new(),
        flights: JoinSet::new(),
        ids: HashMap::new(),
    };
    // Nothing goes before it is known what chats want and how far they got.
    while let Err(error) = desk.take_over().await {
        tracing::warn!(%error, "the queue of messages cannot be read");
        tokio::select! {
            () = until.cancelled() => return,
            () = tokio::time::sleep(REREAD) => {}
        }
    }
    loop {
        let wait = desk.launch();
        let read = tokio::select! {
            () = until.cancelled() => break,
            Some(done) = desk.flights.join_next_with_id() => {
                desk.land(done);
                Ok(())
            }
            Some(note) = notes.recv() => {
                desk.say(note);
                Ok(())
            }
            changed = signal.changed() => match changed {
                Ok(()) => desk.read_new().await,
                Err(_) => break,
            },
            _ = reread.tick() => desk.read_all().await,
            () = tokio::time::sleep(wait) => Ok(()),
        };
        if let Err(error) = read {
            tracing::warn!(%error, "the queue of messages cannot be read");
        }
    }
    let landing = async { while desk.flights.join_next().await.is_some() {} };
    if tokio::time::timeout(GRACE, landing).await.is_err() {
        tracing::debug!("requests to Telegram are left under way");
    }
}

impl Desk {
    /// Reads all, of which what an earlier desk may have sent is in doubt.
    async fn take_over(&mut self) -> Result<(), StoreError> {
        self.inner.store.chat_taken_over(SOURCE).await?;
        self.read_all().await
    }

    /// Reads what came since the last reading, and what is known of chats that
    /// nothing went to yet; and all, when one of these is what others become:
    /// what waits under an older name goes there too.
    async fn read_new(&mut self) -> Result<(), StoreError> {
        let mut moved = false;
        let new = heads(&self.inner.store, self.queue.newest()).await?;
        for head in new {
            if let Some(place) = &head.place
                && !self.chats.contains_key(&place.chat)
                && let Some(row) = self.inner.store.chat(SOURCE, &place.chat).await?
            {
                moved |= row.kind == ChatKind::Supergroup;
                self.know(place.chat.clone(), row);
            }
            self.queue.put(head.into());
        }
        match moved {
            true => self.read_all().await,
            false => Ok(()),
        }
    }

    /// Reads all that waits, and what is known of chats.
    async fn read_all(&mut self) -> Result<(), StoreError> {
        let store = &self.inner.store;
        let all = heads(store, 0).await?;
        let rows = store.chats(SOURCE).await?;
        self.queue
            .replace(all.into_iter().map(Task::from).collect());
        self.chats.clear();
        for row in rows {
            self.know(row.chat.clone(), row);
        }
        Ok(())
    }

    /// Keeps what is known of a chat under a name that it has or had.
    fn know(&mut self, name: String, row: ChatRow) {
        if let Ok(chat) = row.chat.parse() {
            self.pace.saw(chat, row.newest_message);
        }
        self.chats.insert(name, row);
    }

    /// Begins what may go now, and says when to look again.
    fn launch(&mut self) -> Duration {
        while self.queue.in_flight() < IN_FLIGHT {
            let now = self.inner.clock.now();
            match self.queue.next(|task| self.when(task, now)) {
                Next::Go(id) => self.begin(id, now),
                Next::Wait(ms) => {
                    return ms.map_or(IDLE, |ms| Duration::from_millis(ms.max(1)).min(IDLE));
                }
            }
        }
        IDLE
    }

    fn begin(&mut self, id: u64, now: Timestamp) {
        let Some(task) = self.queue.get(id).cloned() else {
            return;
        };
        let hold = self.hold(&task, now);
        let turn = match hold {
            Hold::Drop => None,
            _ => match self.pace.try_take(self.shape(&task)) {
                // A note or a probe was quicker: the next look sees that.
                None => return,
                turn => turn,
            },
        };
        self.queue.begin(id);
        let delivery = Delivery {
            inner: Arc::clone(&self.inner),
            link: Arc::clone(&self.link),
            pace: Arc::clone(&self.pace),
            task,
            turn,
            hold,
        };
        let flight = self.flights.spawn(delivery.run());
        self.ids.insert(flight.id(), id);
    }

    fn land(&mut self, done: Result<(Id, Option<Task>), JoinError>) {
        match done {
            Ok((flight, again)) => {
                if let Some(id) = self.ids.remove(&flight) {
                    self.queue.end(id, again);
                }
            }
            Err(error) => {
                tracing::error!(%error, "a message ended in a panic; it is tried again");
                self.doubt(error.id());
            }
        }
    }

    /// Nobody knows how far that flight got. Its place stays taken until that is
    /// on disk.
    fn doubt(&mut self, flight: Id) {
        let id = self.ids.remove(&flight);
        let Some(task) = id.and_then(|id| self.queue.get(id)).cloned() else {
            return;
        };
        let (id, inner) = (task.id, Arc::clone(&self.inner));
        let task = doubt::after_panic(task, inner.clock.now());
        let noted = async move { Some(doubt::note(&inner.store, task, "it panicked", true).await) };
        let flight = self.flights.spawn(noted);
        self.ids.insert(flight.id(), id);
    }

    /// Whether a task may go now.
    fn when(&self, task: &Task, now: Timestamp) -> When {
        let ms_until = |at: Timestamp| u64::try_from(at.since(now).as_millis()).unwrap_or(u64::MAX);
        if task.not_before > now {
            return When::In(ms_until(task.not_before));
        }
        match self.hold(task, now) {
            Hold::Drop => When::Now,
            Hold::Until(at) => When::Held(ms_until(at)),
            Hold::Free => {
                let shape = self.shape(task);
                let others = Shape {
                    edits: None,
                    ..shape
                };
                match (self.pace.wait_ms(shape), self.pace.wait_ms(others)) {
                    (0, _) => When::Now,
                    // The pause between two edits of one message is nobody
                    // else's.
                    (ms, 0) => When::Held(ms),
                    (ms, _) => When::In(ms),
                }
            }
        }
    }

    fn hold(&self, task: &Task, now: Timestamp) -> Hold {
        let chat = task.place.as_ref().and_then(|place| self.row(&place.chat));
        let of_project = task.project.as_deref().and_then(|name| {
            let level = self.inner.config.levels.get(name)?;
            Some((name, *level))
        });
        let hold = hold::of(chat, of_project, task.class, now);
        match task.is_in_doubt() {
            true => hold.in_doubt(),
            false => hold,
        }
    }

    /// What is known of a chat, or of the one that it became.
    fn row(&self, chat: &str) -> Option<&ChatRow> {
        let row = self.chats.get(chat)?;
        let new = row.moved_to.as_ref().and_then(|new| self.chats.get(new));
        Some(new.unwrap_or(row))
    }

    fn shape(&self, task: &Task) -> Shape {
        let chat = task.place.as_ref().map(|place| {
            let chat = self.row(&place.chat).map_or(&place.chat, |row| &row.chat);
            chat.parse().unwrap_or(0)
        });
        match task.kind {
            ChatKindOfTask::Ack | ChatKindOfTask::Remove => Shape::LOOSE,
            ChatKindOfTask::Send | ChatKindOfTask::Pin => Shape { chat, edits: None },
            ChatKindOfTask::Edit => Shape {
                chat,
                edits: task.message.and_then(|number| i64::try_from(number).ok()),
            },
        }
    }

    /// Says a note to somebody who pressed a button. It is not worth a second
    /// try: the button stops waiting by itself.
    fn say(&mut self, note: Note) {
        let (inner, link, pace) = (
            Arc::clone(&self.inner),
            Arc::clone(&self.link),
            Arc::clone(&self.pace),
        );
        tokio::spawn(async move {
            let _turn = pace.take(Shape::LOOSE).await;
            let bot = &link.bots.send;
            let id = CallbackQueryId(note.interaction);
            if let Err(error) = bot.answer_callback_query(id).text(note.text).await {
                tracing::debug!(error = inner.redacted(&error), "a note was not shown");
            }
        });
    }
}

/// All that waits behind a number, page by page.
async fn heads(store: &Store, mut after: u64) -> Result<Vec<ChatHead>, StoreError> {
    let mut all = Vec::new();
    loop {
        let page = store.chat_queue(SOURCE, after, QUEUE_PAGE).await?;
        let full = page.len() >= QUEUE_PAGE as usize;
        after = page.last().map_or(after, |head| head.id);
        all.extend(page);
        if !full {
            return Ok(all);
        }
    }
}
