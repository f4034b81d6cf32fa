//! What a run records about itself, and how it ends. All fenced.

use super::lease::hold;
use super::rows::{self, select_run};
use super::state::{data, end_run, head, move_job};
use super::{jobs, ledger, timeline};
use crate::db::{cut, first, json, run, signed};
use crate::error::{Result, StoreError};
use crate::store::Store;
use crate::types::{Job, RunEnd};
use crate::writer::Tx;
use rusqlite::params;
use serde_json::Value;
use sortie_model::budget::{Limits, Usage};
use sortie_model::id::{Fence, RunId};
use sortie_model::job::{JobEvent, JobEventKind};
use sortie_model::run::{Run, RunPhase};

impl Store {
    /// Moves the run on under its lease; to where it stands already is no
    /// move. Parking and ending have functions of their own.
    ///
    /// # Errors
    /// [`StoreError::Stale`]; [`StoreError::IllegalPhase`] for a move that the
    /// model does not have.
    pub async fn set_run_phase(&self, fence: Fence, phase: RunPhase) -> Result<()> {
        self.write(move |tx| set_phase(tx, fence, phase)).await
    }

    /// Sets what the run rests on: the commit it starts from, its resolved
    /// budget, and the branch its result goes to. May be set again until the
    /// first decision rests on it.
    ///
    /// # Errors
    /// [`StoreError::Stale`]; [`StoreError::OutOfOrder`] for other values
    /// after a decision.
    pub async fn set_base(
        &self,
        fence: Fence,
        commit: &str,
        limits: Limits,
        branch: &str,
    ) -> Result<()> {
        let (commit, branch) = (commit.to_owned(), branch.to_owned());
        self.write(move |tx| set_base(tx, fence, &commit, limits, &branch))
            .await
    }

    /// Sets the commit that holds the run's work so far.
    pub async fn set_head(&self, fence: Fence, commit: &str) -> Result<()> {
        let commit = commit.to_owned();
        self.write(move |tx| {
            hold(tx, fence)?;
            write_head(tx, fence, &commit)
        })
        .await
    }

    /// Stores why the run is to stop, as the engine's JSON, and books what the
    /// step used until then that was stopped; see [`Store::book_step`]. Before
    /// anything of the run is taken away, so that whoever takes it up again ends
    /// it as well; the first reason stays until a person is asked.
    ///
    /// # Errors
    /// [`StoreError::Stale`]; [`StoreError::Invalid`] when the reason is too
    /// large.
    pub async fn stop(&self, fence: Fence, position: u32, why: Value, used: Usage) -> Result<()> {
        let why = json("why the run stops", &why)?;
        self.write(move |tx| stop(tx, fence, position, &why, used))
            .await
    }

    /// Ends the run and moves its job: `event` is one of finished, failed,
    /// halted, postponed and reject. The lease is over afterwards.
    ///
    /// # Errors
    /// [`StoreError::Stale`]; [`StoreError::Illegal`] when the job's state
    /// does not allow it; [`StoreError::Invalid`] for another event.
    pub async fn finish(&self, fence: Fence, event: JobEvent, end: RunEnd) -> Result<Job> {
        use JobEventKind::{Failed, Finished, Halted, Postponed, Reject};
        if !matches!(
            event.kind(),
            Finished | Failed | Halted | Postponed | Reject
        ) {
            return Err(StoreError::Invalid {
                what: "the event that ends a run",
                detail: format!("{:?} does not end one", event.kind().as_str()),
            });
        }
        self.write(move |tx| finish(tx, fence, &event, &end)).await
    }
}

fn set_phase(tx: &mut Tx<'_>, fence: Fence, to: RunPhase) -> Result<()> {
    let held = hold(tx, fence)?;
    if held.phase == to {
        return Ok(());
    }
    let by_other_ways = matches!(to, RunPhase::Leased | RunPhase::Parked | RunPhase::Finished);
    if by_other_ways || !held.phase.may_become(to) {
        return Err(illegal(&held, to));
    }
    run(
        tx.conn,
        "UPDATE runs SET phase = ?2 WHERE id = ?1",
        params![signed(fence.run.0), to.as_str()],
    )?;
    let data = data! { "run": fence.run.0, "attempt": held.attempt };
    timeline::append(tx, fence.job, &format!("run.{to}"), &Value::Object(data))?;
    Ok(())
}

pub(super) fn illegal(run: &Run, to: RunPhase) -> StoreError {
    StoreError::IllegalPhase {
        run: run.id,
        from: run.phase,
        to,
    }
}

