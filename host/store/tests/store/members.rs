//! People, roles and the code that lets the first one in.

use crate::support::home;
use serde_json::json;
use sortie_model::clock::{Clock, Timestamp};
use sortie_model::people::Role;
use sortie_store::limits::MAX_PAIRING_CODES;
use sortie_store::{
    ChatChange, ChatKind, NewPerson, NewRetry, Pairing, SeenMessage, Store, StoreError,
};

const SOON: Timestamp = Timestamp(i64::MAX);

fn person(user: &str, role: Role) -> NewPerson {
    NewPerson {
        source: "telegram".into(),
        user: user.into(),
        name: Some(user.to_uppercase()),
        role,
    }
}

fn seen(chat: &str) -> SeenMessage {
    SeenMessage {
        chat: chat.into(),
        kind: ChatKind::Private,
        title: "Ann".into(),
        id: 7,
    }
}

async fn pair(store: &Store, user: &str, code: u8) -> Pairing {
    store
        .pair("telegram", user, user, seen(user), [code; 32])
        .await
        .unwrap()
}

#[tokio::test]
async fn a_code_renames_nobody() {
    let home = home().await;
    let store = &home.store;
    let named = NewPerson {
        name: Some("Ben of the shop".into()),
        ..person("ben", Role::Viewer)
    };
    store.put_person(named, "cli").await.unwrap();
    for (user, code, name) in [("ben", 1, "Ben of the shop"), ("carl", 2, "carl")] {
        store
            .open_pairing(Role::Approver, [code; 32], SOON, "cli")
            .await
            .unwrap();
        let Pairing::Paired(paired) = pair(store, user, code).await else {
            panic!("{user} is let in");
        };
        assert_eq!((paired.name.as_str(), paired.role), (name, Role::Approver));
    }
}

#[tokio::test]
async fn the_last_owner_stays() {
    let home = home().await;
    let store = &home.store;
    let ann = store
        .put_person(person("1", Role::Owner), "cli")
        .await
        .unwrap();
    let refused = store.remove_person(ann.id, "cli").await;
    assert!(matches!(refused, Err(StoreError::Invalid { .. })));
    let refused = store.put_person(person("1", Role::Viewer), "cli").await;
    assert!(matches!(refused, Err(StoreError::Invalid { .. })));
    store
        .put_person(person("2", Role::Owner), "cli")
        .await
        .unwrap();
    let removed = store.remove_person(ann.id, "cli").await.unwrap();
    assert_eq!(removed, ann);
    let again = store.remove_person(ann.id, "cli").await;
    assert!(matches!(again, Err(StoreError::NotFound { .. })));
    assert_eq!(store.person("telegram", "1").await.unwrap(), None);
    assert_eq!(store.people(Some("telegram")).await.unwrap().len(), 1);
    assert!(store.people(Some("slack")).await.unwrap().is_empty());
}

#[tokio::test]
async fn another_role_leaves_the_name() {
    let home = home().await;
    let store = &home.store;
    let unnamed = |user: &str, role| NewPerson {
        name: None,
        ..person(user, role)
    };
    for (new, name, role) in [
        (unnamed("ben", Role::Viewer), "ben", Role::Viewer),
        (person("ben", Role::Viewer), "BEN", Role::Viewer),
        (unnamed("ben", Role::Approver), "BEN", Role::Approver),
    ] {
        let put = store.put_person(new, "cli").await.unwrap();
        assert_eq!((put.name.as_str(), put.role), (name, role));
    }
}

#[tokio::test]
async fn the_own_chat_of_who_is_removed_is_shut_until_they_are_let_in_again() {
    let home = home().await;
    let store = &home.store;
    let admitted = async || {
        let chat = store.chat("telegram", "ben").await.unwrap().unwrap();
        (chat.admitted, chat.shut)
    };
    let open = async |code: u8| {
        let opened = store.open_pairing(Role::Viewer, [code; 32], SOON, "cli");
        opened.await.unwrap();
        pair(store, "ben", code).await
    };
    let Pairing::Paired(ben) = open(1).await else {
        panic!("ben is let in");
    };
    assert_eq!(admitted().await, (true, false));
    store.remove_person(ben.id, "cli").await.unwrap();
    assert_eq!(admitted().await, (false, true));
    let again = person("ben", Role::Requester);
    let ben = store.put_person(again, "cli").await.unwrap();
    assert_eq!(admitted().await, (true, false));
    store.remove_person(ben.id, "cli").await.unwrap();
    assert!(matches!(open(2).await, Pairing::Paired(_)));
    assert_eq!(admitted().await, (true, false));

    // What an operator says of the chat, another role does not take back.
    let shut = ChatChange {
        admitted: Some(false),
        ..ChatChange::default()
    };
    store
        .change_chat("telegram", "ben", shut, "cli")
        .await
        .unwrap();
    let more = person("ben", Role::Approver);
    store.put_person(more, "cli").await.unwrap();
    assert_eq!(admitted().await, (false, true));
}

#[tokio::test]
async fn who_acts_is_called_by_name_while_known() {
    let home = home().await;
    let store = &home.store;
    let ann = store
        .put_person(person("ann", Role::Viewer), "cli")
        .await
        .unwrap();
    let actor = "plugin/telegram:ann";
    let called = store.known_as(actor).await.unwrap();
    assert_eq!(called.as_deref(), Some("ANN"));
    for stranger in [
        "plugin/telegram:ben",
        "plugin/slack:ann",
        "plugin:ann",
        "ann",
        "",
    ] {
        assert_eq!(store.known_as(stranger).await.unwrap(), None, "{stranger}");
    }
    store.remove_person(ann.id, "cli").await.unwrap();
    assert_eq!(store.known_as(actor).await.unwrap(), None);
}

