//! Reading jobs and what belongs to them.

use super::rows::{self, select_approval, select_job, select_run, select_step};
use crate::db::{all, first, signed, unsigned};
use crate::error::{Result, StoreError};
use crate::limits::MAX_PAGE;
use crate::store::Store;
use crate::types::{Job, JobFilter};
use rusqlite::{Connection, params};
use sortie_model::approval::Approval;
use sortie_model::finding::Finding;
use sortie_model::id::{ApprovalId, JobId, RunId};
use sortie_model::job::JobPhase;
use sortie_model::run::{Run, Step};

/// A page of the jobs of a phase and a project.
pub(super) const PAGE_OF_PLACE: &str =
    "SELECT id FROM jobs WHERE phase = ?1 AND project_id = ?2 AND id < ?3
     ORDER BY id DESC LIMIT ?4";

impl Store {
    /// The job of that number.
    pub async fn job(&self, job: JobId) -> Result<Option<Job>> {
        self.look(move |conn| find(conn, job)).await
    }

    /// A page of jobs, newest first. A project that never was has none.
    pub async fn jobs(&self, filter: JobFilter) -> Result<Vec<Job>> {
        self.read(move |conn| list(conn, &filter)).await
    }

    /// The job's runs, oldest first.
    pub async fn runs(&self, job: JobId) -> Result<Vec<Run>> {
        self.read(move |conn| {
            all(
                conn,
                select_run!("WHERE job_id = ?1 ORDER BY attempt"),
                [signed(job.0)],
                rows::run,
            )
        })
        .await
    }

    /// The run's steps, in order.
    pub async fn steps(&self, run: RunId) -> Result<Vec<Step>> {
        self.read(move |conn| {
            all(
                conn,
                select_step!("WHERE run_id = ?1 ORDER BY position"),
                [signed(run.0)],
                rows::step,
            )
        })
        .await
    }

    /// What the newest scan of the job's newest run found; nothing when that
    /// run was not scanned.
    pub async fn findings(&self, job: JobId) -> Result<Vec<Finding>> {
        self.read(move |conn| findings(conn, job)).await
    }

    /// The newest question about the job.
    pub async fn approval(&self, job: JobId) -> Result<Option<Approval>> {
        self.read(move |conn| newest_approval(conn, job)).await
    }

    /// The question of that number.
    pub async fn approval_of(&self, id: ApprovalId) -> Result<Option<Approval>> {
        self.read(move |conn| approval(conn, id)).await
    }

    /// The newest question of a run about anything but its budget that a person
    /// said yes to.
    pub async fn released(&self, run: RunId) -> Result<Option<Approval>> {
        self.read(move |conn| {
            first(
                conn,
                select_approval!(
                    "WHERE run_id = ?1 AND subject <> 'budget' AND decision = 'approved'
                     ORDER BY id DESC LIMIT 1"
                ),
                [signed(run.0)],
                rows::approval,
            )
        })
        .await
    }

    /// The runs under way that hold a lease: those that may own a container.
    pub async fn unfinished_runs(&self) -> Result<Vec<RunId>> {
        self.read(|conn| {
            all(conn, super::lease::LEASED_RUNS, [], |row| {
                Ok(RunId(unsigned(row.get(0)?)))
            })
        })
        .await
    }
}

fn find(conn: &Connection, job: JobId) -> Result<Option<Job>> {
    first(
        conn,
        select_job!("WHERE j.id = ?1"),
        [signed(job.0)],
        rows::job,
    )
}

/// The job, or that there is none.
pub(super) fn get(conn: &Connection, job: JobId) -> Result<Job> {
    find(conn, job)?.ok_or_else(|| StoreError::not_found(job))
}

/// What the newest scan of the job's newest run found.
pub(super) fn findings(conn: &Connection, job: JobId) -> Result<Vec<Finding>> {
    all(
        conn,
        "SELECT scanner, rule, severity, path, line, side, message, evidence, fingerprint
         FROM findings
         WHERE scan_id = (
             SELECT max(s.id) FROM scans s
             WHERE s.run_id = (
                 SELECT id FROM runs WHERE job_id = ?1 ORDER BY attempt DESC LIMIT 1
             )
         )
         ORDER BY id",
        [signed(job.0)],
        rows::finding,
    )
}

pub(super) fn approval(conn: &Connection, id: ApprovalId) -> Result<Option<Approval>> {
    first(
        conn,
        select_approval!("WHERE id = ?1"),
        [signed(id.0)],
        rows::approval,
    )
}

pub(super) fn newest_approval(conn: &Connection, job: JobId) -> Result<Option<Approval>> {
    first(
        conn,
        select_approval!("WHERE job_id = ?1 ORDER BY id DESC LIMIT 1"),
        [signed(job.0)],
        rows::approval,
    )
}

/// One index serves every filter: each phase and project asked for is a
/// stretch of it that ends with the newest job, and the page is what comes
/// first of all stretches. So a page costs the same however many jobs there
/// are, and however rare those asked for.
fn list(conn: &Connection, filter: &JobFilter) -> Result<Vec<Job>> {
    let limit = match filter.limit {
        0 => MAX_PAGE,
        limit => limit.min(MAX_PAGE),
    };
    let before = filter.before.map_or(i64::MAX, |job| signed(job.0));
    if filter.phases.is_empty() && filter.project.is_none() {
        return all(
            conn,
            select_job!("WHERE j.id < ?1 ORDER BY j.id DESC LIMIT ?2"),
            params![before, limit],
            rows::job,
        );
    }
    let projects: Vec<i64> = match &filter.project {
        Some(name) => all(
            conn,
            "SELECT id FROM projects WHERE name = ?1",
            [name],
            |row| Ok(row.get(0)?),
        )?,
        None => all(conn, "SELECT id FROM projects", [], |row| Ok(row.get(0)?))?,
    };
    let phases: &[JobPhase] = match filter.phases.as_slice() {
        [] => &JobPhase::ALL,
        some => some,
    };
    let mut ids: Vec<i64> = Vec::new();
    for phase in phases {
        for project in &projects {
            ids.extend(all(
                conn,
                PAGE_OF_PLACE,
                params![phase.as_str(), project, before, limit],
                |row| Ok(row.get::<_, i64>(0)?),
            )?);
        }
    }
    ids.sort_unstable_by(|a, b| b.cmp(a));
    ids.dedup();
    ids.truncate(limit as usize);
    ids.into_iter()
        .map(|id| get(conn, JobId(unsigned(id))))
        .collect()
}
