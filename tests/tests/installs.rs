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
    let options = HostOptions {
        defaults: "scanners = [\"reward-hacking\", \"marker\"]".to_owned(),
        ..HostOptions::default()
    };
    let mut host = Host::start(&remote, options).await?;
    let body = json!({ "project": "sample", "task": "true" });
    let (status, refused) = host.call(Method::POST, "/v1/jobs", Some(body)).await?;
    assert_eq!(status, 422, "a gate that is missing stays shut: {refused}");

    let (status, installed) = host.install(marker()?).await?;
    assert_eq!((status, &installed["enabled"]), (201, &json!(true)));

    let id = host.submit("echo '// more' >> src/a.rs").await?;
    let job = host.settled(id).await?;
    assert_eq!(job["state"], "needs_review", "{job}");
    let path = format!("/v1/jobs/{id}/findings");
    let (_, findings) = host.call(Method::GET, &path, None).await?;
    let by = &findings["findings"][0]["scanner"];
    assert_eq!(by, "marker", "{findings}");

    host.kill().await?;
    host.serve().await?;
    let (_, plugin) = host.call(Method::GET, "/v1/plugins/marker", None).await?;
    assert_eq!(plugin["digest"], installed["digest"], "{plugin}");
    assert_eq!(plugin["broken"], json!(null));
    let again = host.submit("echo '// again' >> src/a.rs").await?;
    let job = host.settled(again).await?;
    assert_eq!(job["state"], "needs_review", "{job}");
    Ok(())
}
