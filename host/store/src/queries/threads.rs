//! Jobs that continue each other. Of a thread one job is under way, and those
//! that are not over wait behind each other in a line: each for the one before
//! it. [`line_end`] says where the next one stands, [`release`] closes the line
//! when one leaves it.

use super::rows::job_state;
use super::{jobs, people};
use crate::db::{all, first, insert, run, signed, unsigned};
use crate::error::{Result, StoreError};
use crate::limits::MAX_PAGE;
use crate::store::Store;
use crate::types::{NewJob, Published, ThreadEntry};
use crate::writer::Tx;
use rusqlite::{Connection, params};
use sortie_model::id::{JobId, ThreadId};
use sortie_model::start::StartMode;

/// When a job is due that waits for another one: never, until it is released.
pub(super) const NEVER: i64 = i64::MAX;

/// The last of a thread's line: not over, and nobody waits for it.
pub(super) const LINE_END: &str = "SELECT id FROM jobs j
     WHERE thread_id = ?1 AND finished_at IS NULL
         AND NOT EXISTS (SELECT 1 FROM jobs b WHERE b.behind = j.id)
     ORDER BY id DESC LIMIT 1";

/// Those that wait for a job take its place.
pub(super) const RELEASE: &str = "UPDATE jobs SET behind = ?2,
         due_at = iif(?2 IS NULL, ?3, due_at), updated_at = ?3
     WHERE behind = ?1";

/// What came before a job of a thread.
pub(super) const BEFORE: &str = "SELECT j.id, j.phase, j.not_before, j.halt_reason, j.detail,
         r.task, j.summary, j.published_branch, j.published_commit
     FROM jobs j JOIN requests r ON r.job_id = j.id
     WHERE j.thread_id = (SELECT thread_id FROM jobs WHERE id = ?1) AND j.id < ?1
     ORDER BY j.id DESC LIMIT ?2";

impl Store {
    /// The jobs of the same thread that were submitted before that one, newest
    /// first; at most `limit`, and never more than [`MAX_PAGE`].
    pub async fn thread_before(&self, job: JobId, limit: u32) -> Result<Vec<ThreadEntry>> {
        self.read(move |conn| before(conn, job, limit)).await
    }
}

fn before(conn: &Connection, job: JobId, limit: u32) -> Result<Vec<ThreadEntry>> {
    let mut entries = all(
        conn,
        BEFORE,
        params![signed(job.0), limit.min(MAX_PAGE)],
        |row| {
            let branch: Option<String> = row.get(7)?;
            let commit: Option<String> = row.get(8)?;
            Ok(ThreadEntry {
                job: JobId(unsigned(row.get(0)?)),
                state: job_state(row, 1)?,
                task: row.get(5)?,
                summary: row.get(6)?,
                published: branch
                    .zip(commit)
                    .map(|(branch, commit)| Published { branch, commit }),
                findings: Vec::new(),
            })
        },
    )?;
    for entry in &mut entries {
        entry.findings = jobs::findings(conn, entry.job)?;
    }
    Ok(entries)
}

/// The thread of a new job: that of the job it follows, or a new one.
pub(super) fn of_new(tx: &Tx<'_>, new: &NewJob, project: i64) -> Result<ThreadId> {
    let Some(follows) = new.follows else {
        return Ok(ThreadId(insert(
            tx.conn,
            "INSERT INTO threads (project_id, created_at) VALUES (?1, ?2)",
            params![project, tx.now.0],
        )?));
    };
    let known = first(
        tx.conn,
        "SELECT thread_id FROM jobs WHERE id = ?1 AND project_id = ?2",
        params![signed(follows.0), project],
        |row| Ok(ThreadId(unsigned(row.get(0)?))),
    )?;
    known.ok_or_else(|| StoreError::not_found(format_args!("{follows} of project {}", new.project)))
}

/// The job that one which joins the thread now has to wait for.
pub(super) fn line_end(conn: &Connection, thread: ThreadId) -> Result<Option<JobId>> {
    first(conn, LINE_END, [signed(thread.0)], |row| {
        Ok(JobId(unsigned(row.get(0)?)))
    })
}

/// The same for a job that is over and comes back.
pub(super) fn line_end_for(conn: &Connection, job: JobId) -> Result<Option<JobId>> {
    let thread = first(
        conn,
        "SELECT thread_id FROM jobs WHERE id = ?1",
        [signed(job.0)],
        |row| Ok(ThreadId(unsigned(row.get(0)?))),
    )?;
    match thread {
        Some(thread) => line_end(conn, thread),
        None => Ok(None),
    }
}

/// Has a queued job wait for another one.
pub(super) fn put_behind(tx: &Tx<'_>, job: JobId, behind: JobId) -> Result<()> {
    run(
        tx.conn,
        "UPDATE jobs SET behind = ?2, due_at = ?3 WHERE id = ?1",
        params![signed(job.0), signed(behind.0), NEVER],
    )?;
    Ok(())
}

/// A job is over: whoever waits for it waits for what it waited for itself, or
/// is due.
pub(super) fn release(tx: &mut Tx<'_>, job: JobId, behind: Option<JobId>) -> Result<()> {
    let released = run(
        tx.conn,
        RELEASE,
        params![signed(job.0), behind.map(|job| signed(job.0)), tx.now.0],
    )?;
    tx.signals.work |= released > 0;
    Ok(())
}

/// The first run of a job that follows another one begins with what the thread
/// left last, unless that was published: then it is on the remote. A job in
/// between may have left nothing.
pub(super) fn take_up(tx: &Tx<'_>, job: JobId, follows: JobId) -> Result<()> {
    let mut before = Some(follows);
    let mut left = None;
    while let Some(id) = before
        && left.is_none()
    {
        let (is_published, follows) = first(
            tx.conn,
            "SELECT published_branch IS NOT NULL, follows FROM jobs WHERE id = ?1",
            [signed(id.0)],
            |row| Ok((row.get::<_, bool>(0)?, row.get::<_, Option<i64>>(1)?)),
        )?
        .unwrap_or_default();
        if is_published {
            return Ok(());
        }
        left = people::newest_work(tx.conn, id)?;
        before = follows.map(|id| JobId(unsigned(id)));
    }
    let Some(work) = left else { return Ok(()) };
    run(
        tx.conn,
        "UPDATE jobs SET start = ?2, start_base = ?3, start_commit = ?4 WHERE id = ?1",
        params![
            signed(job.0),
            StartMode::Continue.as_str(),
            work.base,
            work.commit
        ],
    )?;
    Ok(())
}