#[tokio::test]
async fn who_cancels_and_retries_is_told_by_name() {
    let home = home().await;
    let store = &home.store;
    let ann = person("ann", Role::Approver);
    store.put_person(ann, "cli").await.unwrap();
    let job = home.submit().await.id;
    for (actor, name) in [
        ("plugin/telegram:ann", Some("ANN")),
        ("plugin/telegram:ben", None),
    ] {
        store.cancel(job, actor, "plugin").await.unwrap();
        let again = NewRetry::of(actor, "plugin");
        store.retry(job, again).await.unwrap();
        let events = store.events_after(Default::default(), Some(job), 100).await;
        let events = events.unwrap();
        for (event, kind) in events.iter().rev().zip(["job.queued", "job.cancelled"]) {
            assert_eq!(event.kind, kind);
            assert_eq!(event.data["by"], actor);
            assert_eq!(event.data["name"].as_str(), name, "{kind}");
        }
    }
}

#[tokio::test]
async fn a_code_lets_exactly_one_in() {
    let home = home().await;
    let store = &home.store;
    assert_eq!(pair(store, "1", 1).await, Pairing::NoneOpen);
    store
        .open_pairing(Role::Owner, [1; 32], SOON, "cli")
        .await
        .unwrap();
    let (one, two) = tokio::join!(pair(store, "1", 1), pair(store, "2", 1));
    let (paired, other, user) = match one {
        Pairing::Paired(_) => (one, two, "1"),
        _ => (two, one, "2"),
    };
    assert!(matches!(&paired, Pairing::Paired(p) if p.role == Role::Owner && p.user == user));
    assert_eq!(other, Pairing::NoneOpen);
    assert!(matches!(pair(store, user, 1).await, Pairing::Again(_)));
    let chat = store.chat("telegram", user).await.unwrap().unwrap();
    assert!(chat.admitted);
    assert_eq!(chat.newest_message, 7);
}

#[tokio::test]
async fn each_of_several_codes_counts_once() {
    let home = home().await;
    let store = &home.store;
    let open = |role, code: u8, expires_at| store.open_pairing(role, [code; 32], expires_at, "cli");
    let now = home.clock.now().0;
    open(Role::Viewer, 1, Timestamp(now + 1_000)).await.unwrap();
    open(Role::Approver, 2, SOON).await.unwrap();
    open(Role::Requester, 3, SOON).await.unwrap();
    for (user, code, role) in [("b", 2, Role::Approver), ("a", 1, Role::Viewer)] {
        let paired = pair(store, user, code).await;
        assert!(
            matches!(paired, Pairing::Paired(p) if p.role == role),
            "{user}"
        );
    }
    assert_eq!(pair(store, "d", 2).await, Pairing::Wrong);
    assert!(matches!(pair(store, "c", 3).await, Pairing::Paired(_)));
    assert_eq!(pair(store, "d", 1).await, Pairing::NoneOpen);

    // So many, and no more until the time of one is over.
    let last = u8::try_from(MAX_PAIRING_CODES).unwrap();
    open(Role::Viewer, 0, Timestamp(now + 1_000)).await.unwrap();
    for code in 1..last {
        open(Role::Viewer, code, SOON).await.unwrap();
    }
    let full = open(Role::Viewer, last, SOON).await;
    assert!(matches!(full, Err(StoreError::Invalid { .. })), "{full:?}");
    home.clock.advance(1_000);
    open(Role::Viewer, last, SOON).await.unwrap();
    assert_eq!(pair(store, "d", 0).await, Pairing::Wrong);
    assert!(matches!(pair(store, "d", 1).await, Pairing::Paired(_)));
}

#[tokio::test]
async fn a_code_of_an_older_host_counts() {
    let home = home().await;
    let store = &home.store;
    let kept = json!({
        "role": "approver", "code": "01".repeat(32), "expires_at": SOON, "by": "cli", "tries": 0,
    });
    let kept = kept.to_string();
    store.meta_put("people.pairing", &kept).await.unwrap();
    let paired = pair(store, "1", 1).await;
    assert!(matches!(paired, Pairing::Paired(p) if p.role == Role::Approver));
}

#[tokio::test]
async fn twenty_wrong_codes_void_the_right_one() {
    let home = home().await;
    let store = &home.store;
    store
        .open_pairing(Role::Owner, [1; 32], SOON, "cli")
        .await
        .unwrap();
    for _ in 0..20 {
        assert_eq!(pair(store, "9", 2).await, Pairing::Wrong);
    }
    assert_eq!(pair(store, "1", 1).await, Pairing::NoneOpen);
    assert!(store.people(None).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_code_is_open_until_it_expires_to_the_millisecond() {
    for (later, paired) in [(999, true), (1_000, false)] {
        let home = home().await;
        let store = &home.store;
        let expires_at = Timestamp(home.clock.now().0 + 1_000);
        store
            .open_pairing(Role::Owner, [1; 32], expires_at, "cli")
            .await
            .unwrap();
        home.clock.advance(later);
        let pairing = pair(store, "1", 1).await;
        match paired {
            true => assert!(matches!(pairing, Pairing::Paired(_)), "{later} ms later"),
            false => assert_eq!(pairing, Pairing::NoneOpen, "{later} ms later"),
        }
        let people = store.people(None).await.unwrap();
        assert_eq!(people.len(), usize::from(paired));
    }
}
