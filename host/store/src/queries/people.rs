//! What people do: answer, cancel, retry; and what happens when nobody does.

use super::budget;
use super::jobs::{self, newest_approval};
use super::state::{JobHead, data, end_run, head, move_job, open_run};
use super::{members, threads, timeline};
use crate::db::{all, cut, first, name, run, signed, unsigned};
use crate::error::{Result, StoreError};
use crate::limits::MAX_NAME_BYTES;
use crate::store::Store;
use crate::types::{Cancelled, Decided, Job, NewAnswer, NewRetry};
use crate::writer::Tx;
use rusqlite::{Connection, params};
use serde_json::Value;
use sortie_model::approval::{Approval, Decision, Subject};
use sortie_model::budget::Limits;
use sortie_model::clock::Timestamp;
use sortie_model::halt::HaltReason;
use sortie_model::id::{ApprovalId, JobId};
use sortie_model::job::{IllegalTransition, JobEvent, JobEventKind, JobPhase};
use sortie_model::start::{StartMode, Work};

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

    /// Stops a job for good. Its run, if one is under way, can write no more
    /// from now on; [`Store::cancel_signal`] names it. Cancelling again is no
    /// error and changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Illegal`] when the job ended otherwise.
    pub async fn cancel(&self, job: JobId, by: &str, via: &str) -> Result<Cancelled> {
        let person = Person::of(by, via)?;
        self.write(move |tx| cancel(tx, job, &person)).await
    }

    /// Puts a job that ended without success back into the queue, with as many
    /// attempts as its policy gives.
    ///
    /// # Errors
    /// [`StoreError::Illegal`] when it did not end, or succeeded;
    /// [`StoreError::NoWork`] when it should begin with earlier work and no run
    /// left any.
    pub async fn retry(&self, job: JobId, wish: NewRetry) -> Result<Job> {
        let person = Person::of(&wish.by, &wish.via)?;
        let again = Again::of(&wish)?;
        self.write(move |tx| retry(tx, job, &person, &again)).await
    }

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

pub(super) struct Person {
    pub(super) by: String,
    pub(super) via: String,
}

