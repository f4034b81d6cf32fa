//! Events that come in: once, in order, tried again, parked, dropped, pruned.

use crate::plugin_support::{HOOK, call, done, due_ids, event, key, listed, of, plugin, waiting};
use crate::support::{home, open};
use serde_json::json;
use sortie_model::clock::{Clock, Timestamp};
use sortie_model::id::PluginEventId;
use sortie_store::limits::{MAX_EVENT_BYTES, MAX_FAILURE_BYTES, MAX_OPEN_EVENTS, MAX_PRUNED};
use sortie_store::{
    Accepted, Again, CallCause, Committed, DeliveryKey, MessageState, NewPluginEvent, PluginData,
    PluginEventFilter, StoreError,
};
use std::collections::BTreeSet;

#[tokio::test]
async fn an_event_reads_back_as_it_came_in() {
    let home = home().await;
    let store = &home.store;
    let mut signal = store.inbound_signal();
    signal.borrow_and_update();
    let new = event(store, "one").await;
    let accepted = store.accept_event(new.clone()).await.unwrap();
    assert_eq!(accepted, Accepted::New(new.id));
    assert!(signal.has_changed().unwrap());
    let due = store.due_events(HOOK, 10).await.unwrap();
    assert_eq!(due.len(), 1);
    assert_eq!(due[0].id, new.id);
    assert_eq!((&*due[0].plugin, &*due[0].source), (HOOK, "hook"));
    assert_eq!(due[0].payload, b"one");
    assert_eq!(due[0].sender, new.sender);
    assert_eq!((due[0].attempt, due[0].attempts_before_retry), (1, 0));
    assert_eq!(due[0].received_at, home.clock.now());
    let said = store.event_payload(new.id).await.unwrap();
    assert_eq!(said.as_deref(), Some(&b"one"[..]));
    let shown = listed(store).await;
    assert_eq!(shown[0].state, MessageState::Pending);
    assert_eq!(shown[0].payload_bytes, 3);
}

#[tokio::test]
async fn of_many_deliveries_of_one_event_exactly_one_is_taken_in() {
    let home = home().await;
    for round in 0..4 {
        let delivery = format!("round {round}");
        let mut tasks = Vec::new();
        for client in 0..64 {
            let (store, delivery) = (home.store.clone(), delivery.clone());
            tasks.push(tokio::spawn(async move {
                let new = event(&store, &delivery).await;
                let id = new.id;
                // Half of them wait for their turn, half are handled at once.
                let first = match client % 2 {
                    0 => match store.accept_event(new).await.unwrap() {
                        Accepted::New(id) => (true, id),
                        Accepted::Duplicate(id, _) => (false, id),
                    },
                    _ => match store
                        .commit_call(call(CallCause::NewEvent(new), vec![]))
                        .await
                    {
                        Ok(Committed::Done { .. }) => (true, id),
                        Ok(Committed::Duplicate(id, _)) => (false, id),
                        Err(error) => panic!("{error}"),
                    },
                };
                (first, id)
            }));
        }
        let (mut news, mut named, mut numbers) = (0, BTreeSet::new(), BTreeSet::new());
        for task in tasks {
            let ((new, id), own) = task.await.unwrap();
            news += usize::from(new);
            named.insert(id);
            assert!(numbers.insert(own), "{own} was given twice");
        }
        assert_eq!(news, 1, "round {round}");
        assert_eq!(named.len(), 1, "all are told of the same event");
        let event = *named.iter().next().unwrap();
        if due_ids(&home.store).await.contains(&event.0) {
            done(&home.store, call(of(event, 1), vec![])).await;
        }
    }
    assert_eq!(listed(&home.store).await.len(), 4);
}

