//! Approving, rejecting, retrying, expiring.

use crate::support::{PLENTY, answer, home};
use sortie_model::approval::Decision;
use sortie_model::clock::{Clock, Timestamp};
use sortie_model::halt::HaltReason;
use sortie_model::id::JobId;
use sortie_model::job::{IllegalTransition, JobEventKind, JobPhase, JobState};
use sortie_model::run::RunPhase;
use sortie_store::{AuditFilter, NewAnswer, NewApproval, NewPerson, NewRetry, StoreError};

pub fn illegal(phase: JobPhase, event: JobEventKind) -> StoreError {
    StoreError::Illegal(IllegalTransition { phase, event })
}

#[tokio::test]
async fn an_approved_job_goes_on_with_the_same_run_under_a_new_lease() {
    let home = home().await;
    let asked = home.waiting().await;
    let store = &home.store;
    let open = store.approval(asked.job.id).await.unwrap().unwrap();
    assert_eq!(open.decision, None);
    assert_eq!(open.commit.as_deref(), Some("c0ffee"));
    let stale = store.set_head(asked.fence, "h").await;
    assert!(
        matches!(stale, Err(StoreError::Stale { .. })),
        "the lease ended with the question"
    );
    assert!(store.unfinished_runs().await.unwrap().is_empty());

    home.clock.advance(10);
    let decided = store
        .decide(
            asked.job.id,
            NewAnswer {
                via: "http".into(),
                comment: Some("fine".into()),
                ..answer(Decision::Approved, "ann")
            },
        )
        .await
        .unwrap();
    assert!(decided.changed);
    assert_eq!(decided.job.state, JobState::Approved);
    assert_eq!(decided.approval.decision, Some(Decision::Approved));
    assert_eq!(decided.approval.decided_by.as_deref(), Some("ann"));
    assert_eq!(decided.approval.decided_via.as_deref(), Some("http"));
    assert_eq!(decided.approval.comment.as_deref(), Some("fine"));
    assert_eq!(decided.approval.decided_at, Some(home.clock.now()));

    home.submit().await;
    let claim = store.claim(PLENTY).await.unwrap().unwrap();
    assert_eq!(
        claim.run.id, asked.run.id,
        "approved jobs go before queued ones"
    );
    assert!(claim.resumed);
    assert_eq!(claim.run.phase, RunPhase::Leased);
    assert_eq!(claim.run.attempt, 1);
    assert!(claim.fence.token > asked.fence.token);
    home.succeed(claim.fence).await;
    assert_eq!(
        home.kinds(asked.job.id).await,
        [
            "job.queued",
            "job.running",
            "run.executing",
            "job.needs_review",
            "job.approved",
            "job.running",
            "job.succeeded"
        ]
    );
}

#[tokio::test]
async fn of_many_answers_exactly_one_wins() {
    let home = home().await;
    for _ in 0..8 {
        let asked = home.waiting().await;
        let people: Vec<_> = (0..16)
            .map(|i| {
                let store = home.store.clone();
                let job = asked.job.id;
                let decision = match i % 2 {
                    0 => Decision::Approved,
                    _ => Decision::Rejected,
                };
                tokio::spawn(async move {
                    let by = format!("person {i}");
                    (decision, store.decide(job, answer(decision, &by)).await)
                })
            })
            .collect();
        let (mut changed, mut kept, mut refused) = (Vec::new(), 0, 0);
        for person in people {
            match person.await.unwrap() {
                (answer, Ok(decided)) if decided.changed => changed.push((answer, decided)),
                (answer, Ok(decided)) => {
                    assert_eq!(decided.approval.decision, Some(answer));
                    kept += 1;
                }
                (_, Err(StoreError::Illegal(_))) => refused += 1,
                (_, Err(other)) => panic!("{other}"),
            }
        }
        assert_eq!(changed.len(), 1);
        assert_eq!((kept, refused), (7, 8));
        let stored = home.store.approval(asked.job.id).await.unwrap().unwrap();
        assert_eq!(stored, changed[0].1.approval);
    }
}

#[tokio::test]
async fn an_answer_counts_for_the_commit_that_was_seen() {
    let home = home().await;
    let job = home.waiting().await.job.id;
    let about = |commit: &str| NewAnswer {
        commit: Some(commit.into()),
        ..answer(Decision::Approved, "ann")
    };
    let other = StoreError::OtherCommit {
        job,
        seen: "decade".into(),
        asked: Some("c0ffee".into()),
    };
    let store = &home.store;
    let refused = store.decide(job, about("decade")).await.unwrap_err();
    assert_eq!(refused, other);
    let open = store.approval(job).await.unwrap().unwrap();
    assert_eq!(open.decision, None, "the question stands open");
    assert!(
        store
            .decide(job, about("c0ffee"))
            .await
            .is_ok_and(|d| d.changed)
    );
    let again = store.decide(job, about("c0ffee")).await.unwrap();
    assert!(!again.changed);
    let again = store.decide(job, about("decade")).await.unwrap_err();
    assert_eq!(again, other, "nor does a repetition pass for another");
    let unnamed = store.decide(job, about("")).await;
    assert!(matches!(unnamed, Err(StoreError::Invalid { .. })));
}

