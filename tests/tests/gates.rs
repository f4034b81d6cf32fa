//! A gate that cannot judge stays shut: whatever becomes of a demanded scanner,
//! nothing is published that it did not see.

use anyhow::{Context, Result};
use reqwest::Method;
use serde_json::json;
use sortie_package::{Manifest, section};
use sortie_tests::{Host, HostOptions, Remote, WAIT};

fn package(component: &[u8]) -> Result<Vec<u8>> {
    let manifest = "name = \"gate\"\nversion = \"1.0.0\"\nsurfaces = [\"scanner\"]\n";
    Ok(section::embed(component, &Manifest::from_toml(manifest)?)?)
}

async fn host(remote: &Remote, component: &[u8]) -> Result<Host> {
    let options = HostOptions {
        defaults: "scanners = [\"reward-hacking\", \"gate\"]\nmax_attempts = 1".to_owned(),
        ..HostOptions::default()
    };
    let host = Host::start(remote, options).await?;
    let (status, answer) = host.install(package(component)?).await?;
    anyhow::ensure!(status == 201, "{answer}");
    Ok(host)
}

/// The job halted for the plugin's sake, says which and what to do, and the
/// remote saw nothing of it.
async fn halted(host: &Host, remote: &Remote, id: u64) -> Result<()> {
    let job = host.settled(id).await?;
    assert_eq!(job["state"], "halted", "{job}");
    assert_eq!(job["halt"]["reason"], "plugin-failed", "{job}");
    let detail = job["halt"]["detail"].as_str().context("it says why")?;
    assert!(detail.contains("gate"), "{detail}");
    assert_eq!(remote.branches()?, Vec::<String>::new());
    let shown = host.cli(&["status", &id.to_string()])?;
    let shown = String::from_utf8(shown.stdout)?;
    assert!(shown.contains(&format!("sortie retry {id}")), "{shown}");
    assert_eq!(host.leftovers()?, Vec::<String>::new());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scanner_that_traps_halts_the_job() -> Result<()> {
    let remote = Remote::with(&[("a.txt", "one\n")])?;
    let trap = sortie_guests::scanner("", "", "unreachable");
    let host = host(&remote, &trap).await?;
    let id = host.submit("echo two >> a.txt").await?;
    halted(&host, &remote, id).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scanner_that_never_ends_halts_the_job() -> Result<()> {
    let remote = Remote::with(&[("a.txt", "one\n")])?;
    let endless = sortie_guests::scanner("", "", "(loop $on (br $on)) (i32.const 0)");
    let host = host(&remote, &endless).await?;
    let id = host.submit("echo two >> a.txt").await?;
    halted(&host, &remote, id).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scanner_that_is_switched_off_before_the_scan_halts_the_job() -> Result<()> {
    let remote = Remote::with(&[("a.txt", "one\n")])?;
    let host = host(&remote, &sortie_guests::idle()).await?;
    let id = host.submit(&format!("{WAIT}; echo two >> a.txt")).await?;
    host.begun(id).await?;
    let path = "/v1/plugins/gate/disable";
    let (status, answer) = host
        .call(Method::POST, path, Some(json!({ "why": "too loud" })))
        .await?;
    assert_eq!(status, 200, "{answer}");
    host.go_on()?;
    halted(&host, &remote, id).await?;

    let (status, answer) = host
        .call(Method::POST, "/v1/plugins/gate/enable", None)
        .await?;
    assert_eq!(status, 200, "{answer}");
    let (status, answer) = host
        .call(Method::POST, &format!("/v1/jobs/{id}/retry"), None)
        .await?;
    assert_eq!(status, 200, "{answer}");
    assert!(host.begins(id, 2).await?);
    host.go_on()?;
    let job = host.wait_state(id, &["succeeded"]).await?;
    assert_eq!(job["state"], "succeeded", "{job}");
    Ok(())
}
