//! Durable submissions: 64 clients hand in jobs, each waits until its job is
//! on disk before it hands in the next. The peer writes the same rows into the
//! same schema with the same guarantees, one transaction for each submission,
//! with prepared statements and without contention for the file's lock.

use super::Setting;
use super::jobs::{self, REPOSITORY, TASK};
use crate::measure::{Plan, Samples, millis, paired};
use crate::report::{Bar, Row, Unit};
use anyhow::{Context, Result, anyhow};
use futures::future::try_join_all;
use rusqlite::{Connection, params};
use sortie_model::clock::{Clock, SystemClock};
use sortie_store::Store;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

const CLIENTS: usize = 64;

/// How long the clients hand in jobs in one turn: many commits of either side.
const TURN: Duration = Duration::from_millis(1_000);

const PLAN: Plan = Plan {
    warm_up: 1,
    turns: 10,
    at_most: Duration::from_secs(90),
};

pub async fn measure(setting: &Setting) -> Result<Vec<Row>> {
    let (ours, theirs) = (setting.directory("ours")?, setting.directory("peer")?);
    let projects = ["shop".to_owned()];
    let store = jobs::open(ours.path(), &projects).await?;
    // Opened once for its schema.
    jobs::open(theirs.path(), &projects).await?.close().await;
    let connection = jobs::connect(theirs.path())?;
    let project = connection.query_row("SELECT id FROM projects", [], |row| row.get(0))?;
    let naive = Arc::new(Naive {
        connection: Mutex::new(connection),
        policy: serde_json::to_string(&jobs::policy())?,
        project,
    });

    let (mut waits, mut peer_waits) = (Vec::new(), Vec::new());
    let both = paired(
        PLAN.shortened(setting.quick),
        async || {
            let begun = Instant::now();
            let clients = (0..CLIENTS).map(|_| client(store.clone(), begun));
            let answered = try_join_all(clients.map(tokio::spawn)).await?;
            rate(answered, begun, &mut waits)
        },
        async || {
            let begun = Instant::now();
            let clients = (0..CLIENTS).map(|_| {
                let naive = Arc::clone(&naive);
                tokio::task::spawn_blocking(move || naive.client(begun))
            });
            let answered = try_join_all(clients).await?;
            rate(answered, begun, &mut peer_waits)
        },
    )
    .await?;
    store.close().await;

    let peer = "one transaction for each, synchronous=FULL";
    let (waits, peer_waits) = (Samples::new(waits)?, Samples::new(peer_waits)?);
    let rate = Row::paired(
        "submit",
        format!("durable submissions, {CLIENTS} clients"),
        Unit::PerSecond,
        &both,
        peer,
    )
    .under(Bar::ratio_at_least(both.ratio(), 8.0));
    let wait =
        Row::alone("submit", "wait of a client", Unit::Millis, &waits).against(peer, &peer_waits);
    Ok(vec![rate, wait])
}

/// Adds the waits of a turn to those before; submissions in a second.
fn rate(answered: Vec<Result<Vec<f64>>>, begun: Instant, waits: &mut Vec<f64>) -> Result<f64> {
    let taken = begun.elapsed();
    let before = waits.len();
    for client in answered {
        waits.extend(client?);
    }
    let submitted = u32::try_from(waits.len() - before).context("count submissions")?;
    Ok(f64::from(submitted) / taken.as_secs_f64())
}

/// One client of ours; how long each of its submissions took.
async fn client(store: Store, begun: Instant) -> Result<Vec<f64>> {
    let mut waits = Vec::new();
    while begun.elapsed() < TURN {
        let sent = Instant::now();
        store.submit(jobs::request("shop")).await?;
        waits.push(millis(sent.elapsed()));
    }
    Ok(waits)
}

/// The peer.
struct Naive {
    connection: Mutex<Connection>,
    policy: String,
    project: i64,
}

impl Naive {
    fn client(&self, begun: Instant) -> Result<Vec<f64>> {
        let mut waits = Vec::new();
        while begun.elapsed() < TURN {
            let sent = Instant::now();
            // The clients share a connection: with one each they would also
            // wait for the lock of the file, which is slower still.
            let connection = self
                .connection
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            self.submit(&connection)
                .map_err(|e| anyhow!("submit to the peer: {e}"))?;
            drop(connection);
            waits.push(millis(sent.elapsed()));
        }
        Ok(waits)
    }

    fn submit(&self, connection: &Connection) -> rusqlite::Result<()> {
        let run = |sql: &str, params: &[&dyn rusqlite::ToSql]| {
            connection.prepare_cached(sql)?.execute(params)
        };
        let now = SystemClock.now().0;
        run("BEGIN IMMEDIATE", params![])?;
        run(
            "INSERT INTO threads (project_id, created_at) VALUES (?1, ?2)",
            params![self.project, now],
        )?;
        let thread = connection.last_insert_rowid();
        run(
            "INSERT INTO jobs (thread_id, project_id, phase, due_at, created_at, updated_at)
             VALUES (?1, ?2, 'queued', ?3, ?3, ?3)",
            params![thread, self.project, now],
        )?;
        let job = connection.last_insert_rowid();
        run(
            "INSERT INTO requests
                 (job_id, repository, base_branch, task, policy, requested_by, via)
             VALUES (?1, ?2, 'main', ?3, ?4, 'operator', 'http')",
            params![job, REPOSITORY, TASK, self.policy],
        )?;
        run(
            "INSERT INTO events (job_id, kind, data, at) VALUES (?1, 'job.queued', ?2, ?3)",
            params![
                job,
                format!(r#"{{"by":"operator","via":"http","thread":{thread}}}"#),
                now
            ],
        )?;
        run("COMMIT", params![])?;
        Ok(())
    }
}
