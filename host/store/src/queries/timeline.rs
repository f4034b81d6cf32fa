//! The timeline: what happened, in order.

use super::deliveries;
use super::rows::{maybe_job, parse};
use crate::db::{all, first, insert, json, name, signed, unsigned};
use crate::error::{Result, StoreError};
use crate::limits::MAX_PAGE;
use crate::store::Store;
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

    /// The newest event of that kind about a job; none when there was none.
    pub async fn newest_event(&self, job: JobId, kind: &str) -> Result<Option<Event>> {
        let kind = kind.to_owned();
        self.read(move |conn| {
            first(
                conn,
                "SELECT seq, job_id, kind, data, at FROM events
                 WHERE job_id = ?1 AND kind = ?2 ORDER BY seq DESC LIMIT 1",
                params![signed(job.0), kind],
                event,
            )
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
}

/// Adds an event about a job, and the deliveries to those who are to be told of
/// it.
pub(super) fn append(tx: &mut Tx<'_>, job: JobId, kind: &str, data: &Value) -> Result<EventSeq> {
    add(tx, Some(job), kind, data)
}

/// The same about the host itself.
pub(super) fn append_of_host(tx: &mut Tx<'_>, kind: &str, data: &Value) -> Result<EventSeq> {
    add(tx, None, kind, data)
}

fn add(tx: &mut Tx<'_>, job: Option<JobId>, kind: &str, data: &Value) -> Result<EventSeq> {
    let seq = insert(
        tx.conn,
        "INSERT INTO events (job_id, kind, data, at) VALUES (?1, ?2, ?3, ?4)",
        params![
            job.map(|job| signed(job.0)),
            kind,
            json("the event's data", data)?,
            tx.now.0
        ],
    )?;
    let seq = EventSeq(seq);
    deliveries::fan_out(tx, seq, job, kind)?;
    tx.signals.event = Some(seq);
    Ok(seq)
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
        job: maybe_job(row, 1)?,
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
