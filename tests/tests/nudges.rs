//! An agent that falls silent is stopped and told to go on, once, where it can
//! take its session up again. The program is a stand-in for pi, driven by pi's
//! own plugin; `agents` tells the real ones the same.

use anyhow::Result;
use reqwest::Method;
use serde_json::Value;
use sortie_tests::{Host, HostOptions, PATIENCE, Remote};
use std::cell::Cell;

/// Mends a half, and falls silent. Told to go on, it mends the other in five
/// seconds when the test lets it; or stays silent, or does not even begin, when
/// the first prompt said so.
const PROGRAM: &str = r#"#!/bin/sh
say() {
    printf '{"type":"message_end","message":{"role":"assistant","stopReason":"stop",'
    printf '"content":[{"type":"text","text":"%s"}]}}\n' "$1"
}
session=$PI_CODING_AGENT_DIR/session
case " $* " in
*' --continue '*)
    grep -q 'not even begin' "$session" && exit 1
    grep -q 'Go on with the task' || exit 1
    echo '{"type":"turn_start"}'
    say 'again at work'
    grep -q forever "$session" && sleep 600
    until [ -e /tmp/go ]; do sleep 0.01; done
    sleep 5
    sed -i s/mor/more/ README.md
    say 'Both are mended.'
    echo '{"type":"agent_settled"}' ;;
*)
    # What it says because it is stopped is not its end.
    trap 'echo "{\"type\":\"agent_settled\"}"; exit 1' TERM
    echo '{"type":"turn_start"}'
    cat > "$session"
    sed -i s/teh/the/ README.md
    sleep 600 & wait ;;
esac
"#;

const MORE: &str = "[limits]\nparallel = 3\nparallel_per_project = 3\n\
    [plugins.agent-pi]\nbinary = \"/work/repo/agent.sh\"\n\
    [providers.main]\nkind = \"compatible\"\nbase_url = \"http://127.0.0.1:9/v1\"\n\
    [models]\ndefault = \"main/m-1\"\n[models.prices.\"main/m-1\"]\ninput_usd = 1\noutput_usd = 1\n";

async fn nudged(host: &Host, job: u64) -> Result<()> {
    let event = host.wait_event(job, |event| event["kind"] == "agent.nudged");
    let event = event.await?;
    let why = event["data"]["detail"].as_str().unwrap_or_default();
    assert!(why.contains("said nothing for 60 s"), "{event}");
    Ok(())
}

/// Waits until the second launch of a job's agent said something.
async fn at_work_again(host: &Host, job: u64) -> Result<()> {
    let number = job.to_string();
    let said = async {
        while !host.run(&["logs", &number])?.contains("again at work") {
            tokio::task::yield_now().await;
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(PATIENCE, said).await?
}

/// How often a job's agent was told to go on until such an event.
async fn nudges(host: &Host, job: u64, last: &str) -> Result<u32> {
    let times = Cell::new(0);
    let until = |event: &Value| {
        times.set(times.get() + u32::from(event["kind"] == "agent.nudged"));
        event["kind"] == last
    };
    host.wait_event(job, until).await?;
    Ok(times.get())
}

/// Why a job halted whose agent fell silent; what that had done is kept.
async fn stalled(host: &Host, job: u64) -> Result<String> {
    let halted = host.settled(job).await?;
    assert_eq!(halted["halt"]["reason"], "agent-stalled", "{halted}");
    let path = format!("/v1/jobs/{job}/diff");
    let (_, diff) = host.call(Method::GET, &path, None).await?;
    assert!(diff.to_string().contains("+the start"), "{diff}");
    let why = halted["halt"]["detail"].as_str().unwrap_or_default();
    Ok(why.to_owned())
}

/// The host dies when that was decided, before or after the agent is stopped,
/// and again while the agent goes on.
#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_falls_silent_is_told_to_go_on_once_whenever_its_host_dies() -> Result<()> {
    let remote = Remote::with(&[("README.md", "teh start, and mor\n"), ("agent.sh", PROGRAM)])?;
    let options = HostOptions {
        defaults: "agent = \"agent-pi\"\nbudget_profile = \"default\"\n\
                   guard = { tool_minutes = 1 }"
            .to_owned(),
        more: MORE.to_owned(),
        ..HostOptions::default()
    };
    let mut host = Host::start(&remote, options).await?;
    let goes_on = host.submit("mend both").await?;
    let stays = host.submit("stay silent forever").await?;
    let ends = host.submit("do not even begin again").await?;
    for job in [goes_on, stays, ends] {
        nudged(&host, job).await?;
    }
    host.kill().await?;
    host.serve().await?;
    at_work_again(&host, goes_on).await?;
    at_work_again(&host, stays).await?;
    host.kill().await?;
    host.serve().await?;
    host.go_on()?;

    assert_eq!(nudges(&host, goes_on, "job.succeeded").await?, 1);
    let job = host.settled(goes_on).await?;
    assert_eq!(job["attempts"], 1, "{job}");
    // A minute of silence, and the five seconds of the second launch.
    assert!(job["usage"]["time_ms"].as_u64() >= Some(65_000), "{job}");
    let branch = job["published"]["branch"].as_str().expect("published");
    assert_eq!(remote.file(branch, "README.md")?, "the start, and more\n");
    let log = host.run(&["logs", &goes_on.to_string()])?;
    let at = |text: &str| log.find(text).unwrap_or_else(|| panic!("{text}: {log}"));
    assert!(at("again at work") < at("Both are mended."));
    assert_eq!(log.matches("again at work").count(), 1, "{log}");

    let why = stalled(&host, ends).await?;
    assert!(why.ends_with("told to go on, it did not"), "{why}");
    let why = stalled(&host, stays).await?;
    assert!(why.starts_with("the agent said nothing for 60 s"), "{why}");
    assert_eq!(nudges(&host, stays, "job.halted").await?, 1);
    assert_eq!(host.leftovers()?, Vec::<String>::new());
    Ok(())
}
