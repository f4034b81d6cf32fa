//! What notifiers are told: a delivery for each event that one subscribes to,
//! written with the event itself, and its life until it is settled.
//!
//! The deliveries about a job to a notifier are a line. Of those that wait, the
//! one of the earliest event is its head and has `due_at`; [`promote`] sees to
//! that after every change. Those about the host itself are one line.
//!
//! Of progress, only the newest is of use: at most one delivery of it waits
//! behind the head of a line, and one that was made leaves no row.

use super::rows::{maybe_job, named, parse, small};
use crate::db::{all, cut_to, first, name, run, signed, unsigned};
use crate::error::{Result, StoreError};
use crate::limits::{MAX_FAILURE_BYTES, MAX_PAGE, MAX_RECEIPT_BYTES};
use crate::store::Store;
use crate::types::{Again, DueDelivery, MessageState};
use crate::writer::Tx;
use rusqlite::{Connection, Row, params};
use sortie_model::clock::Timestamp;
use sortie_model::id::{EventSeq, JobId};
use std::collections::BTreeMap;

/// The heads of a notifier's lines that are due.
pub(super) const DUE: &str = "SELECT d.event_seq, d.job_id, e.kind, e.data, e.at, d.attempts,
         d.attempts_before_retry
     FROM deliveries d JOIN events e ON e.seq = d.event_seq
     WHERE d.notifier = ?1 AND d.due_at <= ?2
     ORDER BY d.due_at, d.event_seq LIMIT ?3";

/// The first of a line, in the order of events. Left to itself, SQLite walks
/// all that the notifier was ever told.
pub(super) const FIRST_WAITING: &str = "SELECT event_seq, due_at
     FROM deliveries INDEXED BY deliveries_open
     WHERE notifier = ?1 AND job_id IS ?2 AND state = 'pending' AND settled_at IS NULL
     ORDER BY event_seq LIMIT 1";

/// The kind of events that supersede each other.
const PROGRESS: &str = "agent.progress";

/// Progress of a job that waits behind something else. The head of a line is
/// left alone, because it may be under way.
pub(super) const SUPERSEDED: &str = "DELETE FROM deliveries
     WHERE (notifier, event_seq) IN (
         SELECT d.notifier, d.event_seq
         FROM (SELECT DISTINCT notifier FROM subscriptions WHERE ?2 GLOB kind) s
         CROSS JOIN deliveries d INDEXED BY deliveries_open
             ON d.notifier = s.notifier AND d.state = 'pending' AND d.job_id IS ?1
             AND d.settled_at IS NULL
         JOIN events e ON e.seq = d.event_seq
         WHERE d.due_at IS NULL AND e.kind = ?2
     )";

/// A delivery to each who subscribes to the event's kind.
pub(super) const FAN_OUT: &str =
    "INSERT INTO deliveries (notifier, event_seq, job_id, state, not_before, due_at)
     SELECT s.notifier, ?1, ?2, 'pending', ?4,
         CASE WHEN NOT EXISTS (
             SELECT 1 FROM deliveries d
             WHERE d.notifier = s.notifier AND d.job_id IS ?2 AND d.due_at IS NOT NULL
         ) THEN ?4 END
     FROM subscriptions s WHERE ?3 GLOB s.kind GROUP BY s.notifier";

impl Store {
    /// Makes these the notifiers and the kinds of events that each is told,
    /// from the next event on. A kind is a whole one, such as
    /// `job.succeeded`, or a beginning and an asterisk, such as `job.*`.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for an empty or overlong name and for a kind
    /// that is neither.
    pub async fn put_subscriptions(&self, kinds: BTreeMap<String, Vec<String>>) -> Result<()> {
        for (notifier, kinds) in &kinds {
            name("the notifier's name", notifier)?;
            kinds.iter().try_for_each(|kind| check_kind(kind))?;
        }
        self.write(move |tx| {
            run(tx.conn, "DELETE FROM subscriptions", [])?;
            for (notifier, kinds) in &kinds {
                for kind in kinds {
                    run(
                        tx.conn,
                        "INSERT INTO subscriptions (notifier, kind) VALUES (?1, ?2)
                         ON CONFLICT DO NOTHING",
                        [notifier, kind],
                    )?;
                }
            }
            Ok(())
        })
        .await
    }

    /// The deliveries whose turn it is at a notifier, longest due first: of
    /// each job the first that waits, and it alone, also while somebody makes
    /// it.
    pub async fn deliveries_due(&self, notifier: &str, limit: u32) -> Result<Vec<DueDelivery>> {
        let now = self.clock().now();
        let notifier = notifier.to_owned();
        self.look(move |conn| {
            all(
                conn,
                DUE,
                params![notifier, now.0, limit.min(MAX_PAGE)],
                due,
            )
        })
        .await
    }

