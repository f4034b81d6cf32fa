//! `kill -9` of the host in every step of a run, with real containers: each
//! job ends as it would have, nothing is pushed twice, nothing is left behind.

#![allow(
    clippy::disallowed_methods,
    reason = "a test removes a container that a host had begun to remove"
)]

use anyhow::{Context, Result};
use reqwest::Method;
use serde_json::{Value, json};
use sortie_tests::{Host, HostOptions, PATIENCE, Remote};
use std::process::Command;
use std::time::Duration;

/// How often the host is killed.
const ROUNDS: u32 = 50;
/// How many rounds share one host: its jobs pile up, as they do in life.
const ROUNDS_PER_HOST: u32 = 10;
/// A run takes about this long; kills are spread evenly over it, and a few
/// come after its end.
const SPREAD: Duration = Duration::from_millis(2_500);

/// What a cheat skips.
const TESTED: &str = "import unittest\n\n\nclass T(unittest.TestCase):\n    def test_a(self):\n        self.assertEqual(1, 1)\n";

/// What a round submits, and how it must end.
const KINDS: [(&str, &str); 3] = [
    ("sed -i s/teh/the/ README.md && sleep 0.3", "succeeded"),
    (
        "printf 'import unittest\\n\\n@unittest.skip(\"no\")\\nclass T(unittest.TestCase):\\n    def test_a(self):\\n        self.assertEqual(1, 1)\\n' > test_a.py",
        "needs_review",
    ),
    ("true", "halted"),
];

#[tokio::test(flavor = "multi_thread")]
async fn fifty_kills_lose_nothing_and_do_nothing_twice() -> Result<()> {
    let mut round = 0;
    while round < ROUNDS {
        one_host(round, ROUNDS_PER_HOST.min(ROUNDS - round)).await?;
        round += ROUNDS_PER_HOST;
    }
    Ok(())
}

async fn one_host(first: u32, rounds: u32) -> Result<()> {
    let remote = Remote::with(&[("README.md", "teh start\n"), ("test_a.py", TESTED)])?;
    let options = HostOptions {
        defaults: "verify = [\"test -f README.md\"]".to_owned(),
        ..HostOptions::default()
    };
    let mut host = Host::start(&remote, options).await?;
    let mut jobs: Vec<(u64, &str)> = Vec::new();
    for round in first..first + rounds {
        let (command, end) = KINDS[round as usize % KINDS.len()];
        let id = host.submit(command).await?;
        jobs.push((id, end));
        // The moment of the kill: whichever comes first of the job's end and a
        // point of its run that differs from round to round.
        let point = SPREAD * round / ROUNDS;
        let _ = tokio::time::timeout(point, host.settled(id)).await;
        host.kill().await?;
        host.serve()
            .await
            .with_context(|| format!("after the kill of round {round}"))?;
        let job = host.settled(id).await?;
        assert_eq!(
            job["state"], end,
            "round {round}, killed at {point:?}: {job}"
        );
    }
    for (id, end) in &jobs {
        let job = host.job(*id).await?;
        assert_eq!(&job["state"], end, "a later kill changed an earlier job");
        if *end == "needs_review" {
            let path = format!("/v1/jobs/{id}/approve");
            let (status, _) = host.call(Method::POST, &path, Some(json!({}))).await?;
            assert_eq!(status, 200);
            let job = host
                .wait_state(*id, &["succeeded", "halted", "failed"])
                .await?;
            assert_eq!(job["state"], "succeeded", "{job}");
        }
    }
    let pushes = remote.pushes()?;
    let published = jobs.iter().filter(|(_, end)| *end != "halted").count();
    assert_eq!(
        pushes.len(),
        published,
        "each result is pushed once: {pushes:?}"
    );
    no_leftovers(&host).await?;
    Ok(())
}

/// A step as the timeline has it: the kind of the event and whose it is.
fn moment(event: &Value) -> String {
    let kind = event["kind"].as_str().unwrap_or_default();
    match event["data"]["step"].as_str() {
        Some(step) => format!("{kind} {step}"),
        None => kind.to_owned(),
    }
}

/// The host is killed right after each thing that the timeline told of a run
/// that nobody killed, up to and after a person's approval.
#[tokio::test(flavor = "multi_thread")]
async fn a_kill_after_each_event_of_a_run_changes_nothing() -> Result<()> {
    let remote = Remote::with(&[("README.md", "teh start\n"), ("test_a.py", TESTED)])?;
    let options = HostOptions {
        defaults: "verify = [\"test -f README.md\"]".to_owned(),
        ..HostOptions::default()
    };
    let mut host = Host::start(&remote, options).await?;
    let (command, _) = KINDS[1];
    let quiet = host.submit(command).await?;
    host.settled(quiet).await?;
    let moments = std::sync::Mutex::new(Vec::new());
    host.wait_event(quiet, |event| {
        let mut moments = moments.lock().unwrap_or_else(|error| error.into_inner());
        moments.push(moment(event));
        event["kind"] == "job.needs_review"
    })
    .await?;
    let moments = moments.into_inner().unwrap_or_default();
    for step in ["agent", "verify-1", "scan"] {
        for kind in ["step.started", "step.finished"] {
            let wanted = format!("{kind} {step}");
            assert!(moments.contains(&wanted), "{wanted} in {moments:?}");
        }
    }
    let mut jobs = vec![quiet];
    for wanted in &moments {
        let id = host.submit(command).await?;
        host.wait_event(id, |event| moment(event) == *wanted)
            .await?;
        host.kill().await?;
        host.serve().await?;
        let job = host.settled(id).await?;
        assert_eq!(job["state"], "needs_review", "killed after {wanted}: {job}");
        jobs.push(id);
    }
    for (n, id) in jobs.iter().enumerate() {
        let path = format!("/v1/jobs/{id}/approve");
        let (status, answer) = host.call(Method::POST, &path, Some(json!({}))).await?;
        assert_eq!(status, 200, "{answer}");
        // Right after the answer, then later and later in what follows it.
        let wanted = ["job.approved", "job.running", "step.started publish"];
        if let Some(wanted) = wanted.get(n) {
            host.wait_event(*id, |event| moment(event) == *wanted)
                .await?;
            host.kill().await?;
            host.serve().await?;
        }
        let job = host
            .wait_state(*id, &["succeeded", "halted", "failed"])
            .await?;
        assert_eq!(job["state"], "succeeded", "{job}");
    }
    assert_eq!(
        remote.pushes()?.len(),
        jobs.len(),
        "each result is pushed once"
    );
    no_leftovers(&host).await
}

