//! People, chats, sums, the intake and the chat source over the API.

use crate::rig::{HEAD, Rig};
use reqwest::Method;
use serde_json::json;
use sortie_model::id::EventSeq;
use sortie_store::{ChatKind, SeenMessage};

#[tokio::test]
async fn people_are_let_in_and_out() {
    let rig = Rig::new().await;
    let ann = json!({ "source": "telegram", "user": "7", "role": "owner", "name": "Ann" });
    let put = rig.post("/v1/people", &ann).await;
    assert_eq!((put.status, &put.body["role"]), (200, &json!("owner")));
    let bob = json!({ "source": "slack", "user": "U2", "role": "viewer" });
    let bob = rig.post("/v1/people", &bob).await;
    assert_eq!(bob.body["name"], "U2");
    let more = json!({ "source": "telegram", "user": "7", "role": "owner" });
    let more = rig.post("/v1/people", &more).await;
    assert_eq!(more.body["name"], "Ann", "another role leaves the name");

    let listed = rig.get("/v1/people?source=telegram").await;
    assert_eq!(listed.body["people"].as_array().unwrap().len(), 1);
    let listed = rig.get("/v1/people").await;
    assert_eq!(listed.body["people"].as_array().unwrap().len(), 2);

    let remove = |id: u64| rig.send(rig.request(Method::DELETE, &format!("/v1/people/{id}")));
    let removed = remove(bob.body["id"].as_u64().unwrap()).await;
    assert_eq!((removed.status, &removed.body["user"]), (200, &json!("U2")));
    let last = remove(put.body["id"].as_u64().unwrap()).await;
    assert_eq!((last.status, last.problem()), (422, "invalid-request"));
    let nobody = remove(99).await;
    assert_eq!((nobody.status, nobody.problem()), (404, "not-found"));

    let king = json!({ "source": "telegram", "user": "8", "role": "king" });
    let king = rig.post("/v1/people", &king).await;
    assert_eq!((king.status, king.problem()), (422, "invalid-request"));
    for (source, user) in [("skype", "12"), ("telegram", "@ben"), ("slack", "")] {
        let nobody = json!({ "source": source, "user": user, "role": "viewer" });
        let nobody = rig.post("/v1/people", &nobody).await;
        assert_eq!((nobody.status, nobody.problem()), (422, "invalid-request"));
    }
}

#[tokio::test]
async fn a_job_tells_what_those_are_called_who_asked_and_decided() {
    let rig = Rig::new().await;
    for (user, name) in [("7", "Ann"), ("8", "Bob")] {
        let body = json!({ "source": "telegram", "user": user, "role": "owner", "name": name });
        assert_eq!(rig.post("/v1/people", &body).await.status, 200);
    }
    let body = json!({ "project": "shop", "task": "x" });
    let asked = rig.request(Method::POST, "/v1/jobs").json(&body);
    let asked = asked.header("Sortie-User", "telegram/telegram:7");
    assert_eq!(rig.send(asked).await.status, 201);
    let job = rig.get("/v1/jobs/1").await;
    let ann = json!({ "telegram/telegram:7": "Ann" });
    assert_eq!(job.body["known_as"], ann);

    rig.park().await;
    let body = json!({ "commit": HEAD });
    let answer = rig.request(Method::POST, "/v1/jobs/1/approve").json(&body);
    let answer = answer.header("Sortie-User", "telegram/telegram:8");
    let answer = rig.send(answer).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let job = rig.get("/v1/jobs/1").await;
    assert_eq!(job.body["known_as"]["telegram/telegram:8"], "Bob");
    let plain = rig.submit("y").await;
    let plain = rig.get(&format!("/v1/jobs/{plain}")).await;
    assert_eq!(plain.body["known_as"], json!(null));
}

