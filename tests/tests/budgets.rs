//! What is done when a run has no budget left, and when an agent is stuck: it
//! is kept, and goes on when a person says so.

use anyhow::Result;
use reqwest::Method;
use serde_json::{Value, json};
use sortie_guests::pure::{Agent, Budget};
use sortie_package::{Manifest, section};
use sortie_tests::{Host, HostOptions, PATIENCE, Remote};

/// One minute of work, three at most.
const BRIEF: &str = "[defaults.ceiling]\ntime_minutes = 3\n\
    [plugins.budget-profiles.profiles.brief]\ncalls = 5\ncost_usd = 0\nminutes = 1\n";

/// Half of it, and then nothing for longer than anybody waits; the other half
/// when the first one is there.
const IN_TWO_HALVES: &str = "if [ -e half ]; then rm half; sed -i s/mor/more/ README.md; \
    else touch half; sed -i s/teh/the/ README.md; sleep 600; fi";

async fn start(defaults: &str) -> Result<(Remote, Host)> {
    let remote = Remote::with(&[("README.md", "teh start, and mor\n")])?;
    let options = HostOptions {
        defaults: format!("budget_profile = \"brief\"\n{defaults}"),
        more: BRIEF.to_owned(),
        ..HostOptions::default()
    };
    let host = Host::start(&remote, options).await?;
    Ok((remote, host))
}

async fn diff(host: &Host, id: u64) -> Result<String> {
    let path = format!("/v1/jobs/{id}/diff");
    let (_, diff) = host.call(Method::GET, &path, None).await?;
    Ok(diff.as_str().unwrap_or_default().to_owned())
}

