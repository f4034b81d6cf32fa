//! Random operations on a real store beside a model of it in a few lines: what
//! the store answers and what it holds must be what the model says, whatever
//! is tried in whichever order, also by those whose lease is over.

mod compare;
mod people;
mod runs;
mod state;

use self::state::{Model, Seen, done};
use crate::support::{TestClock, open, project};
use proptest::prelude::*;
use sortie_model::budget::{Limits, MicroUsd};
use sortie_model::clock::Clock;
use sortie_model::id::JobId;
use sortie_model::run::RunPhase;
use sortie_store::{ClaimLimits, Store};

const LIMITS: ClaimLimits = ClaimLimits {
    max_running_total: 3,
    max_running_per_project: 2,
};

const CAP: Limits = Limits {
    calls: 5,
    cost_micro_usd: MicroUsd(100),
    time_ms: 100,
};

#[derive(Clone, Debug)]
enum Op {
    Submit {
        beta: bool,
    },
    Claim,
    Reclaim,
    Phase {
        fence: usize,
        to: usize,
    },
    Park {
        fence: usize,
        flagged: bool,
        expires_in: i64,
    },
    Finish {
        fence: usize,
        event: usize,
    },
    Use {
        fence: usize,
        calls: u32,
    },
    Emit {
        fence: usize,
    },
    Decide {
        job: usize,
        approve: bool,
    },
    Cancel {
        job: usize,
    },
    Retry {
        job: usize,
    },
    Expire,
    Wait {
        ms: i64,
    },
}

fn op() -> impl Strategy<Value = Op> {
    let index = 0..64_usize;
    prop_oneof![
        3 => any::<bool>().prop_map(|beta| Op::Submit { beta }),
        5 => Just(Op::Claim),
        1 => Just(Op::Reclaim),
        6 => (index.clone(), 0..6_usize).prop_map(|(fence, to)| Op::Phase { fence, to }),
        4 => (index.clone(), any::<bool>(), 1..40_i64)
            .prop_map(|(fence, flagged, expires_in)| Op::Park { fence, flagged, expires_in }),
        4 => (index.clone(), 0..5_usize).prop_map(|(fence, event)| Op::Finish { fence, event }),
        2 => (index.clone(), 0..4_u32).prop_map(|(fence, calls)| Op::Use { fence, calls }),
        1 => index.clone().prop_map(|fence| Op::Emit { fence }),
        5 => (index.clone(), any::<bool>()).prop_map(|(job, approve)| Op::Decide { job, approve }),
        2 => index.clone().prop_map(|job| Op::Cancel { job }),
        3 => index.prop_map(|job| Op::Retry { job }),
        1 => Just(Op::Expire),
        3 => (1..30_i64).prop_map(|ms| Op::Wait { ms }),
    ]
}

struct Pair {
    model: Model,
    store: Store,
    clock: std::sync::Arc<TestClock>,
    /// Charges so far.
    charges: u32,
}

impl Pair {
    /// Carries the operation out on the store; what it led to, and what the
    /// model says it should.
    async fn apply(&mut self, op: &Op) -> (Seen, Seen) {
        let jobs: Vec<JobId> = self.model.jobs.keys().copied().collect();
        let job = |i: usize| (!jobs.is_empty()).then(|| jobs[i % jobs.len()]);
        let fences = self.model.fences.clone();
        let fence =
            |i: usize| (!fences.is_empty()).then(|| fences[fences.len() - 1 - i % fences.len()]);
        let nothing = (Seen::Done, Seen::Done);
        match op {
            Op::Submit { beta } => self.submit(*beta).await,
            Op::Claim => self.claim().await,
            Op::Reclaim => self.reclaim().await,
            Op::Wait { ms } => {
                self.clock.advance(*ms);
                self.model.now += ms;
                nothing
            }
            Op::Expire => self.expire().await,
            Op::Phase { fence: i, to } => match fence(*i) {
                Some(fence) => self.phase(fence, RunPhase::ALL[*to]).await,
                None => nothing,
            },
            Op::Park {
                fence: i,
                flagged,
                expires_in,
            } => match fence(*i) {
                Some(fence) => self.park(fence, *flagged, *expires_in).await,
                None => nothing,
            },
            Op::Finish { fence: i, event } => match fence(*i) {
                Some(fence) => self.finish(fence, *event).await,
                None => nothing,
            },
            Op::Use { fence: i, calls } => match fence(*i) {
                Some(fence) => self.book(fence, *calls).await,
                None => nothing,
            },
            Op::Emit { fence: i } => match fence(*i) {
                Some(fence) => {
                    let got = done(self.store.emit(fence, "test", serde_json::json!(1)).await);
                    let stale = !self.model.holds(fence);
                    (got, if stale { Seen::Stale } else { Seen::Done })
                }
                None => nothing,
            },
            Op::Decide { job: i, approve } => match job(*i) {
                Some(job) => self.decide(job, *approve).await,
                None => nothing,
            },
            Op::Cancel { job: i } => match job(*i) {
                Some(job) => self.cancel(job).await,
                None => nothing,
            },
            Op::Retry { job: i } => match job(*i) {
                Some(job) => self.retry(job).await,
                None => nothing,
            },
        }
    }
}

async fn check(ops: Vec<Op>) {
    let dir = tempfile::tempdir().unwrap();
    let clock = TestClock::new();
    let store = open(dir.path(), &clock);
    store
        .put_projects(vec![project("alpha"), project("beta")])
        .await
        .unwrap();
    let mut pair = Pair {
        model: Model {
            now: clock.now().0,
            ..Model::default()
        },
        store,
        clock,
        charges: 0,
    };
    for (i, op) in ops.iter().enumerate() {
        let (got, expected) = pair.apply(op).await;
        assert_eq!(got, expected, "operation {i}, {op:?}");
    }
    pair.compare().await;
    // A restart changes nothing.
    pair.store.close().await;
    pair.store = open(dir.path(), &pair.clock);
    pair.compare().await;
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 48,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_store_does_what_its_model_does(ops in prop::collection::vec(op(), 1..120)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(check(ops));
    }
}
