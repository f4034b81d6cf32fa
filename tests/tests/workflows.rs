//! What workflows of others may ask for that the shipped ones do not: agents
//! that only read after ones that write, and steps side by side.

use anyhow::{Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use sortie_guests::course::{Step, course};
use sortie_package::{Manifest, section};
use sortie_tests::{Host, HostOptions, Remote, WAIT};

/// A host whose jobs are done by that workflow.
async fn start(remote: &Remote, decisions: &[&[(&str, Step<'_>)]]) -> Result<Host> {
    let manifest = "name = \"course\"\nversion = \"1.0.0\"\nsurfaces = [\"workflow\"]\n";
    let package = section::embed(&course(decisions), &Manifest::from_toml(manifest)?)?;
    let options = HostOptions {
        defaults: "workflow = \"course\"\nmax_attempts = 1".to_owned(),
        ..HostOptions::default()
    };
    let host = Host::start(remote, options).await?;
    let (status, answer) = host.install(package).await?;
    ensure!(status == 201, "{answer}");
    Ok(host)
}

async fn diff(host: &Host, id: u64) -> Result<String> {
    let path = format!("/v1/jobs/{id}/diff");
    let (_, diff) = host.call(Method::GET, &path, None).await?;
    Ok(diff.as_str().unwrap_or_default().to_owned())
}

/// How a command of the first run ended.
fn exit<'j>(job: &'j Value, name: &str) -> &'j Value {
    let steps = job["runs"][0]["steps"].as_array();
    let step = steps.and_then(|steps| steps.iter().find(|step| step["name"] == name));
    step.map_or(&Value::Null, |step| &step["outcome"]["exec"]["exit"])
}

/// An agent that may only read leaves what was done before it, also where its
/// host died meanwhile and the next one has to find out what that was.
#[tokio::test(flavor = "multi_thread")]
async fn what_comes_after_an_agent_that_reads_finds_what_was_done_before_it() -> Result<()> {
    for dies in [false, true] {
        let remote = Remote::with(&[("state", "none\n")])?;
        let review = format!("{WAIT}; echo bad > state; echo new > new.txt");
        let mut host = start(
            &remote,
            &[
                &[("build", Step::Writes("echo good > state"))],
                &[("review", Step::Reads(&review))],
                &[(
                    "check",
                    Step::Exec("grep -q good state && ! test -e new.txt"),
                )],
                &[("more", Step::Writes("echo more > more.txt"))],
            ],
        )
        .await?;
        let id = host.submit("any").await?;
        host.begun(id).await?;
        if dies {
            host.kill().await?;
            host.serve().await?;
        }
        host.go_on()?;
        let job = host.settled(id).await?;
        assert_eq!(job["state"], "succeeded", "{job}");
        assert_eq!(exit(&job, "check"), &json!({ "code": 0 }), "{job}");
        let diff = diff(&host, id).await?;
        for line in ["+good", "+more"] {
            assert!(diff.contains(line), "{line} in {diff}");
        }
        assert!(!diff.contains("new.txt"), "{diff}");
    }
    Ok(())
}
