//! Who acts through which door, and what people do to a job: they cancel it or
//! have it done again. What they answer to its questions is in `answers.rs`.

use super::answers::close_approval;
use super::jobs::{self, newest_approval};
use super::state::{data, end_run, head, move_job, open_run, set_error};
use super::{ledger, members, threads};
use crate::db::{first, name, run, signed};
use crate::error::{Result, StoreError};
use crate::store::Store;
use crate::types::{Cancelled, Job, NewRetry};
use crate::writer::Tx;
use rusqlite::{Connection, params};
use sortie_model::approval::Decision;
use sortie_model::id::JobId;
use sortie_model::job::{JobEvent, JobPhase};
use sortie_model::start::{StartMode, Work};

impl Store {
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

pub(super) fn cancel(tx: &mut Tx<'_>, job: JobId, person: &Person) -> Result<Cancelled> {
    if head(tx.conn, job)?.state.phase() == JobPhase::Cancelled {
        return Ok(Cancelled {
            job: jobs::get(tx.conn, job)?,
            run: None,
            changed: false,
        });
    }
    let under_way = open_run(tx.conn, job)?;
    if let Some(id) = under_way {
        ledger::book_under_way(tx, job, id)?;
    }
    // Read again: its end tells what it used.
    let job_head = head(tx.conn, job)?;
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
    let error = format!("cancelled by {}", members::called(tx.conn, &person.by)?);
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
        "name": members::known_as(tx.conn, &person.by)?,
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
        "UPDATE jobs SET attempts_before_retry = attempts, summary = NULL, error = NULL,
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
