//! Listing jobs, and that what it and the queue cost does not grow with what
//! is done.

use crate::support::{PLENTY, home, new_job};
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

/// The plans of the queries that run all the time: each has to be a search in
/// an index that holds the open jobs alone, or ends after its page.
#[tokio::test]
async fn the_queue_is_searched_never_scanned() {
    let home = home().await;
    home.submit().await;
    home.store.claim(PLENTY).await.unwrap().unwrap();
    let dir = home.dir;
    home.store.close().await;
    let conn = rusqlite::Connection::open(dir.path().join("sortie.db")).unwrap();
    let plan = |sql: &str| -> String {
        let mut statement = conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let lines = statement
            .query_map([], |row| row.get::<_, String>(3))
            .unwrap();
        lines.map(Result::unwrap).collect::<Vec<_>>().join("; ")
    };
    let claim = plan(
        "SELECT due_at, id FROM jobs WHERE phase = ?1 AND project_id = ?2 AND due_at <= ?3
         ORDER BY due_at, id LIMIT 1",
    );
    assert_eq!(
        claim,
        "SEARCH jobs USING COVERING INDEX jobs_due (phase=? AND project_id=? AND due_at<?)"
    );
    let page = plan(
        "SELECT id FROM jobs WHERE phase = ?1 AND project_id = ?2 AND id < ?3
         ORDER BY id DESC LIMIT ?4",
    );
    assert_eq!(
        page,
        "SEARCH jobs USING COVERING INDEX jobs_place (phase=? AND project_id=? AND rowid<?)"
    );
    let running = plan("SELECT count(*) FROM jobs WHERE phase = 'running' AND project_id = 1");
    assert_eq!(
        running,
        "SEARCH jobs USING COVERING INDEX jobs_place (phase=? AND project_id=?)"
    );
    let open =
        plan("SELECT id FROM runs WHERE finished_at IS NULL AND phase <> 'parked' ORDER BY id");
    assert!(open.contains("runs_open"), "{open}");
    let events = plan("SELECT seq FROM events WHERE job_id = ?1 AND seq > ?2 ORDER BY seq LIMIT 9");
    assert_eq!(
        events,
        "SEARCH events USING COVERING INDEX events_job (job_id=? AND rowid>?)"
    );
}
