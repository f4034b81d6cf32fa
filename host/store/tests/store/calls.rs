//! A call's effects and what it was about: all of it or nothing.

use crate::plugin_support::{
    HOOK, call, done, due_ids, event, listed, of, set, submission, waiting,
};
use crate::support::{PLENTY, home, new_job};
use serde_json::json;
use sortie_model::approval::Decision;
use sortie_model::id::{ChatNumber, EventSeq, JobId};
use sortie_model::job::JobPhase;
use sortie_store::{
    Again, CallCause, ChatAction, ChatPlace, Committed, Effect, IdempotencyKey, JobFilter,
    MessageState, StoreError,
};

fn delete(key: &str) -> Effect {
    Effect::KvDelete { key: key.into() }
}

fn place(chat: &str) -> ChatPlace {
    ChatPlace {
        source: "telegram".into(),
        chat: chat.into(),
        thread: None,
    }
}

#[tokio::test]
async fn one_write_takes_an_event_in_and_carries_out_what_it_caused() {
    let home = home().await;
    let store = &home.store;
    let asked = home.waiting().await.job.id;
    let queued = home.submit().await.id;
    let failed = home.submit().await.id;
    store.cancel(failed, "bob", "cli").await.unwrap();
    let mut work = store.work_signal();
    work.borrow_and_update();

    let mut new = event(store, "one").await;
    let id = new.id;
    new.cursor = Some(json!(7));
    let number = store.reserve_chat_number().await.unwrap();
    let effects = vec![
        submission(store).await,
        Effect::Cancel { job: queued },
        Effect::Retry { job: failed },
        Effect::Decide {
            job: asked,
            decision: Decision::Approved,
            commit: Some("c0ffee".into()),
            comment: Some("fine".into()),
        },
        set("seen", "one"),
        Effect::ChatSend {
            number,
            place: place("12"),
            message: json!({ "text": "on it" }),
            actions: Vec::new(),
        },
    ];
    let Effect::Submit { id: told, .. } = &effects[0] else {
        unreachable!("made above")
    };
    let told = *told;
    let jobs = done(store, call(CallCause::NewEvent(new), effects)).await;
    let stands: Vec<_> = jobs.iter().map(|job| (job.id, job.state.phase())).collect();
    assert_eq!(
        stands,
        [
            (told, JobPhase::Queued),
            (queued, JobPhase::Cancelled),
            (failed, JobPhase::Queued),
            (asked, JobPhase::Approved),
        ]
    );
    assert!(work.has_changed().unwrap());
    assert_eq!(store.job(told).await.unwrap().unwrap(), jobs[0]);
    let approval = store.approval(asked).await.unwrap().unwrap();
    assert_eq!(approval.decided_by.as_deref(), Some("ann"));
    assert_eq!(approval.decided_via.as_deref(), Some("plugin:webhook"));
    let kept = store.kv_get(HOOK, "seen").await.unwrap();
    assert_eq!(kept.as_deref(), Some(&b"one"[..]));
    assert_eq!(store.kv_bytes(HOOK).await.unwrap(), 7);
    assert_eq!(
        store.source_cursor(HOOK, "hook").await.unwrap(),
        Some(json!(7))
    );
    let queue = store.chat_queue("telegram", 0, 10).await.unwrap();
    assert_eq!(queue.len(), 1);
    let row = &listed(store).await[0];
    assert_eq!(
        (row.id, row.state, row.attempts),
        (id, MessageState::Done, 1)
    );
    assert_eq!(store.event_payload(id).await.unwrap(), None);
}

/// What a call could have left anywhere.
async fn everything(home: &crate::support::Home) -> String {
    let store = &home.store;
    format!(
        "{:?} {:?} {:?} {:?} {:?} {:?}",
        store.jobs(JobFilter::default()).await.unwrap(),
        store.kv_keys(HOOK, "", None, 100).await.unwrap(),
        store.kv_bytes(HOOK).await.unwrap(),
        store.chat_queue("telegram", 0, 100).await.unwrap(),
        store.source_cursor(HOOK, "hook").await.unwrap(),
        store.events_after(EventSeq(0), None, 1_000).await.unwrap(),
    )
}

