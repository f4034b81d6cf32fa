//! A model call through the gateway, with every call reserved and settled on
//! disk, beside `litellm`'s proxy from PyPI, which keeps its figures in
//! memory. Both lead to the same upstream and are asked by the same client;
//! what the upstream takes when it is asked directly is taken off.

use super::Setting;
use crate::gateway::GATEWAY;
use crate::http::Connection;
use crate::measure::{Plan, Samples, micros};
use crate::program;
use crate::report::{Bar, Figure, Row, Unit};
use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use futures::future::try_join_all;
use http_body_util::Full;
use hyper::{Request, StatusCode};
use sortie_servers::ModelServer;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Child;

/// The release that is measured against.
const LITELLM: &str = "litellm[proxy]==1.106.0";

/// What an agent asks for in the middle of its work: some context.
const CONTEXT: &str = "The total of a cart with a voucher is rounded twice. ";

/// How long a download and an installation may take.
const INSTALL_LIMIT: Duration = Duration::from_secs(1800);

/// How long a gateway may take until it answers.
const READY_LIMIT: Duration = Duration::from_secs(180);

/// Clients at once where the rate is measured.
const CLIENTS: usize = 32;

/// Calls of each client in a turn.
const PER_CLIENT: usize = 10;

const LATENCY: Plan = Plan {
    warm_up: 30,
    turns: 300,
    at_most: Duration::from_secs(120),
};

const RATE: Plan = Plan {
    warm_up: 1,
    turns: 6,
    at_most: Duration::from_secs(180),
};

pub async fn measure(setting: &Setting) -> Result<Vec<Row>> {
    let upstream = ModelServer::start().await;
    let home = setting.directory("llm")?;
    let ours = ours(&upstream.base_url(), &home.path().join("data")).await?;
    let peer = litellm(&upstream.base_url(), home.path()).await?;
    let direct = upstream.base_url();
    let direct: SocketAddr = direct
        .trim_start_matches("http://")
        .trim_end_matches("/v1")
        .parse()?;

    let latency = latency(setting, direct, ours.address, peer.address).await?;
    let rate = rate(setting, &ours, &peer).await?;
    for side in [ours, peer] {
        program::end(side.child, Duration::from_secs(30)).await.ok();
    }
    Ok([latency, rate].concat())
}

/// One call at a time, each side in turn.
async fn latency(
    setting: &Setting,
    direct: SocketAddr,
    ours: SocketAddr,
    peer: SocketAddr,
) -> Result<Vec<Row>> {
    let mut sides = Vec::new();
    for address in [direct, ours, peer] {
        sides.push((Connection::open(address).await?, Vec::new()));
    }
    let plan = LATENCY.shortened(setting.quick);
    let begun = Instant::now();
    for turn in 0..plan.warm_up + plan.turns {
        if begun.elapsed() > plan.at_most {
            break;
        }
        for (connection, samples) in &mut sides {
            let sent = Instant::now();
            call(connection).await?;
            if turn >= plan.warm_up {
                samples.push(micros(sent.elapsed()));
            }
        }
    }
    let [direct, ours, peer]: [Samples; 3] = sides
        .into_iter()
        .map(|(_, samples)| Samples::new(samples))
        .collect::<Result<Vec<_>>>()?
        .try_into()
        .map_err(|_| anyhow::anyhow!("measure three sides"))?;
    let added =
        |percent, side: &Samples| (side.percentile(percent) - direct.percentile(percent)).max(1.0);
    let row = |percent: u8| {
        let (mine, theirs) = (added(percent, &ours), added(percent, &peer));
        let figure = |value| Figure {
            p50: value,
            p99: None,
            n: ours.count(),
        };
        Row::alone(
            "llm",
            format!("added to a call, p{percent}"),
            Unit::Micros,
            figure(mine),
        )
        .against("litellm, metering in memory", figure(theirs))
        .under(Bar::ratio_at_most(mine / theirs, 0.1))
    };
    Ok(vec![
        row(50),
        row(99),
        Row::alone("llm", "a whole call", Unit::Micros, &ours)
            .against("litellm, metering in memory", &peer),
    ])
}

/// Many calls at once; what counts is the processor time they took.
async fn rate(setting: &Setting, ours: &Side, peer: &Side) -> Result<Vec<Row>> {
    let plan = RATE.shortened(setting.quick);
    let mut rates = [Vec::new(), Vec::new()];
    let begun = Instant::now();
    for turn in 0..plan.warm_up + plan.turns {
        if begun.elapsed() > plan.at_most {
            break;
        }
        for (side, rates) in [ours, peer].into_iter().zip(&mut rates) {
            let before = processor_time(side)?;
            let clients = (0..CLIENTS).map(|_| async {
                let mut connection = Connection::open(side.address).await?;
                for _ in 0..PER_CLIENT {
                    call(&mut connection).await?;
                }
                anyhow::Ok(())
            });
            try_join_all(clients).await?;
            let spent = processor_time(side)? - before;
            if turn >= plan.warm_up {
                #[expect(clippy::cast_precision_loss, reason = "a few hundred calls")]
                rates.push((CLIENTS * PER_CLIENT) as f64 / spent.max(0.01));
            }
        }
    }
    let [ours, peer] = rates;
    let (ours, peer) = (Samples::new(ours)?, Samples::new(peer)?);
    let ratio = ours.median() / peer.median();
    Ok(vec![
        Row::alone(
            "llm",
            format!("calls per second and core, {CLIENTS} at once"),
            Unit::PerSecond,
            &ours,
        )
        .against("litellm, metering in memory", &peer)
        .under(Bar::ratio_at_least(ratio, 10.0)),
    ])
}

