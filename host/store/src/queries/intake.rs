//! Taking jobs in.

use super::state::data;
use super::{DEFAULT_TENANT, host, jobs, projects, threads, timeline};
use crate::db::{bounded, first, json, name, run, signed, unsigned};
use crate::error::{Result, StoreError};
use crate::limits::MAX_TASK_BYTES;
use crate::numbers::Series;
use crate::store::Store;
use crate::types::{IdempotencyKey, Job, NewJob, Submitted};
use crate::writer::Tx;
use rusqlite::{Connection, params};
use serde_json::Value;
use sortie_model::budget::Usage;
use sortie_model::id::{JobId, ThreadId};
use sortie_model::job::JobState;
use sortie_model::start::Start;

impl Store {
    /// Puts a job into the queue. When this returns, the job is on disk.
    ///
    /// A request that shows the idempotency key of an earlier one gets that
    /// one's job, as it stands now.
    ///
    /// # Errors
    /// [`StoreError::UnknownProject`]; [`StoreError::NotFound`] when it follows
    /// a job that is not of the project; [`StoreError::KeyReused`] when the key came
    /// with another request before; [`StoreError::Invalid`] for an empty or
    /// overlong value; [`StoreError::DiskFull`].
    pub async fn submit(&self, new: NewJob) -> Result<Submitted> {
        let new = Checked::new(new)?;
        let numbers = self.numbers().clone();
        // A job is never deleted, so its row is what keeps the number from
        // being given out again.
        self.write(move |tx| submit(tx, &new, || JobId(numbers.take(Series::Jobs).0)))
            .await
    }

    /// The job that an earlier request with that key made, as it stands now.
    /// None says nothing about requests under way: [`Store::submit`] looks
    /// again where it writes.
    ///
    /// # Errors
    /// [`StoreError::KeyReused`] when the key came with another request.
    pub async fn submitted_before(&self, key: IdempotencyKey) -> Result<Option<Job>> {
        match self.look(move |conn| made_before(conn, &key)).await? {
            // A job is never deleted.
            Some(job) => self.read(move |conn| jobs::get(conn, job)).await.map(Some),
            None => Ok(None),
        }
    }
}

/// A request for work that may be stored.
pub(super) struct Checked {
    pub(super) new: NewJob,
    policy: String,
}

impl Checked {
    pub(super) fn new(new: NewJob) -> Result<Self> {
        check(&new)?;
        let policy = json("the policy", &new.policy)?;
        Ok(Self { new, policy })
    }
}

fn check(new: &NewJob) -> Result<()> {
    if new.task.trim().is_empty() {
        return Err(StoreError::Invalid {
            what: "the task",
            detail: "it is empty; say what to do".into(),
        });
    }
    bounded("the task", &new.task, MAX_TASK_BYTES)?;
    name("the project's name", &new.project)?;
    name("who asked", &new.requested_by)?;
    name("the door", &new.via)?;
    new.idempotency
        .as_ref()
        .map_or(Ok(()), |key| name("the idempotency key", &key.key))
}

/// `number` is asked when the request makes a job.
pub(super) fn submit(
    tx: &mut Tx<'_>,
    Checked { new, policy }: &Checked,
    number: impl FnOnce() -> JobId,
) -> Result<Submitted> {
    if let Some(key) = &new.idempotency
        && let Some(job) = made_before(tx.conn, key)?
    {
        return Ok(Submitted {
            job: jobs::get(tx.conn, job)?,
            created: false,
        });
    }
    let project = projects::id(tx.conn, &new.project)?;
    let thread = threads::of_new(tx, new, project)?;
    let behind = match new.follows {
        Some(_) => threads::line_end(tx.conn, thread)?,
        None => None,
    };
    let id = number();
    run(
        tx.conn,
        "INSERT INTO jobs (id, thread_id, project_id, phase, due_at, created_at, updated_at,
             follows, behind)
         VALUES (?1, ?2, ?3, 'queued', ?4, ?5, ?5, ?6, ?7)",
        params![
            signed(id.0),
            signed(thread.0),
            project,
            behind.map_or(tx.now.0, |_| threads::NEVER),
            tx.now.0,
            new.follows.map(|job| signed(job.0)),
            behind.map(|job| signed(job.0)),
        ],
    )?;
    run(
        tx.conn,
        "INSERT INTO requests
             (job_id, repository, base_branch, task, policy, requested_by, via)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            signed(id.0),
            new.repository,
            new.base_branch,
            new.task,
            policy,
            new.requested_by,
            new.via,
        ],
    )?;
    if let Some(key) = &new.idempotency {
        run(
            tx.conn,
            "INSERT INTO idempotency_keys (tenant_id, key, request_hash, job_id, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                DEFAULT_TENANT,
                key.key,
                key.request_hash.as_slice(),
                signed(id.0),
                tx.now.0
            ],
        )?;
    }
    let mut data = data! { "by": new.requested_by, "via": new.via, "thread": thread.0 };
    for (key, job) in [("follows", new.follows), ("behind", behind)] {
        if let Some(job) = job {
            data.insert(key.into(), job.0.into());
        }
    }
    if host::is_paused(tx.conn)? {
        data.insert("paused".into(), true.into());
    }
    timeline::append(tx, id, "job.queued", &Value::Object(data))?;
    tx.signals.work = true;
    Ok(Submitted {
        job: fresh(id, thread, behind, new, tx),
        created: true,
    })
}

/// The job that a request with the same key made.
fn made_before(conn: &Connection, key: &IdempotencyKey) -> Result<Option<JobId>> {
    let found = first(
        conn,
        "SELECT job_id, request_hash FROM idempotency_keys WHERE tenant_id = ?1 AND key = ?2",
        params![DEFAULT_TENANT, key.key],
        |row| Ok((JobId(unsigned(row.get(0)?)), row.get::<_, Vec<u8>>(1)?)),
    )?;
    match found {
        None => Ok(None),
        Some((job, hash)) if hash == key.request_hash => Ok(Some(job)),
        Some((job, _)) => Err(StoreError::KeyReused { job }),
    }
}

/// The job that was just written, without reading it back.
fn fresh(id: JobId, thread: ThreadId, behind: Option<JobId>, new: &NewJob, tx: &Tx<'_>) -> Job {
    Job {
        id,
        thread,
        follows: new.follows,
        behind,
        project: new.project.clone(),
        repository: new.repository.clone(),
        base_branch: new.base_branch.clone(),
        task: new.task.clone(),
        policy: new.policy.clone(),
        state: JobState::Queued { not_before: None },
        attempts: 0,
        attempts_before_retry: 0,
        start: Start::default(),
        requested_by: new.requested_by.clone(),
        via: new.via.clone(),
        branch: None,
        head_commit: None,
        published: None,
        summary: None,
        error: None,
        created_at: tx.now,
        updated_at: tx.now,
        finished_at: None,
        usage: Usage::default(),
    }
}
