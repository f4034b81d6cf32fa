//! From a lease to the agent's first byte of output: a container is made and
//! checked, the repository put into it and a program started. The peer is
//! `docker run` with the same image, limits and hardening, which checks
//! nothing, has no repository and starts the program directly.

use super::Setting;
use crate::measure::{Plan, Samples, millis, paired};
use crate::program;
use crate::report::{Bar, Row, Unit};
use anyhow::{Context, Result, ensure};
use async_trait::async_trait;
use sortie_sandbox::{
    BoxedIo, EngineOptions, LaunchSpec, Limits, Part, Sandbox, StepSpec, WireGateway, WireKey,
    place,
};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Engines are slow and vary; a turn takes about two seconds.
const PLAN: Plan = Plan {
    warm_up: 2,
    turns: 40,
    at_most: Duration::from_secs(240),
};

/// How long one launch may take before it counts as failed.
const LIMIT: Duration = Duration::from_secs(60);

pub async fn measure(setting: &Setting) -> Result<Vec<Row>> {
    let place = setting.directory("launch")?;
    let (bundle, base) = repository(place.path()).await?;
    let limits = Limits::default();
    let peer = docker_run(&setting.image, &limits);
    let instance = format!("bench-{}", std::process::id());
    let mut options = EngineOptions::new(&setting.image, instance, WireKey::ephemeral()?);
    options.limits = limits;
    let sandbox = Sandbox::connect(options).await?;

    let plan = PLAN.shortened(setting.quick);
    let mut parts = [const { Vec::new() }; 3];
    let mut run = 0;
    let both = paired(
        plan,
        async || {
            run += 1;
            let taken = tokio::time::timeout(LIMIT, launch(&sandbox, run, &bundle, &base)).await;
            let taken = taken.context("launch: it took too long")?;
            if taken.is_err() {
                sandbox.remove(run).await?;
            }
            let taken = taken?;
            if run > u64::from(plan.warm_up) {
                for (part, taken) in parts.iter_mut().zip(taken) {
                    part.push(taken);
                }
            }
            Ok(taken.iter().sum::<f64>())
        },
        async || Ok(millis(program::first_byte(&peer, LIMIT).await?)),
    )
    .await?;
    let mut rows = vec![
        Row::paired(
            "launch",
            "lease → agent's first output byte",
            Unit::Millis,
            &both,
            "docker run, hardened alike",
        )
        .under(Bar::ratio_at_most(both.ratio(), 1.4)),
    ];
    let names = [
        "of it: container and wire",
        "of it: repository",
        "of it: agent",
    ];
    for (name, part) in names.into_iter().zip(parts) {
        rows.push(Row::alone(
            "launch",
            name,
            Unit::Millis,
            &Samples::new(part)?,
        ));
    }
    Ok(rows)
}

/// Milliseconds until the wire was open, from there until the repository was
/// in, and from there to the first byte. The container's end does not count.
async fn launch(sandbox: &Sandbox, run: u64, bundle: &Path, base: &str) -> Result<[f64; 3]> {
    let spec = spec(run, LIMIT);
    let begun = Instant::now();
    let workspace = sandbox.launch(spec, Arc::new(NoGateway)).await?;
    let open = begun.elapsed();
    workspace.put(bundle, base).await?;
    let put = begun.elapsed();
    let mut step = workspace.start(agent()).await?;
    let output = step.next_output().await?;
    let first = begun.elapsed();
    ensure!(
        output.is_some_and(|output| output.bytes.starts_with(b"ready")),
        "read the agent's output"
    );
    step.wait().await?;
    drop(step);
    workspace.destroy().await?;
    Ok([open, put - open, first - put].map(millis))
}

/// The first sandbox of a run, of the image that is measured.
pub(super) fn spec(run: u64, wall_limit: Duration) -> LaunchSpec {
    LaunchSpec {
        part: Part::Work,
        run,
        job: run,
        token: 1,
        wall_limit,
        image: None,
    }
}

fn agent() -> StepSpec {
    StepSpec {
        id: "agent".into(),
        argv: vec!["echo".into(), "ready".into()],
        env: Vec::new(),
        cwd: place::REPO.into(),
        files: Vec::new(),
        stdin: None,
        wall_limit_ms: 60_000,
        output_limit_bytes: 1 << 20,
    }
}

/// The peer's command line: every limit and every rule of a sandbox that the
/// engine enforces, the writable volume included.
fn docker_run(image: &str, limits: &Limits) -> Vec<String> {
    let mut command: Vec<String> = [
        "docker",
        "run",
        "--rm",
        "--network",
        "none",
        "--user",
        "1000:1000",
        "--read-only",
        "--cap-drop",
        "ALL",
        "--security-opt",
        "no-new-privileges",
        "--ipc",
        "private",
        "--log-driver",
        "none",
        "--ulimit",
        "core=0",
        "--ulimit",
        "nofile=16384",
        "--shm-size",
        "64m",
        "--no-healthcheck",
        "--tmpfs",
        "/run:rw,nosuid,nodev,noexec,mode=1777,size=16m",
    ]
    .map(str::to_owned)
    .to_vec();
    let cpus = Duration::from_millis(limits.cpu_milli).as_secs_f64();
    command.extend([
        "--tmpfs".into(),
        format!(
            "/tmp:rw,nosuid,nodev,exec,mode=1777,size={}",
            limits.tmp_bytes
        ),
        format!("--memory={}", limits.memory_bytes),
        format!("--memory-swap={}", limits.memory_bytes),
        format!("--cpus={cpus}"),
        format!("--pids-limit={}", limits.pids),
        "--mount".into(),
        format!("type=volume,target={}", place::WORK),
        "--entrypoint".into(),
        "echo".into(),
        image.to_owned(),
        "ready".into(),
    ]);
    command
}

/// A small repository as a bundle, and its commit.
pub(super) async fn repository(dir: &Path) -> Result<(PathBuf, String)> {
    let repo = dir.join("repo");
    let bundle = dir.join("base.bundle");
    std::fs::create_dir(&repo)?;
    for n in 0..20 {
        let text = format!("//! Part {n}.\npub fn part() -> u32 {{\n    {n}\n}}\n");
        std::fs::write(repo.join(format!("part_{n}.rs")), text)?;
    }
    let git = async |arguments: &[&str]| {
        let repo = repo.to_string_lossy();
        let mut argv = vec![
            "git",
            "-C",
            &*repo,
            "-c",
            "user.name=bench",
            "-c",
            "user.email=bench@localhost",
        ];
        argv.extend(arguments);
        program::succeed(&argv, LIMIT).await
    };
    git(&["init", "--quiet"]).await?;
    git(&["add", "."]).await?;
    git(&["commit", "--quiet", "--message", "Begin"]).await?;
    git(&["branch", "sortie/base"]).await?;
    let path = bundle.to_string_lossy().into_owned();
    git(&[
        "bundle",
        "create",
        "--quiet",
        &path,
        "refs/heads/sortie/base",
    ])
    .await?;
    let base = git(&["rev-parse", "HEAD"]).await?.trim().to_owned();
    Ok((bundle, base))
}

/// Leads nowhere.
struct NoGateway;

#[async_trait]
impl WireGateway for NoGateway {
    async fn llm(&self, _io: BoxedIo) {}
    async fn egress(&self, _io: BoxedIo) {}
}
