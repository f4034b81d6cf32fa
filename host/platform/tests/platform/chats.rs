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

const NAME: &str = "talker";
const SOURCE: &str = "telegram";

const ASKS: &str = "chat.sources = [\"telegram\"]\njobs.allow = [\"read\"]\n";

async fn person(rig: &Rig, source: &str, role: Role) -> Person {
    let new = NewPerson {
        source: source.into(),
        user: "7".into(),
        name: "Ann".into(),
        role,
    };
    rig.store.put_person(new, "test").await.unwrap()
}

fn heard(sender: &Person, update: u8) -> Heard {
    Heard {
        source: SOURCE.into(),
        key: [update; 32],
        cursor: Some(json!({ "update_id": update })),
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
