//! Calls to models: reserved before they are made, settled once, and never
//! more than a limit together.

use crate::support::{Home, home, home_in, new_job, open, step};
use proptest::prelude::*;
use serde_json::json;
use sortie_model::budget::{Limits, MicroUsd, Usage};
use sortie_model::clock::{Clock, Timestamp};
use sortie_model::halt::HaltReason;
use sortie_model::id::{CallId, Fence};
use sortie_model::job::JobEvent;
use sortie_model::llm::{
    CallEnd, CallLimit, CallRecord, CallRefused, ModelApi, NewCall, TokenUsage,
};
use sortie_store::{
    CallLimits, CallState, ExhaustedLimit, NewDecision, RunEnd, StoreError, UsageBy, UsageFilter,
};

const DAY_MS: i64 = 86_400_000;

pub const LIMITS: CallLimits = CallLimits {
    run: Limits {
        calls: 10,
        cost_micro_usd: MicroUsd(1_000),
        time_ms: 60_000,
    },
    project_day: MicroUsd(1_500),
    host_day: MicroUsd(2_000),
};

pub fn call(worst: u64) -> NewCall {
    NewCall {
        provider: "main".into(),
        model: "m-1".into(),
        api: ModelApi::Messages,
        role: "build".into(),
        position: None,
        worst: MicroUsd(worst),
    }
}

fn record(end: CallEnd) -> CallRecord {
    CallRecord {
        end,
        status: Some(200),
        error: None,
        first_byte_ms: Some(3),
        duration_ms: 7,
    }
}

pub fn reported(cost: u64) -> CallRecord {
    record(CallEnd::Reported {
        usage: TokenUsage {
            input: cost,
            output: 2,
            cache_read: 3,
            cache_write: 4,
            cache_write_long: 0,
        },
        cost: MicroUsd(cost),
        over: false,
    })
}

impl Home {
    async fn reserve(&self, fence: Fence, worst: u64) -> Result<CallId, CallRefused> {
        self.store
            .reserve_call(fence, call(worst), LIMITS)
            .await
            .unwrap()
    }

    async fn settle(&self, fence: Fence, call: CallId, record: CallRecord) -> bool {
        self.store.settle_call(fence, call, record).await.unwrap()
    }

    async fn used(&self, fence: Fence) -> Usage {
        self.store.run_state(fence.run).await.unwrap().usage
    }
}

#[tokio::test]
async fn a_call_is_counted_at_once_and_paid_when_it_is_settled() {
    let home = home().await;
    let fence = home.executing().await.fence;
    let id = home.reserve(fence, 400).await.unwrap();
    let used = home.used(fence).await;
    assert_eq!((used.calls, used.cost_micro_usd), (1, MicroUsd(0)));
    assert!(home.settle(fence, id, reported(150)).await);
    assert!(!home.settle(fence, id, reported(999)).await, "only once");
    let used = home.used(fence).await;
    assert_eq!((used.calls, used.cost_micro_usd), (1, MicroUsd(150)));
    let job = home.store.job(fence.job).await.unwrap().unwrap();
    assert_eq!(job.usage, used);
    let calls = home.store.model_calls(fence.run).await.unwrap();
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].state, CallState::Settled);
    assert_eq!(calls[0].usage.unwrap().input, 150);
    assert_eq!(
        (calls[0].reserved, calls[0].cost, calls[0].status),
        (MicroUsd(400), MicroUsd(150), Some(200))
    );
}

#[tokio::test]
async fn what_nobody_reports_costs_what_was_reserved_and_what_was_not_made_costs_nothing() {
    let home = home().await;
    let fence = home.executing().await.fence;
    for (end, cost, state, flag) in [
        (
            CallEnd::Assumed { unusable: false },
            100,
            CallState::Assumed,
            None,
        ),
        (
            CallEnd::Assumed { unusable: true },
            200,
            CallState::Assumed,
            Some("unusable"),
        ),
        (CallEnd::Released, 200, CallState::Released, None),
        (
            CallEnd::Reported {
                usage: TokenUsage::default(),
                cost: MicroUsd(300),
                over: true,
            },
            500,
            CallState::Settled,
            Some("over"),
        ),
    ] {
        let id = home.reserve(fence, 100).await.unwrap();
        assert!(home.settle(fence, id, record(end)).await);
        assert_eq!(home.used(fence).await.cost_micro_usd, MicroUsd(cost));
        let call = home
            .store
            .model_calls(fence.run)
            .await
            .unwrap()
            .pop()
            .unwrap();
        assert_eq!((call.state, call.flag.as_deref()), (state, flag));
    }
    assert_eq!(home.used(fence).await.calls, 4, "each counts");
}

