//! What plugins say to people: messages by number, and what is queued of them.
//! The other side, which does it, is in `outbox.rs`.

use super::chats;
use super::deliveries::Head;
use super::rows::named;
use crate::db::{all, first, insert, run, signed, unsigned};
use crate::error::{Result, StoreError};
use crate::limits::MAX_PERMITS;
use crate::store::Store;
use crate::types::{ChatKindOfTask, ChatMessage, ChatPlace};
use crate::writer::Tx;
use rusqlite::{Connection, Row, params};
use sortie_model::id::{ChatNumber, JobId};
use sortie_model::people::Class;

/// The edit of a message that waits or is parked.
pub(super) const WAITING_EDIT: &str = "SELECT id, class FROM chat_outbox
     WHERE number = ?1 AND kind = 'edit' LIMIT 1";

/// The chats for which new messages of a source wait.
pub(super) const UNSENT: &str = "SELECT m.chat
     FROM chat_outbox o INDEXED BY chat_outbox_sends
     JOIN chat_messages m ON m.number = o.number
     WHERE o.source = ?1 AND o.state = 'pending' AND o.kind = 'send' LIMIT ?2";

impl Store {
    /// The message of a plugin that has that number.
    pub async fn chat_message(
        &self,
        plugin: &str,
        number: ChatNumber,
    ) -> Result<Option<ChatMessage>> {
        let plugin = plugin.to_owned();
        self.read(move |conn| find(conn, &plugin, number)).await
    }

    /// The message that a service calls so, in that chat of a source; for what
    /// people press and answer.
    pub async fn chat_message_of_service(
        &self,
        source: &str,
        chat: &str,
        service_id: &str,
    ) -> Result<Option<ChatMessage>> {
        let wanted = [source, chat, service_id].map(str::to_owned);
        self.read(move |conn| {
            first(
                conn,
                "SELECT number, plugin, source, chat, thread, service_id FROM chat_messages
                 WHERE source = ?1 AND chat = ?2 AND service_id = ?3",
                wanted,
                |row| message(row, 0),
            )
        })
        .await
    }
}

/// Why something is said: what it is to the reader, and the job it tells of.
#[derive(Clone, Copy)]
pub(super) struct Origin {
    class: Class,
    job: Option<JobId>,
    /// Whether it tells of what a person did.
    is_of_person: bool,
}

impl Origin {
    /// A person said something.
    pub(super) const REPLY: Self = Self {
        class: Class::Reply,
        job: None,
        is_of_person: false,
    };

    /// Something happened that the plugin was told of.
    pub(super) fn of_delivery(told: &Head) -> Self {
        Self {
            class: Class::of_event(&told.kind),
            job: told.job,
            is_of_person: told.is_of_person,
        }
    }

    /// What new contents of a message are to the reader. A change makes no sound:
    /// one that shows what a person answered or asked for goes wherever the
    /// question went, at any hour, so that nobody presses what was answered.
    fn of_edit(self) -> Class {
        match self.is_of_person {
            true => self.class.min(Class::Question),
            false => self.class,
        }
    }
}

/// Which plugin says something, and why.
pub(super) struct Speaker<'a> {
    pub(super) plugin: &'a str,
    pub(super) origin: Origin,
}

fn find(conn: &Connection, plugin: &str, number: ChatNumber) -> Result<Option<ChatMessage>> {
    first(
        conn,
        "SELECT number, plugin, source, chat, thread, service_id FROM chat_messages
         WHERE number = ?1 AND plugin = ?2",
        params![signed(number.0), plugin],
        |row| message(row, 0),
    )
}

fn own(tx: &Tx<'_>, from: &Speaker<'_>, number: ChatNumber) -> Result<ChatMessage> {
    find(tx.conn, from.plugin, number)?
        .ok_or_else(|| StoreError::not_found(format_args!("{number} of plugin {}", from.plugin)))
}

/// Queues a message. To a chat that became another one it goes there.
pub(super) fn send(
    tx: &mut Tx<'_>,
    from: &Speaker<'_>,
    number: ChatNumber,
    place: &ChatPlace,
    body: &str,
) -> Result<()> {
    let moved_to = chats::moved_to(tx.conn, &place.source, &place.chat)?;
    let chat = moved_to.as_ref().unwrap_or(&place.chat);
    run(
        tx.conn,
        "INSERT INTO chat_messages (number, plugin, source, chat, thread, queued_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            signed(number.0),
            from.plugin,
            place.source,
            chat,
            place.thread,
            tx.now.0
        ],
    )?;
    let permit = permit(tx.conn, from.origin.class, &place.source, chat)?;
    let task = Task {
        number: Some(number),
        body: Some(body),
        permit,
        ..Task::of(ChatKindOfTask::Send)
    };
    queue(tx, from, &place.source, &task)
}

/// The permit of a new message to a chat, with which it goes without a further
/// note: the highest message number that is known there, above which a host that
/// starts later looks for it. None has one while another waits for the same chat:
/// that one may go first, and would be taken for it. What quiet hours may hold
/// gets none: it would be looked for with each start until it goes.
fn permit(conn: &Connection, class: Class, source: &str, chat: &str) -> Result<Option<i64>> {
    if !class.is_urgent() {
        return Ok(None);
    }
    let others = all(conn, UNSENT, params![source, MAX_PERMITS], |row| {
        Ok(row.get::<_, String>(0)?)
    })?;
    if others.len() >= MAX_PERMITS as usize || others.iter().any(|other| other == chat) {
        return Ok(None);
    }
    first(
        conn,
        "SELECT newest_message FROM chats WHERE source = ?1 AND chat = ?2",
        [source, chat],
        |row| Ok(row.get(0)?),
    )
}

