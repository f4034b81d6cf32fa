//! Work that goes on: a job that continues another waits for it, and lands on
//! the same branch.

mod chat;

use anyhow::{Context, Result};
use chat::{ANA, Talk};
use reqwest::Method;
use serde_json::json;
use sortie_tests::{Host, HostOptions, Remote, WAIT};

async fn follow(host: &Host, job: u64, task: &str) -> Result<u64> {
    let body = json!({ "continues": job, "task": task });
    let (status, answer) = host.call(Method::POST, "/v1/jobs", Some(body)).await?;
    anyhow::ensure!(status == 201, "{answer}");
    answer["id"].as_u64().context("a job has a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follow_up_waits_and_lands_on_the_same_branch() -> Result<()> {
    let remote = Remote::with(&[("README.md", "one\n")])?;
    let host = Host::start(&remote, HostOptions::default()).await?;
    let first = host
        .submit(&format!("{WAIT}; echo two >> README.md"))
        .await?;
    host.begun(first).await?;
    let second = follow(&host, first, "echo three >> README.md").await?;
    assert_eq!(host.job(second).await?["state"], "queued");
    host.go_on()?;
    assert_eq!(host.settled(first).await?["state"], "succeeded");
    let job = host.settled(second).await?;
    assert_eq!(job["state"], "succeeded", "{job}");
    let branches = remote.branches()?;
    assert_eq!(branches.len(), 1, "{branches:?}");
    assert_eq!(remote.file(&branches[0], "README.md")?, "one\ntwo\nthree\n");
    assert_eq!(remote.pushes()?.len(), 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_job_lets_its_follow_up_go() -> Result<()> {
    let remote = Remote::with(&[("README.md", "one\n")])?;
    let mut host = Host::start(&remote, HostOptions::default()).await?;
    let first = host.submit("echo begun; sleep 600").await?;
    host.begun(first).await?;
    let second = follow(&host, first, "echo two >> README.md").await?;
    let third = follow(&host, first, "echo three >> README.md").await?;
    host.kill().await?;
    host.serve().await?;
    host.run(&["cancel", &first.to_string()])?;
    assert_eq!(host.settled(second).await?["state"], "succeeded");
    assert_eq!(host.settled(third).await?["state"], "succeeded");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_while_a_job_runs_waits_behind_it_and_the_chat_says_so() -> Result<()> {
    let talk = Talk::start().await?;
    let task = format!("/task sample {WAIT}; echo two >> README.md");
    talk.api.says(ANA, ANA, &task);
    let progress = talk.reads(ANA, "#1").await?;
    let host = &talk.host;
    host.begun(1).await?;
    let more = "echo three >> README.md";
    talk.api.replies(ANA, ANA, more, progress.id);
    talk.sees(ANA, |shown| {
        shown.is_own && shown.text.contains("#2") && shown.text.contains("queued behind")
    })
    .await?;
    let second = host.job(2).await?;
    assert_eq!(second["state"], "queued", "{second}");
    assert_eq!(second["follows"], 1, "{second}");
    assert_eq!(second["behind"], 1, "{second}");
    host.go_on()?;
    let said = talk.api.created();
    let wanted = "#2 continues #1 and is queued behind it: #1 is running.";
    assert!(said.iter().any(|one| one.text == wanted), "{said:#?}");
    talk.reads(ANA, "#1 succeeded").await?;
    talk.reads(ANA, "#2 succeeded").await?;
    let branches = talk.remote.branches()?;
    assert_eq!(branches.len(), 1, "{branches:?}");
    let readme = talk.remote.file(&branches[0], "README.md")?;
    assert_eq!(readme, "teh start\ntwo\nthree\n");
    assert_eq!(talk.remote.pushes()?.len(), 2);
    Ok(())
}
