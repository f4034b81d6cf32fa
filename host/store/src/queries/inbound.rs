//! Events that come in for plugins: taken in once, and handed out in order. How
//! a try of one ends is in `inbound/tries.rs`, where their sources stand in
//! `inbound/cursors.rs`; what people do with events is in `events.rs`.
//!
//! Events of a source that are in line wait for each other. Of those that wait,
//! the one with the lowest number is the head and has `due_at`; [`promote`]
//! sees to that after every change. The others have it as long as they wait.

mod cursors;
mod tries;

pub(super) use cursors::{forget_cursors, set_cursor};
pub(super) use tries::{done, drop_all, open, settle};

use super::chats;
use super::rows::{named, parse, small};
use crate::db::{all, bounded_bytes, first, json, name, run, signed, unsigned};
use crate::error::{Result, StoreError};
use crate::limits::{MAX_EVENT_BYTES, MAX_OPEN_EVENTS, MAX_PAGE};
use crate::store::Store;
use crate::types::{Accepted, DeliveryKey, DueEvent, MessageState, NewPluginEvent};
use crate::writer::Tx;
use rusqlite::{Row, params};
use serde_json::Value;
use sortie_model::clock::Timestamp;
use sortie_model::id::PluginEventId;

/// The heads of a plugin's lines that are due, and what is in no line, if it
/// may run. A plugin that has no row is one of the host's own.
pub(super) const DUE: &str = "SELECT e.id, e.plugin, e.source, e.sender, e.payload, e.attempts,
         e.attempts_before_retry, e.received_at
     FROM plugin_events e
     WHERE e.plugin = ?1 AND e.due_at <= ?2
         AND NOT EXISTS (SELECT 1 FROM plugins p WHERE p.name = ?1 AND p.enabled = 0)
     ORDER BY e.due_at, e.id LIMIT ?3";

/// The first of a line, in the order of numbers.
pub(super) const FIRST_WAITING: &str = "SELECT id, due_at FROM plugin_events
     WHERE plugin = ?1 AND source = ?2 AND state = 'pending' AND settled_at IS NULL
         AND in_line = 1
     ORDER BY id LIMIT 1";

/// How many of a source wait or are parked, counted up to a bound.
pub(super) const OPEN_UP_TO: &str = "SELECT count(*) FROM (
         SELECT 1 FROM plugin_events
         WHERE plugin = ?1 AND source = ?2 AND state IN ('pending', 'parked')
             AND settled_at IS NULL
         LIMIT ?3
     )";

impl Store {
    /// Takes an event in: when this returns, it is on disk and waits for its
    /// turn. One that came before changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Backlog`] when too many of its source wait or are parked;
    /// [`StoreError::Invalid`] for an empty or overlong value.
    pub async fn accept_event(&self, new: NewPluginEvent) -> Result<Accepted> {
        let new = Incoming::new(new)?;
        let numbers = self.numbers().clone();
        self.write(move |tx| {
            super::numbers::top_up(tx, &numbers)?;
            accept(tx, &new)
        })
        .await
    }

    /// The events of a plugin whose turn it is, longest due first: of those in
    /// line the first of each source that waits, and it alone, also while
    /// somebody handles it. A disabled plugin has none.
    pub async fn due_events(&self, plugin: &str, limit: u32) -> Result<Vec<DueEvent>> {
        let now = self.clock().now();
        let plugin = plugin.to_owned();
        self.read(move |conn| all(conn, DUE, params![plugin, now.0, limit.min(MAX_PAGE)], due))
            .await
    }

    /// When the next event of a plugin is due that is not yet; for a timer.
    pub async fn next_event_due(&self, plugin: &str) -> Result<Option<Timestamp>> {
        let now = self.clock().now();
        let plugin = plugin.to_owned();
        self.look(move |conn| {
            let next = first(
                conn,
                "SELECT min(due_at) FROM plugin_events WHERE plugin = ?1 AND due_at > ?2",
                params![plugin, now.0],
                |row| Ok(row.get::<_, Option<i64>>(0)?.map(Timestamp)),
            )?;
            Ok(next.flatten())
        })
        .await
    }

    /// The event that one with this key would repeat. None says nothing about
    /// events under way: whoever stores one looks again where it writes.
    pub async fn known_event(
        &self,
        plugin: &str,
        source: &str,
        key: DeliveryKey,
    ) -> Result<Option<(PluginEventId, MessageState)>> {
        let now = self.clock().now();
        let (plugin, source) = (plugin.to_owned(), source.to_owned());
        self.look(move |conn| {
            first(
                conn,
                "SELECT id, state FROM plugin_events
                 WHERE plugin = ?1 AND source = ?2 AND delivery = ?3
                     AND (forget_at IS NULL OR forget_at > ?4)",
                params![plugin, source, key.hash, now.0],
                |row| Ok((PluginEventId(unsigned(row.get(0)?)), state(row, 1)?)),
            )
        })
        .await
    }
}

/// An event that may be stored.
pub(super) struct Incoming {
    pub(super) new: NewPluginEvent,
    sender: Option<String>,
    cursor: Option<String>,
}

impl Incoming {
    pub(super) fn new(new: NewPluginEvent) -> Result<Self> {
        name("the plugin's name", &new.plugin)?;
        name("the source's name", &new.source)?;
        bounded_bytes("the event", new.payload.len(), MAX_EVENT_BYTES)?;
        let text =
            |what, value: &Option<Value>| value.as_ref().map(|value| json(what, value)).transpose();
        let sender = text("the sender", &new.sender)?;
        let cursor = text("the source's place", &new.cursor)?;
        Ok(Self {
            new,
            sender,
            cursor,
        })
    }
}

