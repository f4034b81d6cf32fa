//! The timeline, and the outbox that tells others of it.

use super::rows::{parse, small};
use crate::db::{all, first, insert, json, name, run, signed, unsigned};
use crate::error::{Result, StoreError};
use crate::limits::MAX_PAGE;
use crate::store::Store;
use crate::types::OutboxItem;
use crate::writer::Tx;
use rusqlite::{Connection, Row, params};
use serde_json::Value;
use sortie_model::clock::Timestamp;
use sortie_model::event::Event;
use sortie_model::id::{EventSeq, Fence, JobId};

/// A job's events after a place.
pub(super) const AFTER_OF_JOB: &str = "SELECT seq, job_id, kind, data, at FROM events
     WHERE job_id = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3";

impl Store {
    /// Events after that place, oldest first, of one job or of all; at most
    /// `limit`, and never more than [`MAX_PAGE`].
    pub async fn events_after(
        &self,
        after: EventSeq,
        job: Option<JobId>,
        limit: u32,
    ) -> Result<Vec<Event>> {
        self.read(move |conn| match job {
            Some(job) => after_of_job(conn, after, job, limit),
            None => after_of_all(conn, after, limit),
        })
        .await
    }

    /// Adds an event about the run's job, such as progress of a step.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when the lease is over.
    pub async fn emit(&self, fence: Fence, kind: &str, data: Value) -> Result<EventSeq> {
        name("the event's kind", kind)?;
        let kind = kind.to_owned();
        self.write(move |tx| {
            super::lease::hold(tx, fence)?;
            append(tx, fence.job, &kind, &data)
        })
        .await
    }

    /// What has to be told to others now, oldest first.
    pub async fn outbox_pending(&self, limit: u32) -> Result<Vec<OutboxItem>> {
        let now = self.clock().now();
        self.read(move |conn| pending(conn, now, limit)).await
    }

    /// It was told; doing this twice is no error.
    pub async fn outbox_done(&self, id: u64) -> Result<()> {
        self.write(move |tx| {
            run(tx.conn, "DELETE FROM outbox WHERE id = ?1", [signed(id)])?;
            Ok(())
        })
        .await
    }

    /// Telling it failed; it is due again at `not_before`.
    pub async fn outbox_failed(&self, id: u64, not_before: Timestamp) -> Result<()> {
        self.write(move |tx| {
            run(
                tx.conn,
                "UPDATE outbox SET failures = failures + 1, not_before = ?2 WHERE id = ?1",
                params![signed(id), not_before.0],
            )?;
            Ok(())
        })
        .await
    }

    /// When the next of those that are not due yet is; for a timer.
    pub async fn outbox_next_due(&self) -> Result<Option<Timestamp>> {
        let now = self.clock().now();
        self.read(move |conn| {
            let due = first(
                conn,
                "SELECT min(not_before) FROM outbox WHERE not_before > ?1",
                [now.0],
                |row| Ok(row.get::<_, Option<i64>>(0)?.map(Timestamp)),
            )?;
            Ok(due.flatten())
        })
        .await
    }
}

/// Adds an event.
pub(super) fn append(tx: &mut Tx<'_>, job: JobId, kind: &str, data: &Value) -> Result<EventSeq> {
    let seq = insert(
        tx.conn,
        "INSERT INTO events (job_id, kind, data, at) VALUES (?1, ?2, ?3, ?4)",
        params![
            signed(job.0),
            kind,
            json("the event's data", data)?,
            tx.now.0
        ],
    )?;
    let seq = EventSeq(seq);
    tx.signals.event = Some(seq);
    Ok(seq)
}

/// Has others told of an event.
pub(super) fn tell(tx: &Tx<'_>, event: EventSeq) -> Result<()> {
    insert(
        tx.conn,
        "INSERT INTO outbox (event_seq, not_before) VALUES (?1, ?2)",
        params![signed(event.0), tx.now.0],
    )?;
    Ok(())
}

/// The newest event's place; 0 before the first.
pub(crate) fn newest(conn: &Connection) -> Result<EventSeq> {
    let seq = first(
        conn,
        "SELECT coalesce(max(seq), 0) FROM events",
        [],
        |row| Ok(EventSeq(unsigned(row.get(0)?))),
    )?;
    Ok(seq.unwrap_or_default())
}

fn after_of_all(conn: &Connection, after: EventSeq, limit: u32) -> Result<Vec<Event>> {
    all(
        conn,
        "SELECT seq, job_id, kind, data, at FROM events WHERE seq > ?1 ORDER BY seq LIMIT ?2",
        params![signed(after.0), limit.min(MAX_PAGE)],
        event,
    )
}

fn after_of_job(conn: &Connection, after: EventSeq, job: JobId, limit: u32) -> Result<Vec<Event>> {
    all(
        conn,
        AFTER_OF_JOB,
        params![signed(job.0), signed(after.0), limit.min(MAX_PAGE)],
        event,
    )
}

fn event(row: &Row<'_>) -> Result<Event> {
    Ok(Event {
        seq: EventSeq(unsigned(row.get(0)?)),
        job: JobId(unsigned(row.get(1)?)),
        kind: row.get(2)?,
        data: data(row, 3)?,
        at: Timestamp(row.get(4)?),
    })
}

fn data(row: &Row<'_>, column: usize) -> Result<Value> {
    let text = row.get_ref(column)?;
    let text = text.as_str().map_err(|e| StoreError::row("events", e))?;
    parse("events", text)
}

fn pending(conn: &Connection, now: Timestamp, limit: u32) -> Result<Vec<OutboxItem>> {
    all(
        conn,
        "SELECT o.id, o.event_seq, e.job_id, e.kind, e.data, e.at, o.failures
         FROM outbox o JOIN events e ON e.seq = o.event_seq
         WHERE o.not_before <= ?1 ORDER BY o.id LIMIT ?2",
        params![now.0, limit.min(MAX_PAGE)],
        |row| {
            Ok(OutboxItem {
                id: unsigned(row.get(0)?),
                seq: EventSeq(unsigned(row.get(1)?)),
                job: JobId(unsigned(row.get(2)?)),
                kind: row.get(3)?,
                data: data(row, 4)?,
                at: Timestamp(row.get(5)?),
                failures: small(row.get(6)?),
            })
        },
    )
}
