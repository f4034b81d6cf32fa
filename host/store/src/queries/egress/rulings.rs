//! What people answered about hosts: which answers count for a job and a run of
//! it, and how a new one is given.

use crate::db::{all, first, insert, signed, unsigned};
use crate::error::{Result, StoreError};
use crate::limits::MAX_EGRESS_RULINGS;
use crate::queries::audit::note;
use crate::queries::people::Person;
use crate::queries::state::{head, open_run};
use crate::queries::{members, timeline};
use crate::store::Store;
use crate::types::NewRuling;
use crate::writer::Tx;
use rusqlite::{Connection, Row, params};
use serde_json::json;
use sortie_model::clock::Timestamp;
use sortie_model::egress::{Ruling, RulingScope};
use sortie_model::id::{Fence, JobId, RunId};

/// The answers that count for a job and a run of it, newest first; those for
/// runs that are over never will again. Of those that say the same of the same,
/// only the newest; the columns beside `max(id)` are that row's. A yes does not
/// stand for an older no: without a port it is about fewer.
pub(in crate::queries) const RULINGS: &str =
    "SELECT max(id) AS id, job_id, run_id, scope, allowed, host, port,
         decided_by, decided_via, decided_at
     FROM egress_rulings WHERE job_id = ?1 AND scope <> 'project'
         AND (run_id IS NULL
             OR run_id = (SELECT id FROM runs WHERE job_id = ?1 AND finished_at IS NULL))
     GROUP BY scope, run_id, host, port, allowed
     UNION ALL
     SELECT max(id), job_id, run_id, scope, allowed, host, port, decided_by, decided_via,
         decided_at
     FROM egress_rulings WHERE project_id = ?2 AND scope = 'project'
     GROUP BY host, port, allowed
     ORDER BY id DESC LIMIT ?3";

/// What was answered since then for other runs of a job alone, newest first. Of
/// those that say the same of the same, only the newest.
const LAPSED: &str = "SELECT max(id) AS id, job_id, run_id, scope, allowed, host, port,
         decided_by, decided_via, decided_at
     FROM egress_rulings
     WHERE job_id = ?1 AND scope = 'run' AND run_id <> ?2 AND decided_at >= ?3
     GROUP BY run_id, host, port, allowed
     ORDER BY id DESC LIMIT ?4";

/// The most different answers of one job, and of one project. Both count for a
/// run, so that a new one never pushes an old one out.
const MAX_EACH: u32 = MAX_EGRESS_RULINGS / 2;

/// How many different answers that count a job has beside one.
const OTHERS_OF_JOB: &str = "SELECT count(*) FROM (
         SELECT 1 FROM egress_rulings WHERE job_id = ?1 AND scope <> 'project'
             AND (run_id IS NULL
                 OR run_id = (SELECT id FROM runs WHERE job_id = ?1 AND finished_at IS NULL))
             AND NOT (scope = ?2 AND run_id IS ?3 AND host = ?4 AND port IS ?5 AND allowed = ?6)
         GROUP BY scope, run_id, host, port, allowed)";

/// How many different answers a project has beside one.
const OTHERS_OF_PROJECT: &str = "SELECT count(*) FROM (
         SELECT 1 FROM egress_rulings WHERE project_id = ?1 AND scope = 'project'
             AND NOT (host = ?2 AND port IS ?3 AND allowed = ?4)
         GROUP BY host, port, allowed)";

impl Store {
    /// Answers for a host, for as far as the answer goes. It counts from the
    /// next connection on.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is no such job;
    /// [`StoreError::Invalid`] when the answer is for a run and none is under
    /// way, or when there are as many answers as count.
    pub async fn rule_egress(&self, job: JobId, new: NewRuling) -> Result<Ruling> {
        let person = Person::of(&new.by, &new.via)?;
        self.write(move |tx| rule(tx, job, &new, &person)).await
    }

    /// The answers that count for a run, newest first; of a job when no run is
    /// named, those for the run that is under way among them.
    pub async fn egress_rulings(&self, job: JobId, of: Option<RunId>) -> Result<Vec<Ruling>> {
        self.read(move |conn| {
            let mut rulings = rulings(conn, job)?;
            if let Some(of) = of {
                for_run(&mut rulings, Some(of));
            }
            Ok(rulings)
        })
        .await
    }

    /// Changes whenever an answer was given.
    pub fn egress_signal(&self) -> tokio::sync::watch::Receiver<u64> {
        self.listeners().egress.subscribe()
    }
}

