//! Submitting jobs.

use crate::support::{home, new_job, project};
use sortie_model::id::JobId;
use sortie_model::job::JobState;
use sortie_store::limits::MAX_TASK_BYTES;
use sortie_store::{IdempotencyKey, JobFilter, StoreError};
use std::collections::BTreeSet;

#[tokio::test]
async fn a_job_reads_back_as_it_was_submitted() {
    let home = home().await;
    let mut new = new_job("alpha", "fix the bug\nand \u{1F980} say so");
    new.base_branch = None;
    let made = home.store.submit(new.clone()).await.unwrap();
    assert!(made.created);
    let read = home.store.job(made.job.id).await.unwrap().unwrap();
    assert_eq!(read, made.job, "what was answered is what was stored");
    assert_eq!(read.task, new.task);
    assert_eq!(read.policy, new.policy);
    assert_eq!(read.base_branch, None);
    assert_eq!(read.state, JobState::Queued { not_before: None });
    assert_eq!(home.kinds(read.id).await, ["job.queued"]);
}

#[tokio::test]
async fn sixty_four_clients_at_once_get_a_job_each() {
    let home = home().await;
    let clients: Vec<_> = (0..64)
        .map(|client| {
            let store = home.store.clone();
            tokio::spawn(async move {
                let mut ids = Vec::new();
                for round in 0..8 {
                    let task = format!("client {client}, round {round}");
                    let made = store.submit(new_job("alpha", &task)).await.unwrap();
                    ids.push((made.job.id, task));
                }
                ids
            })
        })
        .collect();
    let mut seen = BTreeSet::new();
    for client in clients {
        for (id, task) in client.await.unwrap() {
            assert!(seen.insert(id), "{id} was given twice");
            let stored = home.store.job(id).await.unwrap().unwrap();
            assert_eq!(stored.task, task);
        }
    }
    assert_eq!(seen.len(), 64 * 8);
    assert_eq!(home.store.queue_stats().await.unwrap().queued, 64 * 8);
}

#[tokio::test]
async fn one_key_makes_one_job_however_many_ask_at_once() {
    let home = home().await;
    let mut new = new_job("alpha", "fix the bug");
    new.idempotency = Some(IdempotencyKey {
        key: "delivery-1".into(),
        request_hash: [7; 32],
    });
    let clients: Vec<_> = (0..32)
        .map(|_| {
            tokio::spawn({
                let (store, new) = (home.store.clone(), new.clone());
                async move { store.submit(new).await.unwrap() }
            })
        })
        .collect();
    let mut made = Vec::new();
    for client in clients {
        made.push(client.await.unwrap());
    }
    assert_eq!(made.iter().filter(|made| made.created).count(), 1);
    assert!(made.iter().all(|m| m.job.id == made[0].job.id));
    assert_eq!(
        home.store.jobs(JobFilter::default()).await.unwrap().len(),
        1
    );

    let key = new.idempotency.clone().unwrap();
    let found = home.store.submitted_before(key.clone()).await.unwrap();
    assert_eq!(found.map(|job| job.id), Some(made[0].job.id));
    let unknown = IdempotencyKey {
        key: "delivery-2".into(),
        ..key.clone()
    };
    assert_eq!(home.store.submitted_before(unknown).await.unwrap(), None);
    let reused = IdempotencyKey {
        request_hash: [8; 32],
        ..key
    };
    assert!(matches!(
        home.store.submitted_before(reused).await,
        Err(StoreError::KeyReused { .. })
    ));

    let mut other = new.clone();
    other.idempotency.as_mut().unwrap().request_hash = [8; 32];
    assert_eq!(
        home.store.submit(other).await.unwrap_err(),
        StoreError::KeyReused {
            job: made[0].job.id
        }
    );
}

#[tokio::test]
async fn a_key_answers_with_the_job_as_it_stands_now() {
    let home = home().await;
    let mut new = new_job("alpha", "fix the bug");
    new.idempotency = Some(IdempotencyKey {
        key: "k".into(),
        request_hash: [1; 32],
    });
    let made = home.store.submit(new.clone()).await.unwrap().job;
    home.store.cancel(made.id, "ann", "cli").await.unwrap();
    let again = home.store.submit(new).await.unwrap();
    assert!(!again.created);
    assert_eq!(again.job.state, JobState::Cancelled);
}

#[tokio::test]
async fn nonsense_is_refused_and_sinks_nobody_else() {
    let home = home().await;
    let good = home.store.submit(new_job("alpha", "fix"));
    let unknown = home.store.submit(new_job("gamma", "fix"));
    let mut stray = new_job("alpha", "fix");
    stray.follows = Some(JobId(99));
    let stray = home.store.submit(stray);
    let empty = home.store.submit(new_job("alpha", " \n"));
    let long = "x".repeat(MAX_TASK_BYTES + 1);
    let long = home.store.submit(new_job("alpha", &long));
    let nul = home.store.submit(new_job("alpha", "a\0b"));
    let (good, unknown, stray, empty, long, nul) =
        tokio::join!(good, unknown, stray, empty, long, nul);
    assert!(matches!(unknown, Err(StoreError::UnknownProject { name }) if name == "gamma"));
    assert!(matches!(stray, Err(StoreError::NotFound { what }) if what.contains("#99")));
    assert!(matches!(empty, Err(StoreError::Invalid { .. })));
    assert!(matches!(long, Err(StoreError::Invalid { .. })));
    let good = good.unwrap().job;
    assert!(home.store.job(good.id).await.unwrap().is_some());
    let nul = nul.unwrap().job;
    assert_eq!(home.store.job(nul.id).await.unwrap().unwrap().task, "a\0b");
    assert_eq!(home.store.queue_stats().await.unwrap().queued, 2);
}

#[tokio::test]
async fn a_thread_takes_more_jobs_of_its_own_project_only() {
    let home = home().await;
    let first = home.submit().await;
    let mut next = new_job("alpha", "and now the other bug");
    next.follows = Some(first.id);
    let next = home.store.submit(next).await.unwrap().job;
    assert_eq!(next.thread, first.thread);
    let mut stray = new_job("beta", "elsewhere");
    stray.follows = Some(first.id);
    assert!(matches!(
        home.store.submit(stray).await,
        Err(StoreError::NotFound { .. })
    ));
}

#[tokio::test]
async fn a_project_that_is_no_longer_configured_keeps_its_jobs_and_takes_no_more() {
    let home = home().await;
    let old = home.submit().await;
    let mut beta = project("beta");
    beta.repository = "ssh://git@example.org/beta.git".into();
    home.store.put_projects(vec![beta.clone()]).await.unwrap();
    assert_eq!(home.store.projects().await.unwrap(), [beta.clone()]);
    assert_eq!(home.store.project("alpha").await.unwrap(), None);
    assert_eq!(home.store.project("beta").await.unwrap(), Some(beta));
    assert!(matches!(
        home.store.submit(new_job("alpha", "more")).await,
        Err(StoreError::UnknownProject { .. })
    ));
    let claim = home.store.claim(crate::support::PLENTY).await.unwrap();
    assert_eq!(claim.unwrap().job.id, old.id, "what was taken in is done");
    let again = vec![project("alpha"), project("beta")];
    home.store.put_projects(again).await.unwrap();
    let more = home.store.submit(new_job("alpha", "more")).await.unwrap();
    assert_eq!(more.job.project, "alpha");
}