/// Queues new contents. Those that wait for their turn take the place of older
/// ones, so that a busy message keeps its turn and shows the newest alone.
pub(super) fn edit(
    tx: &mut Tx<'_>,
    from: &Speaker<'_>,
    number: ChatNumber,
    body: &str,
) -> Result<()> {
    let message = own(tx, from, number)?;
    let waiting = first(tx.conn, WAITING_EDIT, [signed(number.0)], |row| {
        let class = named("chat_outbox", row, 1, Class::parse)?;
        Ok((row.get::<_, i64>(0)?, class))
    })?;
    let Some((id, class)) = waiting else {
        let task = Task {
            number: Some(number),
            body: Some(body),
            ..Task::of(ChatKindOfTask::Edit)
        };
        return queue(tx, from, &message.place.source, &task);
    };
    // Whatever the older contents had to say, the newer ones say too.
    let class = class.min(from.origin.of_edit());
    run(
        tx.conn,
        "UPDATE chat_outbox SET body = ?2, class = ?3, job_id = coalesce(?4, job_id),
             revision = revision + 1, state = 'pending', error = NULL,
             attempts = iif(state = 'parked', 0, attempts),
             queued_at = iif(state = 'parked', ?5, queued_at),
             not_before = coalesce(not_before, ?5)
         WHERE id = ?1",
        params![
            id,
            body,
            class.as_str(),
            from.origin.job.map(|job| signed(job.0)),
            tx.now.0
        ],
    )?;
    tx.signals.chat = true;
    Ok(())
}

/// Queues the removal of a message. What it was to show before is told no more.
pub(super) fn remove(tx: &mut Tx<'_>, from: &Speaker<'_>, number: ChatNumber) -> Result<()> {
    let message = own(tx, from, number)?;
    run(
        tx.conn,
        "DELETE FROM chat_outbox WHERE number = ?1 AND kind IN ('edit', 'pin')",
        [signed(number.0)],
    )?;
    let task = Task {
        number: Some(number),
        ..Task::of(ChatKindOfTask::Remove)
    };
    queue(tx, from, &message.place.source, &task)
}

/// Queues a pin, in place of one that waits.
pub(super) fn pin(
    tx: &mut Tx<'_>,
    from: &Speaker<'_>,
    number: ChatNumber,
    pinned: bool,
) -> Result<()> {
    let message = own(tx, from, number)?;
    run(
        tx.conn,
        "DELETE FROM chat_outbox WHERE number = ?1 AND kind = 'pin'",
        [signed(number.0)],
    )?;
    let task = Task {
        number: Some(number),
        body: Some(if pinned { "true" } else { "false" }),
        ..Task::of(ChatKindOfTask::Pin)
    };
    queue(tx, from, &message.place.source, &task)
}

/// Queues a word to the one who pressed a button: `body` is the service's id of
/// the press and a note, or null.
pub(super) fn acknowledge(
    tx: &mut Tx<'_>,
    from: &Speaker<'_>,
    source: &str,
    body: &str,
) -> Result<()> {
    let task = Task {
        body: Some(body),
        ..Task::of(ChatKindOfTask::Ack)
    };
    queue(tx, from, source, &task)
}

/// What is queued of a message.
struct Task<'a> {
    kind: ChatKindOfTask,
    number: Option<ChatNumber>,
    body: Option<&'a str>,
    permit: Option<i64>,
}

impl Task<'_> {
    fn of(kind: ChatKindOfTask) -> Self {
        Self {
            kind,
            number: None,
            body: None,
            permit: None,
        }
    }
}

/// Queues one task.
fn queue(tx: &mut Tx<'_>, from: &Speaker<'_>, source: &str, task: &Task<'_>) -> Result<()> {
    let class = match task.kind {
        ChatKindOfTask::Edit => from.origin.of_edit(),
        _ => from.origin.class,
    };
    insert(
        tx.conn,
        "INSERT INTO chat_outbox (plugin, source, kind, number, body, state, not_before,
             queued_at, class, job_id, floor)
         VALUES (?1, ?2, ?3, ?4, ?5, 'pending', ?6, ?6, ?7, ?8, ?9)",
        params![
            from.plugin,
            source,
            task.kind.as_str(),
            task.number.map(|number| signed(number.0)),
            task.body,
            tx.now.0,
            class.as_str(),
            from.origin.job.map(|job| signed(job.0)),
            task.permit,
        ],
    )?;
    tx.signals.chat = true;
    Ok(())
}

/// Reads `number, plugin, source, chat, thread, service_id`.
pub(super) fn message(row: &Row<'_>, column: usize) -> Result<ChatMessage> {
    Ok(ChatMessage {
        number: ChatNumber(unsigned(row.get(column)?)),
        plugin: row.get(column + 1)?,
        place: ChatPlace {
            source: row.get(column + 2)?,
            chat: row.get(column + 3)?,
            thread: row.get(column + 4)?,
        },
        service_id: row.get(column + 5)?,
    })
}
