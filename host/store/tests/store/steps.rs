//! Decisions, steps, scans and the ledger.

use crate::support::{CAP, PLENTY, answer, home, step};
use serde_json::json;
use sortie_model::approval::Decision;
use sortie_model::budget::{MicroUsd, Usage};
use sortie_model::finding::{Finding, Place, Severity, Side, fingerprint};
use sortie_model::halt::HaltReason;
use sortie_model::run::StepPhase;
use sortie_store::{
    ExhaustedLimit, NewArtifact, NewDecision, NewStep, ScanRecord, ScanReport, StepRecord,
    StoreError,
};

fn decision(index: u32, steps: Vec<NewStep>) -> NewDecision {
    NewDecision {
        index,
        state: vec![index as u8; 3],
        decision: json!({ "number": index }),
        steps,
    }
}

fn usage(calls: u32, cost: u64, time_ms: u64) -> Usage {
    Usage {
        calls,
        cost_micro_usd: MicroUsd(cost),
        time_ms,
    }
}

fn finding(line: Option<u32>, severity: Severity) -> Finding {
    let place = line.map(|line| Place {
        path: "tests/a.rs".into(),
        line,
        side: Side::New,
    });
    Finding {
        scanner: "reward-hacking".into(),
        rule: "test-skipped".into(),
        severity,
        message: "a test is skipped".into(),
        evidence: "#[ignore]".into(),
        fingerprint: fingerprint(
            "reward-hacking",
            "test-skipped",
            place.as_ref(),
            "#[ignore]",
        ),
        place,
    }
}

#[tokio::test]
async fn an_agent_is_told_to_go_on_once_in_the_life_of_its_step() {
    let home = home().await;
    let claim = home.executing().await;
    let store = &home.store;
    let steps = decision(0, vec![step("agent")]);
    store.decide_steps(claim.fence, steps).await.unwrap();
    assert_eq!(store.nudged(claim.run.id, 0).await.unwrap(), None);
    assert!(store.nudge_step(claim.fence, 0, "silent").await.unwrap());
    let before = claim.fence;
    let claim = store.reclaim().await.unwrap().remove(0);
    let again = store.nudge_step(claim.fence, 0, "silent again").await;
    assert!(!again.unwrap());
    let why = store.nudged(claim.run.id, 0).await.unwrap();
    assert_eq!(why.as_deref(), Some("silent"));
    let told = home.kinds(claim.job.id).await;
    assert_eq!(
        told.iter().filter(|kind| *kind == "agent.nudged").count(),
        1
    );
    let stale = store.nudge_step(before, 0, "late").await;
    assert!(matches!(stale, Err(StoreError::Stale { .. })), "{stale:?}");
    for none in [
        store.nudge_step(claim.fence, 7, "silent").await.err(),
        store.nudged(claim.run.id, 7).await.err(),
    ] {
        assert!(
            matches!(none, Some(StoreError::NotFound { .. })),
            "{none:?}"
        );
    }
    let empty = store.nudge_step(claim.fence, 0, "").await;
    assert!(
        matches!(empty, Err(StoreError::Invalid { .. })),
        "{empty:?}"
    );
}

#[tokio::test]
async fn a_run_resumes_at_its_last_finished_step() {
    let home = home().await;
    let claim = home.executing().await;
    let store = &home.store;
    let empty = store.run_state(claim.run.id).await.unwrap();
    assert_eq!(empty.decision_index, None);
    assert!(empty.steps.is_empty() && empty.state.is_empty());

    let steps = store
        .decide_steps(claim.fence, decision(0, vec![step("agent")]))
        .await
        .unwrap();
    assert_eq!(steps.len(), 1);
    store
        .finish_step(claim.fence, 0, json!({ "exit": 0 }), StepRecord::default())
        .await
        .unwrap();
    let steps = store
        .decide_steps(claim.fence, decision(1, vec![step("test"), step("lint")]))
        .await
        .unwrap();
    assert_eq!(steps.iter().map(|s| s.position).collect::<Vec<_>>(), [1, 2]);
    home.clock.advance(250);
    store
        .finish_step(claim.fence, 2, json!({ "exit": 1 }), StepRecord::default())
        .await
        .unwrap();

    let claim = store.reclaim().await.unwrap().remove(0);
    let state = store.run_state(claim.run.id).await.unwrap();
    assert_eq!(state.decision_index, Some(1));
    assert_eq!(state.state, [1, 1, 1]);
    assert_eq!(state.decision, Some(json!({ "number": 1 })));
    let phases: Vec<_> = state
        .steps
        .iter()
        .map(|s| (s.name.as_str(), s.phase))
        .collect();
    assert_eq!(
        phases,
        [("test", StepPhase::Pending), ("lint", StepPhase::Done)]
    );
    assert_eq!(state.steps[1].outcome, Some(json!({ "exit": 1 })));
    assert_eq!(store.steps(claim.run.id).await.unwrap().len(), 3);

    let events = store
        .events_after(Default::default(), Some(claim.job.id), 100)
        .await
        .unwrap();
    let last = events.iter().rfind(|e| e.kind == "step.finished").unwrap();
    assert_eq!(
        last.data,
        json!({
            "run": claim.run.id, "position": 2, "step": "lint",
            "duration_ms": 250, "outcome": { "exit": 1 }
        })
    );
}