#[tokio::test]
async fn a_chat_hears_what_it_is_told_to() {
    let rig = Rig::new().await;
    let seen = SeenMessage {
        chat: "-5".into(),
        kind: ChatKind::Group,
        title: "Shop".into(),
        id: 1,
    };
    let cursor = json!({ "update_id": 1 });
    rig.store
        .move_cursor("telegram", "telegram", cursor, Some(seen), None)
        .await
        .unwrap();
    let put = |body| {
        let request = rig
            .request(Method::PUT, "/v1/chats/telegram/-5")
            .json(&body);
        rig.send(request)
    };
    let quiet = json!({ "from": "22:00", "to": "7:00", "time_zone": "Europe/Berlin" });
    let body = json!({
        "admitted": true, "project": "shop", "project_level": "questions", "quiet": quiet,
    });
    let chat = put(body).await;
    assert_eq!(chat.status, 200, "{chat:?}");
    assert_eq!(chat.body["levels"], json!({ "shop": "questions" }));
    assert_eq!(chat.body["quiet"]["to"], "07:00");
    let chat = put(json!({ "level": "results", "no_quiet": true, "project": "shop" })).await;
    assert_eq!(chat.body["levels"], json!({}));
    assert_eq!(
        (
            &chat.body["admitted"],
            &chat.body["level"],
            &chat.body["quiet"]
        ),
        (&json!(true), &json!("results"), &json!(null))
    );
    let wrong =
        put(json!({ "quiet": { "from": "25:00", "to": "7:00", "time_zone": "UTC" } })).await;
    assert_eq!((wrong.status, wrong.problem()), (422, "invalid-request"));
    let wrong = put(json!({ "project": "nosuch", "project_level": "all" })).await;
    assert_eq!((wrong.status, wrong.problem()), (422, "invalid-request"));
    // What was said of a project that is gone can be taken back.
    assert_eq!(put(json!({ "project": "nosuch" })).await.status, 200);
    let shut = put(json!({ "admitted": false })).await;
    assert_eq!(
        (&shut.body["admitted"], &shut.body["shut"]),
        (&json!(false), &json!(true))
    );
    let listed = rig.get("/v1/chats/telegram").await;
    assert_eq!(listed.body["chats"][0]["title"], "Shop");

    let elsewhere = rig.get("/v1/chats/skype").await;
    assert_eq!((elsewhere.status, elsewhere.problem()), (404, "not-found"));
    for (path, status) in [("telegram/shop", 422), ("skype/5", 404)] {
        let request = rig.request(Method::PUT, &format!("/v1/chats/{path}"));
        let none = rig.send(request.json(&json!({ "level": "none" }))).await;
        assert_eq!(none.status, status, "{path}");
    }
}

#[tokio::test]
async fn the_intake_is_paused_and_resumed_once() {
    let rig = Rig::new().await;
    assert_eq!(
        rig.get("/v1/intake").await.body,
        json!({ "changed": false })
    );
    let why = json!({ "why": "the bill" });
    let paused = rig.post("/v1/intake/pause", &why).await;
    assert_eq!(paused.body["changed"], true);
    assert_eq!(paused.body["paused"]["why"], "the bill");
    assert_eq!(
        rig.post("/v1/intake/pause", &why).await.body["changed"],
        false
    );
    assert_eq!(rig.get("/readyz").await.body["paused"]["why"], "the bill");
    let resume = || rig.send(rig.request(Method::POST, "/v1/intake/resume"));
    assert_eq!(resume().await.body, json!({ "changed": true }));
    assert_eq!(resume().await.body, json!({ "changed": false }));

    // Both are events of the host, which are about no job.
    let events = rig.store.events_after(EventSeq(0), None, 10).await.unwrap();
    let kinds: Vec<&str> = events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, ["host.paused", "host.resumed"]);
    assert!(events.iter().all(|event| event.job.is_none()));
}

