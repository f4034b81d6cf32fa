//! How a try of an event ends, and how events are settled or dropped. One that
//! was settled is never opened again.

use super::{promote, state};
use crate::db::{cut_to, first, run, signed};
use crate::error::{Result, StoreError};
use crate::limits::MAX_FAILURE_BYTES;
use crate::queries::rows::small;
use crate::store::Store;
use crate::types::{Again, MessageState};
use crate::writer::Tx;
use rusqlite::{Connection, params};
use sortie_model::id::PluginEventId;

impl Store {
    /// A try failed. `attempt` is the one that [`DueEvent`](crate::DueEvent)
    /// named; the error is cut to [`MAX_FAILURE_BYTES`].
    ///
    /// # Errors
    /// [`StoreError::Settled`] when the event was settled, or tried by someone
    /// else, meanwhile; [`StoreError::NotFound`].
    pub async fn fail_event(
        &self,
        event: PluginEventId,
        attempt: u32,
        error: &str,
        again: Again,
    ) -> Result<()> {
        let error = cut_to(error, MAX_FAILURE_BYTES).to_owned();
        self.write(move |tx| fail(tx, event, attempt, &error, again))
            .await
    }
}

/// What a change has to know of an event.
pub(in crate::queries) struct Head {
    pub(in crate::queries) plugin: String,
    pub(in crate::queries) source: String,
    pub(in crate::queries) state: MessageState,
    pub(in crate::queries) attempts: u32,
    in_line: bool,
}

impl Head {
    /// Sees to its line, which it may have left or come back to.
    pub(in crate::queries) fn promote(&self, tx: &mut Tx<'_>) -> Result<()> {
        match self.in_line {
            true => promote(tx, &self.plugin, &self.source),
            false => Ok(()),
        }
    }
}

/// The event, if it is not settled yet.
pub(in crate::queries) fn open(
    conn: &Connection,
    action: &'static str,
    event: PluginEventId,
) -> Result<Head> {
    let found = first(
        conn,
        "SELECT plugin, source, state, attempts, in_line FROM plugin_events WHERE id = ?1",
        [signed(event.0)],
        |row| {
            Ok(Head {
                plugin: row.get(0)?,
                source: row.get(1)?,
                state: state(row, 2)?,
                attempts: small(row.get(3)?),
                in_line: row.get(4)?,
            })
        },
    )?;
    let head = found.ok_or_else(|| StoreError::not_found(event))?;
    match head.state {
        MessageState::Pending | MessageState::Parked => Ok(head),
        settled => Err(moved(
            action,
            event,
            format!("it is {} already", settled.as_str()),
        )),
    }
}

/// The event, if that is the try which it waits for.
fn tried(
    conn: &Connection,
    action: &'static str,
    event: PluginEventId,
    attempt: u32,
) -> Result<Head> {
    let head = open(conn, action, event)?;
    if head.state == MessageState::Pending && attempt.checked_sub(1) == Some(head.attempts) {
        return Ok(head);
    }
    let detail = format!(
        "it is {} after {} tries, and this was try {attempt}",
        head.state.as_str(),
        head.attempts
    );
    Err(moved(action, event, detail))
}

fn moved(action: &'static str, event: PluginEventId, detail: String) -> StoreError {
    StoreError::Settled {
        action,
        what: event.to_string(),
        detail,
    }
}

/// A try of the event went well.
pub(in crate::queries) fn done(
    tx: &mut Tx<'_>,
    plugin: &str,
    event: PluginEventId,
    attempt: u32,
) -> Result<()> {
    let head = tried(tx.conn, "finish", event, attempt)?;
    if head.plugin != plugin {
        return Err(StoreError::not_found(format_args!(
            "{event} of plugin {plugin}"
        )));
    }
    settle(tx, event, MessageState::Done, attempt, None)?;
    head.promote(tx)
}

/// Ends an event. What it said is not kept.
pub(in crate::queries) fn settle(
    tx: &Tx<'_>,
    event: PluginEventId,
    state: MessageState,
    attempts: u32,
    error: Option<&str>,
) -> Result<()> {
    run(
        tx.conn,
        "UPDATE plugin_events SET state = ?2, attempts = ?3, error = ?4, sender = NULL,
             payload = NULL, not_before = NULL, due_at = NULL, settled_at = ?5
         WHERE id = ?1",
        params![signed(event.0), state.as_str(), attempts, error, tx.now.0],
    )?;
    Ok(())
}

fn fail(
    tx: &mut Tx<'_>,
    event: PluginEventId,
    attempt: u32,
    error: &str,
    again: Again,
) -> Result<()> {
    let head = tried(tx.conn, "note a failure of", event, attempt)?;
    let (state, not_before) = match again {
        Again::At(time) => (MessageState::Pending, Some(time.0)),
        Again::Park => (MessageState::Parked, None),
    };
    run(
        tx.conn,
        "UPDATE plugin_events SET state = ?2, attempts = ?3, error = ?4, not_before = ?5,
             due_at = CASE WHEN due_at IS NOT NULL THEN ?5 END
         WHERE id = ?1",
        params![signed(event.0), state.as_str(), attempt, error, not_before],
    )?;
    tx.signals.inbound = true;
    head.promote(tx)
}

/// Drops all events of a plugin that are not settled; how many.
pub(in crate::queries) fn drop_all(tx: &Tx<'_>, plugin: &str, why: &str) -> Result<usize> {
    run(
        tx.conn,
        "UPDATE plugin_events SET state = 'dropped', error = ?2, sender = NULL, payload = NULL,
             not_before = NULL, due_at = NULL, settled_at = ?3
         WHERE plugin = ?1 AND settled_at IS NULL",
        params![plugin, why, tx.now.0],
    )
}
