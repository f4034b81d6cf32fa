//! A call is a transaction: everything it asked for, or nothing.

use crate::rig::{Rig, package, until};
use crate::worker::{ASKS, idler, manifest, packed, worker};
use sortie_platform::lifecycle::Consent;
use sortie_platform::sources::http::Answer;
use sortie_store::MessageState;
use std::time::Duration;
use tokio::task::JoinSet;

const NAME: &str = "worker";

async fn rig() -> Rig {
    let rig = Rig::new().await;
    rig.install(packed(&worker(), &manifest(NAME, "1.0.0", ASKS)))
        .await;
    rig
}

#[tokio::test]
async fn what_a_call_asked_for_is_written_when_it_is_answered() {
    let rig = rig().await;
    let answer = rig.hook(NAME, "1", "c").await.unwrap();
    assert!(matches!(answer, Answer::Handled(None)), "{answer:?}");
    assert_eq!(rig.counted(NAME).await, 1);
    let answer = rig.hook(NAME, "2", "j").await.unwrap();
    assert!(matches!(answer, Answer::Handled(None)), "{answer:?}");
    let jobs = rig.store.jobs(Default::default()).await.unwrap();
    assert_eq!(jobs.len(), 1);
    assert_eq!((&*jobs[0].task, &*jobs[0].project), ("severe", "shop"));
    assert_eq!(jobs[0].requested_by, "plugin:worker");
}

#[tokio::test]
async fn a_trap_after_effects_leaves_nothing_but_the_event() {
    let rig = rig().await;
    let answer = rig.hook(NAME, "1", "t").await.unwrap();
    assert!(matches!(answer, Answer::Taken(_)), "{answer:?}");
    assert_eq!((rig.counted(NAME).await, rig.jobs().await), (0, 0));
    assert_eq!(rig.events(MessageState::Pending).await.len(), 1);
}

#[tokio::test]
async fn an_error_after_effects_leaves_nothing_either() {
    let rig = rig().await;
    let answer = rig.hook(NAME, "1", "e").await.unwrap();
    assert!(matches!(answer, Answer::Taken(_)), "{answer:?}");
    assert_eq!(rig.counted(NAME).await, 0);
}

#[tokio::test]
async fn a_call_sees_what_it_wrote_and_removed() {
    let rig = rig().await;
    rig.hook(NAME, "1", "c").await.unwrap();
    rig.hook(NAME, "2", "c").await.unwrap();
    // Counts to 3, reads, removes, finds nothing, counts to 1.
    let answer = rig.hook(NAME, "3", "o").await.unwrap();
    assert!(matches!(answer, Answer::Handled(None)), "{answer:?}");
    assert_eq!(rig.counted(NAME).await, 1);
}

#[tokio::test]
async fn a_request_that_fails_holds_up_no_other() {
    let rig = rig().await;
    let answer = rig.hook(NAME, "1", "t").await.unwrap();
    assert!(matches!(answer, Answer::Taken(_)), "{answer:?}");
    let answer = rig.hook(NAME, "2", "c").await.unwrap();
    assert!(matches!(answer, Answer::Handled(None)), "{answer:?}");
    assert_eq!(rig.counted(NAME).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_share_keys_take_turns() {
    let rig = std::sync::Arc::new(rig().await);
    let mut tasks = JoinSet::new();
    for n in 0..64 {
        let rig = rig.clone();
        tasks.spawn(async move { rig.hook(NAME, &n.to_string(), "c").await.unwrap() });
    }
    for answer in tasks.join_all().await {
        assert!(matches!(answer, Answer::Handled(None)), "{answer:?}");
    }
    assert_eq!(rig.counted(NAME).await, 64, "none overwrote another");
}

#[tokio::test]
async fn a_repetition_changes_nothing() {
    let rig = rig().await;
    rig.hook(NAME, "same", "c").await.unwrap();
    let again = rig.hook(NAME, "same", "c").await.unwrap();
    assert!(
        matches!(again, Answer::Duplicate(_, MessageState::Done)),
        "{again:?}"
    );
    assert_eq!(rig.counted(NAME).await, 1);
    // Also when the first one is yet to be handled.
    let Answer::Taken(id) = rig.hook(NAME, "bad", "t").await.unwrap() else {
        panic!("it traps");
    };
    let again = rig.hook(NAME, "bad", "t").await.unwrap();
    assert!(
        matches!(again, Answer::Duplicate(same, MessageState::Pending) if same == id),
        "{again:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_is_tried_again_and_written_once() {
    let mut rig = rig().await;
    let answer = rig.hook(NAME, "1", "1").await.unwrap();
    assert!(matches!(answer, Answer::Taken(_)), "{answer:?}");
    rig.run();
    // The worker's own first try is the guest's attempt 1 again.
    until("the first try fails", async || {
        rig.events(MessageState::Pending)
            .await
            .first()
            .is_none_or(|event| event.attempts == 1)
    })
    .await;
    rig.clock.advance(Duration::from_secs(2));
    rig.wake().await;
    until("the second is done", async || {
        !rig.events(MessageState::Done).await.is_empty()
    })
    .await;
    rig.halt().await;
    assert_eq!((rig.counted(NAME).await, rig.jobs().await), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn after_ten_tries_an_event_is_parked_until_a_person_asks_for_another() {
    let mut rig = rig().await;
    let Answer::Taken(id) = rig.hook(NAME, "1", "t").await.unwrap() else {
        panic!("it traps");
    };
    rig.run();
    for tries in 1..10 {
        until("another try", async || {
            let pending = rig.events(MessageState::Pending).await;
            pending.first().is_some_and(|event| event.attempts == tries)
        })
        .await;
        rig.clock.advance(Duration::from_secs(15 * 60));
        rig.wake().await;
    }
    until("it is parked", async || {
        !rig.events(MessageState::Parked).await.is_empty()
    })
    .await;
    let parked = rig.events(MessageState::Parked).await;
    assert_eq!((parked[0].attempts, parked[0].id), (10, id));
    let error = parked[0].error.as_deref().unwrap();
    assert!(error.contains("trapped"), "{error}");
    // No clock brings it back; a better version and a person do.
    let better = packed(&idler(0), &manifest(NAME, "1.1.0", ASKS));
    rig.platform
        .upgrade(package(better), Consent::Before, "ann")
        .await
        .unwrap();
    rig.store.retry_event(id, "ann").await.unwrap();
    until("it is handled", async || {
        !rig.events(MessageState::Done).await.is_empty()
    })
    .await;
    rig.halt().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_disabled_plugin_is_handled_when_it_runs_again() {
    let mut rig = rig().await;
    rig.hook(NAME, "1", "1").await.unwrap();
    rig.platform
        .disable(NAME, Some("for the test"), "ann")
        .await
        .unwrap();
    assert!(rig.hook(NAME, "2", "c").await.is_err(), "it is unknown now");
    let mut rig = {
        rig.run();
        rig.halt().await;
        rig.reopen().await
    };
    rig.run();
    rig.wake().await;
    let pending = rig.events(MessageState::Pending).await;
    assert_eq!(pending[0].attempts, 0, "nobody tried it");
    rig.platform.enable(NAME, "ann").await.unwrap();
    until("it is tried", async || {
        let pending = rig.events(MessageState::Pending).await;
        pending.first().is_none_or(|event| event.attempts > 0)
    })
    .await;
    rig.halt().await;
}