fn accept(tx: &mut Tx<'_>, event: &Incoming) -> Result<Accepted> {
    let new = &event.new;
    if let Some((id, state)) = seen(tx, new)? {
        return Ok(Accepted::Duplicate(id, state));
    }
    let open = first(
        tx.conn,
        OPEN_UP_TO,
        params![new.plugin, new.source, MAX_OPEN_EVENTS],
        |row| Ok(small(row.get(0)?)),
    )?;
    if open.is_some_and(|open| open >= MAX_OPEN_EVENTS) {
        return Err(StoreError::Backlog {
            plugin: new.plugin.clone(),
            source_name: new.source.clone(),
            max: MAX_OPEN_EVENTS,
        });
    }
    write(tx, event, MessageState::Pending)?;
    match new.in_line {
        true => promote(tx, &new.plugin, &new.source)?,
        false => tx.signals.inbound = true,
    }
    Ok(Accepted::New(new.id))
}

/// Stores an event that was handled as it came in. The inner result is the
/// event that it repeats.
pub(super) fn handled(
    tx: &mut Tx<'_>,
    event: &Incoming,
) -> Result<Result<(), (PluginEventId, MessageState)>> {
    let new = &event.new;
    if let Some(before) = seen(tx, new)? {
        return Ok(Err(before));
    }
    let waiting = match new.in_line {
        true => first(tx.conn, FIRST_WAITING, [&new.plugin, &new.source], |row| {
            Ok(PluginEventId(unsigned(row.get(0)?)))
        })?,
        false => None,
    };
    match waiting {
        Some(earlier) if earlier < new.id => Err(StoreError::Behind {
            event: new.id,
            earlier,
        }),
        _ => write(tx, event, MessageState::Done).map(Ok),
    }
}

/// The event that this one repeats.
fn seen(tx: &Tx<'_>, new: &NewPluginEvent) -> Result<Option<(PluginEventId, MessageState)>> {
    let Some(key) = &new.delivery else {
        return Ok(None);
    };
    let found = first(
        tx.conn,
        "SELECT id, state, forget_at FROM plugin_events
         WHERE plugin = ?1 AND source = ?2 AND delivery = ?3",
        params![new.plugin, new.source, key.hash],
        |row| {
            let forget_at = row.get::<_, Option<i64>>(2)?;
            Ok((
                PluginEventId(unsigned(row.get(0)?)),
                state(row, 1)?,
                forget_at,
            ))
        },
    )?;
    match found {
        Some((id, _, Some(forget_at))) if forget_at <= tx.now.0 => {
            run(
                tx.conn,
                "UPDATE plugin_events SET delivery = NULL, forget_at = NULL WHERE id = ?1",
                [signed(id.0)],
            )?;
            Ok(None)
        }
        found => Ok(found.map(|(id, state, _)| (id, state))),
    }
}

/// Writes the row and the source's place.
fn write(tx: &Tx<'_>, event: &Incoming, state: MessageState) -> Result<()> {
    let new = &event.new;
    let waits = state == MessageState::Pending;
    let forget_at = new
        .delivery
        .and_then(|key| key.window_ms)
        .map(|window_ms| tx.now.0.saturating_add(i64::from(window_ms)));
    run(
        tx.conn,
        "INSERT INTO plugin_events (id, plugin, source, delivery, forget_at, state, sender,
             payload, attempts, not_before, received_at, settled_at, in_line, due_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        params![
            signed(new.id.0),
            new.plugin,
            new.source,
            new.delivery.as_ref().map(|key| key.hash),
            forget_at,
            state.as_str(),
            event.sender.as_ref().filter(|_| waits),
            waits.then_some(&new.payload),
            u32::from(!waits),
            waits.then_some(tx.now.0),
            tx.now.0,
            (!waits).then_some(tx.now.0),
            new.in_line,
            (waits && !new.in_line).then_some(tx.now.0),
        ],
    )?;
    if let Some(seen) = &new.seen {
        chats::saw(tx, &new.source, seen)?;
    }
    match &event.cursor {
        Some(cursor) => set_cursor(tx, &new.plugin, &new.source, cursor),
        None => Ok(()),
    }
}

/// Makes the first that waits of a line its head, and no other.
fn promote(tx: &mut Tx<'_>, plugin: &str, source: &str) -> Result<()> {
    let waiting = first(tx.conn, FIRST_WAITING, [plugin, source], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, Option<i64>>(1)?))
    })?;
    let Some((id, None)) = waiting else {
        return Ok(());
    };
    run(
        tx.conn,
        "UPDATE plugin_events SET due_at = NULL
         WHERE plugin = ?1 AND source = ?2 AND due_at IS NOT NULL AND in_line = 1",
        [plugin, source],
    )?;
    run(
        tx.conn,
        "UPDATE plugin_events SET due_at = not_before WHERE id = ?1",
        [id],
    )?;
    tx.signals.inbound = true;
    Ok(())
}

pub(super) fn state(row: &Row<'_>, column: usize) -> Result<MessageState> {
    named("plugin_events", row, column, MessageState::parse)
}

pub(super) fn sender(row: &Row<'_>, column: usize) -> Result<Option<Value>> {
    let text: Option<String> = row.get(column)?;
    text.map(|text| parse("plugin_events", &text)).transpose()
}

fn due(row: &Row<'_>) -> Result<DueEvent> {
    Ok(DueEvent {
        id: PluginEventId(unsigned(row.get(0)?)),
        plugin: row.get(1)?,
        source: row.get(2)?,
        sender: sender(row, 3)?,
        payload: row.get(4)?,
        attempt: small(row.get(5)?).saturating_add(1),
        attempts_before_retry: small(row.get(6)?),
        received_at: Timestamp(row.get(7)?),
    })
}
