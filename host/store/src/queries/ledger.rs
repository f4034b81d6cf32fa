//! The ledger: what was used, booked once, summed with the run and the job.

use super::lease::hold;
use super::rows;
use crate::db::{first, insert, run, signed, unsigned};
use crate::error::{Result, StoreError};
use crate::store::Store;
use crate::types::{Exhausted, ExhaustedLimit};
use crate::writer::Tx;
use rusqlite::{Connection, params};
use sortie_model::budget::{Limits, MicroUsd, Usage};
use sortie_model::id::{Fence, JobId, RunId};

/// Since when the steps that are under way have worked, and how much of its time
/// the run has left: nothing for one that waits for a person, or whose work was
/// booked when it was stopped. A step that took its turn after another one of the
/// same decision began when that one ended; one that went on after a question,
/// when the run was leased again.
pub(super) const UNDER_WAY: &str = "SELECT max(
         (SELECT min(started_at) FROM steps WHERE run_id = ?1 AND phase = 'pending'),
         coalesce((SELECT max(finished_at) FROM steps WHERE run_id = ?1), 0),
         coalesce((SELECT at FROM events WHERE job_id = ?2 AND kind = 'job.running'
                   ORDER BY seq DESC LIMIT 1), 0)
     ), limit_time_ms - used_time_ms
     FROM runs WHERE id = ?1 AND phase <> 'parked' AND stop IS NULL";

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
        Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, Option<i64>>(1)?))
    })?;
    let Some((Some(since), Some(left))) = found else {
        return Ok(());
    };
    let worked = tx.now.0.saturating_sub(since).min(left);
    if worked <= 0 {
        return Ok(());
    }
    let delta = Usage {
        time_ms: unsigned(worked),
        ..Usage::default()
    };
    book_as(tx, job, id, delta, None)
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
