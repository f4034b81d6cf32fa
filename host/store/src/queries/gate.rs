//! Gates: a run puts a question to a person and rests until it is answered.

use super::lease::hold;
use super::meta;
use super::run::illegal;
use super::state::{data, head, move_job};
use crate::db::{cut, insert, run, signed};
use crate::error::{Result, StoreError};
use crate::store::Store;
use crate::types::NewApproval;
use crate::writer::Tx;
use rusqlite::params;
use sortie_model::id::{ApprovalId, Fence};
use sortie_model::job::{JobEvent, JobEventKind};
use sortie_model::run::RunPhase;

impl Store {
    /// Puts a question to a person: the job moves (`event` is gated or
    /// flagged), the run is parked, the lease is over, and the question stands
    /// open, all at once.
    ///
    /// # Errors
    /// [`StoreError::Stale`]; [`StoreError::IllegalPhase`] when the run is not
    /// executing; [`StoreError::Invalid`] for another event.
    pub async fn park(
        &self,
        fence: Fence,
        event: JobEvent,
        approval: NewApproval,
    ) -> Result<ApprovalId> {
        if !matches!(event.kind(), JobEventKind::Gated | JobEventKind::Flagged) {
            return Err(StoreError::Invalid {
                what: "the event that parks a run",
                detail: format!("{:?} does not park one", event.kind().as_str()),
            });
        }
        self.write(move |tx| park(tx, fence, &event, &approval))
            .await
    }
}

fn park(tx: &mut Tx<'_>, fence: Fence, event: &JobEvent, new: &NewApproval) -> Result<ApprovalId> {
    let held = hold(tx, fence)?;
    if !held.phase.may_become(RunPhase::Parked) {
        return Err(illegal(&held, RunPhase::Parked));
    }
    let question = cut(&new.question);
    let id = insert(
        tx.conn,
        "INSERT INTO approvals (job_id, run_id, step, question, commit_id, asked_at, expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            signed(fence.job.0),
            signed(fence.run.0),
            new.step,
            question,
            new.commit,
            tx.now.0,
            new.expires_at.0,
        ],
    )?;
    let token = meta::next_token(tx)?;
    run(
        tx.conn,
        "UPDATE runs SET phase = 'parked', token = ?2 WHERE id = ?1",
        params![signed(fence.run.0), signed(token.0)],
    )?;
    let data = data! {
        "run": fence.run.0,
        "attempt": held.attempt,
        "approval": id,
        "step": new.step,
        "question": question,
        "commit": new.commit,
        "expires_at": new.expires_at.0,
    };
    move_job(tx, &head(tx.conn, fence.job)?, event, data)?;
    Ok(ApprovalId(id))
}
