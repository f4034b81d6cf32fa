//! A host with nothing to do: how fast it is ready when its plugins were
//! compiled before, and what it keeps in memory then.

use super::Setting;
use crate::measure::{Plan, Samples, alone, mebibytes, millis};
use crate::program;
use crate::report::{Bar, Row, Unit};
use anyhow::{Context, Result, anyhow, bail};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

const PLAN: Plan = Plan {
    // The first start compiles the plugins.
    warm_up: 1,
    turns: 20,
    at_most: Duration::from_secs(120),
};

/// How long the first start may take: it compiles every plugin.
const READY_LIMIT: Duration = Duration::from_secs(120);

/// How long the host may take to end.
const END_LIMIT: Duration = Duration::from_secs(30);

pub async fn measure(setting: &Setting) -> Result<Vec<Row>> {
    let sortie = setting.sortie().await?;
    let place = setting.directory("idle")?;
    let address = free_address()?;
    let config = place.path().join("sortie.toml");
    let text = format!(
        "[host]\ndata_dir = {:?}\n[api]\nlisten = \"{address}\"\n",
        place.path().join("data")
    );
    std::fs::write(&config, text)?;

    let (mut resident, mut share) = (Vec::new(), Vec::new());
    let starts = alone(PLAN.shortened(setting.quick), async || {
        let start = start(&sortie, &config, address).await?;
        resident.push(mebibytes(start.resident));
        share.push(mebibytes(start.share));
        Ok(start.ready_ms)
    })
    .await?;
    // The first start is the one that compiles.
    let warm = |all: Vec<f64>| Samples::new(all.into_iter().skip(1).collect());
    let (resident, share) = (warm(resident)?, warm(share)?);
    Ok(vec![
        Row::alone(
            "idle",
            "start to ready, warm code cache",
            Unit::Millis,
            &starts,
        )
        .under(Bar::at_most(starts.median(), 300.0, Unit::Millis)),
        Row::alone(
            "idle",
            "resident memory (RSS) when ready",
            Unit::Mebibytes,
            &resident,
        )
        .under(Bar::at_most(resident.median(), 80.0, Unit::Mebibytes)),
        Row::alone(
            "idle",
            "proportional share of it (PSS)",
            Unit::Mebibytes,
            &share,
        ),
    ])
}

struct Start {
    ready_ms: f64,
    resident: u64,
    share: u64,
}

/// Starts a host, waits until it says that it is ready, looks and ends it.
async fn start(sortie: &Path, config: &Path, address: SocketAddr) -> Result<Start> {
    let mut command = program::program(&[sortie])?;
    command
        .arg("serve")
        .arg("--config")
        .arg(config)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let begun = Instant::now();
    let mut child = command
        .spawn()
        .with_context(|| format!("start {}", sortie.display()))?;
    let ready = tokio::task::spawn_blocking(move || ready(address, begun)).await??;
    if let Some(status) = child.try_wait()? {
        bail!("start a host: it ended with {status}");
    }
    let process = child.id().context("find the host's process")?;
    let (resident, share) = program::resident(process)?;
    program::end(child, END_LIMIT).await?;
    Ok(Start {
        ready_ms: millis(ready),
        resident,
        share,
    })
}

/// Asks until the answer is yes; how long that took since `begun`.
fn ready(address: SocketAddr, begun: Instant) -> Result<Duration> {
    while begun.elapsed() < READY_LIMIT {
        match is_ready(address) {
            Ok(true) => return Ok(begun.elapsed()),
            // Nobody listens yet, or not everything is there.
            Ok(false) | Err(_) => std::thread::sleep(Duration::from_millis(1)),
        }
    }
    Err(anyhow!(
        "start a host: it was not ready within {READY_LIMIT:?}"
    ))
}

fn is_ready(address: SocketAddr) -> std::io::Result<bool> {
    let limit = Duration::from_secs(5);
    let mut stream = TcpStream::connect_timeout(&address, limit)?;
    stream.set_read_timeout(Some(limit))?;
    stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut head = [0; 12];
    stream.read_exact(&mut head)?;
    Ok(head.ends_with(b" 200"))
}

/// A loopback port that nobody has.
fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("find a free port")?;
    Ok(listener.local_addr()?)
}