#[tokio::test]
async fn one_effect_that_cannot_be_undoes_all_and_is_named() {
    let home = home().await;
    let store = &home.store;
    let asked = home.waiting().await.job.id;
    let running = home.submit().await.id;
    assert!(store.claim(PLENTY).await.unwrap().is_some());
    let a = waiting(store, "a").await;
    let before = everything(&home).await;
    let unsent = store.reserve_chat_number().await.unwrap();
    let decide = |commit: &str| Effect::Decide {
        job: asked,
        decision: Decision::Approved,
        commit: Some(commit.into()),
        comment: None,
    };
    let submit = |id| Effect::Submit {
        id,
        job: Box::new(new_job("gamma", "x")),
    };
    let long = "x".repeat(257);
    let bad = [
        (Effect::Retry { job: running }, format!("retry {running}")),
        (Effect::Cancel { job: JobId(99) }, "cancel #99".into()),
        (decide("decade"), format!("decide {asked}")),
        (
            submit(store.reserve_job_id().await.unwrap()),
            "\"gamma\": none of that name".into(),
        ),
        (submit(JobId(9_999)), "9999 was not reserved".into()),
        (
            Effect::ChatEdit {
                number: unsent,
                message: json!("x"),
                actions: Vec::new(),
            },
            format!("edit {unsent}"),
        ),
        (
            Effect::ChatRemove {
                number: ChatNumber(77),
            },
            "remove message 77".into(),
        ),
        (set("", "x"), "a key has 1 to 256 bytes".into()),
        (set(&long, "x"), "a key has 1 to 256 bytes".into()),
        (set("k", &"x".repeat(65_537)), "at most 65536 bytes".into()),
    ];
    for (effect, says) in bad {
        let mut effects = vec![
            submission(store).await,
            set("k", "v"),
            Effect::Cancel { job: asked },
        ];
        effects.insert(2, effect);
        for cause in [of(a, 1), CallCause::NewEvent(event(store, "new").await)] {
            // A new event may not pass the one that waits; another source's may.
            let cause = match cause {
                CallCause::NewEvent(mut new) => {
                    new.source = "other".into();
                    CallCause::NewEvent(new)
                }
                other => other,
            };
            let error = store
                .commit_call(call(cause, effects.clone()))
                .await
                .unwrap_err();
            let text = error.to_string();
            assert!(text.contains("effect 2") && text.contains(&says), "{text}");
            assert!(!error.may_pass());
        }
        assert_eq!(everything(&home).await, before, "{says}");
    }
    assert_eq!(due_ids(store).await, [a.0], "the event waits as before");
    assert_eq!(listed(store).await.len(), 1, "the new one was not stored");
}

#[tokio::test]
async fn a_late_answer_fails_the_call_and_the_sweep_finds_the_question() {
    let home = home().await;
    let asked = home.waiting().await.job.id;
    home.clock.advance(60_000);
    let a = waiting(&home.store, "a").await;
    let answer = Effect::Decide {
        job: asked,
        decision: Decision::Approved,
        commit: None,
        comment: None,
    };
    let error = home.store.commit_call(call(of(a, 1), vec![answer])).await;
    assert!(
        matches!(&error, Err(StoreError::Effect { why, .. }) if matches!(**why, StoreError::Illegal(_))),
        "{error:?}"
    );
    assert_eq!(home.store.expire_approvals().await.unwrap(), [asked]);
}