#[tokio::test]
async fn a_question_about_no_commit_takes_no_answer_about_one() {
    let home = home().await;
    let claim = home.executing().await;
    let question = NewApproval {
        commit: None,
        ..home.question(60_000)
    };
    home.store.park(claim.fence, question).await.unwrap();
    let job = claim.job.id;
    let about = NewAnswer {
        commit: Some("c0ffee".into()),
        ..answer(Decision::Approved, "ann")
    };
    let refused = home.store.decide(job, about).await.unwrap_err();
    assert!(
        refused.to_string().contains("c0ffee") && refused.to_string().contains("no commit"),
        "{refused}"
    );
    let decided = home
        .store
        .decide(job, answer(Decision::Approved, "ann"))
        .await;
    assert!(decided.is_ok_and(|decided| decided.changed));
}

#[tokio::test]
async fn a_rejection_ends_the_run_and_only_a_retry_begins_another() {
    let home = home().await;
    let asked = home.waiting().await;
    let job = asked.job.id;
    let store = &home.store;
    let decided = store
        .decide(job, answer(Decision::Rejected, "ann"))
        .await
        .unwrap();
    assert_eq!(decided.job.state, JobState::Rejected);
    let runs = store.runs(job).await.unwrap();
    assert_eq!(runs[0].phase, RunPhase::Finished);
    assert!(store.claim(PLENTY).await.unwrap().is_none());
    let again = store
        .decide(job, answer(Decision::Rejected, "bob"))
        .await
        .unwrap();
    assert!(!again.changed);
    assert_eq!(again.approval.decided_by.as_deref(), Some("ann"));
    let other = store.decide(job, answer(Decision::Approved, "bob")).await;
    assert_eq!(
        other.unwrap_err(),
        illegal(JobPhase::Rejected, JobEventKind::Approve)
    );

    let retried = store.retry(job, NewRetry::of("ann", "cli")).await.unwrap();
    assert_eq!(retried.state, JobState::Queued { not_before: None });
    assert_eq!(retried.attempts_before_retry, 1);
    assert_eq!(retried.finished_at, None);
    let late = store.decide(job, answer(Decision::Rejected, "bob")).await;
    assert_eq!(
        late.unwrap_err(),
        illegal(JobPhase::Queued, JobEventKind::Reject),
        "the answer was about the run before"
    );
    let claim = store.claim(PLENTY).await.unwrap().unwrap();
    assert_eq!(claim.run.attempt, 2);
    let late = store.decide(job, answer(Decision::Rejected, "bob")).await;
    assert_eq!(
        late.unwrap_err(),
        illegal(JobPhase::Running, JobEventKind::Reject)
    );
}

#[tokio::test]
async fn what_ended_a_job_is_told_until_it_is_tried_again() {
    let home = home().await;
    let store = &home.store;
    let job = home.executing().await.job.id;
    let cancelled = store.cancel(job, "ana", "cli").await.unwrap();
    assert_eq!(cancelled.job.error.as_deref(), Some("cancelled by ana"));
    let retried = store.retry(job, NewRetry::of("ann", "cli")).await.unwrap();
    assert_eq!(retried.error, None);
    let claim = store.claim(PLENTY).await.unwrap().unwrap();
    assert_eq!((claim.job.id, &claim.job.error), (job, &None));
    home.execute(claim.fence).await;
    store
        .park(claim.fence, home.question(60_000))
        .await
        .unwrap();
    let decided = store
        .decide(job, answer(Decision::Rejected, "ben"))
        .await
        .unwrap();
    assert_eq!(decided.job.error.as_deref(), Some("rejected by ben"));
    let runs = store.runs(job).await.unwrap();
    let told: Vec<_> = runs.iter().map(|run| run.error.as_deref()).collect();
    assert_eq!(told, [Some("cancelled by ana"), Some("rejected by ben")]);
}

#[tokio::test]
async fn an_answer_where_nothing_was_asked_is_illegal() {
    let home = home().await;
    let job = home.submit().await.id;
    let tried = home
        .store
        .decide(job, answer(Decision::Approved, "ann"))
        .await;
    assert_eq!(
        tried.unwrap_err(),
        illegal(JobPhase::Queued, JobEventKind::Approve)
    );
    let nobody = home
        .store
        .decide(JobId(99), answer(Decision::Approved, "ann"))
        .await;
    assert!(matches!(nobody, Err(StoreError::NotFound { what }) if what == "#99"));
    for unsaid in [Decision::Expired, Decision::Withdrawn] {
        let tried = home.store.decide(job, answer(unsaid, "ann")).await;
        assert!(matches!(tried, Err(StoreError::Invalid { .. })));
    }
}

