//! What a chat source still has to do: its queue, and how each task ended. What
//! was done leaves no row.

use super::audit::note;
use super::chat::message;
use super::chats;
use super::rows::{named, parse, small};
use crate::db::{all, cut_to, first, name, run, signed, unsigned};
use crate::error::{Result, StoreError};
use crate::limits::{MAX_FAILURE_BYTES, MAX_PAGE};
use crate::store::Store;
use crate::types::{Again, ChatAction, ChatHead, ChatKindOfTask, ChatPlace, ChatTask};
use crate::writer::Tx;
use rusqlite::{Connection, Row, params};
use serde_json::{Value, json};
use sortie_model::clock::Timestamp;
use sortie_model::id::ChatNumber;
use sortie_model::people::Class;

/// Selects what [`head`] reads of the tasks in a state, which is written out so
/// that the order of the index is that of the queue.
macro_rules! select_head {
    ($state:literal) => {
        concat!(
            "SELECT o.id, o.plugin, o.kind, o.number, m.source, m.chat, m.thread, o.class, p.name,
                 o.attempts, coalesce(o.not_before, o.queued_at), o.queued_at,
                 o.begun_at IS NOT NULL, o.error
             FROM chat_outbox o LEFT JOIN chat_messages m ON m.number = o.number
             LEFT JOIN jobs j ON j.id = o.job_id LEFT JOIN projects p ON p.id = j.project_id
             WHERE o.source = ?1 AND o.state = '",
            $state,
            "' AND o.id > ?2 ORDER BY o.id LIMIT ?3"
        )
    };
}

/// What a source has to do, in the order it was asked for.
pub(super) const QUEUE: &str = select_head!("pending");

/// What it gave up.
const PARKED: &str = select_head!("parked");

/// Whether a message of a chat may be sent already, be called by that number and
/// is not done.
pub(super) const SENDING: &str = "SELECT EXISTS (
         SELECT 1 FROM chat_outbox o INDEXED BY chat_outbox_floor
         JOIN chat_messages m ON m.number = o.number
         WHERE o.source = ?1 AND o.state = 'pending' AND o.floor IS NOT NULL
             AND o.floor < ?3 AND m.chat = ?2 AND m.service_id IS NULL
     )";

/// Takes the permit from every message of a chat but one.
pub(super) const TAKE_PERMITS: &str = "UPDATE chat_outbox INDEXED BY chat_outbox_floor
     SET floor = NULL
     WHERE source = ?1 AND state = 'pending' AND floor IS NOT NULL AND begun_at IS NULL
         AND id <> ?3
         AND (SELECT m.chat FROM chat_messages m WHERE m.number = chat_outbox.number) = ?2";

impl Store {
    /// What a chat source still has to do after that place of its queue, in the
    /// order in which it was asked for, due or not. At most `limit`, and never
    /// more than [`MAX_PAGE`].
    pub async fn chat_queue(&self, source: &str, after: u64, limit: u32) -> Result<Vec<ChatHead>> {
        let source = source.to_owned();
        self.look(move |conn| {
            let page = params![source, signed(after), limit.min(MAX_PAGE)];
            all(conn, QUEUE, page, head)
        })
        .await
    }

    /// What it gave up, each with the reason, oldest first; at most `limit`.
    pub async fn parked_chat(&self, source: &str, limit: u32) -> Result<Vec<(ChatHead, String)>> {
        let source = source.to_owned();
        self.read(move |conn| {
            let page = params![source, 0, limit.min(MAX_PAGE)];
            all(conn, PARKED, page, |row| Ok((head(row)?, row.get(13)?)))
        })
        .await
    }

    /// A task with what it says now; none when it was done, dropped or parked.
    /// Its buttons may be those of newer contents than its revision, which then
    /// stay in the queue.
    pub async fn chat_task(&self, id: u64) -> Result<Option<ChatTask>> {
        self.look(move |conn| task_of(conn, id)).await
    }

