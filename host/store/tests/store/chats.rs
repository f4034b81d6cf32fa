//! Messages to chats: edits keep their place, buttons count once.

use crate::plugin_support::{HOOK, call, done, event};
use crate::support::{answer, home};
use serde_json::json;
use sortie_model::approval::Decision;
use sortie_model::id::ChatNumber;
use sortie_model::people::Class;
use sortie_store::limits::{BUTTON_LIFE_MS, MAX_STRANGE_CHATS};
use sortie_store::{
    CallCause, ChatAction, ChatChange, ChatKind, ChatPlace, Committed, Effect, SeenMessage, Store,
    StoreError,
};

fn send(number: ChatNumber, actions: &[&str]) -> Effect {
    Effect::ChatSend {
        number,
        place: ChatPlace {
            source: "telegram".into(),
            chat: "12".into(),
            thread: None,
        },
        message: json!({ "message": { "text": "hello" } }),
        actions: actions.iter().map(|action| (*action).to_owned()).collect(),
    }
}

fn edit(number: ChatNumber, text: &str, actions: &[&str]) -> Effect {
    Effect::ChatEdit {
        number,
        message: json!({ "message": { "text": text } }),
        actions: actions.iter().map(|action| (*action).to_owned()).collect(),
    }
}

async fn say(store: &Store, delivery: &str, effects: Vec<Effect>) {
    let cause = CallCause::NewEvent(event(store, delivery).await);
    done(store, call(cause, effects)).await;
}

