//! Chats: who may speak there, what they hear, and how far they got.

use super::audit::note;
use super::inbound;
use super::rows::{named, parse};
use crate::db::{all, first, name, run};
use crate::error::{Result, StoreError};
use crate::limits::MAX_STRANGE_CHATS;
use crate::store::Store;
use crate::types::{ChatChange, ChatKind, ChatRow, SeenMessage};
use crate::writer::Tx;
use rusqlite::{Connection, Row, params};
use serde_json::json;
use sortie_model::people::{Level, Quiet};

/// Chats of which nobody said anything, beyond the newest.
pub(super) const STRANGE: &str = "DELETE FROM chats WHERE source = ?1 AND chat IN (
         SELECT chat FROM chats WHERE source = ?1 AND strange_at IS NOT NULL
         ORDER BY strange_at DESC LIMIT -1 OFFSET ?2
     )";

/// Selects what [`chat`] reads; the rest of the statement follows.
macro_rules! select_chat {
    ($rest:literal) => {
        concat!(
            "SELECT source, chat, kind, title, admitted, level, quiet_from, quiet_to, time_zone,
                 newest_message, gone, moved_to, shut,
                 (SELECT json_group_object(l.project, l.level) FROM chat_levels l
                     WHERE l.source = chats.source AND l.chat = chats.chat)
             FROM chats ",
            $rest
        )
    };
}

impl Store {
    /// What is known of the chats of a source.
    pub async fn chats(&self, source: &str) -> Result<Vec<ChatRow>> {
        let source = source.to_owned();
        self.read(move |conn| {
            all(
                conn,
                select_chat!("WHERE source = ?1 ORDER BY chat"),
                [&source],
                chat,
            )
        })
        .await
    }

    /// What is known of a chat, or of the one that it became.
    pub async fn chat(&self, source: &str, chat: &str) -> Result<Option<ChatRow>> {
        let (source, chat) = (source.to_owned(), chat.to_owned());
        self.look(move |conn| {
            let found = find(conn, &source, &chat)?;
            let moved_to = found.as_ref().and_then(|row| row.moved_to.clone());
            match moved_to {
                Some(new) => find(conn, &source, &new),
                None => Ok(found),
            }
        })
        .await
    }

    /// Changes what a chat may and hears. What one is that is not known yet, its
    /// name says unless the change does.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for an empty or overlong name and for a minute
    /// that no day has.
    pub async fn change_chat(
        &self,
        source: &str,
        chat: &str,
        change: ChatChange,
        actor: &str,
    ) -> Result<ChatRow> {
        name("the source", source)?;
        name("the chat", chat)?;
        name("who acts", actor)?;
        check(&change)?;
        let [source, chat, actor] = [source, chat, actor].map(str::to_owned);
        self.write(move |tx| {
            self::change(tx, &source, &chat, &change)?;
            let row = find(tx.conn, &source, &chat)?
                .ok_or_else(|| StoreError::row("chats", "the chat is gone"))?;
            let detail = json!({
                "admitted": row.admitted,
                "shut": row.shut,
                "level": row.level,
                "levels": row.levels,
                "quiet": row.quiet,
            });
            note(
                tx,
                &actor,
                "chat.changed",
                &format!("{source}:{chat}"),
                &detail,
            )?;
            Ok(row)
        })
        .await
    }

    /// Nothing can be sent there, until something comes from it.
    pub async fn chat_gone(&self, source: &str, chat: &str, why: &str) -> Result<()> {
        let [source, chat, why] = [source, chat, crate::db::cut(why)].map(str::to_owned);
        self.write(move |tx| {
            let moved_to = moved_to(tx.conn, &source, &chat)?;
            run(
                tx.conn,
                "UPDATE chats SET gone = ?3 WHERE source = ?1 AND chat = ?2",
                params![source, moved_to.as_ref().unwrap_or(&chat), why],
            )?;
            Ok(())
        })
        .await
    }

