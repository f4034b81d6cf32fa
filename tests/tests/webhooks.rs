//! The webhook plugin on a host that runs, set up by the commands of its
//! README: signed requests become jobs, what happens to them is posted, and
//! neither is lost or doubled when the host is killed or the receiver is away.

use anyhow::{Context, Result};
use axum::http::StatusCode;
use hmac::{Hmac, Mac};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::Sha256;
use sortie_tests::{Host, HostOptions, Received, Receiver, Remote};
use std::collections::BTreeMap;

const SECRET_IN: &str = "what-comes-in-is-signed-with-this";
const SECRET_OUT: &str = "what-goes-out-is-signed-with-this";

fn signature(secret: &str, body: &[u8]) -> Result<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes())?;
    mac.update(body);
    Ok(format!(
        "sha256={}",
        hex::encode(mac.finalize().into_bytes())
    ))
}

fn options(receiver: &Receiver) -> HostOptions {
    HostOptions {
        more: format!(
            "[secrets]\nwebhook-secret = {{ value = \"{SECRET_IN}\" }}\n\
             webhook-out = {{ value = \"{SECRET_OUT}\" }}\n\
             [plugins.webhook]\nurl = \"http://{}/sortie/in\"\n",
            receiver.address()
        ),
        ..HostOptions::default()
    }
}

async fn installed(remote: &Remote, receiver: &Receiver) -> Result<Host> {
    let host = Host::start(remote, options(receiver)).await?;
    let package = concat!(env!("CARGO_MANIFEST_DIR"), "/../dist/optional/webhook.wasm");
    host.run(&["plugin", "install", package, "--yes"])?;
    let rule = format!(
        "{{ host = \"127.0.0.1\", schemes = [\"http\"], port = {}, private = true,
            methods = [\"POST\"], path_prefix = \"/sortie\",
            credential = {{ secret = \"webhook-out\", header = \"x-sortie-signature\",
                            prefix = \"sha256=\", sign = \"hmac-sha256\" }} }}",
        receiver.address().port()
    );
    host.run(&["plugin", "grant", "webhook", "--egress", &rule])?;
    Ok(host)
}

async fn hook(host: &Host, delivery: &str, body: &Value) -> Result<(u16, Value)> {
    let body = serde_json::to_vec(body)?;
    let signature = signature(SECRET_IN, &body)?;
    let headers = [
        ("x-sortie-delivery", delivery),
        ("x-sortie-signature", &signature),
    ];
    host.send("/hooks/webhook/in", &headers, body).await
}

fn parsed(received: &Received) -> Result<Value> {
    serde_json::from_slice(&received.body).context("a post is JSON")
}

fn has(received: &[Received], kind: &str) -> bool {
    received
        .iter()
        .any(|one| one.answer.is_success() && parsed(one).is_ok_and(|post| post["kind"] == kind))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_request_becomes_a_job_and_its_events_are_posted() -> Result<()> {
    let remote = Remote::with(&[("a.txt", "one\n")])?;
    let receiver = Receiver::start(StatusCode::NO_CONTENT).await?;
    let host = installed(&remote, &receiver).await?;

    let body = json!({ "project": "sample", "task": "echo two >> a.txt", "key": "ticket-17" });
    let (status, answer) = hook(&host, "d-1", &body).await?;
    assert_eq!((status, &answer), (200, &json!({ "job": 1 })));
    let (status, again) = hook(&host, "d-1", &body).await?;
    assert_eq!(status, 200, "{again}");
    assert!(again["duplicate"].is_u64(), "{again}");
    let (status, same) = hook(&host, "d-2", &body).await?;
    assert_eq!(
        (status, &same),
        (200, &json!({ "job": 1 })),
        "its key is known"
    );

    let forged = [("x-sortie-signature", "sha256=00")];
    let (status, refused) = host
        .send("/hooks/webhook/in", &forged, serde_json::to_vec(&body)?)
        .await?;
    assert_eq!(status, 401, "{refused}");
    let (status, refused) = hook(&host, "d-3", &json!({ "project": "none", "task": "x" })).await?;
    assert_eq!(status, 422, "{refused}");

    assert_eq!(host.settled(1).await?["state"], "succeeded");
    let received = receiver
        .until(|received| has(received, "job.succeeded"))
        .await?;
    let mut last = 0;
    for one in &received {
        assert_eq!(
            one.header("x-sortie-signature"),
            signature(SECRET_OUT, &one.body)?
        );
        let post = parsed(one)?;
        assert_eq!(post["id"], one.header("idempotency-key"), "{post}");
        assert_eq!(post["job"]["id"], 1, "{post}");
        let seq = post["seq"].as_u64().context("a post has a number")?;
        assert!(seq > last, "in order: {received:#?}");
        last = seq;
    }
    let succeeded = parsed(received.last().context("there are posts")?)?;
    assert_eq!(succeeded["job"]["state"], "succeeded", "{succeeded}");
    assert_eq!(remote.branches()?.len(), 1, "one result");

    let (_, jobs) = host.call(Method::GET, "/v1/jobs", None).await?;
    assert_eq!(jobs["jobs"].as_array().map(Vec::len), Some(1), "{jobs}");
    let audit = host.run(&["audit", "--subject", "webhook", "--json"])?;
    assert!(audit.contains("/sortie/in"), "{audit}");
    assert!(!audit.contains(SECRET_OUT), "no secret is written down");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_delivered_is_delivered_after_a_crash() -> Result<()> {
    let remote = Remote::with(&[("a.txt", "one\n")])?;
    let receiver = Receiver::start(StatusCode::SERVICE_UNAVAILABLE).await?;
    let mut host = installed(&remote, &receiver).await?;
    let body = json!({ "project": "sample", "task": "echo two >> a.txt" });
    let (status, answer) = hook(&host, "d-1", &body).await?;
    assert_eq!((status, &answer), (200, &json!({ "job": 1 })));
    receiver.until(|received| !received.is_empty()).await?;
    host.kill().await?;
    host.serve().await?;
    let (_, again) = hook(&host, "d-1", &body).await?;
    assert!(again["duplicate"].is_u64(), "it was on disk: {again}");

    receiver.answer(StatusCode::OK);
    let received = receiver
        .until(|received| has(received, "job.succeeded"))
        .await?;
    let mut bodies: BTreeMap<&str, Vec<&Received>> = BTreeMap::new();
    for one in &received {
        bodies
            .entry(one.header("idempotency-key"))
            .or_default()
            .push(one);
    }
    for (key, tries) in bodies {
        let done = tries.iter().filter(|one| one.answer.is_success()).count();
        assert_eq!(done, 1, "{key} was posted again after it was taken");
    }
    Ok(())
}