#[tokio::test]
async fn unanswered_questions_expire_and_halt() {
    let home = home().await;
    let first = home.waiting().await;
    let claim = home.executing().await;
    home.store
        .park(claim.fence, home.question(90_000))
        .await
        .unwrap();
    let store = &home.store;
    let due = Timestamp(home.clock.now().0 + 60_000);
    assert_eq!(store.next_expiry().await.unwrap(), Some(due));
    home.clock.advance(59_999);
    assert!(store.expire_approvals().await.unwrap().is_empty());
    home.clock.advance(1);
    assert_eq!(store.expire_approvals().await.unwrap(), [first.job.id]);
    assert!(store.expire_approvals().await.unwrap().is_empty());
    let job = store.job(first.job.id).await.unwrap().unwrap();
    assert!(matches!(
        job.state,
        JobState::Halted {
            reason: HaltReason::ApprovalExpired,
            ..
        }
    ));
    let approval = store.approval(first.job.id).await.unwrap().unwrap();
    assert_eq!(approval.decision, Some(Decision::Expired));
    assert_eq!(approval.decided_by, None);
    assert_eq!(
        store.runs(job.id).await.unwrap()[0].phase,
        RunPhase::Finished
    );
    assert_eq!(
        store.next_expiry().await.unwrap(),
        Some(Timestamp(due.0 + 30_000))
    );
}

#[tokio::test]
async fn a_late_answer_finds_the_question_expired() {
    let home = home().await;
    let asked = home.waiting().await;
    home.clock.advance(60_000);
    let late = home
        .store
        .decide(asked.job.id, answer(Decision::Approved, "ann"))
        .await;
    assert_eq!(
        late.unwrap_err(),
        illegal(JobPhase::Halted, JobEventKind::Approve)
    );
    let job = home.store.job(asked.job.id).await.unwrap().unwrap();
    assert_eq!(
        job.state.phase(),
        JobPhase::Halted,
        "the refusal was committed"
    );
    home.store
        .retry(job.id, NewRetry::of("ann", "cli"))
        .await
        .unwrap();
}

/// Somebody whom the store knows as Ana.
const ANA: &str = "telegram/telegram:11";

#[tokio::test]
async fn who_ends_a_job_is_told_by_name_and_written_down_by_account() {
    let home = home().await;
    let store = &home.store;
    let ana = NewPerson {
        source: "telegram".into(),
        user: "11".into(),
        name: Some("Ana".into()),
        role: sortie_model::people::Role::Approver,
    };
    store.put_person(ana, "cli").await.unwrap();
    let job = home.waiting().await.job.id;
    let no = answer(Decision::Rejected, ANA);
    let rejected = store.decide(job, no).await.unwrap();
    assert_eq!(rejected.job.error.as_deref(), Some("rejected by Ana"));
    let event = store.newest_event(job, "job.rejected").await.unwrap();
    assert_eq!(event.unwrap().data["by"], ANA);
    let other = home.submit().await.id;
    let cancelled = store.cancel(other, ANA, "cli").await.unwrap();
    assert_eq!(cancelled.job.error.as_deref(), Some("cancelled by Ana"));
    assert_eq!(store.called(ANA).await.unwrap(), "Ana");
    assert_eq!(store.called("ben").await.unwrap(), "ben");
}

#[tokio::test]
async fn answers_are_in_the_audit_log() {
    let home = home().await;
    let mut jobs = Vec::new();
    for decision in [Decision::Rejected, Decision::Approved] {
        let job = home.waiting().await.job.id;
        let answered = answer(decision, "ann");
        home.store.decide(job, answered.clone()).await.unwrap();
        // The same again changes nothing.
        home.store.decide(job, answered).await.unwrap();
        jobs.push(job.to_string());
    }
    let filter = AuditFilter {
        action: "approval.".into(),
        ..AuditFilter::default()
    };
    let log = home.store.audit_log(filter).await.unwrap();
    let rows: Vec<_> = log
        .iter()
        .map(|row| (row.action.as_str(), row.actor.as_str(), &row.subject))
        .collect();
    let expected = [
        ("approval.approved", "ann", &jobs[1]),
        ("approval.rejected", "ann", &jobs[0]),
    ];
    assert_eq!(rows, expected);
    assert_eq!(log[0].detail["about"], "review");
    assert_eq!(log[0].detail["commit"], "c0ffee");
    assert_eq!(log[0].detail["via"], "cli");
}
