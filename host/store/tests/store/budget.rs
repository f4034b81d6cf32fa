//! A budget that is used up: asked about, raised, not raised; and work of an
//! earlier run that a later one begins with.

use crate::support::{CAP, Home, PLENTY, answer, home};
use serde_json::json;
use sortie_model::approval::{Decision, Subject};
use sortie_model::budget::{Limits, MicroUsd};
use sortie_model::clock::Clock;
use sortie_model::halt::HaltReason;
use sortie_model::job::{JobEvent, JobPhase, JobState};
use sortie_model::start::{Start, StartMode, Work};
use sortie_store::{AuditFilter, Claim, NewAnswer, NewApproval, NewRetry, RunEnd, StoreError};

/// What the run may use; far below the ceiling of its job.
const LIMITS: Limits = Limits {
    calls: 2,
    cost_micro_usd: MicroUsd(50),
    time_ms: 1_000,
};

/// A job whose run asks for as much again, and the lease that asked.
async fn asked(home: &Home, expires_in_ms: i64) -> Claim {
    let claim = home.executing().await;
    let store = &home.store;
    store
        .set_base(claim.fence, "b45e", LIMITS, "sortie/1/x")
        .await
        .unwrap();
    store.set_head(claim.fence, "c0ffee").await.unwrap();
    let question = NewApproval {
        step: "budget".into(),
        subject: Subject::Budget {
            exhausted: HaltReason::BudgetCalls,
            raise: LIMITS,
        },
        ..home.question(expires_in_ms)
    };
    store.park(claim.fence, question).await.unwrap();
    claim
}

async fn limits(home: &Home, claim: &Claim) -> Limits {
    let state = home.store.run_state(claim.run.id).await.unwrap();
    state.limits.expect("it was set")
}

fn yes(raise: Option<Limits>) -> NewAnswer {
    NewAnswer {
        raise,
        ..answer(Decision::Approved, "ann")
    }
}

#[tokio::test]
async fn a_yes_raises_the_budget_by_what_was_proposed_and_the_run_goes_on() {
    let home = home().await;
    let claim = asked(&home, 60_000).await;
    let job = claim.job.id;
    let waits = home.store.job(job).await.unwrap().unwrap();
    assert_eq!(waits.state, JobState::AwaitingApproval);
    let first = home.store.decide(job, yes(None)).await.unwrap();
    assert!(first.changed);
    assert_eq!(limits(&home, &claim).await, LIMITS.raised_by(LIMITS));
    let again = home.store.decide(job, yes(None)).await.unwrap();
    assert!(!again.changed);
    assert_eq!(
        limits(&home, &claim).await,
        LIMITS.raised_by(LIMITS),
        "once"
    );
    let taken = home.store.claim(PLENTY).await.unwrap().unwrap();
    assert_eq!((taken.run.id, taken.resumed), (claim.run.id, true));
    assert!(home.kinds(job).await.contains(&"budget.raised".to_owned()));
}

#[tokio::test]
async fn the_events_of_a_question_say_what_is_used_up_and_what_a_yes_adds() {
    let home = home().await;
    let store = &home.store;
    let told = async |job, kind: &str| {
        let event = store.newest_event(job, kind).await.unwrap();
        event.unwrap().data
    };
    let stopped = asked(&home, 60_000).await.job.id;
    let waits = told(stopped, "job.awaiting_approval").await;
    let budget = &waits["budget"];
    assert_eq!(budget["exhausted"], "budget-calls");
    assert_eq!(budget["raise"], json!(LIMITS));
    assert_eq!(budget["limits"], json!(LIMITS));
    assert_eq!(budget["usage"]["time_ms"], 0);
    let no = answer(Decision::Rejected, "ann");
    store.decide(stopped, no).await.unwrap();
    let halted = told(stopped, "job.halted").await;
    assert_eq!(halted["about"], "budget");
    assert_eq!(halted["by"], "ann");

    // More than the ceiling leaves: what is told is what is added.
    let claim = asked(&home, 60_000).await;
    let job = claim.job.id;
    let more = Limits {
        time_ms: u64::MAX,
        ..LIMITS
    };
    store.decide(job, yes(Some(more))).await.unwrap();
    let approved = told(job, "job.approved").await;
    assert_eq!(approved["about"], "budget");
    let added = Limits {
        time_ms: CAP.time_ms - LIMITS.time_ms,
        ..LIMITS
    };
    assert_eq!(approved["raised"], json!(added));
    assert_eq!(limits(&home, &claim).await, LIMITS.raised_by(added));

    let filter = AuditFilter {
        action: "budget.".into(),
        ..AuditFilter::default()
    };
    let log = store.audit_log(filter).await.unwrap();
    let actions: Vec<&str> = log.iter().map(|row| row.action.as_str()).collect();
    assert_eq!(actions, ["budget.raised", "budget.stopped"]);
    assert_eq!(log[0].subject, job.to_string());
    assert_eq!(log[0].detail["raised"], json!(added));
}

#[tokio::test]
async fn a_reminder_says_the_same() {
    let home = home().await;
    let claim = home.executing().await;
    let store = &home.store;
    store
        .set_base(claim.fence, "b45e", LIMITS, "sortie/1/x")
        .await
        .unwrap();
    let question = NewApproval {
        subject: Subject::Budget {
            exhausted: HaltReason::BudgetTime,
            raise: LIMITS,
        },
        remind_at: Some(home.clock.now()),
        ..home.question(60_000)
    };
    store.park(claim.fence, question).await.unwrap();
    store.remind_due().await.unwrap();
    let job = claim.job.id;
    let event = store.newest_event(job, "approval.reminder").await.unwrap();
    let told = event.unwrap().data;
    assert_eq!(told["budget"]["exhausted"], "budget-time");
    assert_eq!(told["budget"]["raise"]["time_ms"], 1_000);
}

