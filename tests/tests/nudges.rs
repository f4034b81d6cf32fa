//! An agent that falls silent is stopped and told to go on, once, where it can
//! take its session up again. The program is a stand-in for pi, driven by pi's
//! own plugin; `agents` tells the real ones the same.

use anyhow::Result;
use reqwest::Method;
use sortie_tests::{Host, HostOptions, Remote};

/// Mends a half, and falls silent. Told to go on, it mends the other when the
/// test lets it; or stays silent, when the first prompt said so.
const PROGRAM: &str = r#"#!/bin/sh
say() { printf '%s\n' "$1"; }
session=$PI_CODING_AGENT_DIR/session
say '{"type":"agent_start"}'
say '{"type":"turn_start"}'
case " $* " in
*' --continue '*)
    grep -q 'Go on with the task' || exit 1
    grep -q forever "$session" && sleep 600
    echo begun
    until [ -e /tmp/go ]; do sleep 0.01; done
    sed -i s/mor/more/ README.md
    said='[{"type":"text","text":"Both are mended."}]'
    say '{"type":"message_end","message":{"role":"assistant","stopReason":"stop","content":'"$said"'}}'
    say '{"type":"agent_settled"}' ;;
*)
    cat > "$session"
    sed -i s/teh/the/ README.md
    sleep 600 ;;
esac
"#;

const MORE: &str = "[plugins.agent-pi]\nbinary = \"/work/repo/agent.sh\"\n\
    [providers.main]\nkind = \"compatible\"\nbase_url = \"http://127.0.0.1:9/v1\"\n\
    [models]\ndefault = \"main/m-1\"\n[models.prices.\"main/m-1\"]\ninput_usd = 1\noutput_usd = 1\n";

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_falls_silent_is_told_to_go_on_once_also_over_the_death_of_its_host()
-> Result<()> {
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
    let nudged = host
        .wait_event(goes_on, |event| event["kind"] == "agent.nudged")
        .await?;
    let why = nudged["data"]["detail"].as_str().unwrap_or_default();
    assert!(why.contains("said nothing for 60 s"), "{nudged}");
    host.wait_event(stays, |event| event["kind"] == "agent.nudged")
        .await?;
    host.kill().await?;
    host.serve().await?;
    host.go_on()?;

    let job = host.settled(goes_on).await?;
    assert_eq!(job["state"], "succeeded", "{job}");
    assert_eq!(job["attempts"], 1, "{job}");
    // Both launches worked on its time.
    assert!(job["usage"]["time_ms"].as_u64() >= Some(60_000), "{job}");
    let branch = job["published"]["branch"].as_str().expect("published");
    assert_eq!(remote.file(branch, "README.md")?, "the start, and more\n");
    let log = host.run(&["logs", &goes_on.to_string()])?;
    let at = |text: &str| log.find(text).unwrap_or_else(|| panic!("{text}: {log}"));
    assert!(at("told to go on") < at("begun") && at("begun") < at("Both are mended."));

    let job = host.settled(stays).await?;
    assert_eq!(job["halt"]["reason"], "agent-stalled", "{job}");
    let path = format!("/v1/jobs/{stays}/diff");
    let (_, diff) = host.call(Method::GET, &path, None).await?;
    assert!(diff.to_string().contains("+the start"), "{diff}");
    assert_eq!(host.leftovers()?, Vec::<String>::new());
    Ok(())
}