    /// Notes that a task is being done and may be done without anybody hearing
    /// of it; `floor` is the highest message number that its chat has before.
    /// No other message of the chat has a permit afterwards, so none of them may
    /// be under way with it. False when there is no such task any more.
    pub async fn chat_begin(&self, id: u64, floor: i64) -> Result<bool> {
        self.write(move |tx| begin(tx, id, floor)).await
    }

    /// Notes that what had a permit may have been sent with it. For whoever
    /// begins to do what a source has to do, before anything else.
    pub async fn chat_taken_over(&self, source: &str) -> Result<()> {
        let source = source.to_owned();
        self.write(move |tx| {
            run(
                tx.conn,
                "UPDATE chat_outbox INDEXED BY chat_outbox_floor SET begun_at = ?2
                 WHERE source = ?1 AND floor IS NOT NULL AND begun_at IS NULL",
                params![source, tx.now.0],
            )?;
            Ok(())
        })
        .await
    }

    /// It was done with the contents of that revision; a message that was sent
    /// has that id at the service. Newer contents stay in the queue. Doing this
    /// twice is no error.
    pub async fn chat_done(
        &self,
        id: u64,
        revision: u64,
        service_id: Option<String>,
    ) -> Result<()> {
        self.write(move |tx| done(tx, id, revision, service_id.as_deref()))
            .await
    }

    /// Whether the message of that number in a chat may be one on its way: that
    /// may be shown there, and what it is called is not known yet.
    pub async fn chat_is_sending(&self, source: &str, chat: &str, number: i64) -> Result<bool> {
        let place = [source, chat].map(str::to_owned);
        self.look(move |conn| {
            let sending = first(conn, SENDING, params![place[0], place[1], number], |row| {
                Ok(row.get::<_, bool>(0)?)
            })?;
            Ok(sending.unwrap_or(false))
        })
        .await
    }

    /// It failed; the error is cut to [`MAX_FAILURE_BYTES`]. What the service
    /// asked to put off counts as no try. A message that had a permit is begun
    /// from then on. No error when it is gone meanwhile.
    pub async fn chat_failed(
        &self,
        id: u64,
        error: &str,
        again: Again,
        counts: bool,
    ) -> Result<()> {
        let error = cut_to(error, MAX_FAILURE_BYTES).to_owned();
        self.write(move |tx| {
            let (state, not_before) = match again {
                Again::At(time) => ("pending", Some(time.0)),
                Again::Park => ("parked", None),
            };
            run(
                tx.conn,
                "UPDATE chat_outbox SET state = ?2, not_before = ?3, error = ?4,
                     attempts = attempts + ?5,
                     begun_at = iif(floor IS NULL, NULL, coalesce(begun_at, ?6))
                 WHERE id = ?1",
                params![signed(id), state, not_before, error, counts, tx.now.0],
            )?;
            tx.signals.chat = true;
            Ok(())
        })
        .await
    }

    /// The contents of that revision can never be sent; the error is cut to
    /// [`MAX_FAILURE_BYTES`]. What is certain to be `unsent` is not looked for
    /// when it is tried again: others may have been sent by then, which would be
    /// taken for it. False, and nothing changed, when there are newer contents or
    /// the task is gone: what is wrong with the older ones may not be with them.
    pub async fn chat_parked(
        &self,
        id: u64,
        revision: u64,
        error: &str,
        unsent: bool,
    ) -> Result<bool> {
        let error = cut_to(error, MAX_FAILURE_BYTES).to_owned();
        self.write(move |tx| {
            let parked = run(
                tx.conn,
                "UPDATE chat_outbox SET state = 'parked', not_before = NULL, error = ?3,
                     attempts = attempts + 1, floor = iif(?4, NULL, floor),
                     begun_at = iif(?4 OR floor IS NULL, NULL, coalesce(begun_at, ?5))
                 WHERE id = ?1 AND revision = ?2",
                params![signed(id), signed(revision), error, unsent, tx.now.0],
            )?;
            tx.signals.chat = true;
            Ok(parked > 0)
        })
        .await
    }

