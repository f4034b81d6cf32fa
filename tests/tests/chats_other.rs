//! Slack, from its side of the wire: a press is answered for whom Slack names,
//! when Slack signed it and the operator knows that person.

mod chat;

use anyhow::{Context, Result};
use chat::{CHEAT, cli};
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use sortie_tests::{Host, HostOptions, Remote};
use std::time::{SystemTime, UNIX_EPOCH};

const SECRET: &str = "what-slack-signs-with";

/// A host with the plugin, and a job that asks; with the question's id.
async fn asking() -> Result<(Host, Remote, u64)> {
    let tested = "import unittest\n\n\nclass T(unittest.TestCase):\n    def test_a(self):\n        self.assertEqual(1, 1)\n";
    let remote = Remote::with(&[("test_a.py", tested)])?;
    let options = HostOptions {
        more: format!("[secrets]\nslack-signing-secret = {{ value = \"{SECRET}\" }}\n"),
        ..HostOptions::default()
    };
    let host = Host::start(&remote, options).await?;
    let package = concat!(env!("CARGO_MANIFEST_DIR"), "/../dist/optional/slack.wasm");
    cli(&host, &["plugin", "install", package, "--yes"])?;
    let job = host.submit(CHEAT).await?;
    let asked = host
        .wait_event(job, |event| event["kind"] == "job.needs_review")
        .await?;
    let question = asked["data"]["approval"]
        .as_u64()
        .context("it names its question")?;
    Ok((host, remote, question))
}

/// What Slack posts when a user presses a button.
fn press(user: &str, question: u64) -> Vec<u8> {
    let payload = json!({
        "type": "block_actions",
        "user": { "id": user, "username": user },
        "actions": [{ "value": format!("answer:{question}:yes") }],
    });
    let coded: String = payload
        .to_string()
        .bytes()
        .map(|byte| format!("%{byte:02X}"))
        .collect();
    format!("payload={coded}").into_bytes()
}

#[expect(
    clippy::disallowed_methods,
    reason = "Slack signs with the time of day"
)]
async fn post(host: &Host, secret: &str, age_s: u64, body: Vec<u8>) -> Result<(u16, Value)> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let at = (now - age_s).to_string();
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes())?;
    mac.update(format!("v0:{at}:").as_bytes());
    mac.update(&body);
    let signature = format!("v0={}", hex::encode(mac.finalize().into_bytes()));
    let headers = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("x-slack-request-timestamp", at.as_str()),
        ("x-slack-signature", signature.as_str()),
    ];
    host.send("/hooks/slack/in", &headers, body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_press_on_slack_answers_for_whom_the_operator_knows() -> Result<()> {
    let (host, remote, question) = asking().await?;
    cli(
        &host,
        &[
            "people", "add", "slack", "U1", "--role", "approver", "--name", "Ana",
        ],
    )?;
    cli(
        &host,
        &[
            "people", "add", "slack", "U2", "--role", "viewer", "--name", "Ben",
        ],
    )?;
    for (secret, age_s) in [("another", 0), (SECRET, 600)] {
        let (status, _) = post(&host, secret, age_s, press("U1", question)).await?;
        assert_eq!(status, 401);
    }
    for user in ["U2", "U666"] {
        let (status, answer) = post(&host, SECRET, 0, press(user, question)).await?;
        assert_eq!(status, 200, "{answer}");
        assert_eq!(host.job(1).await?["state"], "needs_review", "{user}");
    }
    let (status, answer) = post(&host, SECRET, 0, press("U1", question)).await?;
    assert_eq!(status, 200, "{answer}");
    host.wait_state(1, &["succeeded"]).await?;
    assert_eq!(remote.pushes()?.len(), 1);
    Ok(())
}
