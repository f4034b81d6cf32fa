//! Plugins on a host that runs: what is installed takes effect with the next
//! job, and stays when the host is killed.

use anyhow::Result;
use reqwest::Method;
use serde_json::json;
use sortie_package::{Manifest, section};
use sortie_tests::{Host, HostOptions, Remote};

/// A scanner that finds one thing in whatever it is shown.
fn marker() -> Result<Vec<u8>> {
    let manifest = "name = \"marker\"\nversion = \"1.0.0\"\nsurfaces = [\"scanner\"]\n";
    let component = sortie_guests::honest("marked");
    Ok(section::embed(&component, &Manifest::from_toml(manifest)?)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scanner_that_is_installed_judges_the_very_next_job() -> Result<()> {
    let remote = Remote::with(&[("src/a.rs", "fn a() {}\n")])?;
    let mut host = Host::start(&remote, HostOptions::default()).await?;
    let before = host.submit("echo '// more' >> src/a.rs").await?;
    let job = host.settled(before).await?;
    assert_eq!(job["state"], "succeeded", "{job}");
    assert_eq!(job["policy"]["scanners"], json!(["reward-hacking"]));

    let (status, installed) = host.install(marker()?).await?;
    assert_eq!((status, &installed["enabled"]), (201, &json!(true)));
    assert!(marked(&host, host.submit("echo '// again' >> src/a.rs").await?).await?);
    // So does what goes on with work from before it came.
    let body = json!({ "continues": before, "task": "echo '// and' >> src/a.rs" });
    let (status, job) = host.call(Method::POST, "/v1/jobs", Some(body)).await?;
    assert_eq!(status, 201, "{job}");
    assert!(marked(&host, job["id"].as_u64().expect("a number")).await?);

    host.kill().await?;
    host.serve().await?;
    let (_, plugin) = host.call(Method::GET, "/v1/plugins/marker", None).await?;
    assert_eq!(plugin["digest"], installed["digest"], "{plugin}");
    assert_eq!(plugin["broken"], json!(null));
    assert!(marked(&host, host.submit("echo '// yet' >> src/a.rs").await?).await?);

    let off = host.call(Method::POST, "/v1/plugins/marker/disable", None);
    assert_eq!(off.await?.0, 200);
    let id = host.submit("echo '// more' >> src/a.rs").await?;
    assert_eq!(host.settled(id).await?["state"], "succeeded");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scanner_that_a_project_names_is_a_gate_that_stays_shut_without_it() -> Result<()> {
    let remote = Remote::with(&[("src/a.rs", "fn a() {}\n")])?;
    let options = HostOptions {
        defaults: "scanners = [\"*\", \"marker\"]".to_owned(),
        ..HostOptions::default()
    };
    let host = Host::start(&remote, options).await?;
    let body = json!({ "project": "sample", "task": "true" });
    let (status, refused) = host
        .call(Method::POST, "/v1/jobs", Some(body.clone()))
        .await?;
    assert_eq!(status, 422, "{refused}");
    let (status, _) = host.install(marker()?).await?;
    assert_eq!(status, 201);
    let (status, job) = host.call(Method::POST, "/v1/jobs", Some(body)).await?;
    assert_eq!(status, 201, "{job}");
    let scanners = &job["policy"]["scanners"];
    assert_eq!(scanners, &json!(["marker", "reward-hacking"]));
    Ok(())
}

/// Whether the change waits for a person over what the scanner found.
async fn marked(host: &Host, id: u64) -> Result<bool> {
    let job = host.settled(id).await?;
    let path = format!("/v1/jobs/{id}/findings");
    let (_, findings) = host.call(Method::GET, &path, None).await?;
    let found = findings["findings"].as_array().cloned().unwrap_or_default();
    Ok(job["state"] == "needs_review" && found.iter().any(|one| one["scanner"] == "marker"))
}