#[tokio::test]
async fn of_two_hundred_calls_at_once_one_fits_and_the_rest_is_refused() {
    let home = home().await;
    let fence = home.executing().await.fence;
    let limits = CallLimits {
        run: Limits {
            calls: 1_000,
            ..LIMITS.run
        },
        ..LIMITS
    };
    let tasks: Vec<_> = (0..200)
        .map(|_| {
            let store = home.store.clone();
            tokio::spawn(async move { store.reserve_call(fence, call(501), limits).await.unwrap() })
        })
        .collect();
    let mut refused = 0;
    for task in tasks {
        if let Err(why) = task.await.unwrap() {
            assert_eq!(why.limit, CallLimit::RunCost);
            assert_eq!((why.left, why.may_pass), (MicroUsd(499), true));
            refused += 1;
        }
    }
    assert_eq!(refused, 199);
    assert_eq!(home.used(fence).await.calls, 1);
    assert_eq!(home.store.model_calls(fence.run).await.unwrap().len(), 1);
}

#[tokio::test]
async fn each_limit_is_named_when_it_stands_in_the_way() {
    let home = home().await;
    let first = home.executing().await.fence;
    // The run's money, while a call is under way and after.
    let id = home.reserve(first, 1_000).await.unwrap();
    let why = home.reserve(first, 1).await.unwrap_err();
    assert_eq!(why.limit, CallLimit::RunCost);
    assert!(why.may_pass);
    home.settle(first, id, reported(1_000)).await;
    assert!(!home.reserve(first, 1).await.unwrap_err().may_pass);
    home.reserve(first, 0).await.expect("what is free fits");
    // The project's day: 1,000 of 1,500 are spent.
    let second = home.executing().await.fence;
    let why = home.reserve(second, 501).await.unwrap_err();
    assert_eq!(
        (why.limit, why.left),
        (CallLimit::ProjectDay, MicroUsd(500))
    );
    home.reserve(second, 500).await.unwrap();
    // The host's: 1,500 of 2,000 are spent or reserved.
    home.store.submit(new_job("beta", "b")).await.unwrap();
    let third = home
        .store
        .claim(crate::support::PLENTY)
        .await
        .unwrap()
        .unwrap()
        .fence;
    let why = home.reserve(third, 501).await.unwrap_err();
    assert_eq!((why.limit, why.left), (CallLimit::HostDay, MicroUsd(500)));
    home.reserve(third, 500).await.unwrap();
    // A new day begins with nothing spent.
    home.clock.advance(DAY_MS);
    home.reserve(third, 500).await.unwrap();
    // Calls are counted whatever they cost.
    for _ in 2..10 {
        home.reserve(third, 0).await.unwrap();
    }
    let why = home.reserve(third, 0).await.unwrap_err();
    assert_eq!(why.limit, CallLimit::RunCalls);
}

#[tokio::test]
async fn a_stale_lease_reserves_nothing_and_settles_only_what_it_reserved() {
    let home = home().await;
    let old = home.executing().await.fence;
    let id = home.reserve(old, 400).await.unwrap();
    home.store
        .finish(old, JobEvent::Finished, RunEnd::default())
        .await
        .unwrap();
    let reserved = home.store.reserve_call(old, call(1), LIMITS).await;
    assert!(matches!(reserved, Err(StoreError::Stale { .. })));
    assert!(matches!(
        home.store.check_lease(old).await,
        Err(StoreError::Stale { .. })
    ));
    // The run is over, the money is spent all the same.
    assert!(home.settle(old, id, reported(70)).await);
    let job = home.store.job(old.job).await.unwrap().unwrap();
    assert_eq!(job.usage.cost_micro_usd, MicroUsd(70));

    let other = home.executing().await.fence;
    home.store.check_lease(other).await.unwrap();
    let id = home.reserve(other, 10).await.unwrap();
    let forged = home.store.settle_call(old, id, reported(1)).await;
    assert!(matches!(forged, Err(StoreError::NotFound { .. })));
    let newer = Fence {
        token: sortie_model::id::Token(other.token.0 + 1),
        ..other
    };
    let forged = home.store.settle_call(newer, id, reported(1)).await;
    assert!(matches!(forged, Err(StoreError::Stale { .. })));
    let missing = home.store.settle_call(other, CallId(99), reported(1)).await;
    assert!(matches!(missing, Err(StoreError::NotFound { .. })));
}