fn set_base(tx: &Tx<'_>, fence: Fence, commit: &str, limits: Limits, branch: &str) -> Result<()> {
    let held = hold(tx, fence)?;
    let (known_limits, known_branch) = base_of(tx, fence.run)?;
    let same = held.base_commit.as_deref() == Some(commit)
        && known_limits == Some(limits)
        && known_branch.as_deref() == Some(branch);
    if same {
        return Ok(());
    }
    let decided = first(
        tx.conn,
        "SELECT 1 FROM decisions WHERE run_id = ?1 LIMIT 1",
        [signed(fence.run.0)],
        |_| Ok(()),
    )?;
    if decided.is_some() {
        return Err(StoreError::OutOfOrder {
            run: fence.run,
            what: "another base".into(),
            detail: "its decisions rest on the one it has".into(),
        });
    }
    run(
        tx.conn,
        "UPDATE runs SET base_commit = ?2, branch = ?3, limit_calls = ?4,
             limit_cost_micro_usd = ?5, limit_time_ms = ?6
         WHERE id = ?1",
        params![
            signed(fence.run.0),
            commit,
            branch,
            limits.calls,
            signed(limits.cost_micro_usd.0),
            signed(limits.time_ms),
        ],
    )?;
    run(
        tx.conn,
        "UPDATE jobs SET branch = ?2, updated_at = ?3 WHERE id = ?1",
        params![signed(fence.job.0), branch, tx.now.0],
    )?;
    Ok(())
}

fn base_of(tx: &Tx<'_>, id: RunId) -> Result<(Option<Limits>, Option<String>)> {
    let found = first(
        tx.conn,
        select_run!("WHERE id = ?1"),
        [signed(id.0)],
        |row| Ok((rows::limits(row, 11)?, row.get(10)?)),
    )?;
    Ok(found.unwrap_or_default())
}

/// The caller has checked the fence.
pub(super) fn write_head(tx: &Tx<'_>, fence: Fence, commit: &str) -> Result<()> {
    run(
        tx.conn,
        "UPDATE runs SET head_commit = ?2 WHERE id = ?1",
        params![signed(fence.run.0), commit],
    )?;
    run(
        tx.conn,
        "UPDATE jobs SET head_commit = ?2, updated_at = ?3 WHERE id = ?1",
        params![signed(fence.job.0), commit, tx.now.0],
    )?;
    Ok(())
}

fn stop(tx: &Tx<'_>, fence: Fence, position: u32, why: &str, used: Usage) -> Result<()> {
    hold(tx, fence)?;
    run(
        tx.conn,
        "UPDATE runs SET stop = ?2 WHERE id = ?1 AND stop IS NULL",
        params![signed(fence.run.0), why],
    )?;
    ledger::book_stopped(tx, fence.job, fence.run, position, used)
}

fn finish(tx: &mut Tx<'_>, fence: Fence, event: &JobEvent, end: &RunEnd) -> Result<Job> {
    let held = hold(tx, fence)?;
    let error = end.error.as_deref().or(match event {
        JobEvent::Failed { error } => Some(error),
        JobEvent::Halted { detail, .. } => Some(detail),
        _ => None,
    });
    let error = error.map(cut);
    let summary = end.summary.as_deref().map(cut);
    let mut data = data! { "run": fence.run.0, "attempt": held.attempt };
    if let Some(error) = error {
        data.insert("error".into(), error.into());
    }
    if let Some(summary) = summary {
        data.insert("summary".into(), summary.into());
    }
    if let Some(published) = &end.published {
        data.insert("branch".into(), published.branch.as_str().into());
        data.insert("commit".into(), published.commit.as_str().into());
    }
    if let Some(result) = &end.result {
        data.insert("result".into(), result.clone());
    }
    move_job(tx, &head(tx.conn, fence.job)?, event, data)?;
    end_run(tx, fence.run, error)?;
    run(
        tx.conn,
        "UPDATE jobs SET error = ?2, summary = coalesce(?3, summary),
             published_branch = coalesce(?4, published_branch),
             published_commit = coalesce(?5, published_commit)
         WHERE id = ?1",
        params![
            signed(fence.job.0),
            error,
            summary,
            end.published.as_ref().map(|p| &p.branch),
            end.published.as_ref().map(|p| &p.commit),
        ],
    )?;
    jobs::get(tx.conn, fence.job)
}