#[tokio::test]
async fn what_a_plugin_keeps_is_bounded_by_its_quota() {
    let home = home().await;
    let store = &home.store;
    let write = |effects: Vec<Effect>| async move {
        let new = event(store, &format!("{effects:?}")[..28]).await;
        let new = sortie_store::NewPluginEvent {
            delivery: None,
            ..new
        };
        store
            .commit_call(call(CallCause::NewEvent(new), effects))
            .await
    };
    let half = "x".repeat(499);
    write(vec![set("a", &half), set("b", &half)]).await.unwrap();
    assert_eq!(store.kv_bytes(HOOK).await.unwrap(), 1_000);
    let over = write(vec![set("c", "")]).await.unwrap_err();
    assert_eq!(
        over,
        StoreError::Quota {
            plugin: HOOK.into(),
            bytes: 1_001,
            max_bytes: 1_000
        }
    );
    assert_eq!(store.kv_get(HOOK, "c").await.unwrap(), None);
    write(vec![set("c", ""), delete("a"), delete("nowhere")])
        .await
        .unwrap();
    assert_eq!(store.kv_bytes(HOOK).await.unwrap(), 501);
    write(vec![set("b", "y"), set("b", "zz")]).await.unwrap();
    assert_eq!(store.kv_bytes(HOOK).await.unwrap(), 4);

    let mut smaller = call(
        CallCause::NewEvent(event(store, "s").await),
        vec![delete("b")],
    );
    smaller.kv_max_bytes = 0;
    store.commit_call(smaller).await.unwrap();
    assert_eq!(
        store.kv_bytes(HOOK).await.unwrap(),
        1,
        "a lowered quota lets it shrink"
    );
}

