//! Claiming, fencing, postponing, and taking over after a restart.

use crate::support::{CAP, PLENTY, answer, findings, home, new_job, open};
use serde_json::json;
use sortie_model::clock::{Clock, Timestamp};
use sortie_model::halt::HaltReason;
use sortie_model::id::{Fence, JobId, Token};
use sortie_model::job::{JobEvent, JobPhase, JobState};
use sortie_model::run::RunPhase;
use sortie_store::{ClaimLimits, NewRetry, Published, RunEnd, StoreError};

#[tokio::test]
async fn claims_come_in_order_and_each_job_once() {
    let home = home().await;
    let mut jobs = Vec::new();
    for _ in 0..5 {
        jobs.push(home.submit().await.id);
        home.clock.advance(1);
    }
    let claims = (0..8).map(|_| home.store.claim(PLENTY));
    let mut claimed = Vec::new();
    for claim in claims {
        claimed.extend(claim.await.unwrap().map(|claim| claim.job.id));
    }
    assert_eq!(claimed, jobs);
}

#[tokio::test]
async fn limits_hold_and_a_full_project_does_not_hold_up_another() {
    let home = home().await;
    for _ in 0..3 {
        home.submit().await;
    }
    home.clock.advance(5);
    let beta = home.store.submit(new_job("beta", "b")).await.unwrap().job;
    let limits = ClaimLimits {
        max_running_total: 3,
        max_running_per_project: 2,
    };
    let mut projects = Vec::new();
    let mut last = None;
    while let Some(claim) = home.store.claim(limits).await.unwrap() {
        projects.push(claim.job.project.clone());
        last = Some(claim);
    }
    assert_eq!(projects, ["alpha", "alpha", "beta"]);
    let last = last.unwrap();
    assert_eq!(last.job.id, beta.id);
    home.succeed(last.fence).await;
    assert!(
        home.store.claim(limits).await.unwrap().is_none(),
        "the place is free, but only alpha has a job and alpha is full"
    );
}

#[tokio::test]
async fn a_postponed_job_waits_for_its_time_and_then_for_its_turn() {
    let home = home().await;
    let claim = home.running().await;
    let later = home.submit().await;
    let not_before = Timestamp(home.clock.now().0 + 500);
    let end = RunEnd {
        error: Some("the engine went away".into()),
        ..RunEnd::default()
    };
    let job = home
        .store
        .finish(claim.fence, JobEvent::Postponed { not_before }, end)
        .await
        .unwrap();
    assert_eq!(
        job.state,
        JobState::Queued {
            not_before: Some(not_before)
        }
    );
    assert_eq!(job.error.as_deref(), Some("the engine went away"));
    assert_eq!(home.store.next_due().await.unwrap(), Some(not_before));
    let stats = home.store.queue_stats().await.unwrap();
    assert_eq!((stats.queued, stats.postponed), (2, 1));

    let other = home.store.claim(PLENTY).await.unwrap().unwrap();
    assert_eq!(other.job.id, later.id);
    assert!(home.store.claim(PLENTY).await.unwrap().is_none());
    home.clock.advance(499);
    assert!(home.store.claim(PLENTY).await.unwrap().is_none());
    home.clock.advance(1);
    let again = home.store.claim(PLENTY).await.unwrap().unwrap();
    assert_eq!(again.job.id, claim.job.id);
    assert_eq!(again.run.attempt, 2);
    assert_ne!(again.run.id, claim.run.id);
    assert!(!again.resumed);
    assert!(again.fence.token > claim.fence.token);
    assert_eq!(home.store.next_due().await.unwrap(), None);
    let runs = home.store.runs(claim.job.id).await.unwrap();
    assert_eq!(runs.len(), 2);
    assert_eq!(runs[0].phase, RunPhase::Finished);
    assert_eq!(runs[0].error.as_deref(), Some("the engine went away"));
}

