//! What the queue costs, each figure beside its peer in the same run.
//!
//! `cargo bench -p sortie-store` prints two tables: durable submissions of 64
//! clients against one transaction per submission with the same statements
//! (beside them, plugins' calls that handle an event, submit a job and set a
//! key), and claims from a queue behind a million finished jobs against one behind
//! none. `SORTIE_BENCH_DIR` names the directory to work in, so that the disk
//! can be chosen; claims are measured in memory as well, where no disk hides
//! what the search costs.

#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

use rusqlite::{Connection, params};
use sortie_model::budget::{Limits, MicroUsd};
use sortie_model::finding::Severity;
use sortie_model::job::JobEvent;
use sortie_model::project::{Policy, Project, PublishMode};
use sortie_store::{
    CallCause, CallCommit, ClaimLimits, Committed, DeliveryKey, Effect, NewJob, NewPluginEvent,
    NewRetry, RunEnd, Store, StoreOptions,
};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const CLIENTS: usize = 64;
const PER_CLIENT: usize = 150;
const NAIVE_PER_CLIENT: usize = 20;
const CLAIMS: usize = 300;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .expect("a runtime starts");
    let dir = std::env::var_os("SORTIE_BENCH_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")), PathBuf::from);
    let naive = submissions_naive(&dir);
    let grouped = runtime.block_on(submissions(&dir));
    println!("| durable submissions, {CLIENTS} clients | per second |");
    println!("|---|---|");
    println!("| one transaction each | {naive:.0} |");
    println!("| store | {grouped:.0} |");
    println!("| ratio (bar: at least 8) | {:.1} |", grouped / naive);
    let calls = runtime.block_on(calls(&dir));
    println!("| calls with an event, a job and a key | {calls:.0} |");
    println!();
    println!(
        "| claim, median | 100 rows | 1,000,000 finished + 10,000 queued | ratio (bar: at most 2) |"
    );
    println!("|---|---|---|---|");
    for (name, dir) in [("on disk", dir), ("in memory", PathBuf::from("/dev/shm"))] {
        if !dir.is_dir() {
            continue;
        }
        let small = runtime.block_on(claims(&dir, 0, 100));
        let large = runtime.block_on(claims(&dir, 1_000_000, 10_000));
        let ratio = large.as_secs_f64() / small.as_secs_f64();
        println!("| {name} | {small:?} | {large:?} | {ratio:.2} |");
    }
}

fn policy() -> Policy {
    Policy {
        workflow: "workflow-task".into(),
        agent: "agent-shell".into(),
        budget_plugin: "budget-profiles".into(),
        budget_profile: None,
        ceiling: Limits {
            calls: 100,
            cost_micro_usd: MicroUsd(5_000_000),
            time_ms: 3_600_000,
        },
        verify: vec!["cargo test".into()],
        scanners: vec!["reward-hacking".into()],
        review_from: Severity::Warn,
        publish: PublishMode::Branch,
        branch_prefix: "sortie".into(),
        max_attempts: 3,
        detect: false,
        base_tests: false,
        approval_expires_ms: 86_400_000,
        guard: Default::default(),
        image: None,
        egress: sortie_model::egress::EgressPolicy::default(),
        models: Default::default(),
    }
}

fn new_job() -> NewJob {
    NewJob {
        project: "alpha".into(),
        repository: "file:///srv/alpha.git".into(),
        base_branch: Some("main".into()),
        task: "fix the bug in the parser that drops the last line of a file".into(),
        policy: policy(),
        follows: None,
        requested_by: "ann".into(),
        via: "http".into(),
        idempotency: None,
    }
}

async fn open(dir: &Path) -> Store {
    let store = Store::open(StoreOptions::new(dir)).expect("the store opens");
    let new = new_job();
    store
        .put_projects(vec![Project {
            name: new.project,
            repository: new.repository,
            base_branch: new.base_branch,
            policy: new.policy,
        }])
        .await
        .expect("the project is stored");
    store
}

async fn submissions(dir: &Path) -> f64 {
    let dir = tempfile::tempdir_in(dir).expect("a directory is made");
    let store = open(dir.path()).await;
    let begin = Instant::now();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                for _ in 0..PER_CLIENT {
                    store.submit(new_job()).await.expect("it is taken in");
                }
            })
        })
        .collect();
    for client in clients {
        client.await.expect("a client ends");
    }
    let rate = (CLIENTS * PER_CLIENT) as f64 / begin.elapsed().as_secs_f64();
    store.close().await;
    rate
}

/// A call each: an event that was not stored, the job that it causes and a key
/// that it sets, under numbers that were reserved before.
async fn calls(dir: &Path) -> f64 {
    let dir = tempfile::tempdir_in(dir).expect("a directory is made");
    let store = open(dir.path()).await;
    let begin = Instant::now();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let store = store.clone();
            tokio::spawn(async move {
                for round in 0..PER_CLIENT {
                    call(&store, client, round).await.expect("it is written");
                }
            })
        })
        .collect();
    for client in clients {
        client.await.expect("a client ends");
    }
    let rate = (CLIENTS * PER_CLIENT) as f64 / begin.elapsed().as_secs_f64();
    store.close().await;
    rate
}