    /// When the next of a notifier's deliveries is due that is not yet; for a
    /// timer.
    pub async fn next_delivery_due(&self, notifier: &str) -> Result<Option<Timestamp>> {
        let now = self.clock().now();
        let notifier = notifier.to_owned();
        self.look(move |conn| {
            let next = first(
                conn,
                "SELECT min(due_at) FROM deliveries WHERE notifier = ?1 AND due_at > ?2",
                params![notifier, now.0],
                |row| Ok(row.get::<_, Option<i64>>(0)?.map(Timestamp)),
            )?;
            Ok(next.flatten())
        })
        .await
    }

    /// A try failed. `attempt` is the one that [`DueDelivery`] named; the error
    /// is cut to [`MAX_FAILURE_BYTES`]. One that went well is written by
    /// [`Store::commit_call`].
    ///
    /// # Errors
    /// [`StoreError::Settled`] when the delivery was settled, or tried by
    /// someone else, meanwhile; [`StoreError::NotFound`].
    pub async fn fail_delivery(
        &self,
        notifier: &str,
        seq: EventSeq,
        attempt: u32,
        error: &str,
        again: Again,
    ) -> Result<()> {
        let notifier = notifier.to_owned();
        let error = cut_to(error, MAX_FAILURE_BYTES).to_owned();
        self.write(move |tx| fail(tx, &notifier, seq, attempt, &error, again))
            .await
    }
}

fn check_kind(kind: &str) -> Result<()> {
    let begin = kind.strip_suffix('*').unwrap_or(kind);
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_.".contains(c);
    if kind.is_empty() || !begin.chars().all(legal) {
        return Err(StoreError::Invalid {
            what: "a kind of events to be told of",
            detail: format!(
                "{kind:?} is none; say a whole one, such as job.succeeded, or a beginning and \
                 an asterisk, such as job.*"
            ),
        });
    }
    name("a kind of events to be told of", kind)
}

/// Has those told of an event who subscribe to its kind. Runs with every event,
/// so it looks at the few subscriptions first, and else at the index of heads
/// alone.
pub(super) fn fan_out(
    tx: &mut Tx<'_>,
    event: EventSeq,
    job: Option<JobId>,
    kind: &str,
) -> Result<()> {
    let anybody = "SELECT 1 FROM subscriptions WHERE ?1 GLOB kind LIMIT 1";
    if first(tx.conn, anybody, [kind], |_| Ok(()))?.is_none() {
        return Ok(());
    }
    let job = job.map(|job| signed(job.0));
    if kind == PROGRESS {
        run(tx.conn, SUPERSEDED, params![job, kind])?;
    }
    let made = run(
        tx.conn,
        FAN_OUT,
        params![signed(event.0), job, kind, tx.now.0],
    )?;
    tx.signals.deliveries |= made > 0;
    Ok(())
}

/// How many are not made yet.
pub(super) fn waiting(conn: &Connection) -> Result<u64> {
    let count = first(
        conn,
        "SELECT count(*) FROM deliveries INDEXED BY deliveries_open
         WHERE state = 'pending' AND settled_at IS NULL",
        [],
        |row| Ok(unsigned(row.get(0)?)),
    )?;
    Ok(count.unwrap_or(0))
}

/// Makes the first that waits of a line its head, and no other.
pub(super) fn promote(tx: &mut Tx<'_>, notifier: &str, job: Option<JobId>) -> Result<()> {
    let job = job.map(|job| signed(job.0));
    let line = params![notifier, job];
    let waiting = first(tx.conn, FIRST_WAITING, line, |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, Option<i64>>(1)?))
    })?;
    let Some((seq, None)) = waiting else {
        return Ok(());
    };
    run(
        tx.conn,
        "UPDATE deliveries SET due_at = NULL
         WHERE notifier = ?1 AND job_id IS ?2 AND due_at IS NOT NULL",
        line,
    )?;
    run(
        tx.conn,
        "UPDATE deliveries SET due_at = not_before WHERE notifier = ?1 AND event_seq = ?2",
        params![notifier, seq],
    )?;
    tx.signals.deliveries = true;
    Ok(())
}

/// What a change has to know of a delivery.
pub(super) struct Head {
    pub(super) job: Option<JobId>,
    /// The kind of the event.
    pub(super) kind: String,
    /// Whether a person brought it about.
    pub(super) is_of_person: bool,
    pub(super) state: MessageState,
    pub(super) attempts: u32,
}

