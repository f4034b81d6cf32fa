//! What is said in chats: one call and one transaction, or stored for later,
//! and never acknowledged when it is neither.

use crate::guests::connector;
use crate::parts::SECRET;
use crate::rig::{Rig, until};
use crate::worker::{idler, manifest, packed};
use bytes::Bytes;
use hmac::{Hmac, Mac};
use serde_json::json;
use sha2::Sha256;
use sortie_model::people::Role;
use sortie_platform::sources::chat::{Heard, Hearing};
use sortie_platform::sources::http::{Answer, Refusal, Request};
use sortie_plugins::surfaces::connector::{Payload, Place};
use sortie_store::{AuditFilter, ChatKind, MessageState, NewPerson, Person, SeenMessage};
use std::time::Duration;

const NAME: &str = "talker";
const SOURCE: &str = "telegram";

const ASKS: &str = "chat.sources = [\"telegram\"]\njobs.allow = [\"read\"]\n";

async fn person(rig: &Rig, source: &str, role: Role) -> Person {
    let new = NewPerson {
        source: source.into(),
        user: "7".into(),
        name: Some("Ann".into()),
        role,
    };
    rig.store.put_person(new, "test").await.unwrap()
}

fn heard(sender: &Person, update: u8) -> Heard {
    Heard {
        source: SOURCE.into(),
        key: [update; 32],
        cursor: json!({ "update_id": update }),
        seen: SeenMessage {
            chat: "7".into(),
            kind: ChatKind::Private,
            title: "Ann".into(),
            id: i64::from(update),
        },
        sender: sender.clone(),
        sender_name: "Ann".into(),
        payload: Payload::Message {
            place: Place {
                chat: "7".into(),
                thread: None,
                private: true,
            },
            message: update.to_string(),
            text: "hello".into(),
            reply_to: None,
            reply_to_number: None,
            edited: false,
        },
        button: None,
    }
}

async fn cursor(rig: &Rig) -> Option<u64> {
    let cursor = rig.store.source_cursor(NAME, SOURCE).await.unwrap();
    cursor.and_then(|cursor| cursor["update_id"].as_u64())
}

#[tokio::test]
async fn what_is_heard_is_handled_once_with_its_cursor() {
    let rig = Rig::new().await;
    assert!(!rig.platform.hears(NAME, SOURCE));
    let ann = person(&rig, SOURCE, Role::Requester).await;
    assert!(rig.platform.hear(NAME, heard(&ann, 1)).await.is_err());
    assert_eq!(cursor(&rig).await, None);

    rig.install(packed(&idler(0), &manifest(NAME, "1.0.0", ASKS)))
        .await;
    assert!(rig.platform.hears(NAME, SOURCE) && !rig.platform.hears(NAME, "matrix"));
    let hear = |update| rig.platform.hear(NAME, heard(&ann, update));
    assert_eq!(hear(1).await.unwrap(), Hearing::Handled);
    assert_eq!(cursor(&rig).await, Some(1));
    let chat = rig.store.chat(SOURCE, "7").await.unwrap().unwrap();
    assert_eq!(chat.newest_message, 1);
    assert_eq!(hear(1).await.unwrap(), Hearing::Duplicate);
    assert_eq!(rig.events(MessageState::Done).await.len(), 1);
}

#[tokio::test]
async fn what_fails_is_stored_and_what_follows_waits_behind_it() {
    let rig = Rig::new().await;
    let ann = person(&rig, SOURCE, Role::Requester).await;
    let traps = connector("", "", "unreachable");
    rig.install(packed(&traps, &manifest(NAME, "1.0.0", ASKS)))
        .await;
    let hear = |update| rig.platform.hear(NAME, heard(&ann, update));
    assert_eq!(hear(1).await.unwrap(), Hearing::Stored);
    assert_eq!(cursor(&rig).await, Some(1));

    // A version that works: the next one still waits for its turn.
    let better = packed(&idler(0), &manifest(NAME, "1.1.0", ASKS));
    let consent = crate::rig::everything();
    rig.platform
        .upgrade(crate::rig::package(better), consent, "ann")
        .await
        .unwrap();
    assert_eq!(hear(2).await.unwrap(), Hearing::Stored);
    assert_eq!(cursor(&rig).await, Some(2));
    let mut rig = rig;
    rig.run();
    until("both are handled", || async {
        rig.events(MessageState::Done).await.len() == 2
    })
    .await;
    rig.halt().await;
}

/// Traps at a message, or at the body of a request, that begins with `p`.
const POISONED: &str = "(if (i32.eq (i32.load8_u (i32.load offset=96 (local.get $event)))
      (i32.const 112))
    (then unreachable))
  (i32.const 1024)";

