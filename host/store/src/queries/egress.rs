//! What runs wanted of the outside: requests that were refused, and the questions
//! about their hosts, each with the answer that counts now. Whether an answer
//! fits a host is the model's to say.
//!
//! A question is open for as long as its job is not over. The next run after a
//! retry asks it anew.
//!
//! The answers are in `egress/rulings.rs`, every connection is in
//! `egress/connections.rs`.

pub(super) mod connections;
pub(super) mod rulings;

use super::lease::hold;
use super::people::Person;
use super::state::open_run;
use super::timeline;
use crate::db::{all, first, name, run, signed, unsigned};
use crate::error::{Result, StoreError};
use crate::limits::{MAX_EGRESS_ASKS, MAX_PAGE};
use crate::store::Store;
use crate::types::{EgressAsk, NewEgressRefusal, NewRuling};
use crate::writer::Tx;
use rulings::{for_run, lapsed, project_of, rule, rulings};
use rusqlite::{Connection, Row, params};
use serde_json::{Value, json};
use sortie_model::clock::Timestamp;
use sortie_model::egress::RulingScope;
use sortie_model::host::HostName;
use sortie_model::id::{Fence, JobId, RunId};
use std::collections::BTreeMap;

/// What a job asked.
pub(super) const ASKS_OF_JOB: &str = "SELECT job_id, run_id, host, port, reason, asked_at, id
     FROM egress_asks WHERE job_id = ?1 ORDER BY id";

/// A page of what the jobs that are not over asked, newest first.
pub(super) const ASKS_OPEN: &str = "SELECT a.job_id, a.run_id, a.host, a.port, a.reason,
         a.asked_at, a.id
     FROM jobs j INDEXED BY jobs_place CROSS JOIN egress_asks a ON a.job_id = j.id
     WHERE j.phase IN ('queued', 'running', 'awaiting_approval', 'needs_review', 'approved')
         AND a.id < ?1
     ORDER BY a.id DESC LIMIT ?2";

/// What a job asked that began since it was submitted or tried again last.
pub(super) const ASKS_SINCE_RETRY: &str =
    "SELECT a.job_id, a.run_id, a.host, a.port, a.reason, a.asked_at, a.id
     FROM jobs j CROSS JOIN egress_asks a ON a.job_id = j.id
         CROSS JOIN runs r ON r.id = a.run_id
     WHERE j.id = ?1 AND r.attempt > j.attempts_before_retry ORDER BY a.id";

/// A question, unless the job has as many as it may; one that was closed when the
/// job was over is asked anew, and so is one whose answer has lapsed.
const PUT_ASK: &str = "INSERT INTO egress_asks (job_id, run_id, host, port, reason, asked_at)
     SELECT ?1, ?2, ?3, ?4, ?5, ?6
     WHERE (SELECT count(*) FROM egress_asks WHERE job_id = ?1) < ?7
         OR EXISTS (SELECT 1 FROM egress_asks WHERE job_id = ?1 AND host = ?3 AND port = ?4)
     ON CONFLICT (job_id, host, port) DO UPDATE SET run_id = excluded.run_id,
         reason = excluded.reason, asked_at = excluded.asked_at
     WHERE (SELECT attempt FROM runs WHERE id = egress_asks.run_id)
         <= (SELECT attempts_before_retry FROM jobs WHERE id = egress_asks.job_id)
         OR ?8";

/// What a job asked about a host in an earlier run.
const ASK_BEFORE: &str = "SELECT job_id, run_id, host, port, reason, asked_at, id
     FROM egress_asks WHERE job_id = ?1 AND run_id <> ?2 AND host = ?3 AND port = ?4";

impl Store {
    /// Puts a refused request on the timeline, and a question beside it when a
    /// person can let the next one out. A question that was asked before since the
    /// job was submitted or tried again, or that is one too many of its job, is not
    /// asked again, unless all its answers were for runs that are over.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when the lease is over.
    pub async fn egress_refused(&self, fence: Fence, refusal: NewEgressRefusal) -> Result<()> {
        name("the host", &refusal.host)?;
        name("the reason", &refusal.reason)?;
        self.write(move |tx| {
            hold(tx, fence)?;
            refused(tx, fence, &refusal)
        })
        .await
    }

    /// What a job asked, in order, each with the answer that counts now.
    pub async fn egress_asks(&self, job: JobId) -> Result<Vec<EgressAsk>> {
        self.read(move |conn| {
            project_of(conn, job)?;
            let asks = all(conn, ASKS_OF_JOB, [signed(job.0)], ask)?;
            answered(conn, asks)
        })
        .await
    }

    /// What was asked under that number, with the answer that counts now.
    pub async fn egress_ask(&self, id: u64) -> Result<Option<EgressAsk>> {
        self.read(move |conn| {
            let asks = asked(conn, id)?.into_iter().collect();
            Ok(answered(conn, asks)?.pop())
        })
        .await
    }

    /// What the jobs that are not over asked and nobody answered, newest first.
    pub async fn egress_questions(&self, limit: u32) -> Result<Vec<EgressAsk>> {
        self.read(move |conn| questions(conn, limit.min(MAX_PAGE) as usize))
            .await
    }
}

/// Which answer fits is known only once a page is read, and newer questions that
/// have one must not push out an older one that has none.
fn questions(conn: &Connection, limit: usize) -> Result<Vec<EgressAsk>> {
    let mut found = Vec::new();
    let mut before = i64::MAX;
    loop {
        let page = all(conn, ASKS_OPEN, [before, i64::from(MAX_PAGE)], ask)?;
        let is_last = page.len() < MAX_PAGE as usize;
        before = page.last().map_or(before, |ask| signed(ask.id));
        let page = answered(conn, page)?;
        found.extend(page.into_iter().filter(|ask| ask.ruling.is_none()));
        if is_last || found.len() >= limit {
            break;
        }
    }
    found.truncate(limit);
    Ok(found)
}

