//! What people answer to the questions about jobs, and how a question is closed.
//! What becomes of one that nobody answers is in `unanswered.rs`.

use super::jobs::{self, newest_approval};
use super::people::Person;
use super::state::{JobHead, data, end_run, head, move_job, set_error};
use super::unanswered::expire;
use super::{audit, budget, members};
use crate::db::{cut, first, run, signed, unsigned};
use crate::error::{Result, StoreError};
use crate::limits::MAX_NAME_BYTES;
use crate::store::Store;
use crate::types::{Decided, NewAnswer};
use crate::writer::Tx;
use rusqlite::params;
use serde_json::Value;
use sortie_model::approval::{Approval, Decision, Subject};
use sortie_model::budget::Limits;
use sortie_model::id::{ApprovalId, JobId};
use sortie_model::job::{IllegalTransition, JobEvent, JobEventKind, JobPhase};

impl Store {
    /// Answers the open question about a job, or the one that the answer names.
    /// Of many answers exactly one wins; the same answer again is no error and
    /// changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Illegal`] when no question is open, when the other answer
    /// was given before, or when the time to answer is over: then the job
    /// halts as expired. [`StoreError::OtherQuestion`] when another question is
    /// open than the one that is named; [`StoreError::NotFound`] when that one is
    /// about another job. [`StoreError::OtherCommit`] when the answer names a
    /// commit that the question is not about.
    pub async fn decide(&self, job: JobId, answer: NewAnswer) -> Result<Decided> {
        let answer = Answer::of(answer)?;
        self.write(move |tx| decide(tx, job, &answer)).await?
    }
}

pub(super) struct Answer {
    decision: Decision,
    /// The question that is named.
    approval: Option<ApprovalId>,
    commit: Option<String>,
    raise: Option<Limits>,
    person: Person,
    comment: Option<String>,
}

impl Answer {
    pub(super) fn of(new: NewAnswer) -> Result<Self> {
        if !matches!(new.decision, Decision::Approved | Decision::Rejected) {
            return Err(StoreError::Invalid {
                what: "the answer",
                detail: "only approved and rejected are answers of a person".into(),
            });
        }
        let is_name = |commit: &String| (1..=MAX_NAME_BYTES).contains(&commit.len());
        if !new.commit.iter().all(is_name) {
            return Err(StoreError::Invalid {
                what: "the commit",
                detail: "it is empty or too long; name the one that was looked at, or none".into(),
            });
        }
        Ok(Self {
            decision: new.decision,
            approval: new.approval,
            commit: new.commit,
            raise: new.raise,
            person: Person::of(&new.by, &new.via)?,
            comment: new.comment.map(|text| cut(&text).to_owned()),
        })
    }

    /// Refuses a question about another commit than the one that was seen.
    fn is_about(&self, approval: &Approval) -> Result<()> {
        match &self.commit {
            Some(seen) if Some(seen) != approval.commit.as_ref() => Err(StoreError::OtherCommit {
                job: approval.job,
                seen: seen.clone(),
                asked: approval.commit.clone(),
            }),
            _ => Ok(()),
        }
    }

    /// What it does to the job, with what to call the person; a no to more budget
    /// ends it where it stands.
    fn event(&self, about: Subject, who: &str) -> JobEvent {
        match (self.decision, about) {
            (Decision::Approved, _) => JobEvent::Approve,
            (_, Subject::Budget { exhausted, .. }) => JobEvent::Halted {
                reason: exhausted,
                detail: format!("the budget is used up and {who} did not raise it"),
            },
            (Decision::Rejected | Decision::Expired | Decision::Withdrawn, _) => JobEvent::Reject,
        }
    }

    /// The same when no question is known.
    fn kind(&self) -> JobEventKind {
        match self.decision {
            Decision::Approved => JobEventKind::Approve,
            _ => JobEventKind::Reject,
        }
    }
}

