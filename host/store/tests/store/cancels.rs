//! Cancelling, and what it books.

use crate::gates::illegal;
use crate::support::{CAP, Home, PLENTY, answer, home, step};
use serde_json::json;
use sortie_model::approval::Decision;
use sortie_model::budget::{Limits, Usage};
use sortie_model::clock::Clock;
use sortie_model::job::{JobEvent, JobEventKind, JobPhase, JobState};
use sortie_store::{Claim, NewDecision, NewRetry, NewStep, RunEnd, StepRecord, StoreError};

#[tokio::test]
async fn cancelling_voids_the_lease_and_names_the_run() {
    let home = home().await;
    let claim = home.executing().await;
    let mut signal = home.store.cancel_signal();
    let cancelled = home.store.cancel(claim.job.id, "ann", "cli").await.unwrap();
    assert!(cancelled.changed);
    assert_eq!(cancelled.run, Some(claim.run.id));
    assert_eq!(cancelled.job.state, JobState::Cancelled);
    assert_eq!(signal.try_recv().unwrap(), claim.run.id);
    let stale = home
        .store
        .finish(claim.fence, JobEvent::Finished, RunEnd::default())
        .await;
    assert!(matches!(stale, Err(StoreError::Stale { .. })));
    let again = home.store.cancel(claim.job.id, "bob", "cli").await.unwrap();
    assert!(!again.changed);
    assert!(signal.try_recv().is_err(), "told once");
    assert!(home.store.reclaim().await.unwrap().is_empty());
}

#[tokio::test]
async fn cancelling_withdraws_the_question() {
    let home = home().await;
    let asked = home.waiting().await;
    home.store.cancel(asked.job.id, "ann", "cli").await.unwrap();
    let closed = home.store.approval(asked.job.id).await.unwrap().unwrap();
    assert_eq!(closed.decision, Some(Decision::Withdrawn));
    assert_eq!(closed.decided_by.as_deref(), Some("ann"));
    assert_eq!(closed.decided_via.as_deref(), Some("cli"));
    assert_eq!(closed.decided_at, Some(home.clock.now()));
    assert_eq!(home.store.next_expiry().await.unwrap(), None);
    home.clock.advance(1_000_000);
    assert!(home.store.expire_approvals().await.unwrap().is_empty());
    let late = home
        .store
        .decide(asked.job.id, answer(Decision::Approved, "bob"))
        .await;
    assert_eq!(
        late.unwrap_err(),
        illegal(JobPhase::Cancelled, JobEventKind::Approve)
    );
}

#[tokio::test]
async fn what_is_over_is_neither_cancelled_nor_retried_unless_the_table_says_so() {
    let home = home().await;
    let claim = home.executing().await;
    let running = home
        .store
        .retry(claim.job.id, NewRetry::of("ann", "cli"))
        .await;
    assert_eq!(
        running.unwrap_err(),
        illegal(JobPhase::Running, JobEventKind::Retry)
    );
    home.succeed(claim.fence).await;
    let cancel = home.store.cancel(claim.job.id, "ann", "cli").await;
    assert_eq!(
        cancel.unwrap_err(),
        illegal(JobPhase::Succeeded, JobEventKind::Cancel)
    );
    let retry = home
        .store
        .retry(claim.job.id, NewRetry::of("ann", "cli"))
        .await;
    assert_eq!(
        retry.unwrap_err(),
        illegal(JobPhase::Succeeded, JobEventKind::Retry)
    );
}

/// A run with a step under way, and its lease.
async fn at_work(home: &Home, limits: Limits) -> Claim {
    with_steps(home, limits, vec![step("agent")]).await
}

/// A run with these steps to do, and its lease.
async fn with_steps(home: &Home, limits: Limits, steps: Vec<NewStep>) -> Claim {
    let claim = home.executing().await;
    let store = &home.store;
    store
        .set_base(claim.fence, "b45e", limits, "sortie/1/x")
        .await
        .unwrap();
    let decision = NewDecision {
        index: 0,
        state: Vec::new(),
        decision: json!({}),
        steps,
    };
    store.decide_steps(claim.fence, decision).await.unwrap();
    claim
}

