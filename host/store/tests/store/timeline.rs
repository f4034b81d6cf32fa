//! Events, and the small facts.

use crate::support::{home, open};
use serde_json::json;
use sortie_model::id::EventSeq;
use sortie_store::{NewRetry, StoreError};

#[tokio::test]
async fn a_listener_resumes_after_the_last_event_it_saw() {
    let home = home().await;
    let signal = home.store.event_signal();
    assert_eq!(*signal.borrow(), EventSeq(0));
    let claim = home.running().await;
    let other = home.submit().await;
    let seq = home
        .store
        .emit(claim.fence, "agent.output", json!({ "text": "hello" }))
        .await
        .unwrap();
    assert_eq!(*signal.borrow(), seq, "the signal holds what is committed");
    let all = home
        .store
        .events_after(EventSeq(0), None, 100)
        .await
        .unwrap();
    let kinds: Vec<_> = all.iter().map(|e| (e.job, e.kind.as_str())).collect();
    assert_eq!(
        kinds,
        [
            (Some(claim.job.id), "job.queued"),
            (Some(claim.job.id), "job.running"),
            (Some(other.id), "job.queued"),
            (Some(claim.job.id), "agent.output"),
        ]
    );
    assert!(all.windows(2).all(|pair| pair[0].seq < pair[1].seq));
    let page = home.store.events_after(all[0].seq, None, 2).await.unwrap();
    assert_eq!(page, all[1..3]);
    let of_job = home
        .store
        .events_after(all[1].seq, Some(claim.job.id), 100)
        .await
        .unwrap();
    assert_eq!(of_job, all[3..]);
    assert_eq!(of_job[0].data, json!({ "text": "hello" }));
    assert!(
        home.store
            .events_after(seq, None, 100)
            .await
            .unwrap()
            .is_empty()
    );

    let (dir, clock) = (home.dir, home.clock);
    home.store.close().await;
    let store = open(dir.path(), &clock);
    assert_eq!(*store.event_signal().borrow(), seq, "it survives a restart");
}

#[tokio::test]
async fn a_refused_move_leaves_no_event() {
    let home = home().await;
    let job = home.submit().await;
    let before = *home.store.event_signal().borrow();
    home.store
        .retry(job.id, NewRetry::of("ann", "cli"))
        .await
        .unwrap_err();
    assert_eq!(*home.store.event_signal().borrow(), before);
    assert_eq!(home.kinds(job.id).await, ["job.queued"]);
}

#[tokio::test]
async fn small_facts_are_kept_and_the_store_s_own_are_its_own() {
    let home = home().await;
    let store = &home.store;
    assert_eq!(store.meta_get("api.token_hash").await.unwrap(), None);
    store.meta_put("api.token_hash", "aa").await.unwrap();
    store.meta_put("api.token_hash", "bb").await.unwrap();
    assert_eq!(
        store.meta_get("api.token_hash").await.unwrap().as_deref(),
        Some("bb")
    );
    let own = store.meta_put("store.last_token", "0").await;
    assert!(matches!(own, Err(StoreError::Invalid { .. })));
    assert_eq!(store.instance_id().len(), 32);
    store.health().await.unwrap();

    let id = store.instance_id().to_owned();
    let (dir, clock) = (home.dir, home.clock);
    home.store.close().await;
    let store = open(dir.path(), &clock);
    assert_eq!(store.instance_id(), id);
    assert_eq!(
        store.meta_get("api.token_hash").await.unwrap().as_deref(),
        Some("bb")
    );
}
