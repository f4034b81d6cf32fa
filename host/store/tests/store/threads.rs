//! Jobs that continue each other: one at a time, in a line.

use crate::support::{Home, PLENTY, home, new_job};
use sortie_model::id::JobId;
use sortie_model::job::{JobEvent, JobPhase};
use sortie_store::{Job, NewRetry, RunEnd};

impl Home {
    async fn follow(&self, job: JobId) -> Job {
        let mut new = new_job("alpha", "and then this");
        new.follows = Some(job);
        self.store.submit(new).await.unwrap().job
    }

    async fn stands(&self, job: JobId) -> (JobPhase, Option<JobId>) {
        let job = self.store.job(job).await.unwrap().unwrap();
        (job.state.phase(), job.behind)
    }
}

#[tokio::test]
async fn a_chain_of_three_runs_one_after_the_other() {
    let home = home().await;
    let first = home.running().await;
    let second = home.follow(first.job.id).await;
    let third = home.follow(first.job.id).await;
    assert_eq!(second.thread, first.job.thread);
    assert_eq!(second.behind, Some(first.job.id));
    assert_eq!(third.behind, Some(second.id), "the last of the line");
    assert_eq!(home.store.claim(PLENTY).await.unwrap(), None);
    assert!(!home.store.has_claimable().await.unwrap());
    assert_eq!(home.store.next_due().await.unwrap(), None);
    assert_eq!(home.store.queue_stats().await.unwrap().postponed, 0);

    home.succeed(first.fence).await;
    let claim = home.store.claim(PLENTY).await.unwrap().unwrap();
    assert_eq!(claim.job.id, second.id);
    assert_eq!(home.store.claim(PLENTY).await.unwrap(), None);
    home.store.cancel(second.id, "ann", "cli").await.unwrap();
    let claim = home.store.claim(PLENTY).await.unwrap().unwrap();
    assert_eq!(claim.job.id, third.id);
}

#[tokio::test]
async fn one_that_leaves_the_middle_closes_the_line() {
    let home = home().await;
    let first = home.running().await.job.id;
    let second = home.follow(first).await.id;
    let third = home.follow(second).await.id;
    home.store.cancel(second, "ann", "cli").await.unwrap();
    assert_eq!(home.stands(third).await, (JobPhase::Queued, Some(first)));
    assert_eq!(home.store.claim(PLENTY).await.unwrap(), None);
}

#[tokio::test]
async fn a_retry_waits_for_what_is_under_way() {
    let home = home().await;
    let first = home.running().await;
    let failed = JobEvent::Failed { error: "no".into() };
    let end = RunEnd::default();
    home.store.finish(first.fence, failed, end).await.unwrap();
    let second = home.follow(first.job.id).await.id;
    assert_eq!(home.stands(second).await, (JobPhase::Queued, None));
    home.store.claim(PLENTY).await.unwrap().unwrap();
    let wish = NewRetry::of("ann", "cli");
    let again = home.store.retry(first.job.id, wish).await.unwrap();
    assert_eq!(again.behind, Some(second));
    assert_eq!(home.store.claim(PLENTY).await.unwrap(), None);
    // A new one waits for the one that came back, although its number is lower.
    let third = home.follow(second).await;
    assert_eq!(third.behind, Some(first.job.id));
}

#[tokio::test]
async fn unpublished_work_is_taken_up() {
    let home = home().await;
    let first = home.executing().await;
    let store = &home.store;
    store
        .set_base(first.fence, "b45e", crate::support::CAP, "sortie/1/x")
        .await
        .unwrap();
    store.set_head(first.fence, "c0ffee").await.unwrap();
    home.succeed(first.fence).await;
    let second = home.follow(first.job.id).await.id;
    let claim = store.claim(PLENTY).await.unwrap().unwrap();
    assert_eq!(claim.job.id, second);
    assert_eq!(claim.job.start.work.unwrap().commit, "c0ffee");
    let before = store.thread_before(second, 10).await.unwrap();
    assert_eq!(before.len(), 1);
    assert_eq!(before[0].job, first.job.id);
    assert_eq!(before[0].work.as_ref().unwrap().base, "b45e");
}

#[tokio::test]
async fn the_end_tells_what_was_used() {
    let home = home().await;
    let claim = home.running().await;
    home.succeed(claim.fence).await;
    let end = home
        .store
        .newest_event(claim.job.id, "job.succeeded")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(end.data["usage"]["calls"], 0);
}
