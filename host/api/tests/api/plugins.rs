//! The life of a plugin over HTTP, what came in for it, and the log of it all.

use crate::rig::{Answer, Rig, Upload};
use crate::worker::{ASKS, manifest, packed, teller, worker};
use reqwest::Method;
use serde_json::{Value, json};

const NAME: &str = "worker";

fn version(version: &str) -> Vec<u8> {
    packed(&worker(), &manifest(NAME, version, ASKS))
}

async fn named(rig: &Rig, request: reqwest::RequestBuilder) -> Answer {
    rig.send(request.header("Sortie-User", "ann")).await
}

async fn hook(rig: &Rig, id: &str, body: &'static str) -> u16 {
    let request = rig.client.post(format!("{}/hooks/worker/hook", rig.url));
    let sent = request.header("x-delivery", id).body(body).send().await;
    sent.unwrap().status().as_u16()
}

#[tokio::test]
async fn from_the_first_look_to_the_removal() {
    let rig = Rig::new().await;
    let examined = rig
        .upload("/v1/plugins/examine", Upload::of(version("1.0.0")))
        .await;
    assert_eq!(examined.status, 200, "{examined:?}");
    assert_eq!(examined.body["surfaces"], json!(["connector"]));
    assert_eq!(examined.body["beyond"].as_array().unwrap().len(), 3);
    assert_eq!(rig.get("/v1/plugins/worker").await.problem(), "not-found");

    let before = Upload::of(version("1.0.0"))
        .with("consent", "\"before\"")
        .with("source", "ghcr.io/acme/worker:1");
    let installed = rig.upload("/v1/plugins", before).await;
    assert_eq!(installed.status, 201, "{installed:?}");
    assert_eq!(installed.headers["location"], "/v1/plugins/worker");
    assert_eq!(installed.body["enabled"], false);
    assert_eq!(installed.body["source"], "ghcr.io/acme/worker:1");
    let post = |path: &str| rig.request(Method::POST, &format!("/v1/plugins/worker/{path}"));
    let enabled = named(&rig, post("enable")).await;
    assert_eq!((enabled.status, enabled.problem()), (409, "not-granted"));

    let grant = rig
        .request(Method::PUT, "/v1/plugins/worker/grant")
        .json(&json!({ "consent": { "everything": {} } }));
    let granted = named(&rig, grant).await;
    assert_eq!(
        (granted.status, &granted.body["enabled"]),
        (200, &json!(true))
    );
    assert_eq!(hook(&rig, "1", "c").await, 200);

    let upgraded = rig
        .upload("/v1/plugins/worker/upgrade", Upload::of(version("1.1.0")))
        .await;
    assert_eq!(upgraded.body["version"], "1.1.0", "{upgraded:?}");
    assert_eq!(upgraded.body["previous"]["version"], "1.0.0");
    let back = named(&rig, post("rollback")).await;
    assert_eq!(back.body["version"], "1.0.0", "{back:?}");

    let why = json!({ "why": "noisy" });
    let disabled = named(&rig, post("disable").json(&why)).await;
    assert_eq!(disabled.body["disabled_why"], "noisy", "{disabled:?}");
    assert_eq!(hook(&rig, "2", "c").await, 404);
    let list = rig.get("/v1/plugins").await.body["plugins"].clone();
    let listed = list.as_array().unwrap().iter();
    let listed = listed.filter(|plugin| plugin["name"] == NAME);
    assert_eq!(
        listed.map(|p| p["enabled"] == false).collect::<Vec<_>>(),
        [true]
    );
    assert_eq!(named(&rig, post("enable")).await.status, 200);

    let remove = rig.request(Method::DELETE, "/v1/plugins/worker?data=erase");
    assert_eq!(named(&rig, remove).await.status, 200);
    assert_eq!(rig.get("/v1/plugins/worker").await.status, 404);
    let again = rig.request(Method::DELETE, "/v1/plugins/worker");
    assert_eq!(named(&rig, again).await.problem(), "not-found");
    let odd = rig.request(Method::DELETE, "/v1/plugins/worker?data=burn");
    assert_eq!(named(&rig, odd).await.status, 400);

    let log = rig.get("/v1/audit?subject=worker").await.body["entries"].clone();
    let log = log.as_array().unwrap();
    let actions: Vec<&str> = log
        .iter()
        .rev()
        .map(|r| r["action"].as_str().unwrap())
        .collect();
    assert_eq!(
        actions,
        [
            "plugin.installed",
            "plugin.granted",
            "plugin.upgraded",
            "plugin.rolled_back",
            "plugin.disabled",
            "plugin.enabled",
            "plugin.removed",
        ]
    );
    assert_eq!(log[0]["actor"], "ann");
}

#[tokio::test]
async fn one_of_the_hosts_own_is_shown_and_not_removed() {
    let rig = Rig::new().await;
    let own = rig.get("/v1/plugins/budget-profiles").await;
    assert_eq!((own.status, &own.body["shipped"]), (200, &json!(true)));
    for request in [
        rig.request(Method::DELETE, "/v1/plugins/budget-profiles"),
        rig.request(Method::POST, "/v1/plugins/budget-profiles/disable"),
    ] {
        let answer = rig.send(request).await;
        assert_eq!((answer.status, answer.problem()), (409, "plugin-conflict"));
    }
}