#[tokio::test]
async fn every_fenced_write_refuses_a_lease_that_is_over() {
    let home = home().await;
    let claim = home.executing().await;
    let new = home.store.reclaim().await.unwrap();
    assert_eq!(new.len(), 1);
    assert!(new[0].resumed);
    assert_eq!(new[0].run.phase, RunPhase::Leased);
    let store = &home.store;
    let old = claim.fence;
    let stale = StoreError::Stale {
        run: old.run,
        shown: old.token,
        current: new[0].fence.token,
    };
    let base = store.set_base(old, "b", CAP, "sortie/1/x").await;
    assert_eq!(base.unwrap_err(), stale);
    let phase = store.set_run_phase(old, RunPhase::Executing).await;
    assert_eq!(phase.unwrap_err(), stale);
    assert_eq!(store.set_head(old, "h").await.unwrap_err(), stale);
    let decision = sortie_store::NewDecision {
        index: 0,
        state: vec![],
        decision: json!({}),
        steps: vec![],
    };
    assert_eq!(store.decide_steps(old, decision).await.unwrap_err(), stale);
    let step = store.finish_step(old, 0, json!({}), Default::default());
    assert_eq!(step.await.unwrap_err(), stale);
    let stop = store.stop(old, 0, json!("why"), Default::default()).await;
    assert_eq!(stop.unwrap_err(), stale);
    let booked = store.book_step(old, 0, Default::default()).await;
    assert_eq!(booked.unwrap_err(), stale);
    let charge = store.charge_step(old, 0, Default::default(), CAP).await;
    assert_eq!(charge.unwrap_err(), stale);
    let park = store.park(old, home.question(1)).await;
    assert_eq!(park.unwrap_err(), stale);
    let finish = store.finish(old, JobEvent::Finished, RunEnd::default());
    assert_eq!(finish.await.unwrap_err(), stale);
    assert_eq!(store.emit(old, "x", json!(1)).await.unwrap_err(), stale);

    let job = home.succeed(new[0].fence).await;
    assert_eq!(job.state, JobState::Succeeded);
    assert_eq!(
        home.kinds(job.id).await,
        [
            "job.queued",
            "job.running",
            "run.executing",
            "run.reclaimed",
            "job.succeeded"
        ],
        "nothing of the stale writes is in the timeline"
    );
}

#[tokio::test]
async fn a_fence_for_another_job_or_run_finds_nothing() {
    let home = home().await;
    let claim = home.running().await;
    let other = home.running().await;
    for fence in [
        Fence {
            job: other.job.id,
            ..claim.fence
        },
        Fence {
            job: JobId(99),
            ..claim.fence
        },
        Fence {
            run: sortie_model::id::RunId(99),
            ..claim.fence
        },
    ] {
        let tried = home.store.set_head(fence, "h").await;
        assert!(
            matches!(tried, Err(StoreError::NotFound { .. })),
            "{tried:?}"
        );
    }
    let future = Fence {
        token: Token(claim.fence.token.0 + 1_000),
        ..claim.fence
    };
    let tried = home.store.set_head(future, "h").await;
    assert!(matches!(tried, Err(StoreError::Stale { .. })), "{tried:?}");
}

#[tokio::test]
async fn a_run_ends_once() {
    let home = home().await;
    let claim = home.executing().await;
    home.store
        .set_base(claim.fence, "b", CAP, "sortie/1/fix")
        .await
        .unwrap();
    let end = RunEnd {
        summary: Some("fixed".into()),
        error: None,
        published: Some(Published {
            branch: "sortie/1/fix".into(),
            commit: "abc".into(),
        }),
        result: None,
    };
    let job = home
        .store
        .finish(claim.fence, JobEvent::Finished, end.clone())
        .await
        .unwrap();
    assert_eq!(job.published, end.published);
    assert_eq!(job.branch.as_deref(), Some("sortie/1/fix"));
    assert_eq!(job.summary.as_deref(), Some("fixed"));
    assert_eq!(job.finished_at, Some(home.clock.now()));
    let again = home
        .store
        .finish(claim.fence, JobEvent::Finished, end)
        .await;
    assert!(matches!(again, Err(StoreError::Stale { .. })));
    assert!(home.store.unfinished_runs().await.unwrap().is_empty());
}

#[tokio::test]
async fn only_endings_end_a_run() {
    let home = home().await;
    let claim = home.executing().await;
    for event in [
        JobEvent::Leased,
        JobEvent::Cancel,
        JobEvent::Gated,
        JobEvent::Retry,
    ] {
        let tried = home
            .store
            .finish(claim.fence, event, RunEnd::default())
            .await;
        assert!(matches!(tried, Err(StoreError::Invalid { .. })));
    }
    assert_eq!(home.store.unfinished_runs().await.unwrap(), [claim.run.id]);
}