#[tokio::test]
async fn decisions_come_in_order_and_after_their_steps() {
    let home = home().await;
    let claim = home.executing().await;
    let store = &home.store;
    let refused = |result: Result<Vec<_>, StoreError>, why: &str| {
        let error = result.unwrap_err();
        assert!(
            matches!(&error, StoreError::OutOfOrder { detail, .. } if detail.contains(why)),
            "{error}"
        );
    };
    refused(
        store.decide_steps(claim.fence, decision(1, vec![])).await,
        "decision 0 is next",
    );
    store
        .decide_steps(claim.fence, decision(0, vec![step("agent")]))
        .await
        .unwrap();
    refused(
        store.decide_steps(claim.fence, decision(0, vec![])).await,
        "decision 1 is next",
    );
    refused(
        store.decide_steps(claim.fence, decision(1, vec![])).await,
        "\"agent\" is not finished",
    );
    let missing = store
        .finish_step(claim.fence, 7, json!(0), StepRecord::default())
        .await;
    assert!(matches!(missing, Err(StoreError::NotFound { .. })));
    let many = (0..65).map(|_| step("x")).collect();
    let many = store.decide_steps(claim.fence, decision(1, many)).await;
    assert!(matches!(many, Err(StoreError::Invalid { .. })));
}

#[tokio::test]
async fn the_base_is_fixed_once_a_decision_rests_on_it() {
    let home = home().await;
    let claim = home.executing().await;
    let store = &home.store;
    store
        .set_base(claim.fence, "one", CAP, "sortie/1/a")
        .await
        .unwrap();
    store
        .set_base(claim.fence, "two", CAP, "sortie/1/a")
        .await
        .unwrap();
    store
        .decide_steps(claim.fence, decision(0, vec![]))
        .await
        .unwrap();
    store
        .set_base(claim.fence, "two", CAP, "sortie/1/a")
        .await
        .unwrap();
    let moved = store
        .set_base(claim.fence, "three", CAP, "sortie/1/a")
        .await;
    assert!(matches!(moved, Err(StoreError::OutOfOrder { .. })));
    let state = store.run_state(claim.run.id).await.unwrap();
    assert_eq!(state.run.base_commit.as_deref(), Some("two"));
}

#[tokio::test]
async fn a_step_ends_once_and_is_booked_once() {
    let home = home().await;
    let claim = home.executing().await;
    let store = &home.store;
    store
        .decide_steps(claim.fence, decision(0, vec![step("agent")]))
        .await
        .unwrap();
    let record = StepRecord {
        usage: usage(2, 300, 4_000),
        head: Some("abc".into()),
        findings: None,
    };
    for _ in 0..2 {
        store
            .finish_step(claim.fence, 0, json!({ "exit": 0 }), record.clone())
            .await
            .unwrap();
    }
    let other = store
        .finish_step(claim.fence, 0, json!({ "exit": 1 }), record)
        .await;
    assert!(matches!(other, Err(StoreError::OutOfOrder { .. })));
    let state = store.run_state(claim.run.id).await.unwrap();
    assert_eq!(state.usage, usage(2, 300, 4_000));
    assert_eq!(state.run.head_commit.as_deref(), Some("abc"));
    let job = store.job(claim.job.id).await.unwrap().unwrap();
    assert_eq!(job.usage, state.usage);
    assert_eq!(job.head_commit.as_deref(), Some("abc"));
}