    /// Has a parked task tried again. It is not looked for, whatever came of it:
    /// others may have been sent since, which would be taken for it. At worst it
    /// is said twice.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when no such task is parked.
    pub async fn retry_chat(&self, id: u64, actor: &str) -> Result<()> {
        name("who acts", actor)?;
        let actor = actor.to_owned();
        self.write(move |tx| {
            let retried = run(
                tx.conn,
                "UPDATE chat_outbox SET state = 'pending', not_before = ?2, error = NULL,
                     attempts = 0, queued_at = ?2, floor = NULL, begun_at = NULL
                 WHERE id = ?1 AND state = 'parked'",
                params![signed(id), tx.now.0],
            )?;
            tx.signals.chat = true;
            settled(tx, id, retried, &actor, "chat.retried")
        })
        .await
    }

    /// Gives a parked task up for good.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when no such task is parked.
    pub async fn drop_chat(&self, id: u64, actor: &str) -> Result<()> {
        name("who acts", actor)?;
        let actor = actor.to_owned();
        self.write(move |tx| {
            let dropped = run(
                tx.conn,
                "DELETE FROM chat_outbox WHERE id = ?1 AND state = 'parked'",
                [signed(id)],
            )?;
            settled(tx, id, dropped, &actor, "chat.dropped")
        })
        .await
    }
}

fn settled(tx: &Tx<'_>, id: u64, rows: usize, actor: &str, action: &'static str) -> Result<()> {
    if rows == 0 {
        return Err(StoreError::not_found(format_args!("parked message {id}")));
    }
    let subject = format!("chat task {id}");
    note(tx, actor, action, &subject, &json!({ "task": id }))
}

fn begin(tx: &Tx<'_>, id: u64, floor: i64) -> Result<bool> {
    let begun = run(
        tx.conn,
        "UPDATE chat_outbox SET begun_at = ?2, floor = ?3 WHERE id = ?1 AND state = 'pending'",
        params![signed(id), tx.now.0, floor],
    )?;
    if begun == 0 {
        return Ok(false);
    }
    let place = first(
        tx.conn,
        "SELECT m.source, m.chat FROM chat_outbox o JOIN chat_messages m ON m.number = o.number
         WHERE o.id = ?1",
        [signed(id)],
        |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)),
    )?;
    if let Some((source, chat)) = place {
        run(tx.conn, TAKE_PERMITS, params![source, chat, signed(id)])?;
    }
    Ok(true)
}

fn done(tx: &mut Tx<'_>, id: u64, revision: u64, service_id: Option<&str>) -> Result<()> {
    let number = first(
        tx.conn,
        "SELECT number FROM chat_outbox WHERE id = ?1",
        [signed(id)],
        |row| Ok(row.get::<_, Option<i64>>(0)?),
    )?;
    let Some(number) = number else { return Ok(()) };
    run(
        tx.conn,
        "DELETE FROM chat_outbox WHERE id = ?1 AND revision = ?2",
        params![signed(id), signed(revision)],
    )?;
    if let (Some(number), Some(service_id)) = (number, service_id) {
        let place = first(
            tx.conn,
            "SELECT source, chat FROM chat_messages WHERE number = ?1",
            [number],
            |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)),
        )?;
        let Some((source, chat)) = place else {
            return Err(StoreError::row("chat_messages", "the message is gone"));
        };
        // Another message that was called so is of a time when the service
        // counted differently, and out of reach.
        run(
            tx.conn,
            "UPDATE chat_messages SET service_id = NULL
             WHERE source = ?1 AND chat = ?2 AND service_id = ?3 AND number <> ?4",
            params![source, chat, service_id, number],
        )?;
        run(
            tx.conn,
            "UPDATE chat_messages SET service_id = ?2 WHERE number = ?1",
            params![number, service_id],
        )?;
        if let Ok(newest) = service_id.parse::<i64>() {
            chats::reached(tx, &source, &chat, newest)?;
        }
    }
    tx.signals.chat = true;
    Ok(())
}

