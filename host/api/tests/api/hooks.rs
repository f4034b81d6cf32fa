//! Hooks: the one way in without the token.

use crate::parts::SECRET;
use crate::rig::{PATIENCE, Rig};
use crate::worker::{ASKS, manifest, packed, worker};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use sortie_model::id::PluginEventId;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

const NAME: &str = "worker";

async fn rig() -> Rig {
    let rig = Rig::new().await;
    rig.install(packed(&worker(), &manifest(NAME, "1.0.0", ASKS)))
        .await;
    rig
}

async fn send(rig: &Rig, id: &str, body: &'static str) -> (u16, Value) {
    let request = rig.client.post(format!("{}/hooks/worker/hook", rig.url));
    let request = request.header("x-delivery", id).body(body);
    read(request.send().await.unwrap()).await
}

async fn read(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or_default())
}

async fn counted(rig: &Rig) -> u8 {
    let kept = rig.store.kv_get(NAME, "n").await.unwrap();
    kept.map_or(0, |bytes| bytes[0])
}

#[tokio::test]
async fn a_request_is_handled_once_and_a_repetition_is_told_so() {
    let rig = rig().await;
    let (status, body) = send(&rig, "1", "c").await;
    assert_eq!((status, body), (200, Value::Null));
    let (status, again) = send(&rig, "1", "c").await;
    assert_eq!(status, 200);
    rig.contract().check_type("HookDuplicate", &again);
    assert_eq!(counted(&rig).await, 1);
}

#[tokio::test]
async fn what_the_plugin_answers_passes_through_without_what_is_not_its_own() {
    let rig = rig().await;
    let request = rig
        .client
        .put(format!("{}/hooks/worker/hook/a/b?c=d", rig.url));
    let response = request.body("r").send().await.unwrap();
    assert_eq!(response.status(), 201);
    let headers = response.headers().clone();
    assert_eq!(headers["x-worker"], "yes");
    assert!(!headers.contains_key("set-cookie"));
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert!(headers.contains_key("content-security-policy"));
    assert_eq!(response.text().await.unwrap(), "done");
    assert_eq!(counted(&rig).await, 1, "the answer came after the write");
}