#[tokio::test]
async fn the_same_delivery_elsewhere_or_later_is_another() {
    let home = home().await;
    let store = &home.store;
    let short = Some(DeliveryKey {
        window_ms: Some(600_000),
        ..key("same")
    });
    let new = |source: &'static str| async move {
        NewPluginEvent {
            source: source.into(),
            delivery: short,
            ..event(store, "x").await
        }
    };
    let first = new("hook").await;
    let id = first.id;
    store.accept_event(first).await.unwrap();
    let elsewhere = store.accept_event(new("other").await).await.unwrap();
    assert!(matches!(elsewhere, Accepted::New(_)));
    home.clock.advance(599_999);
    let again = store.accept_event(new("hook").await).await.unwrap();
    assert_eq!(again, Accepted::Duplicate(id, MessageState::Pending));
    home.clock.advance(1);
    let later = store.accept_event(new("hook").await).await.unwrap();
    assert!(matches!(later, Accepted::New(_)), "{later:?}");

    let mut keyless = event(store, "x").await;
    keyless.delivery = None;
    keyless.source = "timer".into();
    for _ in 0..2 {
        keyless.id = store.reserve_event_id().await.unwrap();
        let made = store.accept_event(keyless.clone()).await.unwrap();
        assert_eq!(made, Accepted::New(keyless.id));
    }
}

#[tokio::test]
async fn the_events_of_a_source_come_one_at_a_time_in_their_order() {
    let home = home().await;
    let store = &home.store;
    let late = event(store, "late").await;
    let a = waiting(store, "a").await;
    let b = waiting(store, "b").await;
    let mut other = event(store, "c").await;
    other.source = "other".into();
    let c = other.id;
    store.accept_event(other).await.unwrap();
    assert_eq!(due_ids(store).await, [a.0, c.0], "the first of each source");

    let again = Timestamp(home.clock.now().0 + 1_000);
    store
        .fail_event(a, 1, "no route", Again::At(again))
        .await
        .unwrap();
    assert_eq!(due_ids(store).await, [c.0], "those behind it wait too");
    assert_eq!(store.next_event_due(HOOK).await.unwrap(), Some(again));
    let early = late.id;
    store.accept_event(late).await.unwrap();
    assert_eq!(
        due_ids(store).await,
        [early.0, c.0],
        "the order is that of numbers, whenever they are stored"
    );
    done(store, call(of(early, 1), vec![])).await;
    home.clock.advance(1_000);
    assert_eq!(due_ids(store).await, [c.0, a.0]);
    assert_eq!(store.due_events(HOOK, 10).await.unwrap()[1].attempt, 2);
    store
        .fail_event(a, 2, &"x".repeat(5_000), Again::Park)
        .await
        .unwrap();
    assert_eq!(
        due_ids(store).await,
        [b.0, c.0],
        "one that is parked holds up nobody"
    );
    let parked = PluginEventFilter {
        plugin: Some(HOOK.into()),
        state: Some(MessageState::Parked),
        ..Default::default()
    };
    let parked = store.plugin_events(parked).await.unwrap();
    assert_eq!(parked.len(), 1);
    assert_eq!((parked[0].id, parked[0].attempts), (a, 2));
    assert_eq!(parked[0].error.as_ref().unwrap().len(), MAX_FAILURE_BYTES);

    store.retry_event(a, "ann").await.unwrap();
    assert_eq!(due_ids(store).await, [c.0, a.0], "and comes first again");
    let due = store.due_events(HOOK, 10).await.unwrap();
    assert_eq!((due[1].attempt, due[1].attempts_before_retry), (3, 2));
    // Whoever handled the other one meanwhile may finish it.
    done(store, call(of(b, 1), vec![])).await;
    store.drop_event(a, "ann").await.unwrap();
    assert_eq!(due_ids(store).await, [c.0]);
    assert_eq!(home.actions(HOOK).await, ["event.retried", "event.dropped"]);
    let dropped = listed(store).await;
    let dropped = dropped.iter().find(|event| event.id == a).unwrap();
    assert_eq!(dropped.error.as_deref(), Some("dropped by ann"));
    assert_eq!(store.event_payload(a).await.unwrap(), None);
}