impl Person {
    pub(super) fn of(by: &str, via: &str) -> Result<Self> {
        name("who decides", by)?;
        name("the door", via)?;
        Ok(Self {
            by: by.to_owned(),
            via: via.to_owned(),
        })
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

    /// What it does to the job; a no to more budget ends it where it stands.
    fn event(&self, about: Subject) -> JobEvent {
        match (self.decision, about) {
            (Decision::Approved, _) => JobEvent::Approve,
            (_, Subject::Budget { exhausted, .. }) => JobEvent::Halted {
                reason: exhausted,
                detail: format!(
                    "the budget is used up and {} did not raise it",
                    self.person.by
                ),
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
    let data = data! {
        "run": approval.run.0,
        "approval": approval.id.0,
        "by": answer.person.by,
        "name": members::known_as(tx.conn, &answer.person.by)?,
        "via": answer.person.via,
        "comment": answer.comment,
    };
    let event = answer.event(approval.subject);
    move_job(tx, &job_head, &event, data)?;
    match (&event, approval.subject) {
        (JobEvent::Approve, Subject::Budget { raise, .. }) => {
            let raise = answer.raise.unwrap_or(raise);
            budget::raise(tx, job, approval.run, raise)?;
        }
        (JobEvent::Approve, _) => {}
        (JobEvent::Halted { detail, .. }, _) => {
            end_run(tx, approval.run, Some(detail))?;
            set_error(tx, job, detail)?;
        }
        _ => {
            let error = format!("rejected by {}", answer.person.by);
            end_run(tx, approval.run, Some(&error))?;
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

fn close_approval(
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

fn expire(tx: &mut Tx<'_>, approval: &Approval) -> Result<()> {
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

fn set_error(tx: &Tx<'_>, job: JobId, error: &str) -> Result<()> {
    run(
        tx.conn,
        "UPDATE jobs SET error = ?2 WHERE id = ?1",
        params![signed(job.0), error],
    )?;
    Ok(())
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
        let data = data! {
            "approval": id.0,
            "about": approval.subject.as_str(),
            "question": approval.question,
            "expires_at": approval.expires_at.0,
            "left_ms": approval.expires_at.0.saturating_sub(tx.now.0).max(0),
        };
        timeline::append(tx, approval.job, "approval.reminder", &Value::Object(data))?;
        jobs.push(approval.job);
    }
    Ok(jobs)
}

pub(super) fn cancel(tx: &mut Tx<'_>, job: JobId, person: &Person) -> Result<Cancelled> {
    let job_head = head(tx.conn, job)?;
    if job_head.state.phase() == JobPhase::Cancelled {
        return Ok(Cancelled {
            job: jobs::get(tx.conn, job)?,
            run: None,
            changed: false,
        });
    }
    let mut data = data! {
        "by": person.by,
        "name": members::known_as(tx.conn, &person.by)?,
        "via": person.via,
    };
    let open = newest_approval(tx.conn, job)?.filter(|approval| approval.decision.is_none());
    if let Some(approval) = &open {
        close_approval(tx, approval, Decision::Withdrawn, Some(person), None)?;
        data.insert("approval".into(), approval.id.0.into());
    }
    move_job(tx, &job_head, &JobEvent::Cancel, data)?;
    let under_way = open_run(tx.conn, job)?;
    let error = format!("cancelled by {}", person.by);
    if let Some(id) = under_way {
        end_run(tx, id, Some(&error))?;
        tx.signals.cancelled.push(id);
    }
    set_error(tx, job, &error)?;
    Ok(Cancelled {
        job: jobs::get(tx.conn, job)?,
        run: under_way,
        changed: true,
    })
}

/// How a job is done again, checked.
#[derive(Default)]
pub(super) struct Again {
    start: StartMode,
    budget_profile: Option<String>,
}

impl Again {
    fn of(wish: &NewRetry) -> Result<Self> {
        if let Some(profile) = &wish.budget_profile {
            name("the budget profile", profile)?;
        }
        Ok(Self {
            start: wish.start,
            budget_profile: wish.budget_profile.clone(),
        })
    }
}

pub(super) fn retry(tx: &mut Tx<'_>, job: JobId, person: &Person, again: &Again) -> Result<Job> {
    let job_head = head(tx.conn, job)?;
    let behind = threads::line_end_for(tx.conn, job)?;
    let mut data = data! {
        "by": person.by,
        "via": person.via,
        "retried": true,
        "start": again.start.as_str(),
    };
    if let Some(behind) = behind {
        data.insert("behind".into(), behind.0.into());
    }
    // An illegal move is the first thing to say.
    move_job(tx, &job_head, &JobEvent::Retry, data)?;
    if let Some(behind) = behind {
        threads::put_behind(tx, job, behind)?;
    }
    let work = match again.start {
        StartMode::Base => None,
        StartMode::Continue | StartMode::Publish => {
            Some(newest_work(tx.conn, job)?.ok_or(StoreError::NoWork { job })?)
        }
    };
    run(
        tx.conn,
        "UPDATE jobs SET attempts_before_retry = attempts, summary = NULL,
             start = ?2, start_base = ?3, start_commit = ?4
         WHERE id = ?1",
        params![
            signed(job.0),
            again.start.as_str(),
            work.as_ref().map(|work| &work.base),
            work.as_ref().map(|work| &work.commit),
        ],
    )?;
    if let Some(profile) = &again.budget_profile {
        run(
            tx.conn,
            "UPDATE requests SET policy = json_set(policy, '$.budget_profile', ?2)
             WHERE job_id = ?1",
            params![signed(job.0), profile],
        )?;
    }
    jobs::get(tx.conn, job)
}

/// What the newest run of the job that made something left.
pub(super) fn newest_work(conn: &Connection, job: JobId) -> Result<Option<Work>> {
    first(
        conn,
        "SELECT base_commit, head_commit FROM runs
         WHERE job_id = ?1 AND head_commit IS NOT NULL AND head_commit <> base_commit
         ORDER BY attempt DESC LIMIT 1",
        [signed(job.0)],
        |row| {
            Ok(Work {
                base: row.get(0)?,
                commit: row.get(1)?,
            })
        },
    )
}