    /// A message was sent there that has that number: the last part of one that
    /// took several, whose first part has the number that it is known by.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for an empty or overlong name.
    pub async fn chat_reached(&self, source: &str, chat: &str, newest: i64) -> Result<()> {
        name("the chat", chat)?;
        let (source, chat) = (source.to_owned(), chat.to_owned());
        self.write(move |tx| reached(tx, &source, &chat, newest))
            .await
    }

    /// A source speaks as somebody else from now on: what it sent is out of its
    /// reach, chats that are numbered for each speaker count anew, and it stands
    /// where the cursor says.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for an overlong value.
    pub async fn chats_renumbered(
        &self,
        plugin: &str,
        source: &str,
        cursor: serde_json::Value,
    ) -> Result<()> {
        name("the plugin's name", plugin)?;
        name("the source's name", source)?;
        let cursor = crate::db::json("the source's place", &cursor)?;
        let (plugin, source) = (plugin.to_owned(), source.to_owned());
        self.write(move |tx| renumbered(tx, &plugin, &source, &cursor))
            .await
    }

    /// A chat became another one: what waits for it goes there, and so does what
    /// is sent to the old one from now on. Messages that were sent are out of
    /// reach, and changes of them are dropped.
    pub async fn chat_moved(&self, source: &str, old: &str, new: &str) -> Result<()> {
        name("the chat", new)?;
        let [source, old, new] = [source, old, new].map(str::to_owned);
        self.write(move |tx| moved(tx, &source, &old, &new)).await
    }
}

fn check(change: &ChatChange) -> Result<()> {
    if let Some((project, _)) = &change.project {
        name("the project's name", project)?;
    }
    let Some(Some(quiet)) = &change.quiet else {
        return Ok(());
    };
    name("the time zone", &quiet.time_zone)?;
    if quiet.from_min.max(quiet.to_min) < 24 * 60 {
        return Ok(());
    }
    Err(StoreError::Invalid {
        what: "the quiet hours",
        detail: "a day has the minutes 0 to 1439".into(),
    })
}

/// A message was seen in a chat, which is known and there from now on. Of those
/// with several people that nobody said anything of the newest are kept.
pub(super) fn saw(tx: &Tx<'_>, source: &str, seen: &SeenMessage) -> Result<()> {
    name("the chat", &seen.chat)?;
    let known = run(
        tx.conn,
        "UPDATE chats SET kind = ?3, title = ?4, newest_message = max(newest_message, ?5),
             gone = NULL, strange_at = iif(strange_at IS NULL, NULL, ?6)
         WHERE source = ?1 AND chat = ?2",
        params![
            source,
            seen.chat,
            seen.kind.as_str(),
            seen.title,
            seen.id,
            tx.now.0
        ],
    )?;
    if known > 0 {
        return Ok(());
    }
    let is_strange = seen.kind != ChatKind::Private;
    run(
        tx.conn,
        "INSERT INTO chats (source, chat, kind, title, admitted, newest_message, changed_at,
             strange_at)
         VALUES (?1, ?2, ?3, ?4, 0, ?5, ?6, ?7)",
        params![
            source,
            seen.chat,
            seen.kind.as_str(),
            seen.title,
            seen.id,
            tx.now.0,
            is_strange.then_some(tx.now.0)
        ],
    )?;
    if is_strange {
        run(tx.conn, STRANGE, params![source, MAX_STRANGE_CHATS])?;
    }
    Ok(())
}

/// What a chat is until something comes from it: one of several people has a
/// name with a sign, and a long one when it counts its messages itself.
fn kind_by_name(chat: &str) -> ChatKind {
    match chat.parse::<i64>() {
        Ok(number) if number <= -1_000_000_000_000 => ChatKind::Supergroup,
        Ok(number) if number < 0 => ChatKind::Group,
        _ => ChatKind::Private,
    }
}

/// A message of that number was sent to a chat, which is known from now on: where
/// a search for a later one begins must not depend on who wrote there before.
pub(super) fn reached(tx: &Tx<'_>, source: &str, chat: &str, newest: i64) -> Result<()> {
    run(
        tx.conn,
        "INSERT INTO chats (source, chat, kind, title, admitted, newest_message, changed_at)
         VALUES (?1, ?2, ?5, '', 0, ?3, ?4)
         ON CONFLICT (source, chat) DO UPDATE SET
             newest_message = max(newest_message, excluded.newest_message), strange_at = NULL",
        params![source, chat, newest, tx.now.0, kind_by_name(chat).as_str()],
    )?;
    Ok(())
}