/// The delivery, if it is not settled yet.
pub(super) fn open(
    conn: &Connection,
    action: &'static str,
    notifier: &str,
    seq: EventSeq,
) -> Result<Head> {
    let found = first(
        conn,
        "SELECT d.job_id, d.state, d.attempts, e.kind, json_extract(e.data, '$.by') IS NOT NULL
         FROM deliveries d JOIN events e ON e.seq = d.event_seq
         WHERE d.notifier = ?1 AND d.event_seq = ?2",
        params![notifier, signed(seq.0)],
        |row| {
            Ok(Head {
                job: maybe_job(row, 0)?,
                kind: row.get(3)?,
                is_of_person: row.get(4)?,
                state: state(row, 1)?,
                attempts: small(row.get(2)?),
            })
        },
    )?;
    let head = found.ok_or_else(|| StoreError::not_found(words(notifier, seq)))?;
    match head.state {
        MessageState::Pending | MessageState::Parked => Ok(head),
        settled => {
            let detail = format!("it is {} already", settled.as_str());
            Err(moved(action, notifier, seq, detail))
        }
    }
}

/// The delivery, if that is the try which it waits for.
fn tried(
    conn: &Connection,
    action: &'static str,
    notifier: &str,
    seq: EventSeq,
    attempt: u32,
) -> Result<Head> {
    let head = open(conn, action, notifier, seq)?;
    if head.state == MessageState::Pending && attempt.checked_sub(1) == Some(head.attempts) {
        return Ok(head);
    }
    let detail = format!(
        "it is {} after {} tries, and this was try {attempt}",
        head.state.as_str(),
        head.attempts
    );
    Err(moved(action, notifier, seq, detail))
}

fn words(notifier: &str, seq: EventSeq) -> String {
    format!("the delivery of event {} to {notifier}", seq.0)
}

fn moved(action: &'static str, notifier: &str, seq: EventSeq, detail: String) -> StoreError {
    StoreError::Settled {
        action,
        what: words(notifier, seq),
        detail,
    }
}

/// A try went well. Gives what the delivery was about.
pub(super) fn done(
    tx: &mut Tx<'_>,
    notifier: &str,
    seq: EventSeq,
    attempt: u32,
    receipt: Option<&str>,
) -> Result<Head> {
    let head = tried(tx.conn, "finish", notifier, seq, attempt)?;
    if head.kind == PROGRESS {
        run(
            tx.conn,
            "DELETE FROM deliveries WHERE notifier = ?1 AND event_seq = ?2",
            params![notifier, signed(seq.0)],
        )?;
        promote(tx, notifier, head.job)?;
        return Ok(head);
    }
    run(
        tx.conn,
        "UPDATE deliveries SET state = 'done', attempts = ?3, receipt = ?4, error = NULL,
             not_before = NULL, due_at = NULL, settled_at = ?5
         WHERE notifier = ?1 AND event_seq = ?2",
        params![
            notifier,
            signed(seq.0),
            attempt,
            receipt.map(|text| cut_to(text, MAX_RECEIPT_BYTES)),
            tx.now.0
        ],
    )?;
    promote(tx, notifier, head.job)?;
    Ok(head)
}

fn fail(
    tx: &mut Tx<'_>,
    notifier: &str,
    seq: EventSeq,
    attempt: u32,
    error: &str,
    again: Again,
) -> Result<()> {
    let head = tried(tx.conn, "note a failure of", notifier, seq, attempt)?;
    let (state, not_before) = match again {
        Again::At(time) => (MessageState::Pending, Some(time.0)),
        Again::Park => (MessageState::Parked, None),
    };
    run(
        tx.conn,
        "UPDATE deliveries SET state = ?3, attempts = ?4, error = ?5, not_before = ?6,
             due_at = CASE WHEN due_at IS NOT NULL THEN ?6 END
         WHERE notifier = ?1 AND event_seq = ?2",
        params![
            notifier,
            signed(seq.0),
            state.as_str(),
            attempt,
            error,
            not_before
        ],
    )?;
    tx.signals.deliveries = true;
    promote(tx, notifier, head.job)
}

/// Drops all deliveries to a notifier that are not settled; how many.
pub(super) fn drop_all(tx: &Tx<'_>, notifier: &str, why: &str) -> Result<usize> {
    run(
        tx.conn,
        "DELETE FROM subscriptions WHERE notifier = ?1",
        [notifier],
    )?;
    run(
        tx.conn,
        "UPDATE deliveries SET state = 'dropped', error = ?2, not_before = NULL, due_at = NULL,
             settled_at = ?3
         WHERE notifier = ?1 AND settled_at IS NULL",
        params![notifier, why, tx.now.0],
    )
}

pub(super) fn state(row: &Row<'_>, column: usize) -> Result<MessageState> {
    named("deliveries", row, column, MessageState::parse)
}

fn due(row: &Row<'_>) -> Result<DueDelivery> {
    Ok(DueDelivery {
        seq: EventSeq(unsigned(row.get(0)?)),
        job: maybe_job(row, 1)?,
        kind: row.get(2)?,
        data: parse("events", &row.get::<_, String>(3)?)?,
        at: Timestamp(row.get(4)?),
        attempt: small(row.get(5)?).saturating_add(1),
        attempts_before_retry: small(row.get(6)?),
    })
}