fn head(row: &Row<'_>) -> Result<ChatHead> {
    let number = row.get::<_, Option<i64>>(3)?;
    let place = match number {
        None => None,
        Some(_) => Some(ChatPlace {
            source: row.get(4)?,
            chat: row.get(5)?,
            thread: row.get(6)?,
        }),
    };
    Ok(ChatHead {
        id: unsigned(row.get(0)?),
        plugin: row.get(1)?,
        kind: named("chat_outbox", row, 2, ChatKindOfTask::parse)?,
        number: number.map(|number| ChatNumber(unsigned(number))),
        place,
        class: named("chat_outbox", row, 7, Class::parse)?,
        project: row.get(8)?,
        attempts: small(row.get(9)?),
        not_before: Timestamp(row.get(10)?),
        queued_at: Timestamp(row.get(11)?),
        begun: row.get(12)?,
    })
}

fn task_of(conn: &Connection, id: u64) -> Result<Option<ChatTask>> {
    let found = first(
        conn,
        "SELECT o.id, o.plugin, o.kind, o.body, o.attempts, o.not_before,
             m.number, m.plugin, m.source, m.chat, m.thread, m.service_id, o.revision, o.floor,
             o.class, o.begun_at IS NOT NULL
         FROM chat_outbox o LEFT JOIN chat_messages m ON m.number = o.number
         WHERE o.id = ?1 AND o.state = 'pending'",
        [signed(id)],
        task,
    )?;
    let Some(mut task) = found else {
        return Ok(None);
    };
    if let ChatAction::Send(message, body) | ChatAction::Edit(message, body) = &task.action {
        task.buttons = all(
            conn,
            "SELECT action, token FROM chat_buttons WHERE number = ?1",
            [signed(message.number.0)],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        task.reply_to = answered(conn, body)?;
    }
    Ok(Some(task))
}

fn task(row: &Row<'_>) -> Result<ChatTask> {
    const TABLE: &str = "chat_outbox";
    let body: Option<String> = row.get(3)?;
    let body = body.unwrap_or_default();
    let action = match named(TABLE, row, 2, ChatKindOfTask::parse)? {
        ChatKindOfTask::Send => ChatAction::Send(message(row, 6)?, parse(TABLE, &body)?),
        ChatKindOfTask::Edit => ChatAction::Edit(message(row, 6)?, parse(TABLE, &body)?),
        ChatKindOfTask::Remove => ChatAction::Remove(message(row, 6)?),
        ChatKindOfTask::Pin => ChatAction::Pin(message(row, 6)?, parse(TABLE, &body)?),
        ChatKindOfTask::Ack => {
            let (interaction, text) = parse(TABLE, &body)?;
            ChatAction::Ack { interaction, text }
        }
    };
    Ok(ChatTask {
        id: unsigned(row.get(0)?),
        plugin: row.get(1)?,
        action,
        class: named(TABLE, row, 14, Class::parse)?,
        revision: unsigned(row.get(12)?),
        floor: row.get(13)?,
        begun: row.get(15)?,
        buttons: Vec::new(),
        reply_to: None,
        attempts: small(row.get(4)?),
        not_before: Timestamp(row.get(5)?),
    })
}

/// What the service calls the message that a body answers. A body says it by
/// the service's id or by a number, under `reply_to` of its `message`.
fn answered(conn: &Connection, body: &Value) -> Result<Option<String>> {
    let reply = &body["message"]["reply_to"];
    if let Some(service_id) = reply["message"].as_str() {
        return Ok(Some(service_id.to_owned()));
    }
    let Some(number) = reply["number"].as_u64() else {
        return Ok(None);
    };
    let found = first(
        conn,
        "SELECT service_id FROM chat_messages WHERE number = ?1",
        [signed(number)],
        |row| Ok(row.get(0)?),
    )?;
    Ok(found.flatten())
}
