//! What plugins say to people: messages by number, and what a chat source still
//! has to do with them.

use super::rows::{parse, small};
use crate::db::{all, cut_to, first, insert, run, signed, unsigned};
use crate::error::{Result, StoreError};
use crate::limits::{MAX_FAILURE_BYTES, MAX_PAGE};
use crate::store::Store;
use crate::types::{Again, ChatAction, ChatMessage, ChatPlace, ChatTask};
use crate::writer::Tx;
use rusqlite::{Connection, Row, params};
use serde_json::Value;
use sortie_model::clock::Timestamp;
use sortie_model::id::ChatNumber;

/// What a source has to do, in the order it was asked for.
pub(super) const QUEUE: &str = "SELECT o.id, o.plugin, o.kind, o.body, o.attempts, o.not_before,
         m.number, m.plugin, m.source, m.chat, m.thread, m.service_id
     FROM chat_outbox o LEFT JOIN chat_messages m ON m.number = o.number
     WHERE o.source = ?1 AND o.state = 'pending' AND o.id > ?2 ORDER BY o.id LIMIT ?3";

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

    /// What a chat source still has to do after that place of its queue, in
    /// order, due or not: of what goes to one place, only the first may be
    /// done. At most `limit`, and never more than [`MAX_PAGE`].
    pub async fn chat_queue(&self, source: &str, after: u64, limit: u32) -> Result<Vec<ChatTask>> {
        let source = source.to_owned();
        self.read(move |conn| {
            all(
                conn,
                QUEUE,
                params![source, signed(after), limit.min(MAX_PAGE)],
                task,
            )
        })
        .await
    }

    /// It was done; a message that was sent has that id at the service. Doing
    /// this twice is no error.
    pub async fn chat_done(&self, task: u64, service_id: Option<String>) -> Result<()> {
        self.write(move |tx| {
            let number = first(
                tx.conn,
                "DELETE FROM chat_outbox WHERE id = ?1 RETURNING number",
                [signed(task)],
                |row| Ok(row.get::<_, Option<i64>>(0)?),
            )?;
            if let (Some(Some(number)), Some(service_id)) = (number, &service_id) {
                run(
                    tx.conn,
                    "UPDATE chat_messages SET service_id = ?2 WHERE number = ?1",
                    params![number, service_id],
                )?;
            }
            Ok(())
        })
        .await
    }

    /// It failed; the error is cut to [`MAX_FAILURE_BYTES`]. No error when it
    /// was replaced by a newer edit meanwhile.
    pub async fn chat_failed(&self, task: u64, error: &str, again: Again) -> Result<()> {
        let error = cut_to(error, MAX_FAILURE_BYTES).to_owned();
        self.write(move |tx| {
            let (state, not_before) = match again {
                Again::At(time) => ("pending", Some(time.0)),
                Again::Park => ("parked", None),
            };
            run(
                tx.conn,
                "UPDATE chat_outbox SET state = ?2, not_before = ?3, error = ?4,
                     attempts = attempts + 1
                 WHERE id = ?1",
                params![signed(task), state, not_before, error],
            )?;
            tx.signals.plugins = true;
            Ok(())
        })
        .await
    }
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

/// Queues a message.
pub(super) fn send(
    tx: &mut Tx<'_>,
    plugin: &str,
    number: ChatNumber,
    place: &ChatPlace,
    body: &str,
) -> Result<()> {
    run(
        tx.conn,
        "INSERT INTO chat_messages (number, plugin, source, chat, thread, queued_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            signed(number.0),
            plugin,
            place.source,
            place.chat,
            place.thread,
            tx.now.0
        ],
    )?;
    queue(tx, plugin, &place.source, "send", Some(number), Some(body))
}

/// Queues new contents; none removes the message. Contents that wait are told
/// no more, so that a busy source shows the newest alone.
pub(super) fn change(
    tx: &mut Tx<'_>,
    plugin: &str,
    number: ChatNumber,
    body: Option<&str>,
) -> Result<()> {
    let message = find(tx.conn, plugin, number)?
        .ok_or_else(|| StoreError::not_found(format_args!("{number} of plugin {plugin}")))?;
    run(
        tx.conn,
        "DELETE FROM chat_outbox WHERE number = ?1 AND kind = 'edit'",
        [signed(number.0)],
    )?;
    let kind = if body.is_some() { "edit" } else { "remove" };
    queue(tx, plugin, &message.place.source, kind, Some(number), body)
}

/// Queues a word to the one who pressed a button: `body` is the service's id of
/// the press and a note, or null.
pub(super) fn acknowledge(tx: &mut Tx<'_>, plugin: &str, source: &str, body: &str) -> Result<()> {
    queue(tx, plugin, source, "ack", None, Some(body))
}

/// Queues one task.
fn queue(
    tx: &mut Tx<'_>,
    plugin: &str,
    source: &str,
    kind: &'static str,
    number: Option<ChatNumber>,
    body: Option<&str>,
) -> Result<()> {
    insert(
        tx.conn,
        "INSERT INTO chat_outbox (plugin, source, kind, number, body, state, not_before, queued_at)
         VALUES (?1, ?2, ?3, ?4, ?5, 'pending', ?6, ?6)",
        params![
            plugin,
            source,
            kind,
            number.map(|number| signed(number.0)),
            body,
            tx.now.0
        ],
    )?;
    tx.signals.plugins = true;
    Ok(())
}

/// Reads `number, plugin, source, chat, thread, service_id`.
fn message(row: &Row<'_>, column: usize) -> Result<ChatMessage> {
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

fn task(row: &Row<'_>) -> Result<ChatTask> {
    let body = || parse::<Value>("chat_outbox", &row.get::<_, String>(3)?);
    let kind: String = row.get(2)?;
    let action = match kind.as_str() {
        "send" => ChatAction::Send(message(row, 6)?, body()?),
        "edit" => ChatAction::Edit(message(row, 6)?, body()?),
        "remove" => ChatAction::Remove(message(row, 6)?),
        "ack" => {
            let (interaction, text) = parse("chat_outbox", &row.get::<_, String>(3)?)?;
            ChatAction::Ack { interaction, text }
        }
        other => {
            return Err(StoreError::row(
                "chat_outbox",
                format!("{other:?} is unknown"),
            ));
        }
    };
    Ok(ChatTask {
        id: unsigned(row.get(0)?),
        plugin: row.get(1)?,
        action,
        attempts: small(row.get(4)?),
        not_before: Timestamp(row.get(5)?),
    })
}
