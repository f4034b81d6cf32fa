//! Slack and Discord, from their side of the wire: a press is answered for whom
//! the service names, when it signed that and the operator knows that person.

mod chat;

use anyhow::{Context, Result};
use chat::CHEAT;
use hmac::{Hmac, Mac};
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};
use sha2::Sha256;
use sortie_tests::{Host, HostOptions, Remote};
use std::time::{SystemTime, UNIX_EPOCH};

const SECRET: &str = "what-slack-signs-with";

/// A host with a plugin and its secret, and a job that asks; with the question's
/// id.
async fn asking(plugin: &str, name: &str, secret: &str) -> Result<(Host, Remote, u64)> {
    let tested = "import unittest\n\n\nclass T(unittest.TestCase):\n    def test_a(self):\n        self.assertEqual(1, 1)\n";
    let remote = Remote::with(&[("test_a.py", tested)])?;
    let options = HostOptions {
        more: format!("[secrets]\n{name} = {{ value = \"{secret}\" }}\n"),
        ..HostOptions::default()
    };
    let host = Host::start(&remote, options).await?;
    let dist = concat!(env!("CARGO_MANIFEST_DIR"), "/../dist/optional");
    let package = format!("{dist}/{plugin}.wasm");
    host.run(&["plugin", "install", &package, "--yes"])?;
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

/// A time that is so old, as services write it.
#[expect(
    clippy::disallowed_methods,
    reason = "services sign with the time of day"
)]
fn signed_at(age_s: u64) -> Result<String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    Ok((now - age_s).to_string())
}

async fn post(host: &Host, secret: &str, age_s: u64, body: Vec<u8>) -> Result<(u16, Value)> {
    let at = signed_at(age_s)?;
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
    let (host, remote, question) = asking("slack", "slack-signing-secret", SECRET).await?;
    host.run(&[
        "people", "add", "slack", "U1", "--role", "approver", "--name", "Ana",
    ])?;
    host.run(&[
        "people", "add", "slack", "U2", "--role", "viewer", "--name", "Ben",
    ])?;
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

/// The key of an application on Discord.
fn application(seed: u8) -> Result<Ed25519KeyPair> {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).ok();
    pair.context("a seed has 32 bytes")
}

/// What Discord posts when a user presses a button.
fn pressed(user: &str, question: u64) -> Value {
    json!({
        "type": 3,
        "member": { "user": { "id": user, "username": "somebody" } },
        "message": { "content": "It asks" },
        "data": { "custom_id": format!("answer:{question}:yes") },
    })
}

async fn interact(
    host: &Host,
    key: &Ed25519KeyPair,
    age_s: u64,
    body: &Value,
) -> Result<(u16, Value)> {
    let (at, body) = (signed_at(age_s)?, body.to_string());
    let signature = hex::encode(key.sign(format!("{at}{body}").as_bytes()).as_ref());
    let headers = [
        ("content-type", "application/json"),
        ("x-signature-timestamp", at.as_str()),
        ("x-signature-ed25519", signature.as_str()),
    ];
    host.send("/hooks/discord/in", &headers, body.into_bytes())
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_press_on_discord_answers_for_whom_the_operator_knows() -> Result<()> {
    let (own, other) = (application(7)?, application(8)?);
    let public = hex::encode(own.public_key().as_ref());
    let (host, remote, question) = asking("discord", "discord-public-key", &public).await?;
    for (user, role, name) in [("1", "approver", "Ana"), ("2", "viewer", "Ben")] {
        let words = [
            "people", "add", "discord", user, "--role", role, "--name", name,
        ];
        host.run(&words)?;
    }
    let ping = json!({ "type": 1 });
    let pong = interact(&host, &own, 0, &ping).await?;
    assert_eq!(pong, (200, json!({ "type": 1 })));
    for (key, age_s) in [(&other, 0), (&own, 600)] {
        for body in [&ping, &pressed("1", question)] {
            let (status, answer) = interact(&host, key, age_s, body).await?;
            assert_eq!(status, 401, "{answer}");
        }
    }
    // A viewer reads why not; a stranger's message stays as it is.
    for (user, kind) in [("2", 4), ("666", 6)] {
        let (status, answer) = interact(&host, &own, 0, &pressed(user, question)).await?;
        assert_eq!((status, &answer["type"]), (200, &json!(kind)), "{answer}");
        assert_eq!(host.job(1).await?["state"], "needs_review", "{user}");
    }
    let (status, answer) = interact(&host, &own, 0, &pressed("1", question)).await?;
    assert_eq!((status, &answer["type"]), (200, &json!(7)), "{answer}");
    assert_eq!(answer["data"]["components"], json!([]), "{answer}");
    host.wait_state(1, &["succeeded"]).await?;
    assert_eq!(remote.pushes()?.len(), 1);
    Ok(())
}
