//! Deliveries as people see them: listed, tried again, dropped; and forgotten
//! when they are old.

use super::audit::note;
use super::deliveries::{open, promote, state};
use super::rows::{maybe_job, small};
use crate::db::{all, name, run, signed, unsigned};
use crate::error::Result;
use crate::limits::{MAX_PAGE, MAX_PRUNED};
use crate::store::Store;
use crate::types::{Delivery, MessageState};
use crate::writer::Tx;
use rusqlite::{Connection, Row, params};
use serde_json::json;
use sortie_model::clock::Timestamp;
use sortie_model::id::EventSeq;

/// What was settled long ago.
pub(super) const SETTLED: &str = "DELETE FROM deliveries WHERE (notifier, event_seq) IN (
         SELECT notifier, event_seq FROM deliveries
         WHERE settled_at < ?1 ORDER BY settled_at LIMIT ?2
     )";

impl Store {
    /// Has a delivery tried again now that was parked or waits for its next
    /// try. Of several about one job the earliest goes first.
    ///
    /// # Errors
    /// [`StoreError::Settled`](crate::StoreError::Settled) when it was made or
    /// dropped; [`StoreError::NotFound`](crate::StoreError::NotFound).
    pub async fn retry_delivery(&self, notifier: &str, seq: EventSeq, actor: &str) -> Result<()> {
        name("who acts", actor)?;
        let (notifier, actor) = (notifier.to_owned(), actor.to_owned());
        self.write(move |tx| retry(tx, &notifier, seq, &actor))
            .await
    }

    /// Gives a delivery up that was parked or waits.
    ///
    /// # Errors
    /// [`StoreError::Settled`](crate::StoreError::Settled) when it was made or
    /// dropped; [`StoreError::NotFound`](crate::StoreError::NotFound).
    pub async fn drop_delivery(&self, notifier: &str, seq: EventSeq, actor: &str) -> Result<()> {
        name("who acts", actor)?;
        let (notifier, actor) = (notifier.to_owned(), actor.to_owned());
        self.write(move |tx| drop_one(tx, &notifier, seq, &actor))
            .await
    }

    /// A page of a notifier's deliveries, of the newest event first: only those
    /// in `state`, of events before `before`; at most `limit`, and never more
    /// than [`MAX_PAGE`].
    pub async fn deliveries(
        &self,
        notifier: &str,
        state: Option<MessageState>,
        before: Option<EventSeq>,
        limit: u32,
    ) -> Result<Vec<Delivery>> {
        let notifier = notifier.to_owned();
        self.read(move |conn| list(conn, &notifier, state, before, limit))
            .await
    }

    /// Forgets deliveries that were made or dropped before that time. At most
    /// [`MAX_PRUNED`] at once: call it again until it says 0.
    pub async fn prune_deliveries(&self, before: Timestamp) -> Result<usize> {
        self.write(move |tx| run(tx.conn, SETTLED, params![before.0, MAX_PRUNED]))
            .await
    }
}

fn retry(tx: &mut Tx<'_>, notifier: &str, seq: EventSeq, actor: &str) -> Result<()> {
    let head = open(tx.conn, "retry", notifier, seq)?;
    run(
        tx.conn,
        "UPDATE deliveries SET state = 'pending', attempts_before_retry = attempts,
             not_before = ?3, due_at = CASE WHEN due_at IS NOT NULL THEN ?3 END
         WHERE notifier = ?1 AND event_seq = ?2",
        params![notifier, signed(seq.0), tx.now.0],
    )?;
    tx.signals.deliveries = true;
    promote(tx, notifier, head.job)?;
    let detail = json!({ "seq": seq.0, "job": head.job, "was": head.state });
    note(tx, actor, "delivery.retried", notifier, &detail)
}

fn drop_one(tx: &mut Tx<'_>, notifier: &str, seq: EventSeq, actor: &str) -> Result<()> {
    let head = open(tx.conn, "drop", notifier, seq)?;
    run(
        tx.conn,
        "UPDATE deliveries SET state = 'dropped', error = ?3, not_before = NULL, due_at = NULL,
             settled_at = ?4
         WHERE notifier = ?1 AND event_seq = ?2",
        params![
            notifier,
            signed(seq.0),
            format!("dropped by {actor}"),
            tx.now.0
        ],
    )?;
    promote(tx, notifier, head.job)?;
    let detail = json!({
        "seq": seq.0,
        "job": head.job,
        "was": head.state,
        "attempts": head.attempts,
    });
    note(tx, actor, "delivery.dropped", notifier, &detail)
}

/// Selects what [`delivery`] reads; the rest of the condition follows.
macro_rules! select_delivery {
    ($index:literal, $rest:literal) => {
        concat!(
            "SELECT d.notifier, d.event_seq, d.job_id, e.kind, d.state, d.attempts, d.not_before,
                 d.error, d.receipt, d.settled_at
             FROM deliveries d ",
            $index,
            " JOIN events e ON e.seq = d.event_seq
             WHERE d.notifier = ?1 AND d.event_seq < ?2 ",
            $rest
        )
    };
}

fn list(
    conn: &Connection,
    notifier: &str,
    state: Option<MessageState>,
    before: Option<EventSeq>,
    limit: u32,
) -> Result<Vec<Delivery>> {
    let before = before.map_or(i64::MAX, |seq| signed(seq.0));
    // Those that are open are few among those that were settled, and have an
    // index of their own.
    let sql = match state {
        Some(MessageState::Pending | MessageState::Parked) => select_delivery!(
            "INDEXED BY deliveries_open",
            "AND d.state = ?3 AND d.settled_at IS NULL ORDER BY d.event_seq DESC LIMIT ?4"
        ),
        _ => {
            select_delivery!(
                "",
                "AND (?3 IS NULL OR d.state = ?3) ORDER BY d.event_seq DESC LIMIT ?4"
            )
        }
    };
    let state = state.map(MessageState::as_str);
    all(
        conn,
        sql,
        params![notifier, before, state, limit.min(MAX_PAGE)],
        delivery,
    )
}

fn delivery(row: &Row<'_>) -> Result<Delivery> {
    Ok(Delivery {
        notifier: row.get(0)?,
        seq: EventSeq(unsigned(row.get(1)?)),
        job: maybe_job(row, 2)?,
        kind: row.get(3)?,
        state: state(row, 4)?,
        attempts: small(row.get(5)?),
        not_before: row.get::<_, Option<i64>>(6)?.map(Timestamp),
        error: row.get(7)?,
        receipt: row.get(8)?,
        settled_at: row.get::<_, Option<i64>>(9)?.map(Timestamp),
    })
}