#[tokio::test]
async fn sums_and_projects_are_what_plugins_are_handed() {
    let rig = Rig::new().await;
    let stats = rig.get("/v1/stats?hours=48").await;
    assert_eq!((stats.status, &stats.body["hours"]), (200, &json!(48)));
    let own = rig.store.stats(48, false).await.unwrap();
    let own = serde_json::to_value(own).unwrap();
    assert_eq!(stats.body["tasks"], own["tasks"]);
    assert_eq!(
        stats.body.as_object().unwrap().keys().collect::<Vec<_>>(),
        own.as_object().unwrap().keys().collect::<Vec<_>>()
    );
    let lines = rig.get("/v1/stats?lines=true").await;
    assert_eq!(lines.body["jobs"], json!([]));
    let wrong = rig.get("/v1/stats?hours=0").await;
    assert_eq!((wrong.status, wrong.problem()), (400, "bad-request"));

    let projects = rig.get("/v1/projects").await;
    let own = serde_json::to_value(rig.platform.projects().await.unwrap()).unwrap();
    assert_eq!(projects.body, own);
    assert_eq!(projects.body["projects"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_bot_is_set_up_and_people_are_paired() {
    let rig = Rig::new().await;
    assert_eq!(rig.get("/v1/telegram").await.body["state"], "off");
    let bot = rig.post("/v1/telegram", &json!({ "token": "right" })).await;
    assert_eq!(
        (bot.status, &bot.body["username"]),
        (200, &json!("shop_bot"))
    );
    let wrong = rig.post("/v1/telegram", &json!({ "token": "other" })).await;
    assert_eq!((wrong.status, wrong.problem()), (422, "invalid-request"));
    let away = rig.post("/v1/telegram", &json!({ "token": "away" })).await;
    assert_eq!((away.status, away.problem()), (502, "service-away"));
    let owner = rig.post("/v1/telegram/pairing", &json!({})).await;
    assert_eq!((owner.status, &owner.body["role"]), (200, &json!("owner")));
    let off = rig
        .post("/v1/telegram/pairing", &json!({ "role": "viewer" }))
        .await;
    assert_eq!((off.status, off.problem()), (409, "no-bot"));
    assert_eq!(
        rig.get("/v1/telegram/parked").await.body,
        json!({ "parked": [] })
    );
    for what in ["retry", "drop"] {
        let path = format!("/v1/telegram/parked/9/{what}");
        let none = rig.send(rig.request(Method::POST, &path)).await;
        assert_eq!((none.status, none.problem()), (404, "not-found"));
    }
}

#[tokio::test]
async fn a_bot_is_asked_about_only_on_a_word_and_disconnected() {
    let rig = Rig::new().await;
    assert_eq!(rig.get("/v1/telegram").await.body["state"], "off");
    let looked = rig.get("/v1/telegram?ask=true").await;
    assert_eq!(
        (looked.status, &looked.body["state"]),
        (200, &json!("refused"))
    );
    let remove = |who: &str| {
        let request = rig.request(Method::DELETE, "/v1/telegram");
        rig.send(request.header("Sortie-User", who))
    };
    let removed = remove("somebody").await;
    assert_eq!(
        (removed.status, &removed.body["state"]),
        (200, &json!("off"))
    );
    let none = remove("nobody").await;
    assert_eq!((none.status, none.problem()), (409, "no-bot"));
}

#[tokio::test]
async fn an_update_shows_the_secret_and_no_token() {
    let rig = Rig::new().await;
    let bring = |secret: Option<&str>, body: Vec<u8>| {
        let mut request = rig.client.post(format!("{}/telegram", rig.url)).body(body);
        if let Some(secret) = secret {
            request = request.header("X-Telegram-Bot-Api-Secret-Token", secret);
        }
        rig.send(request)
    };
    // The answer to what is taken has no body.
    let taken = rig
        .client
        .post(format!("{}/telegram", rig.url))
        .header("X-Telegram-Bot-Api-Secret-Token", "shown")
        .body("{}")
        .send()
        .await
        .unwrap();
    assert_eq!(taken.status(), 200);
    let busy = bring(Some("shown"), b"busy".to_vec()).await;
    assert_eq!((busy.status, busy.problem()), (503, "busy"));
    assert_eq!(busy.headers["retry-after"], "5");
    let other = bring(Some("shown"), b"[]".to_vec()).await;
    assert_eq!((other.status, other.problem()), (400, "bad-request"));
    for secret in [None, Some("guessed")] {
        let refused = bring(secret, b"{}".to_vec()).await;
        assert_eq!((refused.status, refused.problem()), (401, "unverified"));
    }
    let large = bring(Some("shown"), vec![b' '; (1 << 20) + 1]).await;
    assert_eq!((large.status, large.problem()), (413, "too-large"));
}
