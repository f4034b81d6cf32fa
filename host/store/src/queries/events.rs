//! Events as people see them: listed, tried again, dropped; and forgotten when
//! they are old.

use super::audit::note;
use super::inbound::{open, sender, settle, state};
use super::rows::small;
use crate::db::{all, first, name, run, signed, unsigned};
use crate::error::Result;
use crate::limits::{MAX_PAGE, MAX_PRUNED};
use crate::store::Store;
use crate::types::{MessageState, PluginEvent, PluginEventFilter};
use crate::writer::Tx;
use rusqlite::{Connection, Row, params};
use serde_json::json;
use sortie_model::clock::Timestamp;
use sortie_model::id::PluginEventId;

/// What was settled long ago.
pub(super) const SETTLED: &str = "DELETE FROM plugin_events WHERE id IN (
         SELECT id FROM plugin_events WHERE settled_at < ?1 ORDER BY settled_at LIMIT ?2
     )";

impl Store {
    /// Has an event tried again now that was parked or waits for its next try.
    ///
    /// # Errors
    /// [`StoreError::Settled`](crate::StoreError::Settled) when it was done or dropped;
    /// [`StoreError::NotFound`](crate::StoreError::NotFound).
    pub async fn retry_event(&self, event: PluginEventId, actor: &str) -> Result<()> {
        name("who acts", actor)?;
        let actor = actor.to_owned();
        self.write(move |tx| retry(tx, event, &actor)).await
    }

    /// Gives an event up that was parked or waits.
    ///
    /// # Errors
    /// [`StoreError::Settled`](crate::StoreError::Settled) when it was done or dropped;
    /// [`StoreError::NotFound`](crate::StoreError::NotFound).
    pub async fn drop_event(&self, event: PluginEventId, actor: &str) -> Result<()> {
        name("who acts", actor)?;
        let actor = actor.to_owned();
        self.write(move |tx| drop_one(tx, event, &actor)).await
    }

    /// A page of events, newest first.
    pub async fn plugin_events(&self, filter: PluginEventFilter) -> Result<Vec<PluginEvent>> {
        self.read(move |conn| list(conn, &filter)).await
    }

    /// What an event says; none when that is not kept any more.
    pub async fn event_payload(&self, event: PluginEventId) -> Result<Option<Vec<u8>>> {
        self.read(move |conn| {
            let found = first(
                conn,
                "SELECT payload FROM plugin_events WHERE id = ?1",
                [signed(event.0)],
                |row| Ok(row.get(0)?),
            )?;
            Ok(found.flatten())
        })
        .await
    }

    /// Forgets events that were done or dropped before that time; a repetition
    /// of one of them is taken for new from then on. At most [`MAX_PRUNED`] at
    /// once: call it again until it says 0.
    pub async fn prune_events(&self, before: Timestamp) -> Result<usize> {
        self.write(move |tx| run(tx.conn, SETTLED, params![before.0, MAX_PRUNED]))
            .await
    }
}

fn retry(tx: &mut Tx<'_>, event: PluginEventId, actor: &str) -> Result<()> {
    let head = open(tx.conn, "retry", event)?;
    run(
        tx.conn,
        "UPDATE plugin_events SET state = 'pending', attempts_before_retry = attempts,
             not_before = ?2, due_at = CASE WHEN due_at IS NOT NULL OR in_line = 0 THEN ?2 END
         WHERE id = ?1",
        params![signed(event.0), tx.now.0],
    )?;
    tx.signals.inbound = true;
    head.promote(tx)?;
    let detail = json!({ "event": event.0, "source": head.source, "was": head.state });
    note(tx, actor, "event.retried", &head.plugin, &detail)
}

fn drop_one(tx: &mut Tx<'_>, event: PluginEventId, actor: &str) -> Result<()> {
    let head = open(tx.conn, "drop", event)?;
    let error = format!("dropped by {actor}");
    settle(
        tx,
        event,
        MessageState::Dropped,
        head.attempts,
        Some(&error),
    )?;
    head.promote(tx)?;
    let detail = json!({ "event": event.0, "source": head.source, "was": head.state });
    note(tx, actor, "event.dropped", &head.plugin, &detail)
}

/// Selects what [`event`] reads, of the plugin in the second parameter; the
/// rest of the condition follows.
macro_rules! select_event {
    ($rest:literal) => {
        concat!(
            "SELECT id, plugin, source, state, sender, coalesce(length(payload), 0), attempts,
                 not_before, error, received_at, settled_at
             FROM plugin_events
             WHERE id < ?1 AND (?2 IS NULL OR plugin = ?2) ",
            $rest
        )
    };
}

fn list(conn: &Connection, filter: &PluginEventFilter) -> Result<Vec<PluginEvent>> {
    let limit = match filter.limit {
        0 => MAX_PAGE,
        limit => limit.min(MAX_PAGE),
    };
    let before = filter.before.map_or(i64::MAX, |event| signed(event.0));
    let state = filter.state.map(MessageState::as_str);
    let open = matches!(
        filter.state,
        Some(MessageState::Pending | MessageState::Parked)
    );
    // Those that are open are few among those that were settled, and have an
    // index of their own.
    let sql = match open {
        true => select_event!("AND state = ?3 AND settled_at IS NULL ORDER BY id DESC LIMIT ?4"),
        false => select_event!("AND (?3 IS NULL OR state = ?3) ORDER BY id DESC LIMIT ?4"),
    };
    all(
        conn,
        sql,
        params![before, filter.plugin, state, limit],
        event,
    )
}

fn event(row: &Row<'_>) -> Result<PluginEvent> {
    Ok(PluginEvent {
        id: PluginEventId(unsigned(row.get(0)?)),
        plugin: row.get(1)?,
        source: row.get(2)?,
        state: state(row, 3)?,
        sender: sender(row, 4)?,
        payload_bytes: unsigned(row.get(5)?),
        attempts: small(row.get(6)?),
        not_before: row.get::<_, Option<i64>>(7)?.map(Timestamp),
        error: row.get(8)?,
        received_at: Timestamp(row.get(9)?),
        settled_at: row.get::<_, Option<i64>>(10)?.map(Timestamp),
    })
}
