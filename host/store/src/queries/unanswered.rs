//! What becomes of questions that nobody answers in time: they are told of again
//! once, and expire.

use super::answers::close_approval;
use super::jobs::{self, newest_approval};
use super::state::{data, end_run, head, move_job, set_error};
use super::{budget, timeline};
use crate::db::{all, first, run, signed, unsigned};
use crate::error::{Result, StoreError};
use crate::store::Store;
use crate::writer::Tx;
use rusqlite::params;
use serde_json::Value;
use sortie_model::approval::{Approval, Decision, Subject};
use sortie_model::clock::Timestamp;
use sortie_model::halt::HaltReason;
use sortie_model::id::{ApprovalId, JobId};
use sortie_model::job::JobEvent;

/// Questions that one sweep lets expire; the next sweep takes the rest.
const EXPIRED_AT_ONCE: u32 = 500;

/// Reminders that one sweep gives; the next sweep gives the rest.
const REMINDED_AT_ONCE: u32 = 500;

/// When the first open question expires, and when the first reminder is due.
pub(super) const NEXT_EXPIRY: &str = "SELECT
         (SELECT min(expires_at) FROM approvals WHERE decision IS NULL),
         (SELECT min(remind_at) FROM approvals
          WHERE decision IS NULL AND remind_at IS NOT NULL)";

/// The open questions whose reminder is due.
pub(super) const REMINDED: &str = "SELECT id FROM approvals
     WHERE decision IS NULL AND remind_at IS NOT NULL AND remind_at <= ?1
     ORDER BY remind_at, id LIMIT ?2";

/// The jobs of the questions that nobody answered in time.
pub(super) const EXPIRED: &str = "SELECT job_id FROM approvals
     WHERE decision IS NULL AND expires_at <= ?1
     ORDER BY expires_at, id LIMIT ?2";

impl Store {
    /// Halts the jobs whose questions nobody answered in time, and names them.
    pub async fn expire_approvals(&self) -> Result<Vec<JobId>> {
        self.write(expire_due).await
    }

    /// Tells of the open questions that are to be told of again, each once, and
    /// names their jobs.
    pub async fn remind_due(&self) -> Result<Vec<JobId>> {
        self.write(remind_due).await
    }

    /// When the next open question expires or is to be told of again; for a
    /// timer. May lie in the past.
    pub async fn next_expiry(&self) -> Result<Option<Timestamp>> {
        self.look(|conn| {
            let next = first(conn, NEXT_EXPIRY, [], |row| {
                let times: [Option<i64>; 2] = [row.get(0)?, row.get(1)?];
                Ok(times.into_iter().flatten().min().map(Timestamp))
            })?;
            Ok(next.flatten())
        })
        .await
    }
}

pub(super) fn expire(tx: &mut Tx<'_>, approval: &Approval) -> Result<()> {
    close_approval(tx, approval, Decision::Expired, None, None)?;
    let (reason, detail) = match approval.subject {
        Subject::Budget { exhausted, .. } => (
            exhausted,
            format!(
                "the budget is used up and nobody raised it before {}",
                approval.expires_at
            ),
        ),
        Subject::Gate | Subject::Review => (
            HaltReason::ApprovalExpired,
            format!("nobody answered before {}", approval.expires_at),
        ),
    };
    let event = JobEvent::Halted {
        reason,
        detail: detail.clone(),
    };
    let data = data! { "run": approval.run.0, "approval": approval.id.0 };
    move_job(tx, &head(tx.conn, approval.job)?, &event, data)?;
    end_run(tx, approval.run, Some(&detail))?;
    set_error(tx, approval.job, &detail)
}

fn expire_due(tx: &mut Tx<'_>) -> Result<Vec<JobId>> {
    let due = all(
        tx.conn,
        EXPIRED,
        params![tx.now.0, EXPIRED_AT_ONCE],
        |row| Ok(JobId(unsigned(row.get(0)?))),
    )?;
    for job in &due {
        let approval = newest_approval(tx.conn, *job)?
            .ok_or_else(|| StoreError::row("approvals", "the question is gone"))?;
        expire(tx, &approval)?;
    }
    Ok(due)
}

fn remind_due(tx: &mut Tx<'_>) -> Result<Vec<JobId>> {
    let due = all(
        tx.conn,
        REMINDED,
        params![tx.now.0, REMINDED_AT_ONCE],
        |row| Ok(ApprovalId(unsigned(row.get(0)?))),
    )?;
    let mut jobs = Vec::with_capacity(due.len());
    for id in due {
        run(
            tx.conn,
            "UPDATE approvals SET remind_at = NULL WHERE id = ?1",
            [signed(id.0)],
        )?;
        let approval = jobs::approval(tx.conn, id)?
            .ok_or_else(|| StoreError::row("approvals", "the question is gone"))?;
        let mut data = data! {
            "approval": id.0,
            "about": approval.subject.as_str(),
            "question": approval.question,
            "expires_at": approval.expires_at.0,
            "left_ms": approval.expires_at.0.saturating_sub(tx.now.0).max(0),
        };
        if let Some(asked) = budget::asked(tx.conn, approval.run, &approval.subject)? {
            data.insert("budget".into(), asked);
        }
        timeline::append(tx, approval.job, "approval.reminder", &Value::Object(data))?;
        jobs.push(approval.job);
    }
    Ok(jobs)
}
