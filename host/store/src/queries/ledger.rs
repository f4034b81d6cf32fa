//! The ledger: what was used, booked once, summed with the run and the job.

use super::lease::hold;
use super::rows::{self, small};
use crate::db::{first, insert, run, signed, unsigned};
use crate::error::{Result, StoreError};
use crate::store::Store;
use crate::types::{Exhausted, ExhaustedLimit};
use crate::writer::Tx;
use rusqlite::{Connection, params};
use sortie_model::budget::{Limits, MicroUsd, Usage};
use sortie_model::id::{Fence, JobId, RunId};

/// The step of a run that is under way, since when, and how much of its time the
/// run has left; nothing for a run that waits for a person.
///
/// Agents and commands take turns in the order of their positions, and none takes
/// its turn after one that was stopped: the first that is pending is the one at
/// work, since the last of them ended. What else takes time counts where none of
/// them is pending. One that went on after a question began when the run was
/// leased again.
pub(super) const UNDER_WAY: &str = "SELECT steps.position, max(
         steps.started_at,
         coalesce((SELECT max(ended.finished_at) FROM steps AS ended
                   WHERE ended.run_id = ?1
                       AND coalesce(ended.action -> '$.agent', ended.action -> '$.exec')
                           IS NOT NULL), 0),
         coalesce((SELECT at FROM events WHERE job_id = ?2 AND kind = 'job.running'
                   ORDER BY seq DESC LIMIT 1), 0)
     ), runs.limit_time_ms - runs.used_time_ms
     FROM steps JOIN runs ON runs.id = steps.run_id
     WHERE steps.run_id = ?1 AND steps.phase = 'pending' AND runs.phase <> 'parked'
         AND coalesce(steps.action -> '$.agent', steps.action -> '$.exec',
                      steps.action -> '$.scan', steps.action -> '$.wait') IS NOT NULL
     ORDER BY coalesce(steps.action -> '$.agent', steps.action -> '$.exec') IS NULL,
         steps.position
     LIMIT 1";

impl Store {
    /// What the run used so far, calls under way not counted in money.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn used(&self, run: RunId) -> Result<Usage> {
        self.look(move |conn| used(conn, run)).await
    }

    /// Books `delta` for a step of the run, once: a second time nothing is
    /// booked and the answer is what is used so far. Nor is anything booked
    /// where the sum would exceed `cap`: then the answer says which limit stands
    /// in the way, and the sum so far otherwise. Check and booking are one step,
    /// so the cap holds however many steps are charged at once.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when the lease is over.
    pub async fn charge_step(
        &self,
        fence: Fence,
        position: u32,
        delta: Usage,
        cap: Limits,
    ) -> Result<Result<Usage, Exhausted>> {
        self.write(move |tx| {
            hold(tx, fence)?;
            let used = used(tx.conn, fence.run)?;
            let booked = first(
                tx.conn,
                "SELECT 1 FROM usage WHERE run_id = ?1 AND position = ?2",
                params![signed(fence.run.0), position],
                |_| Ok(()),
            )?;
            if booked.is_some() {
                return Ok(Ok(used));
            }
            let sum = plus(used, delta);
            if let Some(limit) = exceeded(sum, cap) {
                return Ok(Err(Exhausted { limit, used, cap }));
            }
            book_as(tx, fence.job, fence.run, delta, Some(position))?;
            Ok(Ok(sum))
        })
        .await
    }

    /// Books what a step used that does not come to its end, whatever the limits
    /// say: it is gone. Once, until a person is asked and the step may begin
    /// anew; never for a step whose outcome is stored, which says itself what it
    /// used.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when the lease is over: whoever ended it has booked
    /// the step, or whoever holds the next one does.
    pub async fn book_step(&self, fence: Fence, position: u32, used: Usage) -> Result<()> {
        self.write(move |tx| {
            hold(tx, fence)?;
            book_stopped(tx, fence.job, fence.run, position, used)
        })
        .await
    }
}