/// Both halves are on the remote, in one push.
fn is_whole(remote: &Remote, job: &Value) -> Result<()> {
    assert_eq!(job["state"], "succeeded", "{job}");
    let branch = job["published"]["branch"].as_str().expect("published");
    assert_eq!(remote.file(branch, "README.md")?, "the start, and more\n");
    assert_eq!(remote.pushes()?.len(), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_that_a_person_raises_lets_the_run_go_on_with_what_it_had_done() -> Result<()> {
    let (remote, host) = start("").await?;
    let id = host.submit(IN_TWO_HALVES).await?;
    let asked = host
        .wait_event(id, |event| event["kind"] == "job.awaiting_approval")
        .await?;
    assert_eq!(asked["data"]["about"], "budget", "{asked}");
    assert_eq!(
        host.leftovers()?,
        Vec::<String>::new(),
        "nothing waits in a sandbox"
    );
    assert!(diff(&host, id).await?.contains("+the start"));
    assert!(remote.pushes()?.is_empty());
    let (_, job) = host
        .call(Method::GET, &format!("/v1/jobs/{id}"), None)
        .await?;
    let raise = &job["approval"]["raise"];
    assert_eq!(raise["time_ms"], 60_000, "{job}");
    // What it worked is gone, and a raise adds to what is left.
    assert!(job["usage"]["time_ms"].as_u64() >= Some(60_000), "{job}");
    let path = format!("/v1/jobs/{id}/approve");
    let (status, _) = host.call(Method::POST, &path, Some(json!({}))).await?;
    assert_eq!(status, 200);
    is_whole(&remote, &host.settled(id).await?)?;
    let (_, job) = host
        .call(Method::GET, &format!("/v1/jobs/{id}"), None)
        .await?;
    assert_eq!(job["attempts"], 1, "it is the same run: {job}");
    // The agent was told that it goes on.
    let path = format!("/v1/jobs/{id}/artifacts");
    let (_, list) = host.call(Method::GET, &path, None).await?;
    let files = list["artifacts"].as_array().cloned().unwrap_or_default();
    let prompt = files.iter().find(|file| file["kind"] == "prompt");
    let prompt = prompt.expect("the prompt is kept");
    let (_, text) = host
        .call(Method::GET, &format!("{path}/{}", prompt["id"]), None)
        .await?;
    assert!(text.to_string().contains("it was raised since"), "{text}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_plugin_that_asks_has_a_person_asked() -> Result<()> {
    // It asks as long as the limit is its own, of ten calls.
    let asks = Budget {
        evaluate: "(if (result i32) (i32.le_u (local.get $max-calls) (i32.const 10))
            (then (i32.const 2216)) (else (i32.const 1024)))"
            .into(),
        ..Budget::default()
    };
    let manifest = "name = \"asks\"\nversion = \"1.0.0\"\nsurfaces = [\"budget\"]\n";
    let package = section::embed(&asks.build(), &Manifest::from_toml(manifest)?)?;
    let remote = Remote::with(&[("README.md", "teh start\n")])?;
    let options = HostOptions {
        defaults: "budget_plugin = \"asks\"".to_owned(),
        ..HostOptions::default()
    };
    let host = Host::start(&remote, options).await?;
    let (status, answer) = host.install(package).await?;
    assert_eq!(status, 201, "{answer}");

    let id = host.submit("sed -i s/teh/the/ README.md").await?;
    let job = host.settled(id).await?;
    assert_eq!(job["state"], "awaiting_approval", "{job}");
    assert_eq!(job["approval"]["about"], "budget", "{job}");
    let question = job["approval"]["question"].as_str().unwrap_or_default();
    assert!(question.starts_with("severe;"), "{question}");
    let yes = host.cli(&["approve", &id.to_string()])?;
    assert!(
        yes.status.success(),
        "{}",
        String::from_utf8_lossy(&yes.stderr)
    );
    let job = host.settled(id).await?;
    assert_eq!(job["state"], "succeeded", "{job}");
    assert_eq!(job["attempts"], 1, "{job}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_halted_job_goes_on_with_its_checkpoint() -> Result<()> {
    let (remote, host) = start("on_budget = \"halt\"").await?;
    let id = host.submit(IN_TWO_HALVES).await?;
    let job = host.settled(id).await?;
    assert_eq!(job["halt"]["reason"], "budget-time", "{job}");
    let kept = host
        .wait_event(id, |event| event["kind"] == "run.checkpoint")
        .await?;
    assert_eq!(kept["data"]["ref"], format!("refs/sortie/{id}/checkpoint"));
    assert_eq!(kept["data"]["commit"], job["head_commit"]);
    let path = format!("/v1/jobs/{id}/retry");
    let unknown = json!({ "budget": "endless" });
    let (status, problem) = host.call(Method::POST, &path, Some(unknown)).await?;
    assert_eq!(status, 422, "{problem}");
    let (status, _) = host
        .call(Method::POST, &path, Some(json!({ "start": "continue" })))
        .await?;
    assert_eq!(status, 200);
    is_whole(&remote, &host.settled(id).await?)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_halted_job_had_done_is_published_as_it_is() -> Result<()> {
    let (remote, host) = start("on_budget = \"halt\"").await?;
    let id = host.submit(IN_TWO_HALVES).await?;
    assert_eq!(host.settled(id).await?["state"], "halted");
    let number = id.to_string();
    let published = host.cli(&["publish", &number])?;
    assert!(
        published.status.success(),
        "{}",
        String::from_utf8_lossy(&published.stderr)
    );
    let job = host.settled(id).await?;
    assert_eq!(job["state"], "succeeded", "{job}");
    let branch = job["published"]["branch"].as_str().expect("published");
    assert_eq!(remote.file(branch, "README.md")?, "the start, and mor\n");

    // Nobody worked on it again: the rows say what was done and what it took.
    let report = host.cli(&["report", &number, "--json"])?;
    let rows: Vec<Value> = String::from_utf8(report.stdout)?
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?;
    let steps: Vec<String> = rows
        .iter()
        .filter(|row| row["attempt"] == 2)
        .map(|row| format!("{}", row["step"]))
        .collect();
    assert_eq!(steps, ["\"scan\"", "\"publish\""], "{rows:?}");
    let agent = rows
        .iter()
        .find(|row| row["what"] == "agent")
        .expect("it worked");
    assert_eq!((&agent["job"], &agent["attempt"]), (&json!(id), &json!(1)));
    let table = host.cli(&["report", &number])?;
    let table = String::from_utf8(table.stdout)?;
    assert!(
        table.contains("publish") && table.contains("OUTCOME"),
        "{table}"
    );
    let csv = host.cli(&["report", &number, "--csv"])?;
    let csv = String::from_utf8(csv.stdout)?;
    assert!(csv.starts_with("kind,at,job,"), "{csv}");
    assert_eq!(csv.lines().count(), rows.len() + 1, "{csv}");
    Ok(())
}

/// An agent plugin that has `sh` run this, and traps on the first word of it.
fn traps(command: &str) -> Vec<u8> {
    let mut plan = String::new();
    let mut place = |at: usize, bytes: &[u8]| {
        for (at, byte) in (at..).zip(bytes) {
            plan += &format!("(i32.store8 (i32.const {at}) (i32.const {byte}))\n");
        }
    };
    let argv = ["sh", "-c", command];
    let (mut texts, mut text_at) = (Vec::new(), 8_192);
    for text in argv {
        place(text_at, text.as_bytes());
        texts.extend([text_at as u32, text.len() as u32].map(u32::to_le_bytes));
        text_at += text.len();
    }
    place(2_304, &texts.concat());
    place(2_052, &[2_304_u32, 3].map(u32::to_le_bytes).concat());
    plan += "(i32.store (i32.const 2068) (local.get $dir))
        (i32.store (i32.const 2072) (local.get $dir-len))
        (i32.const 2048)";
    let agent = Agent {
        plan,
        push: "unreachable".into(),
        ..Agent::default()
    };
    agent.build()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_agent_had_done_when_its_plugin_failed_is_kept() -> Result<()> {
    let remote = Remote::with(&[("README.md", "teh start\n")])?;
    let options = HostOptions {
        defaults: "agent = \"traps\"".to_owned(),
        ..HostOptions::default()
    };
    let host = Host::start(&remote, options).await?;
    let traps = traps("sed -i s/teh/the/ README.md; echo done; sleep 600");
    let manifest = "name = \"traps\"\nversion = \"1.0.0\"\nsurfaces = [\"agent\"]\n";
    let package = section::embed(&traps, &Manifest::from_toml(manifest)?)?;
    let (status, answer) = host.install(package).await?;
    assert_eq!(status, 201, "{answer}");
    let id = host.submit("any").await?;
    let job = host.settled(id).await?;
    assert_eq!(job["halt"]["reason"], "plugin-failed", "{job}");
    assert!(job["usage"]["time_ms"].as_u64() > Some(0), "{job}");
    assert!(diff(&host, id).await?.contains("+the start"));
    assert_eq!(host.leftovers()?, Vec::<String>::new());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_cancelled_job_worked_is_booked() -> Result<()> {
    let (_remote, host) = start("").await?;
    let id = host.submit("echo begun; sleep 600").await?;
    host.begun(id).await?;
    let path = format!("/v1/jobs/{id}/cancel");
    let (status, answer) = host.call(Method::POST, &path, Some(json!({}))).await?;
    assert_eq!(status, 200, "{answer}");
    let told = answer["usage"]["time_ms"].as_u64();
    assert!(told > Some(0), "{answer}");
    // The host sees to its sandbox afterwards, and books nothing any more.
    let gone = async {
        while !host.leftovers()?.is_empty() {
            tokio::task::yield_now().await;
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(PATIENCE, gone).await??;
    assert_eq!(host.job(id).await?["usage"]["time_ms"].as_u64(), told);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_says_nothing_is_stopped_and_its_work_kept() -> Result<()> {
    let guard = "guard = { tool_minutes = 1 }\nbudget_profile = \"default\"";
    let remote = Remote::with(&[("README.md", "teh start\n")])?;
    let options = HostOptions {
        defaults: guard.to_owned(),
        ..HostOptions::default()
    };
    let host = Host::start(&remote, options).await?;
    let id = host
        .submit("sed -i s/teh/the/ README.md; sleep 600")
        .await?;
    let job = host.settled(id).await?;
    assert_eq!(job["halt"]["reason"], "agent-stalled", "{job}");
    let detail = job["halt"]["detail"].as_str().unwrap_or_default();
    assert!(detail.contains("said nothing for 60 s"), "{detail}");
    assert!(diff(&host, id).await?.contains("+the start"));
    assert!(remote.pushes()?.is_empty());
    assert_eq!(host.leftovers()?, Vec::<String>::new());
    Ok(())
}
