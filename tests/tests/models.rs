//! Missions whose agents ask a model.

use anyhow::Result;
use reqwest::Method;
use serde_json::Value;
use sortie_servers::{ModelServer, Turn};
use sortie_tests::{Host, HostOptions, Remote};

/// Asks the model once and keeps the answer in the work tree.
const ASK: &str = r#"bash <<'END'
body='{"model":"m-1","max_tokens":1000,"messages":[{"role":"user","content":"hi"}]}'
exec 3<>/dev/tcp/127.0.0.1/3129
printf 'POST /v1/messages HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%s' ${#body} "$body" >&3
cat <&3 >> answer.txt
END"#;

fn options(server: &ModelServer, more: &str) -> HostOptions {
    HostOptions {
        more: format!(
            "[secrets]\nkey = {{ value = \"sk-canary-of-the-mission\" }}\n\
             [providers.main]\nkind = \"compatible\"\nbase_url = \"{}\"\napis = [\"messages\"]\n\
             secret = \"key\"\n\
             [models]\ndefault = \"main/m-1\"\n\
             [models.prices.\"main/m-1\"]\ninput_usd = 1\noutput_usd = 10\n\
             context_tokens = 10000\noutput_tokens = 1000\n{more}",
            server.base_url()
        ),
        ..HostOptions::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_asks_a_model_and_its_run_pays() -> Result<()> {
    let server = ModelServer::with(|seen| {
        let turn = Turn {
            text: "have a look at the README".into(),
            ..Turn::default()
        };
        turn.reply(seen)
    })
    .await;
    let remote = Remote::with(&[("README.md", "teh start\n")])?;
    let host = Host::start(&remote, options(&server, "")).await?;
    let id = host.submit(ASK).await?;
    let job = host.settled(id).await?;
    assert_eq!(job["state"], "succeeded", "{job}");
    let branch = job["published"]["branch"].as_str().expect("published");
    let said = remote.file(branch, "answer.txt")?;
    assert!(said.contains("have a look at the README"), "{said}");
    assert!(!said.contains("sk-canary"), "{said}");
    let seen = server.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!(
        seen[0].header("authorization"),
        Some("Bearer sk-canary-of-the-mission")
    );
    // The launch of the agent and one call; 7 tokens at $1, 3 at $10.
    assert_eq!(job["usage"]["calls"], 2, "{job}");
    assert_eq!(job["usage"]["cost_micro_usd"], 37, "{job}");
    let (_, usage) = host.call(Method::GET, "/v1/usage?by=step", None).await?;
    let sum = &usage["sums"][0];
    assert_eq!(
        (&sum["calls"], &sum["cost_micro_usd"]),
        (&1.into(), &37.into()),
        "{usage}"
    );
    assert!(sum["step"].is_string(), "{usage}");
    let shown = host.cli(&["usage", "--by", "model"])?;
    let shown = String::from_utf8(shown.stdout)?;
    assert!(
        shown.contains("main") && shown.contains("$0.000037"),
        "{shown}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_without_money_is_told_to_stop_and_its_work_is_kept() -> Result<()> {
    let server = ModelServer::start().await;
    let remote = Remote::with(&[("README.md", "teh start\n")])?;
    // The worst case is about $0.012.
    let more = "[plugins.budget-profiles.profiles.poor]\ncalls = 5\ncost_usd = 0.01\nminutes = 5\n";
    let mut options = options(&server, more);
    options.defaults = "budget_profile = \"poor\"".into();
    let host = Host::start(&remote, options).await?;
    let id = host.submit(ASK).await?;
    let job = host.settled(id).await?;
    assert_eq!(job["state"], "awaiting_approval", "{job}");
    assert_eq!(job["approval"]["about"], "budget", "{job}");
    assert_eq!(job["approval"]["raise"]["cost_micro_usd"], 10_000, "{job}");
    assert!(server.seen().is_empty());
    let (_, diff) = host
        .call(Method::GET, &format!("/v1/jobs/{id}/diff"), None)
        .await?;
    let diff = diff.as_str().unwrap_or_default();
    assert!(
        diff.contains("402") && diff.contains("budget_exhausted"),
        "{diff}"
    );
    assert!(remote.pushes()?.is_empty());
    let (_, usage) = host.call(Method::GET, "/v1/usage", None).await?;
    assert_eq!(usage["sums"], Value::Array(Vec::new()));
    Ok(())
}