/// A source beside the chat, whose line is another one.
const HOOK: &str = "[[sources]]\nname = \"hook\"\nkind = \"http\"\n\
    verify = { scheme = \"none\" }\ndelivery_id = \"x-delivery\"\nmax_body_bytes = 1000\n";

fn says(sender: &Person, update: u8, words: &str) -> Heard {
    let mut heard = heard(sender, update);
    if let Payload::Message { text, .. } = &mut heard.payload {
        words.clone_into(text);
    }
    heard
}

#[tokio::test(flavor = "multi_thread")]
async fn what_always_traps_is_parked_and_holds_up_its_own_line_until_then() {
    let mut rig = Rig::new().await;
    let ann = person(&rig, SOURCE, Role::Requester).await;
    let asks = format!("{ASKS}{HOOK}");
    let traps = connector("", "", POISONED);
    rig.install(packed(&traps, &manifest(NAME, "1.0.0", &asks)))
        .await;
    let poison = rig.platform.hear(NAME, says(&ann, 1, "poison")).await;
    assert_eq!(poison.unwrap(), Hearing::Stored);
    let poison = rig.events(MessageState::Pending).await[0].id;
    let behind = rig.platform.hear(NAME, says(&ann, 2, "fine")).await;
    assert_eq!(behind.unwrap(), Hearing::Stored);

    rig.run();
    for tries in 1..10 {
        until("another try", async || {
            let pending = rig.events(MessageState::Pending).await;
            assert_eq!(pending.len(), 2, "what is behind it waits: {pending:?}");
            let mut pending = pending.into_iter();
            pending.any(|event| event.id == poison && event.attempts == tries)
        })
        .await;
        let other = rig.hook(NAME, &tries.to_string(), "c").await.unwrap();
        assert!(matches!(other, Answer::Handled(None)), "{other:?}");
        rig.clock.advance(Duration::from_secs(15 * 60));
        rig.wake().await;
    }
    until("the line goes on", async || {
        rig.events(MessageState::Pending).await.is_empty()
    })
    .await;
    rig.halt().await;
    let parked = rig.events(MessageState::Parked).await;
    assert_eq!(parked.len(), 1, "{parked:?}");
    assert_eq!((parked[0].id, parked[0].attempts), (poison, 10));
    assert_eq!(rig.events(MessageState::Done).await.len(), 1 + 9);
    let next = rig.platform.hear(NAME, says(&ann, 3, "fine too")).await;
    assert_eq!(next.unwrap(), Hearing::Handled);
    assert_eq!(cursor(&rig).await, Some(3));
}

/// A request as Slack signs it, of the user in it.
fn slack(rig: &Rig, user: &str, key: &str) -> Request {
    let payload = format!("{{\"user\":{{\"id\":\"{user}\",\"username\":\"ann\"}}}}");
    let body = format!("payload={payload}");
    let at = (rig.clock.now_ms() / 1_000).to_string();
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
    mac.update(format!("v0:{at}:{body}").as_bytes());
    let signature = format!("v0={}", hex::encode(mac.finalize().into_bytes()));
    Request {
        method: "POST".into(),
        path: "/".into(),
        query: String::new(),
        headers: vec![
            ("x-slack-request-timestamp".into(), at.into_bytes()),
            ("x-slack-signature".into(), signature.into_bytes()),
        ],
        body: Bytes::from(body),
    }
}

#[tokio::test]
async fn a_stranger_of_slack_is_noted_and_reaches_no_plugin() {
    let rig = Rig::new().await;
    let asks = "[[sources]]\nname = \"slack\"\nkind = \"http\"\n\
                verify = { scheme = \"slack-v0\", secret = \"hook-secret\" }\n";
    rig.install(packed(&idler(0), &manifest(NAME, "1.0.0", asks)))
        .await;
    let hook = |request| rig.platform.hook(NAME, "slack", request);

    let wrong = hook(slack(&rig, "7", "another key")).await;
    assert!(matches!(wrong, Err(Refusal::Unverified(_))), "{wrong:?}");
    for _ in 0..2 {
        let answer = hook(slack(&rig, "7", SECRET)).await.unwrap();
        assert!(matches!(answer, Answer::Host(_)), "{answer:?}");
    }
    let strangers = || async {
        let rows = rig.store.audit_log(AuditFilter::default()).await.unwrap();
        let rows = rows
            .into_iter()
            .filter(|row| row.action == "slack.stranger");
        rows.count()
    };
    assert_eq!(strangers().await, 1);
    assert_eq!(rig.events(MessageState::Done).await.len(), 0);

    person(&rig, "slack", Role::Approver).await;
    let answer = hook(slack(&rig, "7", SECRET)).await.unwrap();
    assert!(matches!(answer, Answer::Handled(None)), "{answer:?}");
    assert_eq!(strangers().await, 1);
}
