//! The one place that moves a job: the model's transition, the row and the event
//! that tells of it, all in the caller's transaction.

use super::rows::{self, job_state, small};
use super::{egress, threads, timeline};
use crate::db::{cut, first, run, signed, unsigned};
use crate::error::{Result, StoreError};
use crate::writer::Tx;
use rusqlite::{Connection, params};
use serde_json::{Map, Value};
use sortie_model::budget::Usage;
use sortie_model::id::{JobId, RunId};
use sortie_model::job::{JobEvent, JobPhase, JobState, transition};

/// What a move needs to know of a job.
pub(super) struct JobHead {
    pub(super) id: JobId,
    pub(super) state: JobState,
    pub(super) attempts: u32,
    /// What all its runs used.
    usage: Usage,
    /// The job that it waits for.
    behind: Option<JobId>,
    /// The job whose work it continues.
    pub(super) follows: Option<JobId>,
}

/// The job, or that there is none.
pub(super) fn head(conn: &Connection, job: JobId) -> Result<JobHead> {
    let found = first(
        conn,
        "SELECT phase, not_before, halt_reason, detail, attempts, used_calls,
             used_cost_micro_usd, used_time_ms, behind, follows
         FROM jobs WHERE id = ?1",
        [signed(job.0)],
        |row| {
            Ok(JobHead {
                id: job,
                state: job_state(row, 0)?,
                attempts: small(row.get(4)?),
                usage: rows::usage(row, 5)?,
                behind: rows::maybe_job(row, 8)?,
                follows: rows::maybe_job(row, 9)?,
            })
        },
    )?;
    found.ok_or_else(|| StoreError::not_found(job))
}

/// Moves the job, and tells of it with `data` beside what the move itself has
/// to say. One that ends lets the job that waits for it take its place, and what
/// nobody answered about hosts is told of as closed before its end.
pub(super) fn move_job(
    tx: &mut Tx<'_>,
    job: &JobHead,
    event: &JobEvent,
    data: Map<String, Value>,
) -> Result<()> {
    let next = transition(&job.state, &clean(event))?;
    let phase = next.phase();
    let (not_before, halt_reason, detail) = match &next {
        JobState::Queued { not_before } => (not_before.map(|t| t.0), None, None),
        JobState::Failed { error } => (None, None, Some(error.as_str())),
        JobState::Halted { reason, detail } => (None, Some(reason.as_str()), Some(detail.as_str())),
        _ => (None, None, None),
    };
    let due_at = match phase {
        JobPhase::Queued | JobPhase::Approved => Some(not_before.unwrap_or(tx.now.0)),
        _ => None,
    };
    let finished_at = phase.is_final().then_some(tx.now.0);
    if phase.is_final() {
        egress::close(tx, job.id)?;
    }
    run(
        tx.conn,
        "UPDATE jobs SET phase = ?2, not_before = ?3, due_at = ?4, halt_reason = ?5,
             detail = ?6, finished_at = ?7, updated_at = ?8, behind = NULL
         WHERE id = ?1",
        params![
            signed(job.id.0),
            phase.as_str(),
            not_before,
            due_at,
            halt_reason,
            detail,
            finished_at,
            tx.now.0,
        ],
    )?;
    let mut data = data;
    for (key, value) in [
        ("not_before", not_before.map(Value::from)),
        ("reason", halt_reason.map(Value::from)),
        ("detail", detail.map(Value::from)),
        (
            "usage",
            phase.is_final().then(|| serde_json::json!(job.usage)),
        ),
    ] {
        if let Some(value) = value {
            data.insert(key.into(), value);
        }
    }
    timeline::append(tx, job.id, &format!("job.{phase}"), &Value::Object(data))?;
    if phase.is_final() {
        threads::release(tx, job.id, job.behind)?;
    }
    // A job that waits can be claimed; one that stopped running leaves a place.
    if due_at.is_some() || job.state == JobState::Running {
        tx.signals.work = true;
    }
    Ok(())
}

/// Texts of an event come from outside: an overlong one is cut, because it
/// must not keep a job from moving.
fn clean(event: &JobEvent) -> JobEvent {
    match event {
        JobEvent::Failed { error } => JobEvent::Failed {
            error: cut(error).to_owned(),
        },
        JobEvent::Halted { reason, detail } => JobEvent::Halted {
            reason: *reason,
            detail: cut(detail).to_owned(),
        },
        other => other.clone(),
    }
}

/// The job's run that is not finished.
pub(super) const OPEN_RUN: &str = "SELECT id FROM runs WHERE job_id = ?1 AND finished_at IS NULL";

/// The run of the job that is not finished, if there is one.
pub(super) fn open_run(conn: &Connection, job: JobId) -> Result<Option<RunId>> {
    first(conn, OPEN_RUN, [signed(job.0)], |row| {
        Ok(RunId(unsigned(row.get(0)?)))
    })
}

/// Ends a run. Its token changes, so that whoever held the lease can write no
/// more.
pub(super) fn end_run(tx: &Tx<'_>, run_id: RunId, error: Option<&str>) -> Result<()> {
    let token = super::meta::next_token(tx)?;
    run(
        tx.conn,
        "UPDATE runs SET phase = 'finished', token = ?2, error = ?3, finished_at = ?4
         WHERE id = ?1 AND finished_at IS NULL",
        params![signed(run_id.0), signed(token.0), error.map(cut), tx.now.0],
    )?;
    Ok(())
}

/// Writes what ended the job into its row.
pub(super) fn set_error(tx: &Tx<'_>, job: JobId, error: &str) -> Result<()> {
    run(
        tx.conn,
        "UPDATE jobs SET error = ?2 WHERE id = ?1",
        params![signed(job.0), error],
    )?;
    Ok(())
}

/// Builds an event's data.
macro_rules! data {
    ($($key:literal: $value:expr),* $(,)?) => {{
        #[allow(unused_mut)]
        let mut map = serde_json::Map::new();
        $(map.insert($key.into(), serde_json::json!($value));)*
        map
    }};
}
pub(super) use data;