pub(super) fn rule(
    tx: &mut Tx<'_>,
    job: JobId,
    new: &NewRuling,
    person: &Person,
) -> Result<Ruling> {
    let project = project_of(tx.conn, job)?;
    let of = match new.scope {
        RulingScope::Run => {
            let under_way = open_run(tx.conn, job)?;
            Some(under_way.ok_or_else(|| StoreError::Invalid {
                what: "the answer",
                detail: format!("no run of job {} is under way; answer for the job", job.0),
            })?)
        }
        RulingScope::Job | RulingScope::Project => None,
    };
    has_room(tx.conn, project, job, of, new)?;
    let id = insert(
        tx.conn,
        "INSERT INTO egress_rulings (project_id, job_id, run_id, scope, allowed, host, port,
             decided_by, decided_via, decided_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params![
            project,
            signed(job.0),
            of.map(|run| signed(run.0)),
            new.scope.as_str(),
            new.allow,
            new.host.to_string(),
            new.port,
            person.by,
            person.via,
            tx.now.0
        ],
    )?;
    let kind = match new.allow {
        true => "egress.allowed",
        false => "egress.denied",
    };
    let data = json!({
        "host": new.host,
        "port": new.port,
        "scope": new.scope,
        "by": person.by,
        "name": members::known_as(tx.conn, &person.by)?,
        "via": person.via,
        // Then the answer counts once somebody tries the job again.
        "job_is_over": head(tx.conn, job)?.state.phase().is_final(),
    });
    timeline::append(tx, job, kind, &data)?;
    let mut detail = data;
    detail["job"] = job.0.into();
    note(tx, &person.by, kind, &new.host.to_string(), &detail)?;
    tx.signals.egress = true;
    Ok(Ruling {
        id,
        host: new.host.clone(),
        port: new.port,
        allow: new.allow,
        scope: new.scope,
        job,
        run: of,
        by: person.by.clone(),
        via: person.via.clone(),
        at: tx.now,
    })
}

/// Refuses an answer that would push another one out.
fn has_room(
    conn: &Connection,
    project: i64,
    job: JobId,
    of: Option<RunId>,
    new: &NewRuling,
) -> Result<()> {
    fn count(row: &Row<'_>) -> Result<u32> {
        Ok(row.get(0)?)
    }
    let host = new.host.to_string();
    let (others, detail) = match new.scope {
        RulingScope::Project => (
            first(
                conn,
                OTHERS_OF_PROJECT,
                params![project, host, new.port, new.allow],
                count,
            )?,
            format!(
                "its project has {MAX_EACH} others already; answer for the job, or write the host \
                 under [egress] in the configuration"
            ),
        ),
        RulingScope::Run | RulingScope::Job => (
            first(
                conn,
                OTHERS_OF_JOB,
                params![
                    signed(job.0),
                    new.scope.as_str(),
                    of.map(|run| signed(run.0)),
                    host,
                    new.port,
                    new.allow
                ],
                count,
            )?,
            format!(
                "job {} has {MAX_EACH} others already; answer for the project, or write the host \
                 under [egress] in the configuration",
                job.0
            ),
        ),
    };
    if others.unwrap_or_default() < MAX_EACH {
        return Ok(());
    }
    Err(StoreError::Invalid {
        what: "the answer",
        detail,
    })
}

pub(super) fn project_of(conn: &Connection, job: JobId) -> Result<i64> {
    let found = first(
        conn,
        "SELECT project_id FROM jobs WHERE id = ?1",
        [signed(job.0)],
        |row| Ok(row.get(0)?),
    )?;
    found.ok_or_else(|| StoreError::not_found(job))
}

pub(super) fn rulings(conn: &Connection, job: JobId) -> Result<Vec<Ruling>> {
    let project = project_of(conn, job)?;
    all(
        conn,
        RULINGS,
        params![signed(job.0), project, MAX_EGRESS_RULINGS],
        ruling,
    )
}

/// What people answered since then for other runs than the one of the lease.
pub(super) fn lapsed(conn: &Connection, fence: Fence, since: Timestamp) -> Result<Vec<Ruling>> {
    let (job, run) = (signed(fence.job.0), signed(fence.run.0));
    let bound = params![job, run, since.0, MAX_EGRESS_RULINGS];
    all(conn, LAPSED, bound, ruling)
}

/// Leaves out what was answered for other runs alone.
pub(super) fn for_run(rulings: &mut Vec<Ruling>, run: Option<RunId>) {
    rulings.retain(|ruling| ruling.run.is_none() || ruling.run == run);
}

fn ruling(row: &Row<'_>) -> Result<Ruling> {
    let broken = |error: String| StoreError::row("egress_rulings", error);
    let scope: String = row.get(3)?;
    let host: String = row.get(5)?;
    Ok(Ruling {
        id: unsigned(row.get(0)?),
        job: JobId(unsigned(row.get(1)?)),
        run: row
            .get::<_, Option<i64>>(2)?
            .map(|run| RunId(unsigned(run))),
        scope: scope.parse().map_err(broken)?,
        allow: row.get(4)?,
        host: host.parse().map_err(|e| broken(format!("{e}")))?,
        port: row.get(6)?,
        by: row.get(7)?,
        via: row.get(8)?,
        at: Timestamp(row.get(9)?),
    })
}