#[tokio::test]
async fn a_restart_books_what_was_under_way_as_reserved() {
    let dir = tempfile::tempdir().unwrap();
    let home = home_in(dir).await;
    let running = home.executing().await.fence;
    home.reserve(running, 300).await.unwrap();
    let over = home.executing().await.fence;
    home.reserve(over, 200).await.unwrap();
    home.succeed(over).await;
    home.store.close().await;

    let store = open(home.dir.path(), &home.clock);
    let claims = store.reclaim().await.unwrap();
    assert_eq!(claims.len(), 1);
    for (fence, cost) in [(running, 300), (over, 200)] {
        let calls = store.model_calls(fence.run).await.unwrap();
        assert_eq!(calls[0].state, CallState::Assumed);
        let job = store.job(fence.job).await.unwrap().unwrap();
        assert_eq!(job.usage.cost_micro_usd, MicroUsd(cost));
    }
    // What the old host's task still knows comes too late and changes nothing.
    let calls = store.model_calls(running.run).await.unwrap();
    assert!(
        !store
            .settle_call(running, calls[0].id, reported(1))
            .await
            .unwrap()
    );
    let new = claims[0].fence;
    let room = store.reserve_call(new, call(700), LIMITS).await.unwrap();
    room.expect("700 of 1,000 are left");
    assert_eq!(store.reclaim().await.unwrap().len(), 1);
}

#[tokio::test]
async fn the_launch_of_a_step_is_charged_once() {
    let home = home().await;
    let fence = home.executing().await.fence;
    let one = Usage {
        calls: 1,
        ..Usage::default()
    };
    let cap = Limits {
        calls: 2,
        ..LIMITS.run
    };
    for _ in 0..3 {
        let used = home.store.charge_step(fence, 0, one, cap).await.unwrap();
        assert_eq!(used.unwrap().calls, 1);
    }
    let used = home.store.charge_step(fence, 1, one, cap).await.unwrap();
    assert_eq!(used.unwrap().calls, 2);
    let refused = home.store.charge_step(fence, 2, one, cap).await.unwrap();
    assert_eq!(refused.unwrap_err().limit, ExhaustedLimit::Calls);
    let again = home.store.charge_step(fence, 1, one, cap).await.unwrap();
    assert_eq!(again.unwrap().calls, 2, "paid for already");
    home.succeed(fence).await;
    let stale = home.store.charge_step(fence, 1, one, cap).await;
    assert!(matches!(stale, Err(StoreError::Stale { .. })));
}

#[tokio::test]
async fn usage_is_added_up_by_whatever_is_asked() {
    let home = home().await;
    let fence = home.executing().await.fence;
    let decision = NewDecision {
        index: 0,
        state: vec![],
        decision: json!({}),
        steps: vec![step("work")],
    };
    home.store.decide_steps(fence, decision).await.unwrap();
    let mut on_step = call(100);
    on_step.position = Some(0);
    let id = home
        .store
        .reserve_call(fence, on_step, LIMITS)
        .await
        .unwrap()
        .unwrap();
    home.settle(fence, id, reported(60)).await;
    home.clock.advance(DAY_MS);
    let mut other = call(100);
    other.model = "m-2".into();
    home.store
        .reserve_call(fence, other, LIMITS)
        .await
        .unwrap()
        .unwrap();

    let by = |by| {
        let filter = UsageFilter {
            by,
            ..UsageFilter::default()
        };
        home.store.usage(filter)
    };
    let jobs = by(UsageBy::Job).await.unwrap();
    assert_eq!(jobs.len(), 1);
    assert_eq!(jobs[0].job, Some(fence.job));
    assert_eq!((jobs[0].calls, jobs[0].open), (2, 1));
    assert_eq!(
        (jobs[0].cost, jobs[0].reserved),
        (MicroUsd(60), MicroUsd(100))
    );
    assert_eq!((jobs[0].usage.input, jobs[0].usage.cache_write), (60, 4));
    let projects = by(UsageBy::Project).await.unwrap();
    assert_eq!(projects[0].project.as_deref(), Some("alpha"));
    let models = by(UsageBy::Model).await.unwrap();
    let names: Vec<_> = models.iter().map(|m| m.model.as_deref().unwrap()).collect();
    assert_eq!(names, ["m-1", "m-2"], "the dearest first");
    let days = by(UsageBy::Day).await.unwrap();
    let numbers: Vec<_> = days.iter().map(|d| d.day.unwrap()).collect();
    assert_eq!(numbers, [1, 0], "the newest first");
    let steps = by(UsageBy::Step).await.unwrap();
    let named: Vec<_> = steps.iter().map(|s| (s.step.as_deref(), s.calls)).collect();
    assert_eq!(named, [(None, 1), (Some("work"), 1)]);

    let since = UsageFilter {
        by: UsageBy::Job,
        since: Some(home.clock.now()),
        ..UsageFilter::default()
    };
    assert_eq!(home.store.usage(since).await.unwrap()[0].calls, 1);
    let nobody = UsageFilter {
        project: Some("beta".into()),
        ..UsageFilter::default()
    };
    assert!(home.store.usage(nobody).await.unwrap().is_empty());
    let later = UsageFilter {
        since: Some(Timestamp(home.clock.now().0 + 1)),
        ..UsageFilter::default()
    };
    assert!(home.store.usage(later).await.unwrap().is_empty());
}

