//! `sortie image check`.

use super::probe::{Agent, Probe};
use crate::checks::{self, Check, Checks};
use crate::config;
use crate::exit::{CliError, Exit};
use crate::host::options;
use crate::out::Out;
use async_trait::async_trait;
use serde::Serialize;
use sortie_sandbox::{
    BoxedIo, LaunchSpec, Part, Sandbox, SandboxError, WireGateway, WireKey, Workspace,
};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// The one run of this command's own instance.
const RUN: u64 = 1;

/// When the container ends by itself, should this command be killed.
const WALL_LIMIT: Duration = Duration::from_secs(300);

/// Say whether missions can fly in an image
///
/// Starts it as a run would be, without a network card and hardened alike, and
/// says whether the runner answers, whether git and the CA certificates are
/// there, and which coding agents and tools. Exits with 1 when missions cannot
/// fly in it.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The image [default: engine.image of the configuration]
    image: Option<String>,
}

#[derive(Debug, Serialize)]
struct Report {
    ok: bool,
    image: String,
    checks: Vec<Check>,
    /// The agents that this host has a plugin for.
    agents: Vec<Agent>,
}

/// Looks, and shows what was found.
pub async fn run(args: Args, config: Option<&Path>, out: &Out) -> Result<Exit, CliError> {
    let loaded = config::load(config)?;
    let image = args
        .image
        .unwrap_or_else(|| loaded.config.engine.image.clone());
    let key = WireKey::ephemeral().map_err(CliError::failed)?;
    // An instance of its own: no host takes the container for one of its runs.
    let instance = format!("image-check-{}", std::process::id());
    let mut options = options::engine(&loaded.config, &instance, key)?;
    options.image.clone_from(&image);
    let sandbox = Sandbox::connect(options).await.map_err(CliError::failed)?;
    let mut checks = Checks::default();
    let agents = tokio::select! {
        agents = look(&sandbox, &image, &mut checks) => agents?,
        _ = tokio::signal::ctrl_c() => {
            // What is left of it now is left until its wall limit.
            let _ = sandbox.remove(RUN).await;
            return Err(CliError::failed(format!("look at {image}: it was interrupted")));
        }
    };
    let report = Report {
        ok: checks.passed(),
        image,
        checks: checks.into(),
        agents,
    };
    if out.is_json() {
        out.json(&report)?;
    } else {
        checks::show(&report.checks, out)?;
    }
    Ok(if report.ok { Exit::Ok } else { Exit::Negative })
}

async fn look(sandbox: &Sandbox, image: &str, checks: &mut Checks) -> Result<Vec<Agent>, CliError> {
    let engine = sandbox.check().await;
    // The image has a check of its own; another problem is the engine's.
    if engine.image.is_none() && engine.version.is_none() {
        let problems = engine.problems.iter().map(ToString::to_string);
        return Err(CliError::failed(format!(
            "use the container engine at {}: {}",
            engine.endpoint,
            problems.collect::<Vec<_>>().join("; ")
        )));
    }
    match &engine.image {
        Some(found) => checks.ok("image", format!("{image} ({})", found.id)),
        None => {
            checks.fail(
                "image",
                format!(
                    "{image} is not in the engine at {}; build or pull it there, or name another",
                    engine.endpoint
                ),
            );
            return Ok(Vec::new());
        }
    }
    let workspace = match launch(sandbox).await {
        Ok(workspace) => workspace,
        Err(error) => {
            checks.fail("runner", no_runner(&error)?);
            return Ok(Vec::new());
        }
    };
    let looked = inside(&workspace, checks).await;
    let removed = workspace.destroy().await;
    let agents = looked.map_err(CliError::failed)?;
    removed.map_err(CliError::failed)?;
    Ok(agents)
}

async fn launch(sandbox: &Sandbox) -> Result<Workspace, SandboxError> {
    let spec = LaunchSpec {
        run: RUN,
        part: Part::Work,
        job: RUN,
        token: 1,
        wall_limit: WALL_LIMIT,
        image: None,
    };
    sandbox.launch(spec, Arc::new(Closed)).await
}

/// What a launch that failed says of the image; the error itself when it says
/// nothing of it.
fn no_runner(error: &SandboxError) -> Result<String, CliError> {
    const NEXT: &str =
        "take the runner of this version into the image, as runner-image/Dockerfile does";
    match error {
        SandboxError::EngineRefused { message, .. } if message.contains("sortie-runner") => Ok(
            format!("/usr/local/bin/sortie-runner does not start in it ({message}); {NEXT}"),
        ),
        SandboxError::WrongRunner { source, .. } => {
            Ok(format!("it is of another version ({source}); {NEXT}"))
        }
        SandboxError::WireLost { reason, .. } => {
            Ok(format!("it does not answer ({reason}); {NEXT}"))
        }
        other => Err(CliError::failed(other)),
    }
}

async fn inside(workspace: &Workspace, checks: &mut Checks) -> Result<Vec<Agent>, SandboxError> {
    checks.ok(
        "runner",
        "it starts hardened, without a network card, and answers",
    );
    let probe = Probe(workspace);
    match probe.shell("id -u && id -g").await? {
        Ok(said) if said.split_whitespace().eq(["1000", "1000"]) => {
            checks.ok("user", "1000:1000");
        }
        Ok(said) => checks.fail("user", format!("it is {said} instead of 1000 and 1000")),
        Err(why) => {
            checks.fail(
                "shell",
                format!("/bin/sh does not run ({why}); missions need a POSIX shell"),
            );
            return Ok(Vec::new());
        }
    }
    match probe.shell("git --version").await? {
        Ok(version) => checks.ok("git", version.trim_start_matches("git version ")),
        Err(why) => checks.fail(
            "git",
            format!("it does not run ({why}); install git in the image"),
        ),
    }
    match probe.certificates().await? {
        Some(count) => checks.ok("CA certificates", format!("{count}")),
        None => checks.warn(
            "CA certificates",
            "none in /etc/ssl/certs/ca-certificates.crt; package managers will trust no server, \
             unless they bring a list of their own",
        ),
    }
    let tools = probe.tools().await?;
    if !tools.is_empty() {
        checks.ok("tools", tools.join(", "));
    }
    let agents = probe.agents().await?;
    for agent in &agents {
        match (&agent.version, &agent.problem) {
            (Some(version), _) => checks.ok("agent", format!("{} {version}", agent.program)),
            (None, Some(why)) => {
                checks.warn("agent", format!("{} does not run: {why}", agent.program))
            }
            (None, None) => {}
        }
    }
    if agents.iter().all(|agent| agent.version.is_none()) {
        checks.warn(
            "agent",
            "no coding agent is in it; agent-shell works all the same, and `cargo xtask image full` \
             builds an image that has them",
        );
    }
    Ok(agents)
}

/// Nothing that is started here has business outside.
struct Closed;

#[async_trait]
impl WireGateway for Closed {
    async fn llm(&self, _: BoxedIo) {}
    async fn egress(&self, _: BoxedIo) {}
}
