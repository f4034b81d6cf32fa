//! Messages that go without a further note: which of them may, and what becomes
//! of that when others go, when they fail and when another host takes over.

use crate::plugin_support::{HOOK, call, done, event};
use crate::support::{Home, home};
use serde_json::json;
use sortie_model::clock::Clock;
use sortie_store::limits::MAX_PERMITS;
use sortie_store::{Again, CallCause, ChatPlace, Effect, Store};

const SOURCE: &str = "telegram";

/// A home that knows a chat which got as far as message 41.
async fn home_with_chat() -> Home {
    let home = home().await;
    home.store.chat_reached(SOURCE, "12", 41).await.unwrap();
    home
}

/// Queues a message to a chat; returns its place in the queue.
async fn say(store: &Store, cause: CallCause, chat: &str) -> u64 {
    let effect = Effect::ChatSend {
        number: store.reserve_chat_number().await.unwrap(),
        place: ChatPlace {
            source: SOURCE.into(),
            chat: chat.into(),
            thread: None,
        },
        message: json!({ "message": { "text": "hello" } }),
        actions: Vec::new(),
    };
    done(store, call(cause, vec![effect])).await;
    let queue = store.chat_queue(SOURCE, 0, 1_000).await.unwrap();
    queue.last().unwrap().id
}

/// Queues an answer to somebody who wrote there.
async fn answer(store: &Store, chat: &str, delivery: &str) -> u64 {
    let cause = CallCause::NewEvent(event(store, delivery).await);
    say(store, cause, chat).await
}

/// The floor of a task, and whether it is begun.
async fn noted(store: &Store, id: u64) -> (Option<i64>, bool) {
    let queue = store.chat_queue(SOURCE, 0, 1_000).await.unwrap();
    let head = queue.iter().find(|head| head.id == id).unwrap();
    let task = store.chat_task(id).await.unwrap().unwrap();
    assert_eq!(task.begun, head.begun);
    (task.floor, task.begun)
}

#[tokio::test]
async fn of_one_chat_one_answer_has_a_permit() {
    let home = home_with_chat().await;
    let store = &home.store;
    let unknown = answer(store, "11", "a").await;
    assert_eq!(noted(store, unknown).await, (None, false));
    assert!(!store.chat_is_sending(SOURCE, "12", 42).await.unwrap());
    let first = answer(store, "12", "b").await;
    assert_eq!(noted(store, first).await, (Some(41), false));
    assert!(store.chat_is_sending(SOURCE, "12", 42).await.unwrap());
    let older = store.chat_is_sending(SOURCE, "12", 41).await.unwrap();
    assert!(!older, "it was there before");
    let second = answer(store, "12", "c").await;
    assert_eq!(noted(store, second).await, (None, false));
    store.chat_reached(SOURCE, "13", 7).await.unwrap();
    let elsewhere = answer(store, "13", "d").await;
    assert_eq!(noted(store, elsewhere).await, (Some(7), false));

    store.chat_done(first, 0, Some("42".into())).await.unwrap();
    assert!(!store.chat_is_sending(SOURCE, "12", 43).await.unwrap());
    let third = answer(store, "12", "e").await;
    let waits = noted(store, third).await;
    assert_eq!(waits, (None, false), "the second goes first");
    for (id, called) in [(second, "43"), (third, "44")] {
        let called = Some(called.to_owned());
        store.chat_done(id, 0, called).await.unwrap();
    }
    let fourth = answer(store, "12", "f").await;
    assert_eq!(noted(store, fourth).await, (Some(44), false));
}

#[tokio::test]
async fn who_is_begun_takes_the_permit_of_the_others_of_its_chat() {
    let home = home_with_chat().await;
    let store = &home.store;
    store.chat_reached(SOURCE, "13", 7).await.unwrap();
    let first = answer(store, "12", "a").await;
    let second = answer(store, "12", "b").await;
    let elsewhere = answer(store, "13", "c").await;
    assert!(store.chat_begin(second, 45).await.unwrap());
    assert_eq!(noted(store, first).await, (None, false));
    assert_eq!(noted(store, second).await, (Some(45), true));
    assert_eq!(noted(store, elsewhere).await, (Some(7), false));
    let third = answer(store, "12", "d").await;
    assert_eq!(noted(store, third).await, (None, false), "one is begun");
    assert!(store.chat_begin(first, 46).await.unwrap());
    let left = noted(store, second).await;
    assert_eq!(left, (Some(45), true), "it may be there");
}