#[tokio::test]
async fn a_plugin_that_traps_keeps_the_request_for_later() {
    let rig = rig().await;
    let (status, taken) = send(&rig, "1", "t").await;
    assert_eq!(status, 202);
    rig.contract().check_type("HookTaken", &taken);
    assert_eq!(counted(&rig).await, 0);
    let id = taken["event"].as_u64().unwrap();
    let event = rig.get(&format!("/v1/plugin-events/{id}")).await;
    assert_eq!(event.body["state"], "pending", "{event:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_kept_is_tried_again_by_itself() {
    let rig = rig().await;
    let (status, taken) = send(&rig, "1", "1").await;
    assert_eq!(status, 202);
    let mut events = rig.store.event_signal();
    events.mark_unchanged();
    let (platform, until) = (rig.platform.clone(), rig.shutdown.clone());
    let working = tokio::spawn(async move { platform.run(until).await });
    // The try that works submits a job, which is an event of the timeline.
    let submitted = tokio::time::timeout(PATIENCE, events.changed()).await;
    submitted.unwrap().unwrap();
    let id = PluginEventId(taken["event"].as_u64().unwrap());
    let event = rig.get(&format!("/v1/plugin-events/{}", id.0)).await;
    assert_eq!(event.body["state"], "done", "{event:?}");
    assert_eq!(event.body["attempts"], 2);
    assert_eq!(counted(&rig).await, 1);
    rig.shutdown.cancel();
    working.await.unwrap();
}

#[tokio::test]
async fn unknown_disabled_and_ungranted_hooks_answer_alike() {
    let rig = rig().await;
    let post = |path: &str| {
        let request = rig.client.post(format!("{}{path}", rig.url));
        async { read(request.body("c").send().await.unwrap()).await }
    };
    let detail = |(status, body): (u16, Value)| {
        assert_eq!(status, 404);
        let text = body["detail"].as_str().unwrap().to_owned();
        text.replace("nobody", "X").replace("worker", "X")
    };
    let nobody = detail(post("/hooks/nobody/hook").await);
    rig.platform
        .disable(NAME, Some("why"), "ann")
        .await
        .unwrap();
    assert_eq!(detail(post("/hooks/worker/hook").await), nobody);
    for path in [
        "/hooks/worker/other",
        "/hooks/worker/other/below",
        "/hooks/%77orker/hook",
        "/hooks/worker/",
    ] {
        let (status, body) = post(path).await;
        assert!([401, 404].contains(&status), "{path}: {body}");
    }
}

#[tokio::test]
async fn a_token_and_a_signature_are_what_they_should_be() {
    let rig = Rig::new().await;
    let asks = r#"
[[sources]]
name = "token"
kind = "http"
verify = { scheme = "token", header = "authorization", prefix = "Bearer ", secret = "hook-secret" }
[[sources]]
name = "lost"
kind = "http"
verify = { scheme = "token", header = "x-token", secret = "nowhere" }
[jobs]
allow = ["submit"]
"#;
    rig.install(packed(&worker(), &manifest(NAME, "1.0.0", asks)))
        .await;
    let url = format!("{}/hooks/worker/token", rig.url);
    for (shown, status) in [
        (None, 401),
        (Some("Bearer wrong".to_owned()), 401),
        (Some(SECRET.to_owned()), 401),
        (Some(format!("Bearer {SECRET}")), 200),
    ] {
        let mut request = rig.client.post(&url).body("c");
        if let Some(shown) = &shown {
            request = request.header("Authorization", shown);
        }
        let (found, body) = read(request.send().await.unwrap()).await;
        assert_eq!(found, status, "{shown:?}");
        if status == 401 {
            assert_eq!(body["type"], "urn:sortie:problem:unverified");
            assert!(!body.to_string().contains(SECRET));
        }
    }
    assert_eq!(counted(&rig).await, 1);
    // A secret that the host lacks is the host's fault, and no open door.
    let lost = rig.client.post(format!("{}/hooks/worker/lost", rig.url));
    let (status, _) = read(lost.header("x-token", "").send().await.unwrap()).await;
    assert_eq!(status, 500);
}

#[tokio::test]
async fn a_body_over_the_sources_limit_is_refused_before_it_is_read() {
    let rig = rig().await;
    let address = rig.url.strip_prefix("http://").unwrap();
    // Announced: nothing of the body is sent, and the answer comes.
    let announced = "POST /hooks/worker/hook HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n";
    // Not announced: it is counted while it comes.
    let chunked = format!(
        "POST /hooks/worker/hook HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n{}\r\n",
        "x".repeat(1001)
    );
    for request in [announced, &chunked] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = [0; 12];
        let read = tokio::time::timeout(PATIENCE, stream.read_exact(&mut head));
        read.await.unwrap().unwrap();
        assert_eq!(&head, b"HTTP/1.1 413");
    }
    let fits = rig.client.post(format!("{}/hooks/worker/hook", rig.url));
    let (status, _) = read(fits.body("x".repeat(1000)).send().await.unwrap()).await;
    assert_eq!(status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_at_once_are_all_handled() {
    let rig = rig().await;
    let mut tasks = JoinSet::new();
    for n in 0..64 {
        let request = rig.client.post(format!("{}/hooks/worker/hook", rig.url));
        let request = request.header("x-delivery", n).body("c");
        tasks.spawn(async move { request.send().await.unwrap().status().as_u16() });
    }
    assert_eq!(tasks.join_all().await, [200; 64]);
    assert_eq!(counted(&rig).await, 64);
}

#[tokio::test]
async fn a_hook_that_takes_its_time_keeps_nobody_else_out() {
    let rig = rig().await;
    let address = rig.url.strip_prefix("http://").unwrap();
    // Bodies that never come hold every place for hooks.
    let mut held = Vec::new();
    for _ in 0..sortie_api::limits::MAX_HOOKS {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream
            .write_all(
                b"POST /hooks/worker/hook HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\
                  Expect: 100-continue\r\n\r\n",
            )
            .await
            .unwrap();
        // The host asks for the body when the request has its place.
        let mut head = [0; 12];
        let read = tokio::time::timeout(PATIENCE, stream.read_exact(&mut head));
        read.await.unwrap().unwrap();
        assert_eq!(&head, b"HTTP/1.1 100");
        held.push(stream);
    }
    let (status, body) = send(&rig, "1", "c").await;
    assert_eq!(
        (status, &body["type"]),
        (503, &json!("urn:sortie:problem:busy"))
    );
    assert_eq!(rig.get("/v1/jobs").await.status, 200, "people get in");
    // They are told that they were too slow, and the places are free again.
    for stream in &mut held {
        let mut rest = String::new();
        let mut bytes = [0; 64];
        while !rest.contains("HTTP/1.1 408") {
            let read = tokio::time::timeout(PATIENCE, stream.read(&mut bytes));
            let n = read.await.unwrap().unwrap();
            assert!(n > 0, "{rest}");
            rest.push_str(&String::from_utf8_lossy(&bytes[..n]));
        }
    }
    assert_eq!(send(&rig, "2", "c").await.0, 200);
    assert_eq!(
        rig.send(rig.request(Method::GET, "/v1/plugins"))
            .await
            .status,
        200
    );
}
