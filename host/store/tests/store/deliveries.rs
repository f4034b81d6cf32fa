//! What notifiers are told: whom, in which order, and what becomes of it.

use crate::plugin_support::{HOOK, call, done, plugin, set};
use crate::support::{home, open};
use serde_json::json;
use sortie_model::clock::{Clock, Timestamp};
use sortie_model::id::EventSeq;
use sortie_store::limits::MAX_PRUNED;
use sortie_store::{
    Again, CallCause, Delivery, Effect, MessageState, PluginData, Store, StoreError,
};
use std::collections::BTreeMap;

fn made(seq: EventSeq, attempt: u32) -> CallCause {
    CallCause::Delivery {
        seq,
        attempt,
        receipt: Some("message 5".into()),
    }
}

async fn one(store: &Store, seq: EventSeq) -> Delivery {
    let page = store.deliveries(HOOK, None, None, 100).await.unwrap();
    page.into_iter().find(|row| row.seq == seq).unwrap()
}

#[tokio::test]
async fn each_notifier_is_told_of_the_kinds_it_subscribes_to() {
    let home = home().await;
    home.submit().await;
    home.subscribe(&[
        (HOOK, "job.*"),
        (HOOK, "job.running"),
        ("mail", "job.needs_review"),
        ("all", "*"),
    ])
    .await;
    let mut signal = home.store.delivery_signal();
    signal.borrow_and_update();
    let asked = home.waiting().await;
    assert!(signal.has_changed().unwrap());
    let mail = home.store.deliveries_due("mail", 10).await.unwrap();
    assert_eq!(mail.len(), 1);
    assert_eq!(mail[0].kind, "job.needs_review");
    assert_eq!(mail[0].job, Some(asked.job.id));
    assert_eq!(mail[0].data["commit"], "c0ffee");
    assert_eq!((mail[0].attempt, mail[0].at), (1, home.clock.now()));

    let kinds = |notifier: &'static str| {
        let store = home.store.clone();
        async move {
            let rows = store.deliveries(notifier, None, None, 100).await.unwrap();
            rows.into_iter()
                .rev()
                .map(|row| row.kind)
                .collect::<Vec<_>>()
        }
    };
    // The first job was queued before anybody subscribed, and runs first.
    assert_eq!(
        kinds(HOOK).await,
        ["job.queued", "job.running", "job.needs_review"],
        "once, by however many kinds it is meant"
    );
    let all = kinds("all").await;
    assert!(all.contains(&"run.executing".to_owned()), "{all:?}");
    assert_eq!(home.store.queue_stats().await.unwrap().undelivered, 8);

    home.subscribe(&[("mail", "job.*")]).await;
    home.submit().await;
    assert_eq!(kinds(HOOK).await.len(), 3, "it subscribes no more");
    assert_eq!(kinds("mail").await.len(), 2);
}

#[tokio::test]
async fn a_kind_is_a_whole_one_or_a_beginning() {
    let home = home().await;
    for kind in ["", "job.[a-z]", "*.done", "job.?", "Job", "job.*x"] {
        let kinds = BTreeMap::from([(HOOK.to_owned(), vec![kind.to_owned()])]);
        let put = home.store.put_subscriptions(kinds).await;
        assert!(matches!(put, Err(StoreError::Invalid { .. })), "{kind:?}");
    }
}