#[tokio::test]
async fn a_try_that_is_not_the_next_one_changes_nothing() {
    let home = home().await;
    let store = &home.store;
    let a = waiting(store, "a").await;
    let now = Again::At(home.clock.now());
    store.fail_event(a, 1, "first", now).await.unwrap();
    for attempt in [0, 1, 3] {
        let failed = store.fail_event(a, attempt, "late", Again::Park).await;
        assert!(
            matches!(failed, Err(StoreError::Settled { .. })),
            "{failed:?}"
        );
        let late = store.commit_call(call(of(a, attempt), vec![])).await;
        assert!(matches!(late, Err(StoreError::Settled { .. })), "{late:?}");
    }
    done(store, call(of(a, 2), vec![])).await;
    let settled = [
        store.retry_event(a, "ann").await,
        store.drop_event(a, "ann").await,
        store.fail_event(a, 3, "late", Again::Park).await,
    ];
    for refused in settled {
        let text = refused.unwrap_err().to_string();
        assert!(text.contains("it is done already"), "{text}");
    }
    let unknown = store.retry_event(PluginEventId(99_999), "ann").await;
    assert!(matches!(unknown, Err(StoreError::NotFound { .. })));
    let stranger = waiting(store, "b").await;
    let mut theirs = call(of(stranger, 1), vec![]);
    theirs.plugin = "other".into();
    let theirs = store.commit_call(theirs).await;
    assert!(matches!(theirs, Err(StoreError::NotFound { .. })));
}

#[tokio::test]
async fn a_disabled_plugin_s_events_wait_until_it_is_enabled() {
    let home = home().await;
    let store = &home.store;
    let new = plugin(HOOK, "0.1.0", 'a');
    let digest = new.digest.clone();
    let grant = json!({});
    store.install_plugin(new, grant, None, "ann").await.unwrap();
    let a = waiting(store, "a").await;
    store.disable_plugin(HOOK, "a test", "ann").await.unwrap();
    assert!(due_ids(store).await.is_empty());
    let mut signal = store.inbound_signal();
    signal.borrow_and_update();
    store.enable_plugin(HOOK, &digest, "ann").await.unwrap();
    assert!(signal.has_changed().unwrap());
    assert_eq!(due_ids(store).await, [a.0]);

    let mut tick = event(store, "tick").await;
    tick.cursor = Some(json!({ "tick": 7 }));
    store.accept_event(tick).await.unwrap();
    let cursor = store.source_cursor(HOOK, "hook").await.unwrap();
    assert_eq!(cursor, Some(json!({ "tick": 7 })));
    store
        .remove_plugin(HOOK, PluginData::Erase, "ann")
        .await
        .unwrap();
    assert!(due_ids(store).await.is_empty());
    let states = listed(store).await.into_iter().map(|event| event.state);
    assert_eq!(states.collect::<Vec<_>>(), [MessageState::Dropped; 2]);
    assert_eq!(store.source_cursor(HOOK, "hook").await.unwrap(), None);
}

#[tokio::test]
async fn a_source_that_waits_too_long_is_pushed_back() {
    let home = home().await;
    let store = &home.store;
    // One that is parked takes disk as well.
    let parked = waiting(store, "parked").await;
    store
        .fail_event(parked, 1, "no", Again::Park)
        .await
        .unwrap();
    let mut last = Vec::new();
    for i in 1..MAX_OPEN_EVENTS {
        let new = NewPluginEvent {
            delivery: None,
            ..event(store, "x").await
        };
        let store = store.clone();
        last.push(tokio::spawn(async move { store.accept_event(new).await }));
        if i % 500 == 0 {
            for task in last.drain(..) {
                task.await.unwrap().unwrap();
            }
        }
    }
    for task in last {
        task.await.unwrap().unwrap();
    }
    let error = store
        .accept_event(event(store, "one too many").await)
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::Backlog { .. }) && error.may_pass());
    assert!(error.to_string().contains("sortie plugin events webhook"));
    let mut other = event(store, "elsewhere").await;
    other.source = "other".into();
    store.accept_event(other).await.unwrap();

    let mut huge = event(store, "huge").await;
    huge.payload = vec![0; MAX_EVENT_BYTES + 1];
    let huge = store.accept_event(huge).await;
    assert!(matches!(huge, Err(StoreError::Invalid { .. })));
}

