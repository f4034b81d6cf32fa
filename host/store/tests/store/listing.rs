//! Listing jobs.

use crate::support::{home, new_job};
use sortie_model::id::JobId;
use sortie_model::job::JobPhase;
use sortie_store::JobFilter;

#[tokio::test]
async fn jobs_are_listed_newest_first_by_page_phase_and_project() {
    let home = home().await;
    let store = &home.store;
    for i in 0..12 {
        let project = match i % 3 {
            0 => "beta",
            _ => "alpha",
        };
        store
            .submit(new_job(project, &format!("task {i}")))
            .await
            .unwrap();
    }
    for id in [2, 5, 6, 9] {
        store.cancel(JobId(id), "ann", "cli").await.unwrap();
    }
    let list = |filter: JobFilter| async {
        let jobs = store.jobs(filter).await.unwrap();
        jobs.into_iter().map(|job| job.id.0).collect::<Vec<_>>()
    };
    let every = (1..=12).rev().collect::<Vec<_>>();
    assert_eq!(list(JobFilter::default()).await, every);
    let page = JobFilter {
        limit: 5,
        before: Some(JobId(9)),
        ..JobFilter::default()
    };
    assert_eq!(list(page).await, [8, 7, 6, 5, 4]);
    let cancelled = JobFilter {
        phases: vec![JobPhase::Cancelled],
        ..JobFilter::default()
    };
    assert_eq!(list(cancelled).await, [9, 6, 5, 2]);
    let beta = JobFilter {
        project: Some("beta".into()),
        ..JobFilter::default()
    };
    assert_eq!(list(beta).await, [10, 7, 4, 1]);
    let both = JobFilter {
        phases: vec![JobPhase::Queued, JobPhase::Cancelled, JobPhase::Queued],
        project: Some("alpha".into()),
        before: Some(JobId(12)),
        limit: 4,
    };
    assert_eq!(list(both).await, [11, 9, 8, 6]);
    let nobody = JobFilter {
        project: Some("gamma".into()),
        ..JobFilter::default()
    };
    assert!(list(nobody).await.is_empty());
}