/// The inner result is the answer to the person; it is an error that commits,
/// because a late answer leaves the question expired.
pub(super) fn decide(tx: &mut Tx<'_>, job: JobId, answer: &Answer) -> Result<Result<Decided>> {
    let job_head = head(tx.conn, job)?;
    let phase = job_head.state.phase();
    let refused = |phase| {
        Ok(Err(StoreError::Illegal(IllegalTransition {
            phase,
            event: answer.kind(),
        })))
    };
    let Some(approval) = newest_approval(tx.conn, job)? else {
        return refused(phase);
    };
    if let Some(named) = answer.approval
        && named != approval.id
    {
        return Ok(
            decide_earlier(tx, job, named, &approval, answer)?.map_err(|other| {
                other.unwrap_or(StoreError::Illegal(IllegalTransition {
                    phase,
                    event: answer.kind(),
                }))
            }),
        );
    }
    if !phase.waits_for_person() {
        let same = approval.decision == Some(answer.decision)
            && (answer.approval.is_some() || still_about(tx, &job_head, &approval)?);
        if !same {
            return refused(phase);
        }
        answer.is_about(&approval)?;
        return Ok(Ok(Decided {
            job: jobs::get(tx.conn, job)?,
            approval,
            changed: false,
        }));
    }
    if approval.expires_at <= tx.now {
        expire(tx, &approval)?;
        return refused(JobPhase::Halted);
    }
    answer.is_about(&approval)?;
    if answer.raise.is_some() && !matches!(approval.subject, Subject::Budget { .. }) {
        return Err(StoreError::Invalid {
            what: "the answer",
            detail: format!(
                "it raises a budget, and what {job} asks now is about something else; read the question again"
            ),
        });
    }
    let comment = answer.comment.as_deref();
    close_approval(
        tx,
        &approval,
        answer.decision,
        Some(&answer.person),
        comment,
    )?;
    let raised = match approval.subject {
        Subject::Budget { raise, .. } if answer.decision == Decision::Approved => {
            let by = answer.raise.unwrap_or(raise);
            Some(budget::added(tx.conn, job, approval.run, by)?)
        }
        _ => None,
    };
    let mut data = data! {
        "run": approval.run.0,
        "approval": approval.id.0,
        "about": approval.subject.as_str(),
        "by": answer.person.by,
        "name": members::known_as(tx.conn, &answer.person.by)?,
        "via": answer.person.via,
        "comment": answer.comment,
    };
    // Who tells of the answer says by how much of what ran out.
    if let Subject::Budget { exhausted, .. } = approval.subject {
        data.insert("exhausted".into(), exhausted.as_str().into());
    }
    if let Some(raised) = raised {
        data.insert("raised".into(), serde_json::json!(raised));
    }
    note_answer(tx, &approval, answer, raised)?;
    let who = members::called(tx.conn, &answer.person.by)?;
    let event = answer.event(approval.subject, &who);
    move_job(tx, &job_head, &event, data)?;
    match &event {
        JobEvent::Approve => {
            if let Some(raised) = raised {
                budget::raise(tx, job, approval.run, raised)?;
            }
        }
        JobEvent::Halted { detail, .. } => {
            end_run(tx, approval.run, Some(detail))?;
            set_error(tx, job, detail)?;
        }
        _ => {
            let error = format!("rejected by {who}");
            end_run(tx, approval.run, Some(&error))?;
            set_error(tx, job, &error)?;
        }
    }
    let approval = newest_approval(tx.conn, job)?
        .ok_or_else(|| StoreError::row("approvals", "the question is gone"))?;
    Ok(Ok(Decided {
        job: jobs::get(tx.conn, job)?,
        approval,
        changed: true,
    }))
}

/// Puts an answer into the audit log.
fn note_answer(
    tx: &Tx<'_>,
    approval: &Approval,
    answer: &Answer,
    raised: Option<Limits>,
) -> Result<()> {
    let action = match (answer.decision, approval.subject) {
        (Decision::Approved, Subject::Budget { .. }) => "budget.raised",
        (_, Subject::Budget { .. }) => "budget.stopped",
        (Decision::Approved, _) => "approval.approved",
        _ => "approval.rejected",
    };
    let mut detail = data! {
        "approval": approval.id.0,
        "about": approval.subject.as_str(),
        "commit": approval.commit,
        "name": members::known_as(tx.conn, &answer.person.by)?,
        "via": answer.person.via,
    };
    if let Some(raised) = raised {
        detail.insert("raised".into(), serde_json::json!(raised));
    }
    let subject = approval.job.to_string();
    let detail = Value::Object(detail);
    audit::note(tx, &answer.person.by, action, &subject, &detail)
}

/// An answer to a question that is not the newest: it was given before, or the
/// error says which one is open, if one is.
fn decide_earlier(
    tx: &Tx<'_>,
    job: JobId,
    named: ApprovalId,
    newest: &Approval,
    answer: &Answer,
) -> Result<Result<Decided, Option<StoreError>>> {
    let approval = jobs::approval(tx.conn, named)?
        .filter(|approval| approval.job == job)
        .ok_or_else(|| StoreError::not_found(format_args!("{named} of {job}")))?;
    if approval.decision == Some(answer.decision) {
        return Ok(Ok(Decided {
            job: jobs::get(tx.conn, job)?,
            approval,
            changed: false,
        }));
    }
    let is_open = newest.decision.is_none();
    Ok(Err(is_open.then_some(StoreError::OtherQuestion {
        job,
        asked: newest.id,
    })))
}

/// Answers a question by its number alone.
pub(super) fn decide_by_id(tx: &mut Tx<'_>, answer: &Answer) -> Result<Result<Decided>> {
    let Some(named) = answer.approval else {
        return Err(StoreError::not_found("a question without a number"));
    };
    let approval = jobs::approval(tx.conn, named)?.ok_or_else(|| StoreError::not_found(named))?;
    decide(tx, approval.job, answer)
}

/// Whether the job is still what that answer made of it: no retry came since.
fn still_about(tx: &Tx<'_>, job: &JobHead, approval: &Approval) -> Result<bool> {
    if job.state.phase() == JobPhase::Queued {
        return Ok(false);
    }
    let newest = first(
        tx.conn,
        "SELECT id FROM runs WHERE job_id = ?1 ORDER BY attempt DESC LIMIT 1",
        [signed(job.id.0)],
        |row| Ok(unsigned(row.get(0)?)),
    )?;
    Ok(newest == Some(approval.run.0))
}

pub(super) fn close_approval(
    tx: &Tx<'_>,
    approval: &Approval,
    decision: Decision,
    person: Option<&Person>,
    comment: Option<&str>,
) -> Result<()> {
    let changed = run(
        tx.conn,
        "UPDATE approvals SET decision = ?2, decided_by = ?3, decided_via = ?4, comment = ?5,
             decided_at = ?6
         WHERE id = ?1 AND decision IS NULL",
        params![
            signed(approval.id.0),
            decision.as_str(),
            person.map(|person| &person.by),
            person.map(|person| &person.via),
            comment,
            tx.now.0,
        ],
    )?;
    match changed {
        1 => Ok(()),
        _ => Err(StoreError::row(
            "approvals",
            format_args!("{} waits without an open question", approval.job),
        )),
    }
}