#[tokio::test]
async fn a_plugin_without_a_version_before_cannot_go_back() {
    let rig = Rig::new().await;
    rig.install(version("1.0.0")).await;
    let rollback = rig.request(Method::POST, "/v1/plugins/worker/rollback");
    let answer = rig.send(rollback).await;
    assert_eq!((answer.status, answer.problem()), (409, "plugin-conflict"));
}

#[tokio::test]
async fn what_a_plugin_logs_can_be_read() {
    let rig = Rig::new().await;
    rig.install(version("1.0.0")).await;
    let none = rig.get("/v1/plugins/worker/logs").await;
    assert_eq!(none.body, json!({ "lines": [] }));
    hook(&rig, "1", "l").await;
    let lines = rig.get("/v1/plugins/worker/logs").await.body["lines"].clone();
    assert_eq!(lines[0]["message"], "severe");
    assert_eq!(lines[0]["level"], "info");
    let unknown = rig.get("/v1/plugins/nobody/logs").await;
    assert_eq!((unknown.status, unknown.problem()), (404, "not-found"));
}

#[tokio::test]
async fn an_event_that_failed_is_looked_into_tried_again_or_dropped() {
    let rig = Rig::new().await;
    rig.install(version("1.0.0")).await;
    assert_eq!(hook(&rig, "1", "t").await, 202);
    assert_eq!(hook(&rig, "2", "t").await, 202);
    let page = rig
        .get("/v1/plugin-events?plugin=worker&state=pending&limit=1")
        .await;
    let events = page.body["events"].as_array().unwrap();
    assert_eq!(events.len(), 1);
    let newest = events[0]["id"].as_u64().unwrap();
    assert_eq!(page.body["next_before"], newest);
    let rest = rig.get(&format!("/v1/plugin-events?before={newest}")).await;
    let oldest = rest.body["events"][0]["id"].as_u64().unwrap();
    assert!(oldest < newest && rest.body["next_before"].is_null());

    let event = rig.get(&format!("/v1/plugin-events/{oldest}")).await;
    assert_eq!(event.body["payload"]["method"], "POST", "{event:?}");
    assert_eq!(event.body["payload"]["body"], "dA==");
    let act = |what: &str| {
        let path = format!("/v1/plugin-events/{oldest}/{what}");
        rig.send(rig.request(Method::POST, &path))
    };
    assert_eq!(act("retry").await.body["state"], "pending");
    let dropped = act("drop").await;
    assert_eq!(dropped.body["state"], "dropped", "{dropped:?}");
    for what in ["drop", "retry"] {
        let again = act(what).await;
        assert_eq!((again.status, again.problem()), (409, "settled"));
    }
    let event = rig.get(&format!("/v1/plugin-events/{oldest}")).await;
    assert_eq!(event.body["payload"], Value::Null);
    for path in ["/v1/plugin-events/999999", "/v1/plugin-events/x"] {
        let none = rig.get(path).await;
        assert!([400, 404].contains(&none.status), "{none:?}");
        none.problem();
    }
    for query in ["state=odd", "limit=0", "limit=201", "colour=red"] {
        let odd = rig.get(&format!("/v1/plugin-events?{query}")).await;
        assert_eq!((odd.status, odd.problem()), (400, "bad-request"), "{query}");
    }
}

#[tokio::test]
async fn a_delivery_is_listed_tried_again_and_dropped() {
    let rig = Rig::new().await;
    let told = packed(
        &teller(false),
        "name = \"teller\"\nversion = \"1.0.0\"\nsurfaces = [\"notifier\"]\n",
    );
    rig.install(told).await;
    rig.submit("one").await;
    let list = rig
        .get("/v1/deliveries?notifier=teller&state=pending")
        .await;
    let delivery = &list.body["deliveries"][0];
    assert_eq!(delivery["kind"], "job.queued", "{list:?}");
    let seq = delivery["seq"].as_u64().unwrap();
    let act = |seq: u64, what: &str| {
        let path = format!("/v1/deliveries/teller/{seq}/{what}");
        rig.send(rig.request(Method::POST, &path))
    };
    assert_eq!(act(seq, "retry").await.body["state"], "pending");
    assert_eq!(act(seq, "drop").await.body["state"], "dropped");
    assert_eq!(act(seq, "retry").await.problem(), "settled");
    assert_eq!(act(seq + 1000, "drop").await.problem(), "not-found");
    assert_eq!(rig.get("/v1/deliveries").await.status, 400);
}

#[tokio::test]
async fn the_log_of_changes_is_read_by_pages() {
    let rig = Rig::new().await;
    rig.install(version("1.0.0")).await;
    for _ in 0..3 {
        for what in ["disable", "enable"] {
            let path = format!("/v1/plugins/worker/{what}");
            let answer = rig.send(rig.request(Method::POST, &path)).await;
            assert_eq!(answer.status, 200, "{answer:?}");
        }
    }
    let mut seen = Vec::new();
    let mut path = "/v1/audit?subject=worker&limit=2".to_owned();
    loop {
        let page = rig.get(&path).await;
        let entries = page.body["entries"].as_array().unwrap();
        seen.extend(entries.iter().map(|entry| entry["id"].as_u64().unwrap()));
        match page.body["next_before"].as_u64() {
            Some(before) => path = format!("/v1/audit?subject=worker&limit=2&before={before}"),
            None => break,
        }
    }
    assert_eq!(seen.len(), 7);
    assert!(seen.is_sorted_by(|a, b| a > b), "{seen:?}");
    let enabled = rig.get("/v1/audit?action=plugin.enabled").await;
    assert_eq!(enabled.body["entries"].as_array().unwrap().len(), 3);
}