#[tokio::test]
async fn what_was_settled_is_remembered_until_it_is_pruned() {
    let home = home().await;
    let store = &home.store;
    let total = MAX_PRUNED + 5;
    for i in 0..total {
        let new = event(store, &format!("{i}")).await;
        done(store, call(CallCause::NewEvent(new), vec![])).await;
    }
    let parked = waiting(store, "parked").await;
    store
        .fail_event(parked, 1, "no", Again::Park)
        .await
        .unwrap();
    let repeated = event(store, "0").await;
    let repeated = store.accept_event(repeated).await.unwrap();
    assert!(matches!(
        repeated,
        Accepted::Duplicate(_, MessageState::Done)
    ));

    let now = home.clock.now();
    assert_eq!(store.prune_events(now).await.unwrap(), 0, "not before then");
    home.clock.advance(1);
    let now = home.clock.now();
    assert_eq!(store.prune_events(now).await.unwrap(), MAX_PRUNED as usize);
    assert_eq!(store.prune_events(now).await.unwrap(), 5);
    assert_eq!(store.prune_events(now).await.unwrap(), 0);
    let left = listed(store).await;
    assert_eq!(left.len(), 1, "what somebody may still retry stays");
    assert_eq!(left[0].id, parked);
}

#[tokio::test]
async fn numbers_are_never_given_twice_and_a_clean_restart_leaves_no_gap() {
    let home = home().await;
    let store = &home.store;
    assert_eq!(home.submit().await.id.0, 1);
    let mut tasks = Vec::new();
    for i in 0..300 {
        let store = store.clone();
        tasks.push(tokio::spawn(async move {
            match i % 3 {
                0 => {
                    let new = crate::support::new_job("alpha", "x");
                    store.submit(new).await.unwrap().job.id
                }
                _ => store.reserve_job_id().await.unwrap(),
            }
        }));
    }
    let mut seen = BTreeSet::new();
    for task in tasks {
        assert!(seen.insert(task.await.unwrap()));
    }
    let greatest = seen.last().unwrap().0;
    assert_eq!(greatest, 301, "and none is left out");
    let event = store.reserve_event_id().await.unwrap();
    let (dir, clock) = (home.dir, home.clock);
    home.store.close().await;
    let store = open(dir.path(), &clock);
    assert_eq!(store.reserve_job_id().await.unwrap().0, 302);
    assert_eq!(store.reserve_event_id().await.unwrap().0, event.0 + 1);
    drop(store);
    // A handle that was only dropped did not give back what it had reserved.
    let store = open(dir.path(), &clock);
    assert!(store.reserve_job_id().await.unwrap().0 > 302);
}

#[tokio::test]
async fn what_is_in_no_line_waits_for_nothing_before_it() {
    let home = home().await;
    let store = &home.store;
    let loose = |delivery: &'static str| async move {
        NewPluginEvent {
            in_line: false,
            ..event(store, delivery).await
        }
    };
    let first = loose("first").await;
    let bad = first.id;
    store.accept_event(first).await.unwrap();
    let second = loose("second").await;
    let fine = second.id;
    store.accept_event(second).await.unwrap();
    assert_eq!(due_ids(store).await, [bad.0, fine.0]);
    let at = home.clock.now().plus(std::time::Duration::from_secs(2));
    store.fail_event(bad, 1, "no", Again::At(at)).await.unwrap();
    // The one that waits for its next try holds up neither what waits nor what
    // is handled as it comes.
    assert_eq!(due_ids(store).await, [fine.0]);
    done(store, call(of(fine, 1), vec![])).await;
    done(
        store,
        call(CallCause::NewEvent(loose("third").await), vec![]),
    )
    .await;
    assert_eq!(store.next_event_due(HOOK).await.unwrap(), Some(at));
    // Parked and asked for again, it is due whatever else waits.
    home.clock.advance(2_000);
    store.fail_event(bad, 2, "no", Again::Park).await.unwrap();
    let other = loose("other").await.id;
    let waits = NewPluginEvent {
        id: other,
        ..loose("waits").await
    };
    store.accept_event(waits).await.unwrap();
    assert_eq!(due_ids(store).await, [other.0]);
    store.retry_event(bad, "ann").await.unwrap();
    assert_eq!(due_ids(store).await, [bad.0, other.0]);
    // A line of the same source moves by itself.
    let lined = waiting(store, "lined").await;
    let behind = waiting(store, "behind").await;
    assert!(due_ids(store).await.contains(&lined.0));
    assert!(!due_ids(store).await.contains(&behind.0));
    done(store, call(of(lined, 1), vec![])).await;
    assert!(due_ids(store).await.contains(&behind.0));
}
