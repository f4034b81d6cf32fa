//! Requests that share a transaction do not share a failure.

use crate::busy::{options, other_program};
use crate::plugin_support::{HOOK, call, done, event, listed, set};
use crate::support::{home, new_job, project};
use rusqlite::Connection;
use sortie_model::id::JobId;
use sortie_store::{CallCause, Effect, JobFilter, Store, StoreError, StoreOptions};
use std::pin::pin;
use std::time::Duration;

#[tokio::test]
async fn one_that_fails_after_it_wrote_is_undone_alone() {
    let home = home().await;
    let store = &home.store;
    let good = call(
        CallCause::NewEvent(event(store, "good").await),
        vec![set("good", "yes")],
    );
    let bad = call(
        CallCause::NewEvent(event(store, "bad").await),
        vec![
            set("bad", "yes"),
            Effect::Cancel {
                job: JobId(1_000_000),
            },
        ],
    );

    // While another program has the lock, all of them gather behind the first.
    let lock = Connection::open(home.dir.path().join("sortie.db")).unwrap();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut all = pin!(async {
        tokio::join!(
            store.submit(new_job("alpha", "first")),
            done(store, good),
            store.commit_call(bad),
            store.submit(new_job("nobody's", "refused before it wrote")),
            store.submit(new_job("alpha", "last")),
        )
    });
    tokio::time::timeout(Duration::ZERO, &mut all)
        .await
        .expect_err("the database is locked");
    lock.execute_batch("ROLLBACK").unwrap();
    let (first, _, bad, nobodys, last) = all.await;

    let StoreError::Effect { index, why, .. } = bad.unwrap_err() else {
        panic!("an effect cannot be carried out");
    };
    assert_eq!(index, 1);
    assert!(matches!(*why, StoreError::NotFound { .. }), "{why}");
    assert!(matches!(
        nobodys.unwrap_err(),
        StoreError::UnknownProject { .. }
    ));
    let mut jobs = vec![first.unwrap().job.id, last.unwrap().job.id];
    jobs.sort();
    let mut stored: Vec<_> = store
        .jobs(JobFilter::default())
        .await
        .unwrap()
        .into_iter()
        .map(|job| job.id)
        .collect();
    stored.sort();
    assert_eq!(stored, jobs);
    assert_eq!(listed(store).await.len(), 1, "the event of the good call");
    assert!(store.kv_get(HOOK, "good").await.unwrap().is_some());
    assert!(store.kv_get(HOOK, "bad").await.unwrap().is_none());
    // What is left of the failed one is a gap in the numbers, and they go on.
    let next = store.submit(new_job("alpha", "next")).await.unwrap();
    assert!(next.job.id > *jobs.iter().max().unwrap());
}

#[tokio::test]
async fn what_comes_while_a_transaction_waits_joins_it_up_to_its_bound() {
    for (max_batch, commits) in [(256, 1), (2, 2)] {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(StoreOptions {
            busy_timeout: Duration::from_secs(60),
            max_batch,
            ..options(dir.path())
        });
        let store = store.unwrap();
        store.put_projects(vec![project("alpha")]).await.unwrap();
        let signal = store.work_signal();
        let before = *signal.borrow();
        let other = other_program(dir.path());
        let writes = (0..3).map(|_| store.submit(new_job("alpha", "x")));
        let mut writes = futures::future::join_all(writes);
        assert!(
            futures::poll!(&mut writes).is_pending(),
            "all are handed in"
        );
        other.execute_batch("ROLLBACK").unwrap();
        for written in writes.await {
            written.unwrap();
        }
        assert_eq!(*signal.borrow() - before, commits, "one signal a commit");
    }
}