async fn call(connection: &mut Connection) -> Result<()> {
    let body = serde_json::json!({
        "model": "m-1", "max_tokens": 100,
        "messages": [{ "role": "user", "content": CONTEXT.repeat(40) }],
    });
    let request = Request::post("/v1/chat/completions")
        .header("content-type", "application/json")
        .header("authorization", "Bearer sk-bench")
        .body(Full::new(Bytes::from(body.to_string())))?;
    let (status, body) = connection.send(request).await?;
    ensure!(
        status == StatusCode::OK && body.windows(4).any(|part| part == b"done"),
        "have a call answered: {status}: {}",
        String::from_utf8_lossy(&body)
    );
    Ok(())
}

/// A gateway in a process of its own.
struct Side {
    child: Child,
    address: SocketAddr,
}

async fn ours(upstream: &str, data: &std::path::Path) -> Result<Side> {
    let own = std::env::current_exe().context("find this program")?;
    let mut command = program::program(&[own])?;
    command.arg(GATEWAY).arg(upstream).arg(data);
    command.stderr(Stdio::null());
    let mut child = command.spawn().context("start a gateway")?;
    let out = child.stdout.take().context("read the gateway's address")?;
    let mut lines = BufReader::new(out).lines();
    let line = tokio::time::timeout(READY_LIMIT, lines.next_line()).await??;
    let address = line.context("the gateway ended before it was ready")?;
    Ok(Side {
        child,
        address: address.parse()?,
    })
}

/// Where litellm is installed; made once and kept.
async fn installed() -> Result<PathBuf> {
    let cache = std::env::var_os("SORTIE_CACHE_DIR").map_or_else(
        || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache/sortie"),
        PathBuf::from,
    );
    let venv = cache.join("litellm");
    let litellm = venv.join("bin/litellm");
    if !litellm.is_file() {
        let venv = venv.as_os_str();
        program::succeed(
            &["python3".as_ref(), "-m".as_ref(), "venv".as_ref(), venv],
            INSTALL_LIMIT,
        )
        .await?;
        let pip = std::path::Path::new(venv).join("bin/pip");
        let arguments = [
            pip.as_os_str(),
            "install".as_ref(),
            "-q".as_ref(),
            LITELLM.as_ref(),
        ];
        program::succeed(&arguments, INSTALL_LIMIT).await?;
    }
    Ok(litellm)
}

async fn litellm(upstream: &str, home: &std::path::Path) -> Result<Side> {
    let litellm = installed().await?;
    let config = home.join("litellm.yaml");
    std::fs::write(
        &config,
        format!(
            "model_list:\n  - model_name: m-1\n    litellm_params:\n      model: openai/m-1\n      \
             api_base: {upstream}\n      api_key: sk-bench\n      input_cost_per_token: 0.000001\n      \
             output_cost_per_token: 0.000001\n"
        ),
    )?;
    let address = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let mut command = program::program(&[litellm])?;
    command
        .arg("--config")
        .arg(&config)
        .args(["--host", "127.0.0.1", "--port"])
        .arg(address.port().to_string())
        .env("LITELLM_LOCAL_MODEL_COST_MAP", "True")
        .env("LITELLM_LOG", "ERROR")
        .env("LITELLM_TELEMETRY", "False")
        // It listens on loopback for as long as the benchmark runs.
        .env(
            "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY",
            "true",
        )
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut child = command.spawn().context("start litellm")?;
    let begun = Instant::now();
    loop {
        if let Ok(mut connection) = Connection::open(address).await
            && call(&mut connection).await.is_ok()
        {
            return Ok(Side { child, address });
        }
        ensure!(
            begun.elapsed() < READY_LIMIT && child.try_wait()?.is_none(),
            "start litellm: it did not answer"
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// The processor time that a process took so far, in seconds.
fn processor_time(side: &Side) -> Result<f64> {
    let id = side.child.id().context("the gateway ended")?;
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat"))?;
    // The name may hold spaces; what counts follows its bracket.
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let mut fields = fields.split_whitespace().skip(11);
    let mut ticks = || -> Result<f64> {
        let field = fields.next().context("read a process's time")?;
        Ok(field.parse::<f64>()?)
    };
    let both = ticks()? + ticks()?;
    let per_second = nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK)?.unwrap_or(100);
    #[expect(clippy::cast_precision_loss, reason = "a hundred or a thousand")]
    Ok(both / per_second as f64)
}