#[tokio::test]
async fn why_a_run_stops_outlives_its_host_until_a_person_is_asked() {
    let home = home().await;
    let claim = home.executing().await;
    let store = &home.store;
    let steps = vec![step("agent"), step("other")];
    let decided = store.decide_steps(claim.fence, decision(0, steps)).await;
    decided.unwrap();
    let used = usage(0, 0, 4_000);
    for (position, why) in [(0, "the first"), (0, "another"), (1, "a third")] {
        let stop = store.stop(claim.fence, position, json!(why), used);
        stop.await.unwrap();
    }
    let taken_up = store.reclaim().await.unwrap().remove(0);
    let state = store.run_state(claim.run.id).await.unwrap();
    assert_eq!(state.stop, Some(json!("the first")));
    let both = usage(0, 0, 8_000);
    assert_eq!(state.usage, both, "each step is booked once");
    let again = store.book_step(taken_up.fence, 1, used).await;
    again.unwrap();
    assert_eq!(store.used(claim.run.id).await.unwrap(), both);

    home.execute(taken_up.fence).await;
    store
        .park(taken_up.fence, home.question(60_000))
        .await
        .unwrap();
    let state = store.run_state(claim.run.id).await.unwrap();
    assert_eq!(state.stop, None);

    // The step begins anew, and may be stopped once more.
    let yes = answer(Decision::Approved, "ann");
    store.decide(claim.job.id, yes).await.unwrap();
    let goes_on = store.claim(PLENTY).await.unwrap().unwrap();
    for _ in 0..2 {
        let stop = store.stop(goes_on.fence, 0, json!("again"), used);
        stop.await.unwrap();
    }
    let state = store.run_state(claim.run.id).await.unwrap();
    assert_eq!(state.usage, usage(0, 0, 12_000));
}

#[tokio::test]
async fn what_a_cancelled_step_worked_is_booked_once_and_what_ended_is_not_booked_again() {
    let home = home().await;
    let claim = home.executing().await;
    let store = &home.store;
    let based = store.set_base(claim.fence, "b45e", CAP, "sortie/1/x").await;
    based.unwrap();
    let steps = vec![step("agent"), step("other")];
    let decided = store.decide_steps(claim.fence, decision(0, steps)).await;
    decided.unwrap();
    let worked = StepRecord {
        usage: usage(0, 0, 1_000),
        ..StepRecord::default()
    };
    let ended = store.finish_step(claim.fence, 0, json!({ "exit": 0 }), worked);
    ended.await.unwrap();
    let used = usage(0, 0, 4_000);
    for position in [0, 7] {
        let booked = store.book_step(claim.fence, position, used);
        booked.await.unwrap();
    }
    home.clock.advance(4_000);
    store.cancel(claim.job.id, "ann", "cli").await.unwrap();
    // What was told of its end stays so.
    for position in [0, 1, 7] {
        let booked = store.book_step(claim.fence, position, used).await;
        assert!(matches!(booked, Err(StoreError::Stale { .. })));
    }
    let state = store.run_state(claim.run.id).await.unwrap();
    assert_eq!(state.usage, usage(0, 0, 5_000));
    let job = store.job(claim.job.id).await.unwrap().unwrap();
    assert_eq!(job.usage, state.usage);
}

#[tokio::test]
async fn a_file_of_a_step_is_listed_once_with_its_newest_size() {
    let home = home().await;
    let claim = home.executing().await;
    let store = &home.store;
    store
        .decide_steps(claim.fence, decision(0, vec![step("agent")]))
        .await
        .unwrap();
    let file = |size_bytes| NewArtifact {
        kind: "output".into(),
        name: "output of agent".into(),
        path: "runs/1/0-output.txt".into(),
        size_bytes,
    };
    for size in [12, 34] {
        store
            .keep_artifact(claim.fence, 0, file(size))
            .await
            .unwrap();
    }
    let artifacts = store.artifacts(claim.job.id).await.unwrap();
    let listed: Vec<_> = artifacts
        .iter()
        .map(|a| (a.position, a.size_bytes))
        .collect();
    assert_eq!(listed, [(0, 34)]);
    let id = artifacts[0].id;
    let one = store.artifact(claim.job.id, id).await.unwrap();
    assert_eq!(one.as_ref(), artifacts.first());
    let other = home.submit().await;
    assert_eq!(
        store.artifact(other.id, id).await.unwrap(),
        None,
        "of another job"
    );
    home.succeed(claim.fence).await;
    let late = store.keep_artifact(claim.fence, 0, file(1)).await;
    assert!(matches!(late, Err(StoreError::Stale { .. })));
}

