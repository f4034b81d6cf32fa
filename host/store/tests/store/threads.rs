//! Jobs that continue each other: one at a time, in a line.

use crate::support::{Home, PLENTY, answer, findings, home, new_job};
use proptest::prelude::*;
use sortie_model::approval::Decision;
use sortie_model::clock::{Clock, Timestamp};
use sortie_model::halt::HaltReason;
use sortie_model::id::{Fence, JobId};
use sortie_model::job::{JobEvent, JobPhase};
use sortie_store::{Job, JobFilter, NewRetry, RunEnd, StoreError};
use std::collections::{BTreeMap, BTreeSet};

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
}

#[tokio::test]
async fn work_is_taken_up_over_one_that_left_nothing() {
    let home = home().await;
    let first = home.executing().await;
    let store = &home.store;
    store
        .set_base(first.fence, "b45e", crate::support::CAP, "sortie/1/x")
        .await
        .unwrap();
    store.set_head(first.fence, "c0ffee").await.unwrap();
    let second = home.follow(first.job.id).await.id;
    let third = home.follow(second).await.id;
    store.cancel(second, "ann", "cli").await.unwrap();
    home.succeed(first.fence).await;
    let claim = store.claim(PLENTY).await.unwrap().unwrap();
    assert_eq!(claim.job.id, third);
    assert_eq!(claim.job.start.work.unwrap().commit, "c0ffee");
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

/// What people and runs do to a few threads, in any order.
#[derive(Clone, Debug)]
enum Op {
    Begin,
    Follow { job: usize },
    Claim,
    End { lease: usize, how: usize },
    Answer { job: usize, yes: bool },
    Cancel { job: usize },
    Retry { job: usize },
    Wait,
}

fn op() -> impl Strategy<Value = Op> {
    let pick = 0..64_usize;
    prop_oneof![
        1 => Just(Op::Begin),
        5 => pick.clone().prop_map(|job| Op::Follow { job }),
        6 => Just(Op::Claim),
        5 => (pick.clone(), 0..5_usize).prop_map(|(lease, how)| Op::End { lease, how }),
        3 => (pick.clone(), any::<bool>()).prop_map(|(job, yes)| Op::Answer { job, yes }),
        3 => pick.clone().prop_map(|job| Op::Cancel { job }),
        4 => pick.prop_map(|job| Op::Retry { job }),
        1 => Just(Op::Wait),
    ]
}

/// A store with threads, and the leases that hold.
struct Threads {
    home: Home,
    jobs: Vec<JobId>,
    leases: Vec<Fence>,
}

impl Threads {
    async fn new() -> Self {
        let home = home().await;
        let first = home.submit().await.id;
        Self {
            home,
            jobs: vec![first],
            leases: Vec::new(),
        }
    }

    fn job(&self, pick: usize) -> JobId {
        self.jobs[pick % self.jobs.len()]
    }

    async fn apply(&mut self, op: &Op) {
        let store = &self.home.store;
        match *op {
            Op::Begin => self.jobs.push(self.home.submit().await.id),
            Op::Follow { job } => {
                let follower = self.home.follow(self.job(job)).await;
                self.jobs.push(follower.id);
            }
            Op::Claim => {
                let claim = store.claim(PLENTY).await.unwrap();
                self.leases.extend(claim.map(|claim| claim.fence));
            }
            Op::End { lease, how } if !self.leases.is_empty() => {
                let fence = self.leases.remove(lease % self.leases.len());
                self.end(fence, how).await;
            }
            Op::End { .. } => {}
            Op::Answer { job, yes } => {
                let decision = match yes {
                    true => Decision::Approved,
                    false => Decision::Rejected,
                };
                moved(store.decide(self.job(job), answer(decision, "ann")).await);
            }
            Op::Cancel { job } => {
                let job = self.job(job);
                moved(store.cancel(job, "ann", "cli").await);
                self.leases.retain(|fence| fence.job != job);
            }
            Op::Retry { job } => {
                moved(store.retry(self.job(job), NewRetry::of("ann", "cli")).await);
            }
            Op::Wait => self.home.clock.advance(20),
        }
    }

    /// A run ends, or asks a person.
    async fn end(&self, fence: Fence, how: usize) {
        let event = match how {
            0 => JobEvent::Finished,
            1 => JobEvent::Failed { error: "no".into() },
            2 => JobEvent::Halted {
                reason: HaltReason::NoChanges,
                detail: "nothing".into(),
            },
            3 => JobEvent::Postponed {
                not_before: Timestamp(self.home.clock.now().0 + 30),
            },
            _ => {
                self.home.execute(fence).await;
                let question = findings(self.home.question(1_000_000));
                self.home.store.park(fence, question).await.unwrap();
                return;
            }
        };
        let end = RunEnd::default();
        self.home.store.finish(fence, event, end).await.unwrap();
    }

    async fn all(&self) -> Vec<Job> {
        self.home.store.jobs(JobFilter::default()).await.unwrap()
    }

    /// Of each thread one job at most may go on or does, and all others that
    /// are not over stand in one line behind it.
    async fn check(&self) {
        let jobs = self.all().await;
        let by_id: BTreeMap<JobId, &Job> = jobs.iter().map(|job| (job.id, job)).collect();
        let (mut first, mut waited_for) = (BTreeSet::new(), BTreeSet::new());
        for job in &jobs {
            let phase = job.state.phase();
            let Some(behind) = job.behind else {
                let alone = phase.is_final() || first.insert(job.thread);
                assert!(alone, "another one of {} may go on: {job:#?}", job.thread);
                continue;
            };
            let before = by_id[&behind];
            assert_eq!(phase, JobPhase::Queued, "{job:#?}");
            assert_eq!(before.thread, job.thread, "{job:#?}");
            assert!(
                !before.state.phase().is_final(),
                "{behind} is over: {job:#?}"
            );
            assert!(waited_for.insert(behind), "two wait for {behind}: {job:#?}");
        }
        let waits = |job: &&Job| job.behind.is_some() && !first.contains(&job.thread);
        assert_eq!(jobs.iter().find(waits), None, "nobody is before it");
    }

    /// All that is under way ends and every question is answered: then nothing
    /// is left over.
    async fn drain(&mut self) {
        for fence in std::mem::take(&mut self.leases) {
            self.home.succeed(fence).await;
        }
        for job in self.all().await {
            if job.state.phase().waits_for_person() {
                let yes = answer(Decision::Approved, "ann");
                self.home.store.decide(job.id, yes).await.unwrap();
            }
        }
        self.home.clock.advance(1_000);
        for _ in 0..self.jobs.len() {
            let Some(claim) = self.home.store.claim(PLENTY).await.unwrap() else {
                break;
            };
            self.home.succeed(claim.fence).await;
            self.check().await;
        }
        let mut left = self.all().await;
        left.retain(|job| !job.state.phase().is_final());
        assert!(left.is_empty(), "nothing waits for ever: {left:#?}");
    }
}

/// What a person tries is done, or is not what the job's state allows.
fn moved<T>(done: Result<T, StoreError>) {
    match done {
        Ok(_) | Err(StoreError::Illegal(_)) => {}
        Err(other) => panic!("{other}"),
    }
}

async fn hold_in_any_order(ops: Vec<Op>) {
    let mut threads = Threads::new().await;
    for op in &ops {
        threads.apply(op).await;
        threads.check().await;
    }
    threads.drain().await;
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 48,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn one_job_of_a_thread_goes_on_and_none_waits_for_ever(ops in prop::collection::vec(op(), 1..80)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(hold_in_any_order(ops));
    }
}