#[tokio::test]
async fn an_edit_keeps_its_place_and_newer_contents_survive_the_older() {
    let home = home().await;
    let store = &home.store;
    let number = store.reserve_chat_number().await.unwrap();
    say(store, "a", vec![send(number, &[])]).await;
    let sent = store.chat_queue("telegram", 0, 10).await.unwrap();
    assert!(store.chat_begin(sent[0].id, 41).await.unwrap());
    let task = store.chat_task(sent[0].id).await.unwrap().unwrap();
    assert_eq!(task.floor, Some(41));
    store
        .chat_done(task.id, task.revision, Some("42".into()))
        .await
        .unwrap();
    assert!(!store.chat_begin(sent[0].id, 41).await.unwrap());

    say(store, "b", vec![edit(number, "one", &[])]).await;
    let first = store.chat_queue("telegram", 0, 10).await.unwrap();
    let old = store.chat_task(first[0].id).await.unwrap().unwrap();
    say(store, "c", vec![edit(number, "two", &[])]).await;
    store.chat_done(old.id, old.revision, None).await.unwrap();
    let queue = store.chat_queue("telegram", 0, 10).await.unwrap();
    assert_eq!(queue.len(), 1);
    assert_eq!(queue[0].id, first[0].id, "it keeps its place");
    let new = store.chat_task(old.id).await.unwrap().unwrap();
    assert_eq!(new.revision, old.revision + 1);
    let ChatAction::Edit(message, body) = &new.action else {
        panic!("{new:?}")
    };
    assert_eq!(message.service_id.as_deref(), Some("42"));
    assert_eq!(body["message"]["text"], "two");
    store.chat_done(new.id, new.revision, None).await.unwrap();
    assert!(
        store
            .chat_queue("telegram", 0, 10)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn a_number_that_a_service_gives_again_is_the_newer_messages() {
    let home = home().await;
    let store = &home.store;
    let mut numbers = Vec::new();
    for delivery in ["a", "b"] {
        let number = store.reserve_chat_number().await.unwrap();
        say(store, delivery, vec![send(number, &[])]).await;
        let id = store.chat_queue("telegram", 0, 10).await.unwrap()[0].id;
        store.chat_done(id, 0, Some("42".into())).await.unwrap();
        numbers.push(number);
    }
    let found = store
        .chat_message_of_service("telegram", "12", "42")
        .await
        .unwrap();
    assert_eq!(found.map(|message| message.number), Some(numbers[1]));
    // Nobody wrote there, and it is known all the same how far it got.
    let chat = store.chat("telegram", "12").await.unwrap().unwrap();
    assert_eq!((chat.newest_message, chat.admitted), (42, false));
    store.chat_reached("telegram", "12", 44).await.unwrap();
    let cursor = json!({ "bot": 2 });
    store
        .chats_renumbered(HOOK, "telegram", cursor.clone())
        .await
        .unwrap();
    let chat = store.chat("telegram", "12").await.unwrap().unwrap();
    assert_eq!(chat.newest_message, 0);
    let place = store.source_cursor(HOOK, "telegram").await.unwrap();
    assert_eq!(place, Some(cursor));
    let lost = store
        .chat_message_of_service("telegram", "12", "42")
        .await
        .unwrap();
    assert_eq!(lost, None);
}

#[tokio::test]
async fn newer_contents_are_not_parked_with_the_older() {
    let home = home().await;
    let store = &home.store;
    let number = store.reserve_chat_number().await.unwrap();
    say(store, "a", vec![send(number, &[])]).await;
    let id = store.chat_queue("telegram", 0, 10).await.unwrap()[0].id;
    store.chat_done(id, 0, Some("42".into())).await.unwrap();
    say(store, "b", vec![edit(number, "one", &[])]).await;
    let id = store.chat_queue("telegram", 0, 10).await.unwrap()[0].id;
    say(store, "c", vec![edit(number, "two", &[])]).await;
    assert!(!store.chat_parked(id, 0, "too long", true).await.unwrap());
    assert!(store.chat_task(id).await.unwrap().is_some());
    assert!(store.chat_parked(id, 1, "too long", true).await.unwrap());
    assert!(store.chat_task(id).await.unwrap().is_none());
}

#[tokio::test]
async fn a_button_counts_once_and_keeps_its_token_over_edits() {
    let home = home().await;
    let store = &home.store;
    let job = home.waiting().await.job.id;
    let asked = store.approval(job).await.unwrap().unwrap();
    let yes = format!("answer:{}:yes", asked.id.0);
    let number = store.reserve_chat_number().await.unwrap();
    say(store, "a", vec![send(number, &[&yes, "more"])]).await;
    let id = store.chat_queue("telegram", 0, 1).await.unwrap()[0].id;
    let token_of = |buttons: &[(String, String)], wanted: &str| {
        let found = buttons.iter().find(|(action, _)| action == wanted);
        found.map(|(_, token)| token.clone())
    };
    let before = store.chat_task(id).await.unwrap().unwrap().buttons;
    let token = token_of(&before, &yes).unwrap();
    let more = token_of(&before, "more").unwrap();
    assert_eq!(token.len(), 22);
    say(store, "b", vec![edit(number, "again", &[&yes])]).await;
    let button = store.button(&token).await.unwrap().unwrap();
    assert_eq!(
        (button.plugin.as_str(), button.approval),
        (HOOK, Some(asked.id))
    );
    assert!(button.is_open);
    assert_eq!(button.expires_at, asked.expires_at);
    assert_eq!(store.button(&more).await.unwrap(), None, "it vanished");

    let press = |delivery: &'static str, effects: Vec<Effect>| {
        let token = token.clone();
        async move {
            let mut press = call(CallCause::NewEvent(event(store, delivery).await), effects);
            press.button = Some(token);
            store.commit_call(press).await
        }
    };
    // What does nothing to a job uses nothing up.
    press("c", Vec::new()).await.unwrap();
    let answer = || Effect::Answer {
        approval: asked.id,
        decision: Decision::Approved,
        comment: None,
    };
    press("d", vec![answer()]).await.unwrap();
    let again = press("e", vec![answer()]).await;
    assert_eq!(again.unwrap_err(), StoreError::ButtonUsed);
    let button = store.button(&token).await.unwrap().unwrap();
    assert!(!button.is_open);
    assert_eq!(button.used_by.as_deref(), Some("ann"));

    // What expired long ago is forgotten, and nothing else.
    let expired = button.expires_at;
    assert_eq!(store.prune_buttons(expired).await.unwrap(), 0);
    let later = expired.plus(std::time::Duration::from_millis(1));
    assert_eq!(store.prune_buttons(later).await.unwrap(), 1);
    assert_eq!(store.button(&token).await.unwrap(), None);
}

/// A press of the button that has that token, and what it asks for.
async fn press(
    store: &Store,
    delivery: &str,
    token: &str,
    effects: Vec<Effect>,
) -> Result<Committed, StoreError> {
    let mut press = call(CallCause::NewEvent(event(store, delivery).await), effects);
    press.button = Some(token.to_owned());
    store.commit_call(press).await
}

/// Queues the only message, with these buttons; returns their tokens.
async fn tokens<const N: usize>(store: &Store, actions: [&str; N]) -> [String; N] {
    let number = store.reserve_chat_number().await.unwrap();
    say(store, "asks", vec![send(number, &actions)]).await;
    let id = store.chat_queue("telegram", 0, 1).await.unwrap()[0].id;
    let buttons = store.chat_task(id).await.unwrap().unwrap().buttons;
    actions.map(|action| {
        let found = buttons.iter().find(|(known, _)| known == action);
        found.unwrap().1.clone()
    })
}

#[tokio::test]
async fn a_button_counts_until_its_time_is_over() {
    let home = home().await;
    let store = &home.store;
    let job = home.waiting().await.job.id;
    let asked = store.approval(job).await.unwrap().unwrap();
    let yes = format!("answer:{}:yes", asked.id.0);
    let [yes, other] = tokens(store, [&*yes, "retry:1"]).await;
    let answer = || Effect::Answer {
        approval: asked.id,
        decision: Decision::Approved,
        comment: None,
    };

    // An answer's with its question.
    home.clock.advance(59_999);
    press(store, "a", &yes, Vec::new()).await.unwrap();
    home.clock.advance(1);
    let late = press(store, "b", &yes, vec![answer()]).await;
    assert_eq!(late.unwrap_err(), StoreError::ButtonUsed);
    let open = store.approval(job).await.unwrap().unwrap();
    assert_eq!(open.decision, None, "it did nothing");
    let button = store.button(&yes).await.unwrap().unwrap();
    assert_eq!(
        (button.expires_at, button.used_by),
        (asked.expires_at, None)
    );

    // Any other's some days after it was shown.
    home.clock.advance(BUTTON_LIFE_MS - 60_001);
    press(store, "c", &other, Vec::new()).await.unwrap();
    home.clock.advance(1);
    let late = press(store, "d", &other, vec![Effect::Cancel { job }]).await;
    assert_eq!(late.unwrap_err(), StoreError::ButtonUsed);
    let now = store.job(job).await.unwrap().unwrap();
    assert!(now.state.phase().waits_for_person(), "{now:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_presses_at_once_under_one_message_one_counts() {
    for _ in 0..6 {
        let home = home().await;
        let job = home.waiting().await.job.id;
        let asked = home.store.approval(job).await.unwrap().unwrap().id;
        let [yes, no] = ["yes", "no"].map(|word| format!("answer:{}:{word}", asked.0));
        let buttons = tokens(&home.store, [&*yes, &*no]).await;
        let presses: Vec<_> = (0..8_usize)
            .map(|n| {
                let (store, token) = (home.store.clone(), buttons[n % 2].clone());
                let decision = [Decision::Approved, Decision::Rejected][n % 2];
                tokio::spawn(async move {
                    let answer = Effect::Answer {
                        approval: asked,
                        decision,
                        comment: None,
                    };
                    let done = press(&store, &format!("press {n}"), &token, vec![answer]).await;
                    (decision, done)
                })
            })
            .collect();
        let mut counted = Vec::new();
        for press in presses {
            match press.await.unwrap() {
                (decision, Ok(_)) => counted.push(decision),
                (_, Err(error)) => assert_eq!(error, StoreError::ButtonUsed),
            }
        }
        let approval = home.store.approval(job).await.unwrap().unwrap();
        assert_eq!(counted, [approval.decision.unwrap()]);
        for token in &buttons {
            let button = home.store.button(token).await.unwrap().unwrap();
            assert_eq!(button.used_by.as_deref(), Some("ann"), "both are used up");
        }
    }
}

#[tokio::test]
async fn what_a_person_did_is_shown_where_the_question_went() {
    let home = home().await;
    let store = &home.store;
    home.subscribe(&[(HOOK, "job.running"), (HOOK, "job.approved")])
        .await;
    let number = store.reserve_chat_number().await.unwrap();
    say(store, "a", vec![send(number, &[])]).await;
    let first = store.chat_queue("telegram", 0, 10).await.unwrap()[0].id;
    let job = home.waiting().await.job.id;
    let approved = answer(Decision::Approved, "ann");
    store.decide(job, approved).await.unwrap();

    // That a job runs is progress, and the answer is shown in place of it.
    let mut classes = Vec::new();
    for turn in 0..2 {
        let due = home.due_deliveries(HOOK).await;
        let cause = CallCause::Delivery {
            seq: due[0].0,
            attempt: 1,
            receipt: None,
        };
        let more = store.reserve_chat_number().await.unwrap();
        let text = format!("edit {turn}");
        let effects = vec![edit(number, &text, &[]), send(more, &[])];
        done(store, call(cause, effects)).await;
        let queue = store.chat_queue("telegram", first, 10).await.unwrap();
        classes.push(queue.iter().map(|head| head.class).collect::<Vec<_>>());
    }
    assert_eq!(classes[0], [Class::Progress, Class::Progress]);
    let answered = [Class::Question, Class::Progress, Class::Result];
    assert_eq!(classes[1], answered, "the end of a job is no answer");
}

async fn hears(store: &Store, chat: &str) {
    let seen = SeenMessage {
        chat: chat.into(),
        kind: ChatKind::Group,
        title: "Shop".into(),
        id: 1,
    };
    let done = store.move_cursor(HOOK, "telegram", json!({}), Some(seen), None);
    done.await.unwrap();
}

#[tokio::test]
async fn of_chats_that_nobody_said_anything_of_the_newest_are_kept() {
    let home = home().await;
    let store = &home.store;
    for chat in ["-1", "-2"] {
        hears(store, chat).await;
    }
    let said = ChatChange::default();
    store
        .change_chat("telegram", "-2", said, "cli")
        .await
        .unwrap();
    let last = MAX_STRANGE_CHATS + 2;
    for chat in 3..=last {
        home.clock.advance(1);
        if chat == last {
            hears(store, "-1").await;
            home.clock.advance(1);
        }
        hears(store, &format!("-{chat}")).await;
    }
    let kept = store.chats("telegram").await.unwrap();
    let kept: Vec<&str> = kept.iter().map(|row| row.chat.as_str()).collect();
    assert_eq!(kept.len(), MAX_STRANGE_CHATS as usize + 1);
    for chat in ["-1", "-2", "-4"] {
        assert!(kept.contains(&chat), "{chat} in {kept:?}");
    }
    assert!(!kept.contains(&"-3"), "{kept:?}");
}

#[tokio::test]
async fn what_a_chat_is_its_name_says_until_something_comes_from_it() {
    let home = home().await;
    let store = &home.store;
    for (chat, kind) in [
        ("12", ChatKind::Private),
        ("-77", ChatKind::Group),
        ("-1001234567890", ChatKind::Supergroup),
    ] {
        let change = ChatChange::default();
        let row = store.change_chat("telegram", chat, change, "cli").await;
        assert_eq!(row.unwrap().kind, kind, "{chat}");
    }
}

#[tokio::test]
async fn a_chat_that_was_shut_stays_so_when_it_moves_and_opens_once() {
    let home = home().await;
    let store = &home.store;
    let admit = |admitted| ChatChange {
        admitted: Some(admitted),
        ..ChatChange::default()
    };
    let change = async |chat: &str, admitted| {
        let changed = store.change_chat("telegram", chat, admit(admitted), "cli");
        changed.await.unwrap();
    };
    let state = async || {
        let row = store.chat("telegram", "-5").await.unwrap().unwrap();
        (row.admitted, row.shut)
    };
    change("-5", false).await;
    assert_eq!(state().await, (false, true));
    hears(store, "-100").await;
    store.chat_moved("telegram", "-5", "-100").await.unwrap();
    assert_eq!(state().await, (false, true));
    change("-100", true).await;
    store.chat_moved("telegram", "-5", "-100").await.unwrap();
    assert_eq!(state().await, (true, false));
}

#[tokio::test]
async fn a_chat_that_moved_takes_its_messages_along() {
    let home = home().await;
    let store = &home.store;
    let change = ChatChange {
        admitted: Some(true),
        ..ChatChange::default()
    };
    store
        .change_chat("telegram", "12", change, "ann")
        .await
        .unwrap();
    let number = store.reserve_chat_number().await.unwrap();
    say(store, "a", vec![send(number, &[])]).await;
    store.chat_moved("telegram", "12", "-100").await.unwrap();
    let later = store.reserve_chat_number().await.unwrap();
    say(store, "b", vec![send(later, &[])]).await;
    let queue = store.chat_queue("telegram", 0, 10).await.unwrap();
    let chats: Vec<_> = queue
        .iter()
        .map(|head| head.place.clone().unwrap().chat)
        .collect();
    assert_eq!(chats, ["-100", "-100"]);
    assert!(
        store
            .chat("telegram", "12")
            .await
            .unwrap()
            .unwrap()
            .admitted
    );
}

#[tokio::test]
async fn what_is_said_wakes_who_sends_and_nobody_else() {
    let home = home().await;
    let store = &home.store;
    let mut chat = store.chat_signal();
    let mut others = [store.inbound_signal(), store.delivery_signal()];
    chat.borrow_and_update();
    for signal in &mut others {
        signal.borrow_and_update();
    }
    let number = store.reserve_chat_number().await.unwrap();
    say(store, "a", vec![send(number, &[])]).await;
    assert!(chat.has_changed().unwrap());
    for signal in &others {
        assert!(!signal.has_changed().unwrap());
    }
}