/// Books what a step used that was stopped, once until a person is asked; the
/// caller has checked the fence, or ends the lease.
pub(super) fn book_stopped(
    tx: &Tx<'_>,
    job: JobId,
    id: RunId,
    position: u32,
    used: Usage,
) -> Result<()> {
    let marked = run(
        tx.conn,
        "UPDATE steps SET stopped_ms = ?3
         WHERE run_id = ?1 AND position = ?2 AND phase = 'pending' AND stopped_ms IS NULL",
        params![signed(id.0), position, signed(used.time_ms)],
    )?;
    if marked == 0 || used == Usage::default() {
        return Ok(());
    }
    book_as(tx, job, id, used, None)
}

/// What the run used so far.
pub(super) fn used(conn: &Connection, id: RunId) -> Result<Usage> {
    let used = first(
        conn,
        "SELECT used_calls, used_cost_micro_usd, used_time_ms FROM runs WHERE id = ?1",
        [signed(id.0)],
        |row| rows::usage(row, 0),
    )?;
    used.ok_or_else(|| StoreError::not_found(id))
}

fn plus(a: Usage, b: Usage) -> Usage {
    Usage {
        calls: a.calls.saturating_add(b.calls),
        cost_micro_usd: MicroUsd(a.cost_micro_usd.0.saturating_add(b.cost_micro_usd.0)),
        time_ms: a.time_ms.saturating_add(b.time_ms),
    }
}

fn exceeded(sum: Usage, cap: Limits) -> Option<ExhaustedLimit> {
    if sum.calls > cap.calls {
        Some(ExhaustedLimit::Calls)
    } else if sum.cost_micro_usd > cap.cost_micro_usd {
        Some(ExhaustedLimit::Cost)
    } else if sum.time_ms > cap.time_ms {
        Some(ExhaustedLimit::Time)
    } else {
        None
    }
}

/// Books what happened; the caller has checked the fence.
pub(super) fn book(tx: &Tx<'_>, fence: Fence, delta: Usage) -> Result<()> {
    if delta == Usage::default() {
        return Ok(());
    }
    book_as(tx, fence.job, fence.run, delta, None)
}

/// Books what a run worked that is ended in the middle of a step, as far as its
/// limit goes: whoever worked on it can book nothing any more.
pub(super) fn book_under_way(tx: &Tx<'_>, job: JobId, id: RunId) -> Result<()> {
    let found = first(tx.conn, UNDER_WAY, [signed(id.0), signed(job.0)], |row| {
        let left: Option<i64> = row.get(2)?;
        Ok((small(row.get(0)?), row.get::<_, i64>(1)?, left))
    })?;
    let Some((position, since, Some(left))) = found else {
        return Ok(());
    };
    let worked = tx.now.0.saturating_sub(since).min(left);
    if worked <= 0 {
        return Ok(());
    }
    let used = Usage {
        time_ms: unsigned(worked),
        ..Usage::default()
    };
    book_stopped(tx, job, id, position, used)
}

fn book_as(tx: &Tx<'_>, job: JobId, id: RunId, delta: Usage, position: Option<u32>) -> Result<()> {
    let (cost, time) = (signed(delta.cost_micro_usd.0), signed(delta.time_ms));
    insert(
        tx.conn,
        "INSERT INTO usage (run_id, calls, cost_micro_usd, time_ms, booked_at, position)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![signed(id.0), delta.calls, cost, time, tx.now.0, position],
    )?;
    // A sum that does not fit would become a float, which a strict table
    // refuses; the largest integer is as good a bound.
    run(
        tx.conn,
        "UPDATE runs SET used_calls = used_calls + ?2,
             used_cost_micro_usd = used_cost_micro_usd
                 + min(?3, 9223372036854775807 - used_cost_micro_usd),
             used_time_ms = used_time_ms + min(?4, 9223372036854775807 - used_time_ms)
         WHERE id = ?1",
        params![signed(id.0), delta.calls, cost, time],
    )?;
    run(
        tx.conn,
        "UPDATE jobs SET used_calls = used_calls + ?2,
             used_cost_micro_usd = used_cost_micro_usd
                 + min(?3, 9223372036854775807 - used_cost_micro_usd),
             used_time_ms = used_time_ms + min(?4, 9223372036854775807 - used_time_ms)
         WHERE id = ?1",
        params![signed(job.0), delta.calls, cost, time],
    )?;
    Ok(())
}
