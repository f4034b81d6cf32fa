//! How long a launch takes until the first byte of a step's output, beside
//! `docker run` of the same image, hardened alike, in the same run and turn by
//! turn: `cargo run --release -p sortie-sandbox --example launch_latency [ROUNDS] [IMAGE]`.

use async_trait::async_trait;
use sortie_sandbox::{BoxedIo, EngineOptions, LaunchSpec, Sandbox, StepSpec, WireGateway, WireKey};
use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

struct Closed;

#[async_trait]
impl WireGateway for Closed {
    async fn llm(&self, _: BoxedIo) {}
    async fn egress(&self, _: BoxedIo) {}
}

fn echo() -> StepSpec {
    StepSpec {
        id: "echo".into(),
        argv: vec!["echo".into(), "hi".into()],
        env: Vec::new(),
        cwd: "/work".into(),
        files: Vec::new(),
        stdin: None,
        wall_limit_ms: 10_000,
        output_limit_bytes: 1024,
    }
}

type Failure = Box<dyn std::error::Error>;

async fn ours(sandbox: &Sandbox, run: u64) -> Result<Duration, Failure> {
    let begun = Instant::now();
    let spec = LaunchSpec {
        part: sortie_sandbox::Part::Work,
        run,
        job: run,
        token: 1,
        wall_limit: Duration::from_secs(60),
        image: None,
    };
    let workspace = sandbox.launch(spec, Arc::new(Closed)).await?;
    let mut step = workspace.start(echo()).await?;
    step.next_output().await?.ok_or("no output")?;
    let taken = begun.elapsed();
    workspace.destroy().await?;
    Ok(taken)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the peer is the engine's own client"
)]
fn theirs(image: &str) -> Result<Duration, Failure> {
    let begun = Instant::now();
    let mut child = Command::new("docker")
        .args([
            "run",
            "--rm",
            "--network",
            "none",
            "--user",
            "1000:1000",
            "--read-only",
            "--cap-drop",
            "ALL",
        ])
        .args([
            "--security-opt",
            "no-new-privileges",
            "--pids-limit",
            "1024",
            "--memory",
            "4g",
            "--memory-swap",
            "4g",
        ])
        .args([
            "--cpus",
            "2",
            "--ulimit",
            "core=0",
            "--ulimit",
            "nofile=16384",
            "--ipc",
            "private",
        ])
        .args([
            "--cgroupns",
            "private",
            "--tmpfs",
            "/tmp",
            "--tmpfs",
            "/run",
            "-v",
            "/work",
            "--log-driver",
            "none",
        ])
        .args(["--entrypoint", "echo", image, "hi"])
        .stdout(Stdio::piped())
        .spawn()?;
    let mut byte = [0];
    child
        .stdout
        .take()
        .ok_or("no pipe")?
        .read_exact(&mut byte)?;
    let taken = begun.elapsed();
    child.wait()?;
    Ok(taken)
}

fn middle(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() / 2]
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "it prints its result")]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let rounds: u64 = arguments.next().map_or(Ok(20), |rounds| rounds.parse())?;
    let image = arguments
        .next()
        .unwrap_or_else(|| "sortie-runner:base".into());
    let instance = format!("latency-{}", std::process::id());
    let sandbox =
        Sandbox::connect(EngineOptions::new(&image, instance, WireKey::ephemeral()?)).await?;
    let (mut own, mut peer) = (Vec::new(), Vec::new());
    ours(&sandbox, 0).await?;
    theirs(&image)?;
    for run in 1..=rounds.max(1) {
        own.push(ours(&sandbox, run).await?);
        peer.push(theirs(&image)?);
    }
    let (own, peer) = (middle(&mut own), middle(&mut peer));
    println!(
        "launch to first byte, p50 of {rounds}: {own:.0?}; docker run: {peer:.0?}; {:.2} x",
        own.as_secs_f64() / peer.as_secs_f64()
    );
    Ok(())
}
