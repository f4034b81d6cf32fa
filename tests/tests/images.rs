//! The images that runs start from: what `sortie image check` says of them, and
//! a project that names its own.

#![allow(clippy::disallowed_methods, reason = "tests drive the real programs")]

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use sortie_tests::{Host, HostOptions, Remote};
use std::io::Write;
use std::process::{Command, Stdio};

/// What `sortie image check` says of an image, and its exit code.
fn check(image: &str) -> Result<(i32, Value)> {
    let place = tempfile::tempdir()?;
    let output = Command::new(sortie_tests::binary()?)
        .args(["image", "check", image, "--json"])
        .current_dir(place.path())
        .stdin(Stdio::null())
        .output()?;
    let code = output.status.code().context("it exits")?;
    let said = serde_json::from_slice(&output.stdout)
        .with_context(|| format!("{code}: {}", String::from_utf8_lossy(&output.stderr)))?;
    Ok((code, said))
}

fn found<'r>(report: &'r Value, name: &str) -> Vec<(&'r str, &'r str)> {
    let checks = report["checks"].as_array().map_or(&[][..], Vec::as_slice);
    checks
        .iter()
        .filter(|check| check["name"] == name)
        .filter_map(|check| Some((check["status"].as_str()?, check["message"].as_str()?)))
        .collect()
}

fn docker(args: &[&str]) -> Result<String> {
    let output = Command::new("docker").args(args).output()?;
    ensure!(
        output.status.success(),
        "docker {args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// An image with nothing in it, gone with this.
struct Empty(String);

impl Empty {
    fn make() -> Result<Self> {
        let name = format!("sortie-test-empty:{}", std::process::id());
        let mut import = Command::new("docker")
            .args(["import", "-", &name])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()?;
        // The end of a tar archive is two empty blocks.
        import
            .stdin
            .take()
            .context("a pipe")?
            .write_all(&[0; 1024])?;
        ensure!(import.wait()?.success(), "docker import");
        Ok(Self(name))
    }
}

impl Drop for Empty {
    fn drop(&mut self) {
        let _ = docker(&["image", "rm", &self.0]);
    }
}

#[test]
fn an_image_with_a_runner_is_looked_into_and_nothing_is_left() -> Result<()> {
    let (code, report) = check("sortie-runner:base")?;
    ensure!(code == 0 && report["ok"] == true, "{report:#}");
    for name in ["image", "runner", "user", "git", "CA certificates"] {
        ensure!(
            matches!(found(&report, name)[..], [("ok", _)]),
            "{name}: {report:#}"
        );
    }
    ensure!(found(&report, "agent")[0].0 == "warn", "{report:#}");
    let agents = report["agents"].as_array().context("a list")?;
    ensure!(agents.len() == 4 && agents.iter().all(|agent| agent["version"].is_null()));
    let left = docker(&["ps", "-aq", "--filter", "name=sortie-image-check-"])?;
    ensure!(left.is_empty(), "{left}");
    Ok(())
}

#[test]
fn an_image_without_a_runner_is_named_as_such() -> Result<()> {
    let empty = Empty::make()?;
    let (code, report) = check(&empty.0)?;
    ensure!(code == 1 && report["ok"] == false, "{report:#}");
    let [("fail", why)] = found(&report, "runner")[..] else {
        anyhow::bail!("{report:#}")
    };
    ensure!(why.contains("/usr/local/bin/sortie-runner"), "{why}");
    Ok(())
}

#[test]
fn an_image_that_is_not_there_is_named_as_such() -> Result<()> {
    let (code, report) = check("sortie-runner:no-such-flavour")?;
    ensure!(code == 1, "{report:#}");
    let [("fail", why)] = found(&report, "image")[..] else {
        anyhow::bail!("{report:#}")
    };
    ensure!(why.contains("not in the engine"), "{why}");
    Ok(())
}

#[test]
#[ignore = "needs the image `full`: cargo xtask test --agents"]
fn the_full_image_has_the_agents_as_they_are_pinned() -> Result<()> {
    let (code, report) =
        check("sortie-runner:full").context("`cargo xtask image full` builds it")?;
    ensure!(code == 0, "{report:#}");
    let pins: Value = serde_json::from_str(include_str!("../../runner-image/agents/package.json"))?;
    for (program, package) in [
        ("pi", "@earendil-works/pi-coding-agent"),
        ("codex", "@openai/codex"),
        ("claude", "@anthropic-ai/claude-code"),
        ("opencode", "opencode-ai"),
    ] {
        let agents = report["agents"].as_array().context("a list")?;
        let agent = agents.iter().find(|agent| agent["program"] == program);
        let version = agent
            .map(|agent| agent["version"].clone())
            .unwrap_or_default();
        ensure!(
            version == pins["dependencies"][package],
            "{program}: {report:#}"
        );
    }
    let tools = found(&report, "tools");
    for tool in ["node", "python3", "cargo", "go", "rg", "fd", "cc"] {
        ensure!(
            tools[0]
                .1
                .split(", ")
                .any(|said| said.starts_with(&format!("{tool} "))),
            "{tool}: {tools:?}"
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_flies_in_the_image_that_it_names() -> Result<()> {
    let remote = Remote::with(&[("a.txt", "one\n")])?;
    let host = Host::start(
        &remote,
        HostOptions {
            defaults: "image = \"sortie-runner:python\"".into(),
            ..HostOptions::default()
        },
    )
    .await?;
    let id = host
        .submit("python3 -c 'open(\"b.txt\", \"w\").write(\"two\\n\")'")
        .await?;
    let job = host.settled(id).await?;
    ensure!(job["state"] == "succeeded", "{job:#}");
    ensure!(job["policy"]["image"] == "sortie-runner:python", "{job:#}");
    Ok(())
}
