//! Leases: who works on what.
//!
//! A lease is a run's newest token. Taking one, ending one and losing one all
//! give the run a new token, so a write is allowed exactly when it shows the
//! run's token: [`hold`] is the whole check, made inside of the transaction
//! that writes.

use super::rows::{self, select_run};
use super::state::{data, head, move_job};
use super::{host, jobs, meta, model_calls, threads, timeline};
use crate::db::{all, first, insert, run, signed, unsigned};
use crate::error::{Result, StoreError};
use crate::store::Store;
use crate::types::{Claim, ClaimLimits};
use crate::writer::Tx;
use rusqlite::{Connection, params};
use serde_json::Value;
use sortie_model::clock::Timestamp;
use sortie_model::id::{Fence, JobId, RunId};
use sortie_model::job::{JobEvent, JobPhase};
use sortie_model::run::Run;

/// The first job of a phase and a project that is due.
pub(super) const FIRST_OF_PROJECT: &str = "SELECT due_at, id FROM jobs
     WHERE phase = ?1 AND project_id = ?2 AND due_at <= ?3
     ORDER BY due_at, id LIMIT 1";

/// Every project, and how many of its jobs run.
pub(super) const PROJECTS_RUNNING: &str = "SELECT p.id,
     (SELECT count(*) FROM jobs j WHERE j.phase = 'running' AND j.project_id = p.id)
     FROM projects p";

/// The runs under way that hold a lease. Left to itself, the order makes SQLite
/// walk all runs that ever were.
pub(super) const LEASED_RUNS: &str = "SELECT id FROM runs INDEXED BY runs_open
     WHERE finished_at IS NULL AND phase <> 'parked' ORDER BY id";

impl Store {
    /// Takes the next job, if there is one and a place for it: the one that
    /// was approved first, else the queued one that has been due longest, of a
    /// project that has a place. An approved job goes on with the run that
    /// asked; a queued one begins a new run, unless the intake is paused.
    pub async fn claim(&self, limits: ClaimLimits) -> Result<Option<Claim>> {
        self.write(move |tx| claim(tx, limits)).await
    }

    /// Takes over every run that holds a lease, with a new token, and books
    /// every call to a model that is under way as its reservation. For the
    /// start of a host: whoever held those leases and made those calls is gone,
    /// because this host has the directory.
    pub async fn reclaim(&self) -> Result<Vec<Claim>> {
        self.write(|tx| {
            model_calls::settle_abandoned(tx)?;
            let runs = all(tx.conn, LEASED_RUNS, [], |row| {
                Ok(RunId(unsigned(row.get(0)?)))
            })?;
            let mut claims = Vec::with_capacity(runs.len());
            for run in runs {
                let claim = lease_again(tx, run)?;
                let data = data! { "run": run.0, "attempt": claim.run.attempt };
                timeline::append(tx, claim.job.id, "run.reclaimed", &Value::Object(data))?;
                claims.push(claim);
            }
            Ok(claims)
        })
        .await
    }

    /// When the next postponed job is due; for a timer. None when no queued
    /// job lies in the future.
    pub async fn next_due(&self) -> Result<Option<Timestamp>> {
        let now = self.clock().now();
        self.read(move |conn| next_due(conn, now)).await
    }
}

/// The run, if the fence holds.
pub(super) fn hold(tx: &Tx<'_>, fence: Fence) -> Result<Run> {
    let found = first(
        tx.conn,
        select_run!("WHERE id = ?1"),
        [signed(fence.run.0)],
        rows::run,
    )?;
    let run = found
        .filter(|run| run.job == fence.job)
        .ok_or_else(|| StoreError::not_found(format_args!("{} of job {}", fence.run, fence.job)))?;
    if run.token != fence.token {
        return Err(StoreError::Stale {
            run: fence.run,
            shown: fence.token,
            current: run.token,
        });
    }
    Ok(run)
}

fn claim(tx: &mut Tx<'_>, limits: ClaimLimits) -> Result<Option<Claim>> {
    let Some((job, phase)) = next_job(tx, limits)? else {
        return Ok(None);
    };
    let claim = match phase {
        JobPhase::Approved => resume(tx, job)?,
        _ => begin(tx, job)?,
    };
    Ok(Some(claim))
}