#[tokio::test]
async fn keys_come_in_the_order_of_their_bytes() {
    let home = home().await;
    let store = &home.store;
    let mut keys = [
        "a",
        "a\0",
        "a/1",
        "a/2",
        "a/\u{e9}",
        "a/\u{1F980}",
        "aa",
        "b",
        "A",
    ];
    let effects = keys.iter().map(|key| set(key, "v")).collect();
    let new = CallCause::NewEvent(event(store, "keys").await);
    done(store, call(new, effects)).await;
    keys.sort_unstable();
    let all = store.kv_keys(HOOK, "", None, 100).await.unwrap();
    assert_eq!(all, keys);
    let under = store.kv_keys(HOOK, "a/", None, 100).await.unwrap();
    assert_eq!(under, ["a/1", "a/2", "a/\u{e9}", "a/\u{1F980}"]);
    let page = store.kv_keys(HOOK, "a/", Some("a/1"), 2).await.unwrap();
    assert_eq!(page, under[1..3]);
    let last = store.kv_keys(HOOK, "a/", Some("b"), 2).await.unwrap();
    assert!(last.is_empty());
    assert!(
        store
            .kv_keys("other", "", None, 9)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn a_new_event_does_not_pass_one_that_waits() {
    let home = home().await;
    let store = &home.store;
    let a = waiting(store, "a").await;
    store.fail_event(a, 1, "no", Again::Park).await.unwrap();
    let b = event(store, "b").await;
    done(store, call(CallCause::NewEvent(b), vec![])).await;
    store.retry_event(a, "ann").await.unwrap();
    let c = event(store, "c").await;
    let error = store
        .commit_call(call(CallCause::NewEvent(c.clone()), vec![set("k", "v")]))
        .await
        .unwrap_err();
    assert_eq!(
        error,
        StoreError::Behind {
            event: c.id,
            earlier: a
        }
    );
    assert_eq!(store.kv_get(HOOK, "k").await.unwrap(), None);
    store.accept_event(c.clone()).await.unwrap();
    done(store, call(of(a, 2), vec![])).await;
    assert_eq!(due_ids(store).await, [c.id.0]);
}

#[tokio::test]
async fn a_key_that_made_another_job_meanwhile_fails_the_call() {
    let home = home().await;
    let store = &home.store;
    let key = IdempotencyKey {
        key: "webhook:one".into(),
        request_hash: [7; 32],
    };
    let submit = || async {
        let mut job = new_job("alpha", "x");
        job.idempotency = Some(key.clone());
        Effect::Submit {
            id: store.reserve_job_id().await.unwrap(),
            job: Box::new(job),
        }
    };
    assert_eq!(store.submitted_before(key.clone()).await.unwrap(), None);
    let first = CallCause::NewEvent(event(store, "a").await);
    let made = done(store, call(first, vec![submit().await])).await;
    let second = CallCause::NewEvent(event(store, "b").await);
    let error = store
        .commit_call(call(second, vec![submit().await]))
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains(&format!("made {}", made[0].id)),
        "{error}"
    );
    assert_eq!(
        store
            .submitted_before(key.clone())
            .await
            .unwrap()
            .map(|job| job.id),
        Some(made[0].id)
    );
    let other = IdempotencyKey {
        request_hash: [8; 32],
        ..key.clone()
    };
    let reused = store.submitted_before(other).await;
    assert!(matches!(reused, Err(StoreError::KeyReused { .. })));
}

#[tokio::test]
async fn a_repeated_event_does_nothing() {
    let home = home().await;
    let store = &home.store;
    let first = event(store, "one").await;
    let id = first.id;
    done(store, call(CallCause::NewEvent(first), vec![set("k", "1")])).await;
    let again = CallCause::NewEvent(event(store, "one").await);
    let again = store.commit_call(call(again, vec![set("k", "2")])).await;
    assert_eq!(again, Ok(Committed::Duplicate(id, MessageState::Done)));
    let kept = store.kv_get(HOOK, "k").await.unwrap();
    assert_eq!(kept.as_deref(), Some(&b"1"[..]));
    let stranger = sortie_store::NewPluginEvent {
        plugin: "other".into(),
        ..event(store, "two").await
    };
    let stranger = store
        .commit_call(call(CallCause::NewEvent(stranger), vec![]))
        .await;
    assert!(matches!(stranger, Err(StoreError::Invalid { .. })));
}

#[tokio::test]
async fn messages_are_sent_edited_and_found_again() {
    let home = home().await;
    let store = &home.store;
    let send = |chat: &'static str, text: &'static str| async move {
        let number = store.reserve_chat_number().await.unwrap();
        let effect = Effect::ChatSend {
            number,
            place: place(chat),
            message: json!(text),
            actions: Vec::new(),
        };
        (number, effect)
    };
    let edit = |number, text: &str| Effect::ChatEdit {
        number,
        message: json!(text),
        actions: Vec::new(),
    };
    let (one, send_one) = send("12", "one").await;
    let (two, send_two) = send("12", "two").await;
    let ack = Effect::ChatAck {
        source: "telegram".into(),
        interaction: "press-1".into(),
        text: Some("seen".into()),
    };
    let effects = vec![send_one, send_two, edit(one, "uno"), edit(two, "due"), ack];
    let cause = CallCause::NewEvent(event(store, "a").await);
    done(store, call(cause, effects)).await;
    let cause = CallCause::NewEvent(event(store, "b").await);
    let effects = vec![edit(one, "eins"), Effect::ChatRemove { number: two }];
    done(store, call(cause, effects)).await;

    let words = || async {
        let queue = store.chat_queue("telegram", 0, 100).await.unwrap();
        let mut words = Vec::new();
        for head in &queue {
            let task = store.chat_task(head.id).await.unwrap().unwrap();
            words.push(match task.action {
                ChatAction::Send(message, body) => format!("send {} {body}", message.number),
                ChatAction::Edit(message, body) => format!("edit {} {body}", message.number),
                ChatAction::Remove(message) => format!("remove {}", message.number),
                ChatAction::Pin(message, pinned) => format!("pin {} {pinned}", message.number),
                ChatAction::Ack { interaction, text } => format!("ack {interaction} {text:?}"),
            });
        }
        (words, queue)
    };
    let (said, queue) = words().await;
    assert_eq!(
        said,
        [
            format!("send {one} \"one\""),
            format!("send {two} \"two\""),
            format!("edit {one} \"eins\""),
            "ack press-1 Some(\"seen\")".into(),
            format!("remove {two}"),
        ],
        "only the newest edit is told, in the place of the first"
    );
    for _ in 0..2 {
        store
            .chat_done(queue[0].id, 0, Some("m-1".into()))
            .await
            .unwrap();
    }
    let later = Again::At(sortie_model::clock::Timestamp(2_000_000));
    store
        .chat_failed(queue[1].id, "busy", later, true)
        .await
        .unwrap();
    store
        .chat_failed(queue[2].id, "gone", Again::Park, true)
        .await
        .unwrap();
    let (said, queue) = words().await;
    assert_eq!(said.len(), 3);
    assert_eq!((queue[0].attempts, queue[0].not_before.0), (1, 2_000_000));
    let found = store
        .chat_message_of_service("telegram", "12", "m-1")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.number, one);
    assert_eq!(store.chat_message(HOOK, one).await.unwrap(), Some(found));
    assert_eq!(store.chat_message("other", one).await.unwrap(), None);
}
