//! Verification end to end: what is found, what goes back to the agent, what no
//! agent can mend, and a question that is answered without any of it.

use anyhow::{Context, Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use sortie_tests::{Host, HostOptions, Remote, git};

/// Breaks the state, and mends it only when the prompt on its standard input
/// has what the verification said; the task is in there too, so that it must not
/// say the same.
const AGENT: &str = r#"prompt=$(cat)
what="the sum"
case "$prompt" in
*"<output>
error: $what is wrong"*) echo good > state ;;
*) echo bad > state ;;
esac"#;

fn steps(job: &Value) -> Vec<String> {
    let steps = job["runs"][0]["steps"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    steps
        .iter()
        .filter_map(|step| step["name"].as_str().map(str::to_owned))
        .collect()
}

fn verified(verify: &str) -> HostOptions {
    HostOptions {
        defaults: format!("verify = ['{verify}']"),
        ..HostOptions::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_verification_goes_back_to_the_agent_until_it_passes() -> Result<()> {
    let remote = Remote::with(&[("state", "none\n")])?;
    let verify = r#"grep -q good state || { echo "error: the sum is wrong"; exit 1; }"#;
    let host = Host::start(&remote, verified(verify)).await?;
    let id = host.submit(AGENT).await?;
    let job = host.settled(id).await?;
    assert_eq!(job["state"], "succeeded", "{job}");
    let expected = [
        "agent",
        "verify-1",
        "agent-2",
        "verify-2-1",
        "scan",
        "publish",
    ];
    assert_eq!(steps(&job), expected);
    let branch = job["published"]["branch"].as_str().context("published")?;
    assert_eq!(remote.file(branch, "state")?, "good\n");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_verification_leaves_behind_is_in_no_result() -> Result<()> {
    let remote = Remote::with(&[("state", "none\n")])?;
    let verify =
        r#"touch left.txt; grep -q good state || { echo "error: the sum is wrong"; exit 1; }"#;
    let host = Host::start(&remote, verified(verify)).await?;
    let id = host.submit(AGENT).await?;
    let job = host.settled(id).await?;
    assert_eq!(job["state"], "succeeded", "{job}");
    assert!(steps(&job).contains(&"agent-2".to_owned()), "{job}");
    let branch = job["published"]["branch"].as_str().context("published")?;
    let files = git(&remote.path(), &["ls-tree", "-r", "--name-only", branch])?;
    assert_eq!(files, "state\n");
    Ok(())
}

/// Also where the host dies while the command runs: the next one knows of the
/// container only what it finds.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_verification_leaves_behind_while_no_host_looks_is_in_no_result() -> Result<()> {
    let remote = Remote::with(&[("state", "none\n")])?;
    let verify = format!(
        "touch left.txt; {WAITS}; grep -q good state || {{ echo \"error: the sum is wrong\"; exit 1; }}"
    );
    let mut host = Host::start(&remote, verified(&verify)).await?;
    let id = host.submit(AGENT).await?;
    waits(&host).await?;
    host.kill().await?;
    host.serve().await?;
    host.go_on()?;
    // What the agent left beside its work is gone when it is verified again.
    host.wait_event(id, |event| event["data"]["step"] == "verify-2-1")
        .await?;
    waits(&host).await?;
    host.go_on()?;
    let job = host.settled(id).await?;
    assert_eq!(job["state"], "succeeded", "{job}");
    let branch = job["published"]["branch"].as_str().context("published")?;
    let files = git(&remote.path(), &["ls-tree", "-r", "--name-only", branch])?;
    assert_eq!(files, "state\n");
    Ok(())
}

/// Waits in a container until the test says so.
const WAITS: &str = "touch /tmp/here; until [ -e /tmp/go ]; do sleep 0.01; done";

/// The container where a command waits like that.
async fn waits(host: &Host) -> Result<String> {
    let there = host.inside("test -e /tmp/here && echo here").await?;
    Ok(there.container)
}

fn two_commands(first: &str, second: &str) -> HostOptions {
    HostOptions {
        defaults: format!("verify = ['{first}', '{second}']\nmax_attempts = 1"),
        ..HostOptions::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_in_a_new_container_finds_what_those_before_it_made() -> Result<()> {
    let second = format!("test -e made.txt && {{ {WAITS}; }} && test -e made.txt");
    for dies in [false, true] {
        let remote = Remote::with(&[("state", "none\n")])?;
        let mut host = Host::start(&remote, two_commands("touch made.txt", &second)).await?;
        let id = host.submit("echo good > state").await?;
        let lost = waits(&host).await?;
        if dies {
            host.kill().await?;
        }
        host.kill_container(&lost)?;
        if dies {
            host.serve().await?;
        }
        assert_ne!(waits(&host).await?, lost);
        host.go_on()?;
        let job = host.settled(id).await?;
        assert_eq!(job["state"], "succeeded", "{job}");
        assert_eq!(job["attempts"], 1, "{job}");
        let expected = ["agent", "verify-1", "verify-2", "scan", "publish"];
        assert_eq!(steps(&job), expected);
        let branch = job["published"]["branch"].as_str().context("published")?;
        let files = git(&remote.path(), &["ls-tree", "-r", "--name-only", branch])?;
        assert_eq!(files, "state\n");
    }
    Ok(())
}

/// When what was made cannot be made again, that is not the work's fault.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_made_again_says_nothing_about_the_work() -> Result<()> {
    let remote = Remote::with(&[("state", "none\n")])?;
    // Each container has a first process of its own, which began at a time of its own.
    let born = "set -- $(cat /proc/1/stat)";
    let first = format!("{born}; [ ${{22}} = $(cat state) ]");
    let host = Host::start(&remote, two_commands(&first, WAITS)).await?;
    let id = host
        .submit(&format!("{born}; echo ${{22}} > state"))
        .await?;
    let lost = waits(&host).await?;
    host.kill_container(&lost)?;
    let job = host.settled(id).await?;
    assert_eq!(job["state"], "failed", "{job}");
    assert_eq!(steps(&job), ["agent", "verify-1", "verify-2"]);
    let said = "make again in a new container what step verify-1 had made";
    assert!(job.to_string().contains(said), "{job}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_failure_again_and_again_is_for_the_debugger_and_ends() -> Result<()> {
    let remote = Remote::with(&[("state", "none\n")])?;
    let host = Host::start(&remote, verified("echo FAILED in $$ ms; exit 1")).await?;
    let id = host.submit("echo x >> state").await?;
    let job = host.settled(id).await?;
    assert_eq!(job["halt"]["reason"], "verification-failed", "{job}");
    let agents: Vec<String> = steps(&job)
        .into_iter()
        .filter(|name| !name.starts_with("verify"))
        .collect();
    assert_eq!(
        agents,
        [
            "agent", "agent-2", "agent-3", "debug-4", "debug-5", "debug-6"
        ]
    );
    assert!(remote.pushes()?.is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_agent_can_mend_stops_the_job_and_says_what_it_is() -> Result<()> {
    let remote = Remote::with(&[("state", "none\n")])?;
    let host = Host::start(&remote, verified("no-such-tool --check")).await?;
    let id = host.submit("echo x >> state").await?;
    let job = host.settled(id).await?;
    assert_eq!(job["halt"]["reason"], "infrastructure-failed", "{job}");
    let detail = job["halt"]["detail"].as_str().unwrap_or_default();
    assert!(
        detail.contains("`no-such-tool` is not in the image"),
        "{detail}"
    );
    assert_eq!(steps(&job), ["agent", "verify-1"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_base_commit_says_what_verifies_and_it_is_shown() -> Result<()> {
    let remote = Remote::with(&[
        ("cart.py", "def double(n):\n    return n + n + 1\n"),
        (
            "test_cart.py",
            "import unittest\nfrom cart import double\n\nclass Cart(unittest.TestCase):\n    \
             def test_double(self):\n        self.assertEqual(double(2), 4)\n",
        ),
    ])?;
    let host = Host::start(
        &remote,
        HostOptions {
            engine: "image = \"sortie-runner:python\"".to_owned(),
            defaults: "detect = true".to_owned(),
            ..HostOptions::default()
        },
    )
    .await?;
    // It takes the tests away, and the host still runs what the base commit names.
    let id = host
        .submit("sed -i 's/ + 1$//' cart.py; echo 'all:' > Makefile")
        .await?;
    let job = host.settled(id).await?;
    assert_eq!(job["state"], "succeeded", "{job}");
    assert_eq!(steps(&job), ["agent", "verify-1", "scan", "publish"]);
    let found = &job["verification"][0];
    assert_eq!(found["command"], "python3 -m unittest", "{job}");
    let shown = host.cli(&["status", &id.to_string()])?;
    let shown = String::from_utf8(shown.stdout)?;
    assert!(
        shown.contains("verifies   python3 -m unittest (test, test_cart.py)"),
        "{shown}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_answered_and_nothing_it_changes_is_kept() -> Result<()> {
    let remote = Remote::with(&[("README.md", "a cart\n")])?;
    let options = HostOptions {
        more: "[plugins.agent-shell]\nquestions = \"run\"\n".to_owned(),
        ..verified("echo it must not run; exit 1")
    };
    let host = Host::start(&remote, options).await?;
    let question = "echo changed > README.md; echo new > new.txt; echo It is a cart.";
    let asked = host.cli(&["ask", "--project", "sample", question])?;
    ensure!(asked.status.success(), "{asked:?}");
    assert_eq!(String::from_utf8(asked.stdout)?, "It is a cart.\n");
    let job = host.job(1).await?;
    assert_eq!(
        (&job["state"], &job["summary"]),
        (&json!("succeeded"), &json!("It is a cart."))
    );
    assert_eq!(steps(&job), ["ask"]);
    // Most of it is the making of the container, which is work as well.
    let took = &job["runs"][0]["steps"][0]["duration_ms"];
    let took = took.as_u64().context("it ended")?;
    let used = job["usage"]["time_ms"].as_u64().context("it is counted")?;
    assert!(used * 2 >= took, "{job}");
    assert_eq!(job["head_commit"], Value::Null);
    let (status, diff) = host.call(Method::GET, "/v1/jobs/1/diff", None).await?;
    assert_eq!(status, 404, "there is no result: {diff}");
    assert!(remote.pushes()?.is_empty() && host.leftovers()?.is_empty());

    let asked = host.cli(&["ask", "--json", "--project", "sample", "exit 3"])?;
    assert!(!asked.status.success());
    let job: Value = serde_json::from_slice(&asked.stdout)?;
    assert_eq!(job["halt"]["reason"], "agent-failed");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_to_an_agent_that_runs_commands_is_refused_at_the_door() -> Result<()> {
    let remote = Remote::with(&[("README.md", "a cart\n")])?;
    let host = Host::start(&remote, HostOptions::default()).await?;
    let asked = host.cli(&["ask", "--project", "sample", "where is the total rounded?"])?;
    ensure!(!asked.status.success(), "{asked:?}");
    let said = String::from_utf8(asked.stderr)?;
    assert!(said.contains("this agent runs commands"), "{said}");
    assert!(said.contains("docs/AGENTS.md"), "{said}");
    let (_, list) = host.call(Method::GET, "/v1/jobs", None).await?;
    assert_eq!(list["jobs"], json!([]));
    Ok(())
}
