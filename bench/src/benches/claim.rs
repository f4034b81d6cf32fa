//! The claim of the next job, which a long history must not slow down: behind
//! a million finished and ten thousand queued jobs, against a hundred queued
//! ones and no history.

use super::{Setting, jobs};
use crate::measure::{Plan, micros, paired};
use crate::report::{Bar, Row, Unit};
use anyhow::{Context, Result};
use rusqlite::{Connection, params};
use sortie_model::clock::{Clock, SystemClock};
use sortie_model::job::JobEvent;
use sortie_store::{ClaimLimits, RunEnd, Store};
use std::path::Path;
use std::time::{Duration, Instant};

const PROJECTS: u32 = 8;
const FINISHED: u32 = 1_000_000;
const QUEUED: u32 = 10_000;
const QUEUED_OF_PEER: u32 = 100;

/// Nothing else runs, and nothing else is to be measured than finding the job.
const LIMITS: ClaimLimits = ClaimLimits {
    max_running_total: 16,
    max_running_per_project: 4,
};

const PLAN: Plan = Plan {
    warm_up: 20,
    turns: 400,
    at_most: Duration::from_secs(60),
};

pub async fn measure(setting: &Setting) -> Result<Vec<Row>> {
    let finished = if setting.quick {
        FINISHED / 10
    } else {
        FINISHED
    };
    let (large, small) = (setting.directory("large")?, setting.directory("small")?);
    let ours = filled(large.path(), finished, QUEUED).await?;
    let peer = filled(small.path(), 0, QUEUED_OF_PEER).await?;
    let both = paired(
        PLAN.shortened(setting.quick),
        async || claim(&ours).await,
        async || claim(&peer).await,
    )
    .await?;
    ours.close().await;
    peer.close().await;
    Ok(vec![
        Row::paired(
            "claim",
            format!("claim with {finished} finished and {QUEUED} queued jobs"),
            Unit::Micros,
            &both,
            format!("the same with {QUEUED_OF_PEER} queued jobs"),
        )
        .under(Bar::ratio_at_most(both.ratio(), 2.0)),
    ])
}

/// Claims a job and puts it back at the end of the queue, so that there are
/// always as many; the latter does not count.
async fn claim(store: &Store) -> Result<f64> {
    let begun = Instant::now();
    let claim = store.claim(LIMITS).await?;
    let taken = begun.elapsed();
    let claim = claim.context("claim a job: the queue is empty")?;
    let event = JobEvent::Postponed {
        not_before: SystemClock.now(),
    };
    store.finish(claim.fence, event, RunEnd::default()).await?;
    Ok(micros(taken))
}

/// A store with that history.
async fn filled(dir: &Path, finished: u32, queued: u32) -> Result<Store> {
    let projects: Vec<_> = (1..=PROJECTS).map(|n| format!("project-{n}")).collect();
    jobs::open(dir, &projects).await?.close().await;
    let path = dir.to_owned();
    tokio::task::spawn_blocking(move || fill(&jobs::connect(&path)?, finished, queued)).await??;
    jobs::open(dir, &projects).await
}

/// Writes the rows that as many submissions and runs would have left.
fn fill(connection: &Connection, finished: u32, queued: u32) -> Result<()> {
    let policy = serde_json::to_string(&jobs::policy())?;
    let (jobs, now) = (finished + queued, SystemClock.now().0);
    connection.pragma_update(None, "foreign_keys", false)?;
    connection.pragma_update(None, "cache_size", -262_144)?;
    let tx = connection.unchecked_transaction()?;
    // Job `n` came `jobs - n` milliseconds ago; the projects take turns.
    tx.execute_batch(
        "CREATE TEMP TABLE project_ids AS
             SELECT row_number() OVER (ORDER BY id) - 1 AS place, id FROM projects",
    )?;
    tx.execute(
        "INSERT INTO threads (id, project_id, created_at)
         WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?1)
         SELECT n, p.id, ?2 - ?1 + n FROM n JOIN project_ids p ON p.place = n % ?3",
        params![jobs, now, PROJECTS],
    )?;
    tx.execute(
        "INSERT INTO jobs (id, thread_id, project_id, phase, due_at, attempts,
             published_branch, published_commit, summary, created_at, updated_at, finished_at)
         SELECT id, id, project_id, iif(id <= ?1, 'succeeded', 'queued'),
             iif(id <= ?1, NULL, created_at), id <= ?1,
             iif(id <= ?1, printf('sortie/%d/round-the-total', id), NULL),
             iif(id <= ?1, printf('%040x', id), NULL),
             iif(id <= ?1, 'Rounded once, at the end.', NULL),
             created_at, created_at, iif(id <= ?1, created_at, NULL)
         FROM threads ORDER BY id",
        params![finished],
    )?;
    tx.execute(
        "INSERT INTO requests (job_id, repository, base_branch, task, policy, requested_by, via)
         SELECT id, ?1, 'main', ?2, ?3, 'operator', 'http' FROM jobs ORDER BY id",
        params![super::jobs::REPOSITORY, super::jobs::TASK, policy],
    )?;
    tx.execute(
        "INSERT INTO runs (job_id, attempt, phase, token, started_at, finished_at)
         SELECT id, 1, 'finished', id, created_at, created_at FROM jobs
         WHERE finished_at IS NOT NULL ORDER BY id",
        [],
    )?;
    tx.execute(
        "UPDATE meta SET value = ?1 WHERE key = 'store.last_token'",
        params![jobs],
    )?;
    tx.execute(
        "INSERT INTO events (job_id, kind, data, at)
         SELECT id, 'job.' || phase, '{}', created_at FROM jobs ORDER BY id",
        [],
    )?;
    tx.execute_batch("DROP TABLE project_ids")?;
    tx.commit()?;
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok(())
}