#[tokio::test]
async fn a_job_s_deliveries_come_one_at_a_time_in_their_order() {
    let home = home().await;
    home.subscribe(&[(HOOK, "job.*")]).await;
    let store = &home.store;
    let a = home.submit().await;
    let b = home.submit().await;
    store.cancel(a.id, "ann", "cli").await.unwrap();
    store.cancel(b.id, "ann", "cli").await.unwrap();
    let seq = |i| EventSeq(i);
    let due = |i, kind: &str| (seq(i), kind.to_owned());
    assert_eq!(
        home.due_deliveries(HOOK).await,
        [due(1, "job.queued"), due(2, "job.queued")]
    );
    let again = Timestamp(home.clock.now().0 + 500);
    store
        .fail_delivery(HOOK, seq(1), 1, "503", Again::At(again))
        .await
        .unwrap();
    assert_eq!(store.next_delivery_due(HOOK).await.unwrap(), Some(again));
    assert_eq!(store.next_delivery_due("mail").await.unwrap(), None);
    done(store, call(made(seq(2), 1), vec![])).await;
    assert_eq!(
        home.due_deliveries(HOOK).await,
        [due(4, "job.cancelled")],
        "another job is not held up, the same one is"
    );
    home.clock.advance(500);
    assert_eq!(home.due_deliveries(HOOK).await.len(), 2);
    let late = store
        .fail_delivery(HOOK, seq(1), 1, "late", Again::Park)
        .await;
    assert!(matches!(late, Err(StoreError::Settled { .. })));
    store
        .fail_delivery(HOOK, seq(1), 2, "410", Again::Park)
        .await
        .unwrap();
    assert_eq!(
        home.due_deliveries(HOOK).await,
        [due(3, "job.cancelled"), due(4, "job.cancelled")]
    );
    let parked = one(store, seq(1)).await;
    assert_eq!(parked.state, MessageState::Parked);
    assert_eq!(parked.error.as_deref(), Some("410"));
    let page = store
        .deliveries(HOOK, Some(MessageState::Parked), None, 10)
        .await
        .unwrap();
    assert_eq!(page, [parked]);

    store.retry_delivery(HOOK, seq(1), "ann").await.unwrap();
    let first = store.deliveries_due(HOOK, 10).await.unwrap();
    let first = first.iter().find(|due| due.job == Some(a.id)).unwrap();
    assert_eq!((first.seq, first.attempt), (seq(1), 3));
    assert_eq!(first.attempts_before_retry, 2);
    store.drop_delivery(HOOK, seq(1), "ann").await.unwrap();
    done(store, call(made(seq(3), 1), vec![])).await;
    assert_eq!(home.due_deliveries(HOOK).await, [due(4, "job.cancelled")]);
    assert_eq!(
        home.actions(HOOK).await,
        ["delivery.retried", "delivery.dropped"]
    );
    let twice = store.commit_call(call(made(seq(3), 1), vec![])).await;
    assert!(matches!(twice, Err(StoreError::Settled { .. })));
    let nobody = store.drop_delivery("mail", seq(3), "ann").await;
    assert!(matches!(nobody, Err(StoreError::NotFound { what }) if what.contains("mail")));
}

#[tokio::test]
async fn a_delivery_is_made_together_with_what_its_call_asked_for() {
    let home = home().await;
    home.subscribe(&[(HOOK, "job.*")]).await;
    let store = &home.store;
    home.submit().await;
    let seq = EventSeq(1);
    let bad = vec![
        set("told", "1"),
        Effect::KvSet {
            key: "big".into(),
            value: vec![0; 2_000],
        },
    ];
    let over = store.commit_call(call(made(seq, 1), bad)).await;
    assert!(matches!(over, Err(StoreError::Quota { .. })));
    assert_eq!(one(store, seq).await.state, MessageState::Pending);
    assert_eq!(store.kv_get(HOOK, "told").await.unwrap(), None);
    done(store, call(made(seq, 1), vec![set("told", "1")])).await;
    let told = one(store, seq).await;
    assert_eq!(told.state, MessageState::Done);
    assert_eq!(told.receipt.as_deref(), Some("message 5"));
    assert!(store.kv_get(HOOK, "told").await.unwrap().is_some());
    assert_eq!(store.queue_stats().await.unwrap().undelivered, 0);
}

#[tokio::test]
async fn a_removed_notifier_is_told_no_more_and_old_deliveries_are_pruned() {
    let home = home().await;
    home.subscribe(&[(HOOK, "job.*"), ("mail", "job.*")]).await;
    let store = &home.store;
    store
        .install_plugin(plugin(HOOK, "0.1.0", 'a'), json!({}), None, "ann")
        .await
        .unwrap();
    let jobs = MAX_PRUNED + 3;
    for _ in 0..jobs {
        home.submit().await;
    }
    store
        .remove_plugin(HOOK, PluginData::Keep, "ann")
        .await
        .unwrap();
    home.submit().await;
    assert!(home.due_deliveries(HOOK).await.is_empty());
    assert_eq!(
        store.queue_stats().await.unwrap().undelivered,
        u64::from(jobs) + 1,
        "the other notifier's wait as before"
    );
    home.clock.advance(1);
    let now = home.clock.now();
    let mut pruned = Vec::new();
    loop {
        let some = store.prune_deliveries(now).await.unwrap();
        if some == 0 {
            break;
        }
        pruned.push(some);
    }
    assert_eq!(pruned, [MAX_PRUNED as usize, 3]);
    let left = store.deliveries(HOOK, None, None, 10).await.unwrap();
    assert_eq!(left, []);

    let (dir, clock) = (home.dir, home.clock);
    home.store.close().await;
    let store = open(dir.path(), &clock);
    let due = store.deliveries_due("mail", 2_000).await.unwrap();
    assert_eq!(
        due.len(),
        1_000,
        "a page is bounded, and a restart loses none"
    );
}