async fn no_leftovers(host: &Host) -> Result<()> {
    let gone = async {
        while !host.leftovers()?.is_empty() {
            tokio::task::yield_now().await;
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(PATIENCE, gone)
        .await
        .context("containers or volumes are left behind")?
}

/// Half of it, and then nothing for longer than anybody waits; an agent that is
/// launched once more has an easy job.
const STUCK: &str = "echo begun; if [ -e half ]; then rm half; \
    else touch half; sed -i s/teh/the/ README.md; sleep 600; fi";

/// Silence for a minute stops an agent, or a minute of work.
const GUARD: (&str, &str) = ("guard = { tool_minutes = 1 }", "");
const BUDGET: (&str, &str) = (
    "budget_profile = \"brief\"",
    "[plugins.budget-profiles.profiles.brief]\ncalls = 5\ncost_usd = 0\nminutes = 1\n",
);

/// Kills the host when an agent was stopped, as a rule before the run's end is
/// written, and has the next one end it, with or without what is in the sandbox.
async fn killed_after_a_stop(stop: (&str, &str), lose_container: bool) -> Result<Value> {
    let remote = Remote::with(&[("README.md", "teh start\n")])?;
    let options = HostOptions {
        defaults: stop.0.to_owned(),
        more: stop.1.to_owned(),
        ..HostOptions::default()
    };
    let mut host = Host::start(&remote, options).await?;
    let id = host.submit(STUCK).await?;
    host.begun(id).await?;
    let containers = host.containers()?;
    host.wait_event(id, |event| event["kind"] == "run.checkpoint")
        .await?;
    host.kill().await?;
    if lose_container {
        let mut remove = Command::new("docker");
        // It may be gone already.
        remove.args(["rm", "-f"]).args(&containers).output()?;
    }
    host.serve().await?;
    let job = host.settled(id).await?;
    assert_eq!(job["attempts"], 1, "{job}");
    let path = format!("/v1/jobs/{id}/diff");
    let (_, diff) = host.call(Method::GET, &path, None).await?;
    assert!(diff.to_string().contains("+the start"), "{diff}");
    assert!(remote.pushes()?.is_empty());
    no_leftovers(&host).await?;
    Ok(job)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_was_stopped_is_not_launched_again() -> Result<()> {
    let (lost, left, asked) = tokio::try_join!(
        killed_after_a_stop(GUARD, true),
        killed_after_a_stop(GUARD, false),
        killed_after_a_stop(BUDGET, true),
    )?;
    for job in [lost, left] {
        assert_eq!(job["halt"]["reason"], "agent-stalled", "{job}");
    }
    assert_eq!(asked["state"], "awaiting_approval", "{asked}");
    assert_eq!(asked["approval"]["about"], "budget", "{asked}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_that_two_hosts_used_up_is_booked_as_a_whole() -> Result<()> {
    let remote = Remote::with(&[("README.md", "teh start\n")])?;
    let options = HostOptions {
        defaults: BUDGET.0.to_owned(),
        more: BUDGET.1.to_owned(),
        ..HostOptions::default()
    };
    let mut host = Host::start(&remote, options).await?;
    let id = host.submit(STUCK).await?;
    host.begun(id).await?;
    host.kill().await?;
    host.serve().await?;
    let asked = host
        .wait_event(id, |event| event["kind"] == "job.awaiting_approval")
        .await?;
    let budget = &asked["data"]["budget"];
    assert_eq!(budget["exhausted"], "budget-time", "{asked}");
    assert!(
        budget["usage"]["time_ms"].as_u64() >= budget["limits"]["time_ms"].as_u64(),
        "{asked}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_outlives_its_host() -> Result<()> {
    let remote = Remote::with(&[("README.md", "teh start\n")])?;
    let mut host = Host::start(&remote, HostOptions::default()).await?;
    let id = host
        .submit("echo begun; for i in 1 2 3 4 5 6; do echo line $i; sleep 2; done; sed -i s/teh/the/ README.md")
        .await?;
    host.begun(id).await?;
    let before = host.leftovers()?;
    host.kill().await?;
    host.serve().await?;
    let job = host.settled(id).await?;
    assert_eq!(job["state"], "succeeded", "{job}");
    assert!(!before.is_empty());
    assert_eq!(job["attempts"], 1, "the same run went on: {job}");
    // Each line once: the output resumed where it ended.
    let log = host.data_dir().join("runs");
    let mut text = String::new();
    for entry in std::fs::read_dir(log)? {
        let lines = std::fs::read_to_string(entry?.path().join("log.jsonl"))?;
        for line in lines.lines() {
            let line: Value = serde_json::from_str(line)?;
            text.push_str(line["text"].as_str().unwrap_or_default());
        }
    }
    for i in 1..=6 {
        assert_eq!(text.matches(&format!("line {i}\n")).count(), 1, "{text}");
    }
    Ok(())
}
