//! What the host tells of itself; pauses; reminders; statistics.

use crate::support::{PLENTY, answer, home};
use futures::future::join_all;
use serde_json::json;
use sortie_model::approval::Decision;
use sortie_model::clock::{Clock, Timestamp};
use sortie_model::halt::HaltReason;
use sortie_model::job::JobEvent;
use sortie_store::limits::MAX_QUEUED_COUNTED;
use sortie_store::{NewAnswer, NewApproval, RunEnd, StoreError};

#[tokio::test]
async fn a_pause_holds_new_runs_alone() {
    let home = home().await;
    let store = &home.store;
    let asked = home.waiting().await;
    assert!(
        store
            .pause_intake("ann", "cli", Some("lunch"))
            .await
            .unwrap()
    );
    assert!(!store.pause_intake("bob", "cli", None).await.unwrap());
    let queued = home.submit().await;
    let told = store.newest_event(queued.id, "job.queued").await.unwrap();
    assert_eq!(told.unwrap().data["paused"], true);
    assert!(!store.has_claimable().await.unwrap());
    assert_eq!(store.claim(PLENTY).await.unwrap(), None);
    let yes = answer(Decision::Approved, "ann");
    store.decide(asked.job.id, yes).await.unwrap();
    let claim = store.claim(PLENTY).await.unwrap().unwrap();
    assert_eq!(claim.job.id, asked.job.id, "what was released goes on");
    assert_eq!(store.intake_pause().await.unwrap().unwrap().by, "ann");
    assert!(store.resume_intake("ann", "cli").await.unwrap());
    assert!(!store.resume_intake("ann", "cli").await.unwrap());
    let claim = store.claim(PLENTY).await.unwrap().unwrap();
    assert_eq!(claim.job.id, queued.id);
}

#[tokio::test]
async fn host_events_reach_a_notifier_in_order_and_once() {
    let home = home().await;
    let store = &home.store;
    home.subscribe(&[("mail", "host.*")]).await;
    let once = Some(("digest", "monday"));
    let first = store
        .tell_host("host.digest", json!({}), once)
        .await
        .unwrap();
    assert!(first.is_some());
    let again = store
        .tell_host("host.digest", json!({}), once)
        .await
        .unwrap();
    assert_eq!(again, None);
    store.alarm(json!({ "halts": 3 }), true).await.unwrap();
    let kinds: Vec<_> = home.due_deliveries("mail").await;
    assert_eq!(kinds.len(), 1, "one line");
    assert_eq!(kinds[0].1, "host.digest");
    assert_eq!(store.intake_pause().await.unwrap().unwrap().by, "sortie");
    let all = store.deliveries("mail", None, None, 10).await.unwrap();
    let kinds: Vec<_> = all.iter().rev().map(|d| (d.kind.as_str(), d.job)).collect();
    assert_eq!(
        kinds,
        [
            ("host.digest", None),
            ("host.alarm", None),
            ("host.paused", None)
        ]
    );
}

#[tokio::test]
async fn a_question_is_reminded_of_once() {
    let home = home().await;
    let store = &home.store;
    let claim = home.executing().await;
    let now = home.clock.now();
    let question = NewApproval {
        remind_at: Some(Timestamp(now.0 + 45_000)),
        evidence: Some(json!({ "findings_total": 0 })),
        ..home.question(60_000)
    };
    let id = store.park(claim.fence, question).await.unwrap();
    assert_eq!(
        store.next_expiry().await.unwrap(),
        Some(Timestamp(now.0 + 45_000))
    );
    assert!(store.remind_due().await.unwrap().is_empty());
    home.clock.advance(45_000);
    assert_eq!(store.remind_due().await.unwrap(), [claim.job.id]);
    assert!(store.remind_due().await.unwrap().is_empty());
    let told = store
        .newest_event(claim.job.id, "approval.reminder")
        .await
        .unwrap();
    let told = told.unwrap().data;
    assert_eq!(
        (&told["approval"], &told["left_ms"]),
        (&json!(id.0), &json!(15_000))
    );

    let named = |of| NewAnswer {
        approval: Some(of),
        ..answer(Decision::Approved, "ann")
    };
    let stray = store
        .decide(claim.job.id, named(sortie_model::id::ApprovalId(99)))
        .await;
    assert!(matches!(stray, Err(StoreError::NotFound { .. })));
    assert!(store.decide(claim.job.id, named(id)).await.unwrap().changed);
    assert!(!store.decide(claim.job.id, named(id)).await.unwrap().changed);
}

#[tokio::test]
async fn an_answer_to_an_earlier_question_is_refused() {
    let home = home().await;
    let store = &home.store;
    let first = home.waiting().await;
    let job = first.job.id;
    let asked = store.approval(job).await.unwrap().unwrap().id;
    store
        .decide(job, answer(Decision::Approved, "ann"))
        .await
        .unwrap();
    let again = store.claim(PLENTY).await.unwrap().unwrap();
    home.execute(again.fence).await;
    let open = store
        .park(again.fence, home.question(60_000))
        .await
        .unwrap();
    let no = NewAnswer {
        approval: Some(asked),
        ..answer(Decision::Rejected, "bob")
    };
    let refused = store.decide(job, no).await.unwrap_err();
    assert_eq!(refused, StoreError::OtherQuestion { job, asked: open });
    assert_eq!(
        store.approval_of(open).await.unwrap().unwrap().decision,
        None
    );
}

#[tokio::test]
async fn statistics_count_what_ended() {
    let home = home().await;
    let store = &home.store;
    let one = home.running().await;
    home.succeed(one.fence).await;
    let two = home.running().await;
    let halted = JobEvent::Halted {
        reason: HaltReason::NoChanges,
        detail: "nothing".into(),
    };
    store
        .finish(two.fence, halted, RunEnd::default())
        .await
        .unwrap();
    home.waiting().await;
    let stats = store.stats(24, true).await.unwrap();
    assert_eq!(
        (stats.tasks.total, stats.tasks.succeeded, stats.tasks.halted),
        (2, 1, 1)
    );
    assert_eq!(stats.success_percent, Some(50));
    assert_eq!((stats.queue.waiting, stats.queue.queued), (1, 0));
    assert_eq!(stats.jobs.unwrap().len(), 2);
    assert_eq!(stats.waiting.unwrap().len(), 1);
    let halts = store.halts_since(Timestamp(0)).await.unwrap();
    assert_eq!(halts, [(HaltReason::NoChanges, 1)]);
    let tallies = store.project_tallies().await.unwrap();
    assert_eq!(tallies.len(), 2);
}

#[tokio::test]
async fn of_a_long_queue_a_thousand_are_counted() {
    let home = home().await;
    let over = MAX_QUEUED_COUNTED + 1;
    join_all((0..over).map(|_| home.submit())).await;
    let tallies = home.store.project_tallies().await.unwrap();
    let alpha = tallies.iter().find(|tally| tally.name == "alpha").unwrap();
    assert_eq!((alpha.running, alpha.queued), (0, MAX_QUEUED_COUNTED));
}

#[tokio::test]
async fn of_progress_only_the_newest_waits() {
    let home = home().await;
    let store = &home.store;
    home.subscribe(&[("mail", "agent.progress")]).await;
    let claim = home.executing().await;
    for n in 0..10 {
        store
            .emit(claim.fence, "agent.progress", json!({ "text": n }))
            .await
            .unwrap();
    }
    let all = store.deliveries("mail", None, None, 100).await.unwrap();
    assert_eq!(all.len(), 2, "the head and the newest");
}
