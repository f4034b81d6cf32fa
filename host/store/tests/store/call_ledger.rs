//! A run's ledger: whatever it is asked comes after what it was told.

use crate::busy::{options, other_program};
use crate::model_calls::{LIMITS, call, reported};
use crate::support::{home, new_job, open, project};
use sortie_model::budget::{Limits, MicroUsd};
use sortie_model::id::CallId;
use sortie_model::llm::CallLimit;
use sortie_store::{CallLedger, CallLimits, CallState, ClaimLimits, Store, StoreError};

#[tokio::test]
async fn a_run_s_ledger_answers_after_every_settlement_that_was_handed_in() {
    let home = home().await;
    let fence = home.executing().await.fence;
    let limits = CallLimits {
        run: Limits {
            calls: 100,
            ..LIMITS.run
        },
        ..LIMITS
    };
    let ledger = CallLedger::new(home.store.clone(), fence, limits);
    for spent in 1..=100_u32 {
        let id = ledger.reserve(call(10)).await.unwrap().unwrap();
        ledger.settle(id, reported(1)).await;
        let used = ledger.used().await.unwrap();
        assert_eq!(
            (used.calls, used.cost_micro_usd),
            (spent, MicroUsd(spent.into()))
        );
    }
    let refused = ledger.reserve(call(1)).await.unwrap().unwrap_err();
    assert_eq!(refused.limit, CallLimit::RunCalls);
}

#[tokio::test]
async fn settlements_of_calls_at_once_are_all_seen_and_a_store_that_closes_keeps_them() {
    let home = home().await;
    let fence = home.executing().await.fence;
    let ledger = CallLedger::new(home.store.clone(), fence, LIMITS);
    let mut calls = Vec::new();
    for _ in 0..10 {
        calls.push(ledger.reserve(call(10)).await.unwrap().unwrap());
    }
    let settle = |ids: &[CallId]| {
        let settling = ids.iter().map(|id| ledger.settle(*id, reported(3)));
        futures::future::join_all(settling.collect::<Vec<_>>())
    };
    settle(&calls[..9]).await;
    let used = ledger.used().await.unwrap();
    assert_eq!(used.cost_micro_usd, MicroUsd(27));
    settle(&calls[9..]).await;
    home.store.close().await;

    let store = open(home.dir.path(), &home.clock);
    let kept = store.model_calls(fence.run).await.unwrap();
    assert!(kept.iter().all(|call| call.state == CallState::Settled));
    assert_eq!(
        store.used(fence.run).await.unwrap().cost_micro_usd,
        MicroUsd(30)
    );
}

#[tokio::test]
async fn a_call_that_cannot_be_settled_just_now_is_settled_later() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(options(dir.path())).unwrap();
    store.put_projects(vec![project("alpha")]).await.unwrap();
    store.submit(new_job("alpha", "x")).await.unwrap();
    let limits = ClaimLimits {
        max_running_total: 1,
        max_running_per_project: 1,
    };
    let fence = store.claim(limits).await.unwrap().unwrap().fence;
    let ledger = CallLedger::new(store.clone(), fence, LIMITS);
    let id = ledger.reserve(call(40)).await.unwrap().unwrap();
    let other = other_program(dir.path());
    ledger.settle(id, reported(30)).await;
    // What came after it was refused, so it was, too.
    let refused = store.submit(new_job("alpha", "x")).await;
    assert_eq!(refused.unwrap_err(), StoreError::Busy);
    other.execute_batch("ROLLBACK").unwrap();
    let used = ledger.used().await.unwrap();
    assert_eq!(used.cost_micro_usd, MicroUsd(30));
}