/// The chat that one became.
pub(super) fn moved_to(conn: &Connection, source: &str, chat: &str) -> Result<Option<String>> {
    let found = first(
        conn,
        "SELECT moved_to FROM chats WHERE source = ?1 AND chat = ?2",
        [source, chat],
        |row| Ok(row.get(0)?),
    )?;
    Ok(found.flatten())
}

/// Lets people speak in a chat.
pub(super) fn admit(tx: &Tx<'_>, source: &str, chat: &str) -> Result<()> {
    run(
        tx.conn,
        "UPDATE chats SET admitted = 1, shut = 0, strange_at = NULL, changed_at = ?3
         WHERE source = ?1 AND chat = ?2",
        params![source, chat, tx.now.0],
    )?;
    Ok(())
}

/// Nothing is said in a chat any more, and nobody is heard there. Whether it is
/// known.
pub(super) fn shut(tx: &Tx<'_>, source: &str, chat: &str) -> Result<bool> {
    let known = run(
        tx.conn,
        "UPDATE chats SET admitted = 0, shut = 1, strange_at = NULL, changed_at = ?3
         WHERE source = ?1 AND chat = ?2",
        params![source, chat, tx.now.0],
    )?;
    Ok(known > 0)
}

fn change(tx: &Tx<'_>, source: &str, chat: &str, change: &ChatChange) -> Result<()> {
    run(
        tx.conn,
        "INSERT INTO chats (source, chat, kind, title, admitted, shut, changed_at)
         VALUES (?1, ?2, coalesce(?3, ?7), coalesce(?4, ''), coalesce(?5, 0),
             coalesce(1 - ?5, 0), ?6)
         ON CONFLICT (source, chat) DO UPDATE SET kind = coalesce(?3, kind),
             title = coalesce(?4, title), admitted = coalesce(?5, admitted),
             shut = coalesce(1 - ?5, shut), strange_at = NULL, changed_at = ?6",
        params![
            source,
            chat,
            change.kind.map(ChatKind::as_str),
            change.title,
            change.admitted,
            tx.now.0,
            kind_by_name(chat).as_str()
        ],
    )?;
    if let Some(level) = change.level {
        run(
            tx.conn,
            "UPDATE chats SET level = ?3 WHERE source = ?1 AND chat = ?2",
            params![source, chat, level.as_str()],
        )?;
    }
    if let Some(quiet) = &change.quiet {
        let quiet = quiet.as_ref();
        run(
            tx.conn,
            "UPDATE chats SET quiet_from = ?3, quiet_to = ?4, time_zone = ?5
             WHERE source = ?1 AND chat = ?2",
            params![
                source,
                chat,
                quiet.map(|quiet| quiet.from_min),
                quiet.map(|quiet| quiet.to_min),
                quiet.map(|quiet| &quiet.time_zone)
            ],
        )?;
    }
    match &change.project {
        None => Ok(()),
        Some((project, level)) => put_level(tx, source, chat, project, *level),
    }
}

fn put_level(
    tx: &Tx<'_>,
    source: &str,
    chat: &str,
    project: &str,
    level: Option<Level>,
) -> Result<()> {
    match level {
        None => run(
            tx.conn,
            "DELETE FROM chat_levels WHERE source = ?1 AND chat = ?2 AND project = ?3",
            params![source, chat, project],
        )?,
        Some(level) => run(
            tx.conn,
            "INSERT INTO chat_levels (source, chat, project, level) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (source, chat, project) DO UPDATE SET level = excluded.level",
            params![source, chat, project, level.as_str()],
        )?,
    };
    Ok(())
}