/// What the cancelled job used, by its row and by the event of its end.
async fn cancelled(home: &Home, claim: &Claim) -> u64 {
    let job = claim.job.id;
    let cancelled = home.store.cancel(job, "ann", "cli").await.unwrap();
    let event = home.store.newest_event(job, "job.cancelled").await.unwrap();
    let used = cancelled.job.usage.time_ms;
    assert_eq!(event.unwrap().data["usage"]["time_ms"], used);
    used
}

#[tokio::test]
async fn what_a_cancelled_run_worked_is_booked() {
    let home = home().await;
    let claim = at_work(&home, CAP).await;
    home.clock.advance(6_000);
    assert_eq!(cancelled(&home, &claim).await, 6_000);
    // Its limit is what stops it, whatever a clock says.
    let limits = Limits {
        time_ms: 1_000,
        ..CAP
    };
    let claim = at_work(&home, limits).await;
    home.clock.advance(6_000);
    assert_eq!(cancelled(&home, &claim).await, 1_000);
    let claim = home.executing().await;
    home.clock.advance(6_000);
    assert_eq!(cancelled(&home, &claim).await, 0, "no step was under way");
}

#[tokio::test]
async fn what_a_cancelled_run_waited_or_booked_before_is_not_booked() {
    let home = home().await;
    let store = &home.store;
    let claim = at_work(&home, CAP).await;
    let question = home.question(60_000);
    store.park(claim.fence, question).await.unwrap();
    home.clock.advance(30_000);
    store
        .decide(claim.job.id, answer(Decision::Approved, "ann"))
        .await
        .unwrap();
    home.clock.advance(1_000);
    store.claim(PLENTY).await.unwrap().unwrap();
    home.clock.advance(6_000);
    assert_eq!(cancelled(&home, &claim).await, 6_000, "since it goes on");

    let claim = at_work(&home, CAP).await;
    home.clock.advance(3_000);
    let worked = Usage {
        time_ms: 3_000,
        ..Usage::default()
    };
    let stop = store.stop(claim.fence, 0, json!({}), worked);
    stop.await.unwrap();
    home.clock.advance(500);
    assert_eq!(cancelled(&home, &claim).await, 3_000);
}

#[tokio::test]
async fn of_steps_side_by_side_a_cancel_books_the_one_whose_turn_it_is() {
    let home = home().await;
    let store = &home.store;
    let scan = || NewStep {
        name: "scan".into(),
        action: json!({ "scan": { "scanners": [] } }),
    };
    let worked = Usage {
        time_ms: 2_000,
        ..Usage::default()
    };
    let record = StepRecord {
        usage: worked,
        ..StepRecord::default()
    };

    // One after the other: what the first worked is booked with its end.
    let steps = vec![step("one"), step("two")];
    let claim = with_steps(&home, CAP, steps).await;
    home.clock.advance(2_000);
    let ended = store.finish_step(claim.fence, 0, json!({}), record);
    ended.await.unwrap();
    home.clock.advance(3_000);
    assert_eq!(cancelled(&home, &claim).await, 5_000);

    // One that was stopped is followed by none.
    let steps = vec![step("one"), step("two")];
    let claim = with_steps(&home, CAP, steps).await;
    home.clock.advance(2_000);
    let stop = store.stop(claim.fence, 0, json!({}), worked);
    stop.await.unwrap();
    home.clock.advance(3_000);
    assert_eq!(cancelled(&home, &claim).await, 2_000);

    // What ends beside it, or stops the run beside it, takes nothing from it.
    for stops in [false, true] {
        let claim = with_steps(&home, CAP, vec![scan(), step("one")]).await;
        home.clock.advance(2_000);
        if stops {
            let stop = store.stop(claim.fence, 0, json!({}), Usage::default());
            stop.await.unwrap();
        } else {
            let none = StepRecord::default();
            let ended = store.finish_step(claim.fence, 0, json!({}), none);
            ended.await.unwrap();
        }
        home.clock.advance(3_000);
        assert_eq!(cancelled(&home, &claim).await, 5_000);
    }

    // A judgement may take time as well.
    let claim = with_steps(&home, CAP, vec![scan()]).await;
    home.clock.advance(1_000);
    assert_eq!(cancelled(&home, &claim).await, 1_000);
}