async fn call(store: &Store, client: usize, round: usize) -> sortie_store::Result<Committed> {
    let mut hash = [0; 32];
    hash[..8].copy_from_slice(&client.to_le_bytes());
    hash[8..16].copy_from_slice(&round.to_le_bytes());
    let event = NewPluginEvent {
        id: store.reserve_event_id().await?,
        plugin: "webhook".into(),
        source: "hook".into(),
        in_line: false,
        delivery: Some(DeliveryKey {
            hash,
            window_ms: None,
        }),
        sender: None,
        payload: vec![0; 512],
        cursor: None,
        seen: None,
    };
    let effects = vec![
        Effect::Submit {
            id: store.reserve_job_id().await?,
            job: Box::new(new_job()),
        },
        Effect::KvSet {
            key: format!("client {client}"),
            value: round.to_le_bytes().to_vec(),
        },
    ];
    let call = CallCommit {
        plugin: "webhook".into(),
        cause: CallCause::NewEvent(event),
        actor: "ann".into(),
        via: "plugin:webhook".into(),
        kv_max_bytes: 1 << 20,
        button: None,
        effects,
    };
    store.commit_call(call).await
}

/// The same rows, prepared as well, but each submission commits by itself.
fn submissions_naive(dir: &Path) -> f64 {
    let dir = tempfile::tempdir_in(dir).expect("a directory is made");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime starts");
    runtime.block_on(async { open(dir.path()).await.close().await });
    let conn = Connection::open(dir.path().join("sortie.db")).expect("it opens");
    conn.pragma_update(None, "synchronous", "full")
        .expect("it is set");
    conn.pragma_update(None, "foreign_keys", true)
        .expect("it is set");
    let conn = Arc::new(Mutex::new(conn));
    let begin = Instant::now();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let conn = Arc::clone(&conn);
            std::thread::spawn(move || {
                for _ in 0..NAIVE_PER_CLIENT {
                    let mut conn = conn.lock().expect("nobody panicked");
                    insert(&mut conn).expect("the rows are inserted");
                }
            })
        })
        .collect();
    for client in clients {
        client.join().expect("a client ends");
    }
    (CLIENTS * NAIVE_PER_CLIENT) as f64 / begin.elapsed().as_secs_f64()
}

fn insert(conn: &mut Connection) -> rusqlite::Result<()> {
    let new = new_job();
    let policy = serde_json::to_string(&new.policy).expect("a policy is JSON");
    let tx = conn.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let thread = tx
        .prepare_cached("INSERT INTO threads (project_id, created_at) VALUES (1, 0)")?
        .insert([])?;
    let job = tx
        .prepare_cached(
            "INSERT INTO jobs (thread_id, project_id, phase, due_at, created_at, updated_at)
             VALUES (?1, 1, 'queued', 0, 0, 0)",
        )?
        .insert([thread])?;
    tx.prepare_cached(
        "INSERT INTO requests (job_id, repository, base_branch, task, policy, requested_by, via)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![
        job,
        new.repository,
        new.base_branch,
        new.task,
        policy,
        new.requested_by,
        new.via
    ])?;
    tx.prepare_cached(
        "INSERT INTO events (job_id, kind, data, at) VALUES (?1, 'job.queued', '{}', 0)",
    )?
    .execute([job])?;
    tx.commit()
}

/// The median time of a claim from a queue of `queued` behind `finished` jobs.
async fn claims(dir: &Path, finished: u32, queued: u32) -> Duration {
    let dir = tempfile::tempdir_in(dir).expect("a directory is made");
    open(dir.path()).await.close().await;
    fill(&dir.path().join("sortie.db"), finished, queued).expect("the rows are inserted");
    let store = open(dir.path()).await;
    let limits = ClaimLimits {
        max_running_total: 4,
        max_running_per_project: 4,
    };
    let mut times = Vec::with_capacity(CLAIMS);
    for _ in 0..CLAIMS {
        let begin = Instant::now();
        let claim = store.claim(limits).await.expect("it answers");
        times.push(begin.elapsed());
        let claim = claim.expect("there is a job");
        store
            .finish(
                claim.fence,
                JobEvent::Failed { error: "e".into() },
                RunEnd::default(),
            )
            .await
            .expect("it ends");
        // So that a short queue stays as long as it was.
        store
            .retry(claim.job.id, NewRetry::of("ann", "cli"))
            .await
            .expect("it is queued");
    }
    times.sort_unstable();
    store.close().await;
    times[times.len() / 2]
}

fn fill(path: &Path, finished: u32, queued: u32) -> rusqlite::Result<()> {
    let policy = serde_json::to_string(&policy()).expect("a policy is JSON");
    let mut conn = Connection::open(path)?;
    let tx = conn.transaction()?;
    tx.execute(
        "INSERT INTO threads (id, project_id, created_at) VALUES (1, 1, 0)",
        [],
    )?;
    tx.execute(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1 + ?2)
         INSERT INTO jobs (id, thread_id, project_id, phase, due_at, attempts, created_at,
             updated_at, finished_at)
         SELECT i, 1, 1, iif(i <= ?1, 'succeeded', 'queued'), iif(i <= ?1, NULL, 0),
             i <= ?1, 0, 0, iif(i <= ?1, 0, NULL)
         FROM n",
        [finished, queued],
    )?;
    tx.execute(
        "INSERT INTO requests (job_id, repository, task, policy, requested_by, via)
         SELECT id, 'file:///srv/alpha.git', 'fix the bug', ?1, 'ann', 'cli' FROM jobs",
        [policy],
    )?;
    tx.execute(
        "INSERT INTO runs (job_id, attempt, phase, token, started_at, finished_at)
         SELECT id, 1, 'finished', 1, 0, 0 FROM jobs WHERE phase = 'succeeded'",
        [],
    )?;
    tx.execute(
        "INSERT INTO events (job_id, kind, data, at) SELECT id, 'job.queued', '{}', 0 FROM jobs",
        [],
    )?;
    tx.commit()
}
