//! Gates: a run puts a question to a person and rests until it is answered.

use super::lease::hold;
use super::run::illegal;
use super::state::{data, head, move_job};
use super::{budget, meta};
use crate::db::{cut, insert, json, run, signed};
use crate::error::Result;
use crate::store::Store;
use crate::types::NewApproval;
use crate::writer::Tx;
use rusqlite::params;
use sortie_model::approval::Subject;
use sortie_model::id::{ApprovalId, Fence};
use sortie_model::job::JobEvent;
use sortie_model::run::RunPhase;

impl Store {
    /// Puts a question to a person: the job moves, the run is parked, the lease
    /// is over, and the question stands open, all at once. It stands in place of
    /// what [`Store::stop`] stored, and steps that were stopped may be again.
    ///
    /// # Errors
    /// [`StoreError::Stale`](crate::StoreError::Stale);
    /// [`StoreError::IllegalPhase`](crate::StoreError::IllegalPhase) when the run
    /// is not executing.
    pub async fn park(&self, fence: Fence, approval: NewApproval) -> Result<ApprovalId> {
        self.write(move |tx| park(tx, fence, &approval)).await
    }
}

fn park(tx: &mut Tx<'_>, fence: Fence, new: &NewApproval) -> Result<ApprovalId> {
    let held = hold(tx, fence)?;
    if !held.phase.may_become(RunPhase::Parked) {
        return Err(illegal(&held, RunPhase::Parked));
    }
    let question = cut(&new.question);
    let (event, raise) = match &new.subject {
        Subject::Gate => (JobEvent::Gated, None),
        Subject::Review => (JobEvent::Flagged, None),
        budget @ Subject::Budget { .. } => (JobEvent::Gated, Some(json("the question", budget)?)),
    };
    let id = insert(
        tx.conn,
        "INSERT INTO approvals (job_id, run_id, step, question, commit_id, asked_at, expires_at,
             subject, budget_raise, remind_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params![
            signed(fence.job.0),
            signed(fence.run.0),
            new.step,
            question,
            new.commit,
            tx.now.0,
            new.expires_at.0,
            new.subject.as_str(),
            raise,
            new.remind_at.map(|at| at.0),
        ],
    )?;
    let token = meta::next_token(tx)?;
    run(
        tx.conn,
        "UPDATE runs SET phase = 'parked', token = ?2, stop = NULL WHERE id = ?1",
        params![signed(fence.run.0), signed(token.0)],
    )?;
    run(
        tx.conn,
        "UPDATE steps SET stopped_ms = NULL, nudged = NULL
         WHERE run_id = ?1 AND stopped_ms IS NOT NULL",
        [signed(fence.run.0)],
    )?;
    let mut data = data! {
        "run": fence.run.0,
        "attempt": held.attempt,
        "approval": id,
        "step": new.step,
        "about": new.subject.as_str(),
        "question": question,
        "commit": new.commit,
        "expires_at": new.expires_at.0,
    };
    if let Some(asked) = budget::asked(tx.conn, fence.run, &new.subject)? {
        data.insert("budget".into(), asked);
    }
    if let Some(evidence) = &new.evidence {
        data.insert("evidence".into(), evidence.clone());
    }
    move_job(tx, &head(tx.conn, fence.job)?, &event, data)?;
    Ok(ApprovalId(id))
}