#[tokio::test]
async fn statistics_count_the_money_of_a_stretch_of_time() {
    let home = home().await;
    let store = &home.store;
    let spend = async |fence: Fence, cost: u64| {
        let call = home.reserve(fence, cost).await.unwrap();
        assert!(home.settle(fence, call, reported(cost)).await);
    };
    // The run that fails has spent before, so that calls are told apart by when
    // they were made and not by whose they are.
    let lost = home.executing().await.fence;
    spend(lost, 30).await;
    home.clock.advance(DAY_MS + 1);
    spend(lost, 70).await;
    let halted = JobEvent::Halted {
        reason: HaltReason::NoChanges,
        detail: "nothing".into(),
    };
    store.finish(lost, halted, RunEnd::default()).await.unwrap();
    let won = home.executing().await.fence;
    spend(won, 150).await;
    home.succeed(won).await;

    // Each call read its cost and seven tokens of a cache, and wrote two.
    for (hours, expected) in [(24, [220_u64, 70, 234, 4]), (168, [250, 100, 271, 6])] {
        let stats = store.stats(hours, false).await.unwrap();
        let money = [stats.cost_micro_usd, stats.unsuccessful_cost_micro_usd].map(|sum| sum.0);
        let tokens = [stats.tokens.input, stats.tokens.output];
        assert_eq!([money, tokens].concat(), expected, "{hours} hours");
    }
}

#[derive(Clone, Debug)]
enum Act {
    Reserve(u64),
    Settle(usize, u64),
    Assume(usize),
    Release(usize),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (0..700_u64).prop_map(Act::Reserve),
        2 => (any::<usize>(), 0..=100_u64).prop_map(|(which, percent)| Act::Settle(which, percent)),
        1 => any::<usize>().prop_map(Act::Assume),
        1 => any::<usize>().prop_map(Act::Release),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever is reserved and settled in whatever order, what is spent and
    /// what is reserved never exceed the run's money together, and the sums of
    /// run, job and day are those of the calls.
    #[test]
    fn the_ledger_adds_up(acts in proptest::collection::vec(act(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let home = home().await;
            let fence = home.executing().await.fence;
            let limits = CallLimits {
                run: Limits { calls: 1_000, ..LIMITS.run },
                ..LIMITS
            };
            let mut open: Vec<(CallId, u64)> = Vec::new();
            let (mut spent, mut made) = (0, 0);
            for act in acts {
                let pick = |which: usize, open: &mut Vec<(CallId, u64)>| {
                    (!open.is_empty()).then(|| open.swap_remove(which % open.len()))
                };
                match act {
                    Act::Reserve(worst) => {
                        let reserved: u64 = open.iter().map(|(_, worst)| worst).sum();
                        let fits = spent + reserved + worst <= 1_000;
                        let got = home.store.reserve_call(fence, call(worst), limits).await.unwrap();
                        assert_eq!(got.is_ok(), fits);
                        if let Ok(id) = got {
                            open.push((id, worst));
                            made += 1;
                        }
                    }
                    Act::Settle(which, percent) => if let Some((id, worst)) = pick(which, &mut open) {
                        home.settle(fence, id, reported(worst * percent / 100)).await;
                        spent += worst * percent / 100;
                    },
                    Act::Assume(which) => if let Some((id, worst)) = pick(which, &mut open) {
                        home.settle(fence, id, record(CallEnd::Assumed { unusable: false })).await;
                        spent += worst;
                    },
                    Act::Release(which) => if let Some((id, _)) = pick(which, &mut open) {
                        home.settle(fence, id, record(CallEnd::Released)).await;
                    },
                }
                let used = home.used(fence).await;
                assert_eq!((used.cost_micro_usd.0, used.calls), (spent, made));
                let days = home.store.usage(UsageFilter { by: UsageBy::Day, ..UsageFilter::default() }).await.unwrap();
                let (cost, reserved) = days.first().map_or((0, 0), |day| (day.cost.0, day.reserved.0));
                assert_eq!(cost, spent);
                assert_eq!(reserved, open.iter().map(|(_, worst)| worst).sum::<u64>());
            }
        });
    }
}