/// The job to take. Per project, because a project without a place must not
/// hold up the others; within one, the index gives the first job at once.
fn next_job(tx: &Tx<'_>, limits: ClaimLimits) -> Result<Option<(JobId, JobPhase)>> {
    let projects = all(tx.conn, PROJECTS_RUNNING, [], |row| {
        Ok((row.get::<_, i64>(0)?, unsigned(row.get(1)?)))
    })?;
    let running: u64 = projects.iter().map(|(_, running)| running).sum();
    if running >= u64::from(limits.max_running_total) {
        return Ok(None);
    }
    let phases: &[JobPhase] = match host::is_paused(tx.conn)? {
        true => &[JobPhase::Approved],
        false => &[JobPhase::Approved, JobPhase::Queued],
    };
    for &phase in phases {
        let mut next: Option<(i64, i64)> = None;
        for (project, running) in &projects {
            if *running >= u64::from(limits.max_running_per_project) {
                continue;
            }
            let candidate = first(
                tx.conn,
                FIRST_OF_PROJECT,
                params![phase.as_str(), project, tx.now.0],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )?;
            next = [next, candidate].into_iter().flatten().min();
        }
        if let Some((_, id)) = next {
            return Ok(Some((JobId(unsigned(id)), phase)));
        }
    }
    Ok(None)
}

/// A queued job begins a new run.
fn begin(tx: &mut Tx<'_>, job: JobId) -> Result<Claim> {
    let head = head(tx.conn, job)?;
    let attempt = head.attempts.saturating_add(1);
    if let Some(follows) = head.follows.filter(|_| attempt == 1) {
        threads::take_up(tx, job, follows)?;
    }
    run(
        tx.conn,
        "UPDATE jobs SET attempts = ?2, head_commit = NULL WHERE id = ?1",
        params![signed(job.0), attempt],
    )?;
    let token = meta::next_token(tx)?;
    let id = RunId(insert(
        tx.conn,
        "INSERT INTO runs (job_id, attempt, phase, token, started_at)
         VALUES (?1, ?2, 'leased', ?3, ?4)",
        params![signed(job.0), attempt, signed(token.0), tx.now.0],
    )?);
    let data = data! { "run": id.0, "attempt": attempt, "resumed": false };
    move_job(tx, &head, &JobEvent::Leased, data)?;
    read_claim(tx, id, false)
}

/// An approved job goes on with its parked run.
fn resume(tx: &mut Tx<'_>, job: JobId) -> Result<Claim> {
    let run = super::state::open_run(tx.conn, job)?
        .ok_or_else(|| StoreError::row("runs", format_args!("{job} has no run to go on with")))?;
    let head = head(tx.conn, job)?;
    let data = data! { "run": run.0, "attempt": head.attempts, "resumed": true };
    move_job(tx, &head, &JobEvent::Leased, data)?;
    lease_again(tx, run)
}

/// A new lease on a run that began before.
fn lease_again(tx: &Tx<'_>, id: RunId) -> Result<Claim> {
    let token = meta::next_token(tx)?;
    run(
        tx.conn,
        "UPDATE runs SET phase = 'leased', token = ?2 WHERE id = ?1 AND finished_at IS NULL",
        params![signed(id.0), signed(token.0)],
    )?;
    read_claim(tx, id, true)
}

fn read_claim(tx: &Tx<'_>, id: RunId, resumed: bool) -> Result<Claim> {
    let run = first(
        tx.conn,
        select_run!("WHERE id = ?1"),
        [signed(id.0)],
        rows::run,
    )?
    .ok_or_else(|| StoreError::not_found(id))?;
    Ok(Claim {
        fence: Fence {
            job: run.job,
            run: run.id,
            token: run.token,
        },
        job: jobs::get(tx.conn, run.job)?,
        run,
        resumed,
    })
}

fn next_due(conn: &Connection, now: Timestamp) -> Result<Option<Timestamp>> {
    let due = first(
        conn,
        "SELECT min(
             (SELECT min(j.due_at) FROM jobs j
              WHERE j.phase = 'queued' AND j.project_id = p.id
                  AND j.due_at > ?1 AND j.due_at < ?2)
         )
         FROM projects p",
        [now.0, threads::NEVER],
        |row| Ok(row.get::<_, Option<i64>>(0)?.map(Timestamp)),
    )?;
    Ok(due.flatten())
}
