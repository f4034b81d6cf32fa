//! Another program holds the database's lock.

use crate::support::{TestClock, new_job, project};
use rusqlite::Connection;
use sortie_store::{JobFilter, Store, StoreError, StoreOptions};
use std::path::Path;
use std::time::{Duration, Instant};

/// Someone in a shell, in the middle of a transaction.
pub fn other_program(dir: &Path) -> Connection {
    let conn = Connection::open(dir.join("sortie.db")).unwrap();
    conn.execute_batch("BEGIN IMMEDIATE").unwrap();
    conn
}

pub fn options(dir: &Path) -> StoreOptions {
    StoreOptions {
        busy_timeout: Duration::from_millis(20),
        ..StoreOptions::new(dir).with_clock(TestClock::new())
    }
}

#[tokio::test]
async fn a_locked_database_refuses_writes_until_it_is_free() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(options(dir.path())).unwrap();
    store.put_projects(vec![project("alpha")]).await.unwrap();
    let other = other_program(dir.path());
    for _ in 0..2 {
        let refused = store.submit(new_job("alpha", "x")).await;
        let error = refused.unwrap_err();
        assert_eq!(error, StoreError::Busy);
        assert!(error.may_pass());
        assert!(error.to_string().contains("close that program"), "{error}");
    }
    let seen = store.jobs(JobFilter::default()).await.unwrap();
    assert!(seen.is_empty(), "reading goes on, and nothing was written");
    other.execute_batch("ROLLBACK").unwrap();
    store.submit(new_job("alpha", "x")).await.unwrap();
}

#[tokio::test]
async fn all_who_wait_for_a_locked_database_hear_it_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let timeout = Duration::from_millis(200);
    let store = Store::open(StoreOptions {
        busy_timeout: timeout,
        ..options(dir.path())
    });
    let store = store.unwrap();
    store.put_projects(vec![project("alpha")]).await.unwrap();
    let _other = other_program(dir.path());
    let begun = Instant::now();
    let writes = (0..64).map(|_| store.submit(new_job("alpha", "x")));
    for refused in futures::future::join_all(writes).await {
        assert_eq!(refused.unwrap_err(), StoreError::Busy);
    }
    assert!(begun.elapsed() < timeout * 16, "not one after another");
}

#[tokio::test]
async fn a_locked_database_is_not_opened() {
    let dir = tempfile::tempdir().unwrap();
    Store::open(options(dir.path())).unwrap().close().await;
    let other = other_program(dir.path());
    let refused = Store::open(options(dir.path()));
    assert_eq!(refused.unwrap_err(), StoreError::Busy);
    drop(other);
    Store::open(options(dir.path())).unwrap();
}