fn moved(tx: &mut Tx<'_>, source: &str, old: &str, new: &str) -> Result<()> {
    // Twice is once: nothing is left in the old one to be moved.
    run(
        tx.conn,
        "INSERT INTO chats (source, chat, kind, title, admitted, level, quiet_from, quiet_to,
             time_zone, changed_at, shut, strange_at)
         SELECT source, ?3, 'supergroup', title, admitted, level, quiet_from, quiet_to,
             time_zone, ?4, shut, strange_at
         FROM chats WHERE source = ?1 AND chat = ?2
         ON CONFLICT (source, chat) DO UPDATE SET shut = max(shut, excluded.shut),
             admitted = iif(max(shut, excluded.shut) = 1, 0, max(admitted, excluded.admitted)),
             strange_at = iif(excluded.strange_at IS NULL, NULL, strange_at)",
        params![source, old, new, tx.now.0],
    )?;
    run(
        tx.conn,
        "INSERT INTO chat_levels (source, chat, project, level)
         SELECT source, ?3, project, level FROM chat_levels WHERE source = ?1 AND chat = ?2
         ON CONFLICT DO NOTHING",
        params![source, old, new],
    )?;
    // Nobody speaks in the old one any more, so that a second telling cannot
    // open the new one again that somebody shut meanwhile, nor the other way
    // round.
    run(
        tx.conn,
        "UPDATE chats SET moved_to = ?3, admitted = 0, shut = 0, changed_at = ?4
         WHERE source = ?1 AND chat = ?2",
        params![source, old, new, tx.now.0],
    )?;
    run(
        tx.conn,
        "DELETE FROM chat_outbox WHERE source = ?1 AND kind IN ('edit', 'remove', 'pin')
             AND number IN (SELECT number FROM chat_messages
                 WHERE source = ?1 AND chat = ?2 AND service_id IS NOT NULL)",
        params![source, old],
    )?;
    // The new chat counts its messages anew.
    run(
        tx.conn,
        "UPDATE chat_outbox SET begun_at = NULL, floor = NULL
         WHERE source = ?1 AND number IN (SELECT number FROM chat_messages
             WHERE source = ?1 AND chat = ?2)",
        params![source, old],
    )?;
    run(
        tx.conn,
        "UPDATE chat_messages SET chat = ?3, service_id = NULL WHERE source = ?1 AND chat = ?2",
        params![source, old, new],
    )?;
    tx.signals.chat = true;
    Ok(())
}

fn renumbered(tx: &Tx<'_>, plugin: &str, source: &str, cursor: &str) -> Result<()> {
    run(
        tx.conn,
        "UPDATE chats SET newest_message = 0
         WHERE source = ?1 AND kind IN ('private', 'group')",
        [source],
    )?;
    run(
        tx.conn,
        "UPDATE chat_messages SET service_id = NULL
         WHERE source = ?1 AND service_id IS NOT NULL",
        [source],
    )?;
    run(
        tx.conn,
        "UPDATE chat_outbox SET begun_at = NULL, floor = NULL
         WHERE source = ?1 AND floor IS NOT NULL",
        [source],
    )?;
    inbound::set_cursor(tx, plugin, source, cursor)
}

fn find(conn: &Connection, source: &str, name: &str) -> Result<Option<ChatRow>> {
    first(
        conn,
        select_chat!("WHERE source = ?1 AND chat = ?2"),
        [source, name],
        chat,
    )
}

fn chat(row: &Row<'_>) -> Result<ChatRow> {
    const TABLE: &str = "chats";
    let from_min: Option<u16> = row.get(6)?;
    let quiet = match from_min {
        None => None,
        Some(from_min) => Some(Quiet {
            from_min,
            to_min: row.get(7)?,
            time_zone: row.get(8)?,
        }),
    };
    Ok(ChatRow {
        source: row.get(0)?,
        chat: row.get(1)?,
        kind: named(TABLE, row, 2, ChatKind::parse)?,
        title: row.get(3)?,
        admitted: row.get(4)?,
        level: named(TABLE, row, 5, Level::parse)?,
        levels: parse("chat_levels", &row.get::<_, String>(13)?)?,
        quiet,
        newest_message: row.get(9)?,
        gone: row.get(10)?,
        moved_to: row.get(11)?,
        shut: row.get(12)?,
    })
}