#[tokio::test]
async fn run_phases_follow_the_model() {
    let home = home().await;
    let claim = home.running().await;
    let store = &home.store;
    for phase in [
        RunPhase::Preparing,
        RunPhase::Preparing,
        RunPhase::Executing,
    ] {
        store.set_run_phase(claim.fence, phase).await.unwrap();
    }
    for to in [RunPhase::Leased, RunPhase::Parked, RunPhase::Finished] {
        let tried = store.set_run_phase(claim.fence, to).await;
        let from = RunPhase::Executing;
        assert_eq!(
            tried.unwrap_err(),
            StoreError::IllegalPhase {
                run: claim.run.id,
                from,
                to
            }
        );
    }
    store
        .set_run_phase(claim.fence, RunPhase::Publishing)
        .await
        .unwrap();
    let tried = store.park(claim.fence, home.question(1)).await;
    assert!(matches!(tried, Err(StoreError::IllegalPhase { .. })));
    let job = store.job(claim.job.id).await.unwrap().unwrap();
    assert_eq!(job.state, JobState::Running, "a refused move moves nothing");
}

#[tokio::test]
async fn a_restart_takes_over_what_ran_and_leaves_what_waits() {
    let home = home().await;
    let waits = home.waiting().await;
    let runs = home.executing().await;
    home.store
        .set_base(runs.fence, "base", CAP, "sortie/2/fix")
        .await
        .unwrap();
    let queued = home.submit().await;
    let (dir, clock) = (home.dir, home.clock);
    home.store.close().await;

    let store = open(dir.path(), &clock);
    let claims = store.reclaim().await.unwrap();
    assert_eq!(claims.len(), 1);
    assert_eq!(claims[0].run.id, runs.run.id);
    assert!(claims[0].fence.token > runs.fence.token);
    let state = store.run_state(runs.run.id).await.unwrap();
    assert_eq!(state.run.base_commit.as_deref(), Some("base"));
    assert_eq!(state.limits, Some(CAP));
    assert_eq!(state.branch.as_deref(), Some("sortie/2/fix"));
    let phase = |job: Option<sortie_store::Job>| job.unwrap().state.phase();
    assert_eq!(
        phase(store.job(waits.job.id).await.unwrap()),
        JobPhase::NeedsReview
    );
    assert_eq!(phase(store.job(queued.id).await.unwrap()), JobPhase::Queued);
}

#[tokio::test]
async fn halts_and_failures_keep_their_reason_and_overlong_texts_are_cut() {
    let home = home().await;
    let claim = home.executing().await;
    let detail = "ü".repeat(200_000);
    let event = JobEvent::Halted {
        reason: HaltReason::VerificationFailed,
        detail: detail.clone(),
    };
    let job = home
        .store
        .finish(claim.fence, event, RunEnd::default())
        .await
        .unwrap();
    let JobState::Halted {
        reason,
        detail: kept,
    } = &job.state
    else {
        panic!("it is {:?}", job.state);
    };
    assert_eq!(*reason, HaltReason::VerificationFailed);
    assert!(detail.starts_with(kept.as_str()) && kept.len() == 65_536);
    assert_eq!(job.error.as_ref(), Some(kept));
    let read = home.store.job(job.id).await.unwrap().unwrap();
    assert_eq!(read, job);

    let claim = home.executing().await;
    let error = "it broke".to_owned();
    let event = JobEvent::Failed {
        error: error.clone(),
    };
    let job = home
        .store
        .finish(claim.fence, event, RunEnd::default())
        .await
        .unwrap();
    assert_eq!(job.state, JobState::Failed { error });
}

#[tokio::test]
async fn the_work_signal_tells_of_everything_claimable() {
    let home = home().await;
    let mut signal = home.store.work_signal();
    let mut bumped = || {
        let changed = signal.has_changed().unwrap();
        signal.mark_unchanged();
        changed
    };
    let job = home.submit().await;
    assert!(bumped(), "submitted");
    let claim = home.store.claim(PLENTY).await.unwrap().unwrap();
    assert!(!bumped(), "claimed");
    home.execute(claim.fence).await;
    assert!(!bumped(), "a run's phase");
    home.store
        .park(claim.fence, findings(home.question(10)))
        .await
        .unwrap();
    assert!(bumped(), "a place is free");
    let approved = sortie_model::approval::Decision::Approved;
    home.store
        .decide(job.id, answer(approved, "ann"))
        .await
        .unwrap();
    assert!(bumped(), "approved");
    let claim = home.store.claim(PLENTY).await.unwrap().unwrap();
    assert!(!bumped());
    home.store
        .finish(
            claim.fence,
            JobEvent::Failed { error: "e".into() },
            RunEnd::default(),
        )
        .await
        .unwrap();
    assert!(bumped(), "ended");
    home.store
        .retry(job.id, NewRetry::of("ann", "cli"))
        .await
        .unwrap();
    assert!(bumped(), "retried");
    home.store.cancel(job.id, "ann", "cli").await.unwrap();
    assert!(!bumped(), "a queued job had no place");
}