#[tokio::test]
async fn the_newest_scan_counts() {
    let home = home().await;
    let claim = home.executing().await;
    let store = &home.store;
    assert_eq!(store.scanned(claim.run.id).await.unwrap(), None);
    let found = vec![
        finding(Some(3), Severity::Block),
        finding(None, Severity::Info),
    ];
    for (index, (commit, findings)) in [("aaa", found.clone()), ("bbb", vec![])]
        .into_iter()
        .enumerate()
    {
        let index = index as u32;
        store
            .decide_steps(claim.fence, decision(index, vec![step("scan")]))
            .await
            .unwrap();
        let record = StepRecord {
            findings: Some(ScanReport {
                commit: commit.into(),
                scanners: vec!["reward-hacking".into()],
                findings,
            }),
            ..StepRecord::default()
        };
        store
            .finish_step(claim.fence, index, json!({}), record)
            .await
            .unwrap();
        let scanned = store.scanned(claim.run.id).await.unwrap().unwrap();
        let (worst, kept) = match index {
            0 => (Some(Severity::Block), found.clone()),
            _ => (None, vec![]),
        };
        assert_eq!(
            scanned,
            ScanRecord {
                commit: commit.into(),
                worst,
                scanners: vec!["reward-hacking".into()]
            }
        );
        assert_eq!(store.findings(claim.job.id).await.unwrap(), kept);
    }
}

#[tokio::test]
async fn a_cap_holds_however_many_book_at_once() {
    let home = home().await;
    let claim = home.executing().await;
    let callers: Vec<_> = (0..40)
        .map(|position| {
            let (store, fence) = (home.store.clone(), claim.fence);
            tokio::spawn(async move {
                let charged = store.charge_step(fence, position, usage(1, 30, 5), CAP);
                charged.await.unwrap()
            })
        })
        .collect();
    let mut booked = 0;
    for caller in callers {
        match caller.await.unwrap() {
            Ok(sum) => {
                booked += 1;
                assert!(sum.calls <= CAP.calls);
            }
            Err(exhausted) => {
                assert_eq!(exhausted.limit, ExhaustedLimit::Calls);
                assert_eq!(exhausted.halt_reason(), HaltReason::BudgetCalls);
                assert_eq!(exhausted.used.calls, CAP.calls);
            }
        }
    }
    assert_eq!(booked, CAP.calls);
    let state = home.store.run_state(claim.run.id).await.unwrap();
    assert_eq!(state.usage, usage(10, 300, 50));
}

#[tokio::test]
async fn every_dimension_is_capped_and_sums_do_not_wrap() {
    let home = home().await;
    let claim = home.executing().await;
    let store = &home.store;
    for (delta, limit) in [
        (usage(0, 1_001, 0), ExhaustedLimit::Cost),
        (usage(0, 0, 60_001), ExhaustedLimit::Time),
        (usage(11, 0, 0), ExhaustedLimit::Calls),
        (usage(0, u64::MAX, 0), ExhaustedLimit::Cost),
    ] {
        let refused = store.charge_step(claim.fence, 0, delta, CAP).await;
        assert_eq!(refused.unwrap().unwrap_err().limit, limit);
    }
    let exact = store
        .charge_step(claim.fence, 0, usage(10, 1_000, 60_000), CAP)
        .await
        .unwrap();
    assert_eq!(
        exact.unwrap(),
        usage(10, 1_000, 60_000),
        "limits are inclusive"
    );
    // What is gone is booked beyond every limit.
    let huge = usage(1, u64::MAX, u64::MAX);
    let steps = vec![step("agent"), step("other")];
    let decided = store.decide_steps(claim.fence, decision(0, steps)).await;
    decided.unwrap();
    let record = StepRecord {
        usage: huge,
        ..StepRecord::default()
    };
    store
        .finish_step(claim.fence, 0, json!({}), record)
        .await
        .unwrap();
    let stop = store.stop(claim.fence, 1, json!("why"), huge).await;
    stop.unwrap();
    let job = store.job(claim.job.id).await.unwrap().unwrap();
    assert_eq!(job.usage.cost_micro_usd, MicroUsd(i64::MAX as u64));
    assert_eq!(job.usage.calls, 12);
}