fn refused(tx: &mut Tx<'_>, fence: Fence, new: &NewEgressRefusal) -> Result<()> {
    let (ask, is_new) = match new.question {
        true => put_ask(tx, fence, new)?,
        false => (None, false),
    };
    let data = json!({
        "run": fence.run.0,
        "method": new.method,
        "target": format!("{}:{}", new.host, new.port),
        "host": new.host,
        "port": new.port,
        "reason": new.reason,
        "question": new.question,
        "ask": ask,
        "new": is_new,
    });
    timeline::append(tx, fence.job, "egress.refused", &data)?;
    Ok(())
}

/// The number of the question, none when it is one too many, and whether it was
/// not asked before.
fn put_ask(tx: &Tx<'_>, fence: Fence, new: &NewEgressRefusal) -> Result<(Option<u64>, bool)> {
    let lapsed = has_lapsed(tx.conn, fence, new)?;
    let asked = run(
        tx.conn,
        PUT_ASK,
        params![
            signed(fence.job.0),
            signed(fence.run.0),
            new.host,
            new.port,
            new.reason,
            tx.now.0,
            MAX_EGRESS_ASKS,
            lapsed
        ],
    )?;
    let id = first(
        tx.conn,
        "SELECT id FROM egress_asks WHERE job_id = ?1 AND host = ?2 AND port = ?3",
        params![signed(fence.job.0), new.host, new.port],
        |row| Ok(unsigned(row.get(0)?)),
    )?;
    Ok((id, asked > 0))
}

/// Whether what was answered about a host since it was asked for was for earlier
/// runs alone, so that nobody knows that it is refused again.
fn has_lapsed(conn: &Connection, fence: Fence, new: &NewEgressRefusal) -> Result<bool> {
    let (job, run) = (signed(fence.job.0), signed(fence.run.0));
    let before = first(conn, ASK_BEFORE, params![job, run, new.host, new.port], ask)?;
    let (Some(before), Some(host)) = (before, HostName::parse(&new.host)) else {
        return Ok(false);
    };
    let lapsed = lapsed(conn, fence, before.asked_at)?;
    if !lapsed
        .iter()
        .any(|ruling| ruling.speaks_for(&host, new.port))
    {
        return Ok(false);
    }
    let now = answered(conn, vec![before])?;
    Ok(now.iter().all(|ask| ask.ruling.is_none()))
}

/// Tells which questions of a job nobody answered now that it is over, so that
/// nobody is asked any longer.
pub(super) fn close(tx: &mut Tx<'_>, job: JobId) -> Result<()> {
    let asks = all(tx.conn, ASKS_SINCE_RETRY, [signed(job.0)], ask)?;
    let open: Vec<Value> = answered(tx.conn, asks)?
        .into_iter()
        .filter(|ask| ask.ruling.is_none())
        .map(|ask| json!({ "ask": ask.id, "host": ask.host, "port": ask.port }))
        .collect();
    if !open.is_empty() {
        timeline::append(tx, job, "egress.closed", &json!({ "asks": open }))?;
    }
    Ok(())
}

fn asked(conn: &Connection, id: u64) -> Result<Option<EgressAsk>> {
    first(
        conn,
        "SELECT job_id, run_id, host, port, reason, asked_at, id FROM egress_asks WHERE id = ?1",
        [signed(id)],
        ask,
    )
}

/// Answers for the host that was asked for under that number, at its port.
pub(super) fn admit(
    tx: &mut Tx<'_>,
    id: u64,
    allow: bool,
    scope: RulingScope,
    person: &Person,
) -> Result<()> {
    let ask = asked(tx.conn, id)?
        .ok_or_else(|| StoreError::not_found(format_args!("question {id} about a host")))?;
    let host = HostName::parse(&ask.host)
        .ok_or_else(|| StoreError::row("egress_asks", "the host is none"))?;
    let new = NewRuling {
        host: host.into(),
        port: Some(ask.port),
        allow,
        scope,
        by: person.by.clone(),
        via: person.via.clone(),
    };
    rule(tx, ask.job, &new, person)?;
    Ok(())
}

/// Puts the answers that count beside what was asked. Jobs take turns in a list
/// of all; the answers of each are read once.
fn answered(conn: &Connection, mut asks: Vec<EgressAsk>) -> Result<Vec<EgressAsk>> {
    let mut jobs: BTreeMap<JobId, Vec<&mut EgressAsk>> = BTreeMap::new();
    for ask in &mut asks {
        jobs.entry(ask.job).or_default().push(ask);
    }
    for (job, of_job) in jobs {
        let mut rulings = rulings(conn, job)?;
        for_run(&mut rulings, open_run(conn, job)?);
        for ask in of_job {
            let host = HostName::parse(&ask.host)
                .ok_or_else(|| StoreError::row("egress_asks", "the host is none"))?;
            ask.ruling = rulings
                .iter()
                .find(|ruling| ruling.speaks_for(&host, ask.port))
                .cloned();
        }
    }
    Ok(asks)
}

fn ask(row: &Row<'_>) -> Result<EgressAsk> {
    Ok(EgressAsk {
        id: unsigned(row.get(6)?),
        job: JobId(unsigned(row.get(0)?)),
        run: RunId(unsigned(row.get(1)?)),
        host: row.get(2)?,
        port: row.get(3)?,
        reason: row.get(4)?,
        asked_at: Timestamp(row.get(5)?),
        ruling: None,
    })
}