#[tokio::test]
async fn a_yes_may_name_another_amount_and_stays_below_the_ceiling() {
    let home = home().await;
    let claim = asked(&home, 60_000).await;
    let more = Limits {
        calls: 1,
        cost_micro_usd: MicroUsd(u64::MAX),
        time_ms: 0,
    };
    home.store
        .decide(claim.job.id, yes(Some(more)))
        .await
        .unwrap();
    let raised = Limits {
        calls: 3,
        cost_micro_usd: CAP.cost_micro_usd,
        time_ms: 1_000,
    };
    assert_eq!(limits(&home, &claim).await, raised);
}

#[tokio::test]
async fn a_yes_to_more_budget_releases_no_commit() {
    let home = home().await;
    let claim = asked(&home, 60_000).await;
    home.store.decide(claim.job.id, yes(None)).await.unwrap();
    assert_eq!(home.store.released(claim.run.id).await.unwrap(), None);
    let review = home.waiting().await;
    home.store.decide(review.job.id, yes(None)).await.unwrap();
    let released = home.store.released(review.run.id).await.unwrap().unwrap();
    assert_eq!(released.commit.as_deref(), Some("c0ffee"));
}

#[tokio::test]
async fn a_no_halts_the_job_for_what_was_used_up() {
    let home = home().await;
    let claim = asked(&home, 60_000).await;
    let no = answer(Decision::Rejected, "ann");
    let decided = home.store.decide(claim.job.id, no.clone()).await.unwrap();
    let JobState::Halted { reason, detail } = &decided.job.state else {
        panic!("{:?}", decided.job.state);
    };
    assert_eq!(*reason, HaltReason::BudgetCalls);
    assert!(detail.contains("ann did not raise it"), "{detail}");
    assert!(!home.store.decide(claim.job.id, no).await.unwrap().changed);
    assert_eq!(limits(&home, &claim).await, LIMITS);
}

#[tokio::test]
async fn a_question_that_nobody_answers_halts_the_job_for_what_was_used_up() {
    let home = home().await;
    let claim = asked(&home, 100).await;
    home.clock.advance(101);
    assert_eq!(home.store.expire_approvals().await.unwrap(), [claim.job.id]);
    let job = home.store.job(claim.job.id).await.unwrap().unwrap();
    assert!(matches!(
        job.state,
        JobState::Halted {
            reason: HaltReason::BudgetCalls,
            ..
        }
    ));
}

/// A job that halted; its run left work if `head` says so.
async fn halted(home: &Home, head: Option<&str>) -> Claim {
    let claim = home.executing().await;
    let store = &home.store;
    store
        .set_base(claim.fence, "b45e", LIMITS, "sortie/1/x")
        .await
        .unwrap();
    if let Some(head) = head {
        store.set_head(claim.fence, head).await.unwrap();
    }
    let event = JobEvent::Halted {
        reason: HaltReason::AgentStalled,
        detail: "it said nothing".into(),
    };
    store
        .finish(claim.fence, event, RunEnd::default())
        .await
        .unwrap();
    claim
}

fn again(start: StartMode, budget: Option<&str>) -> NewRetry {
    NewRetry {
        start,
        budget_profile: budget.map(str::to_owned),
        ..NewRetry::of("ann", "cli")
    }
}

#[tokio::test]
async fn a_job_goes_on_with_what_its_last_run_left_until_it_is_told_otherwise() {
    let home = home().await;
    let job = halted(&home, Some("c0ffee")).await.job.id;
    for mode in [StartMode::Continue, StartMode::Publish] {
        let queued = home.store.retry(job, again(mode, None)).await.unwrap();
        let work = Work {
            base: "b45e".into(),
            commit: "c0ffee".into(),
        };
        let start = Start {
            mode,
            work: Some(work),
        };
        assert_eq!(queued.start, start);
        let claim = home.store.claim(PLENTY).await.unwrap().unwrap();
        assert_eq!(claim.job.start, start, "what the engine is told");
        home.store.cancel(job, "ann", "cli").await.unwrap();
    }
    let anew = home.store.retry(job, NewRetry::of("ann", "cli")).await;
    assert_eq!(anew.unwrap().start, Start::default());
}

#[tokio::test]
async fn without_work_there_is_nothing_to_go_on_with_and_nothing_changes() {
    let home = home().await;
    for head in [None, Some("b45e")] {
        let job = halted(&home, head).await.job.id;
        for mode in [StartMode::Continue, StartMode::Publish] {
            let refused = home.store.retry(job, again(mode, Some("deep"))).await;
            assert_eq!(refused.unwrap_err(), StoreError::NoWork { job });
        }
        let after = home.store.job(job).await.unwrap().unwrap();
        assert_eq!(after.state.phase(), JobPhase::Halted);
        assert_eq!(after.policy.budget_profile, None);
    }
}

#[tokio::test]
async fn a_retry_may_bring_another_budget() {
    let home = home().await;
    let job = halted(&home, None).await.job.id;
    let queued = home
        .store
        .retry(job, again(StartMode::Base, Some("deep")))
        .await;
    let policy = queued.unwrap().policy;
    assert_eq!(policy.budget_profile.as_deref(), Some("deep"));
    assert_eq!(policy.ceiling, CAP, "and nothing else of its policy");
}