#[tokio::test]
async fn what_was_tried_with_its_permit_is_begun() {
    let home = home_with_chat().await;
    let store = &home.store;
    let first = answer(store, "12", "a").await;
    let again = Again::At(home.clock.now());
    store.chat_failed(first, "cut", again, true).await.unwrap();
    assert_eq!(noted(store, first).await, (Some(41), true));
    let second = answer(store, "12", "b").await;
    assert_eq!(noted(store, second).await, (None, false));
    store
        .chat_failed(second, "busy", again, true)
        .await
        .unwrap();
    let left = noted(store, second).await;
    assert_eq!(left, (None, false), "it had none");
    assert!(store.chat_begin(second, 45).await.unwrap());
    assert_eq!(noted(store, first).await, (Some(41), true));
}

#[tokio::test]
async fn what_a_person_has_tried_again_is_not_looked_for() {
    let home = home_with_chat().await;
    let store = &home.store;
    let first = answer(store, "12", "a").await;
    for unsent in [false, true] {
        assert!(store.chat_parked(first, 0, "late", unsent).await.unwrap());
        store.retry_chat(first, "ann").await.unwrap();
        assert_eq!(noted(store, first).await, (None, false), "{unsent}");
        assert!(store.chat_begin(first, 45).await.unwrap());
    }
}

#[tokio::test]
async fn another_host_takes_a_permit_for_used() {
    let home = home_with_chat().await;
    let store = &home.store;
    let first = answer(store, "12", "a").await;
    let second = answer(store, "12", "b").await;
    store.chat_taken_over("elsewhere").await.unwrap();
    assert_eq!(noted(store, first).await, (Some(41), false));
    store.chat_taken_over(SOURCE).await.unwrap();
    assert_eq!(noted(store, first).await, (Some(41), true));
    assert_eq!(noted(store, second).await, (None, false));
    assert!(store.chat_begin(second, 45).await.unwrap());
    let left = noted(store, first).await;
    assert_eq!(left, (Some(41), true), "nobody takes it for unused");
}

#[tokio::test]
async fn numbers_of_another_counter_permit_nothing() {
    let home = home_with_chat().await;
    let store = &home.store;
    let first = answer(store, "12", "a").await;
    store.chat_moved(SOURCE, "12", "-100").await.unwrap();
    assert_eq!(noted(store, first).await, (None, false));
    store.chat_done(first, 0, Some("3".into())).await.unwrap();
    let second = answer(store, "12", "b").await;
    let counted = noted(store, second).await;
    assert_eq!(counted, (Some(3), false), "it goes to the new chat");
    let cursor = json!({ "bot": 2 });
    store.chats_renumbered(HOOK, SOURCE, cursor).await.unwrap();
    assert_eq!(noted(store, second).await, (None, false));
}

#[tokio::test]
async fn what_quiet_hours_may_hold_has_no_permit() {
    let home = home_with_chat().await;
    home.subscribe(&[(HOOK, "job.queued"), (HOOK, "job.needs_review")])
        .await;
    home.waiting().await;
    for (kind, floor) in [("job.queued", None), ("job.needs_review", Some(41))] {
        let due = home.due_deliveries(HOOK).await;
        assert_eq!(due[0].1, kind);
        let cause = CallCause::Delivery {
            seq: due[0].0,
            attempt: 1,
            receipt: None,
        };
        let told = say(&home.store, cause, "12").await;
        assert_eq!(noted(&home.store, told).await, (floor, false), "{kind}");
        home.store.chat_done(told, 0, None).await.unwrap();
    }
}

#[tokio::test]
async fn behind_what_quiet_hours_may_hold_an_answer_has_no_permit() {
    let home = home_with_chat().await;
    home.subscribe(&[(HOOK, "job.queued")]).await;
    home.waiting().await;
    let cause = CallCause::Delivery {
        seq: home.due_deliveries(HOOK).await[0].0,
        attempt: 1,
        receipt: None,
    };
    let held = say(&home.store, cause, "12").await;
    let reply = answer(&home.store, "12", "a").await;
    home.store.chat_taken_over(SOURCE).await.unwrap();
    for id in [held, reply] {
        assert_eq!(noted(&home.store, id).await, (None, false));
    }
}

#[tokio::test]
async fn permits_of_a_source_are_bounded() {
    let home = home().await;
    let store = &home.store;
    for number in 0..=MAX_PERMITS {
        let chat = number.to_string();
        store.chat_reached(SOURCE, &chat, 41).await.unwrap();
        let queued = answer(store, &chat, &chat).await;
        let floor = (number < MAX_PERMITS).then_some(41);
        assert_eq!(noted(store, queued).await, (floor, false), "{number}");
    }
}
