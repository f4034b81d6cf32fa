//! Signed requests to a connector, each of which puts a job into the queue and
//! is answered when all of it is on disk. The peer is `wasmtime serve` with a
//! component that answers every request with a few bytes, and keeps nothing.

use super::Setting;
use super::hooked::{self, CLIENTS, Requests};
use crate::host::free_address;
use crate::http::Connection;
use crate::measure::{Plan, paired};
use crate::report::{Bar, Row, Unit};
use crate::{peers, program};
use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use futures::future::try_join_all;
use http_body_util::Full;
use hyper::{Request, StatusCode};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::process::Child;

/// What the peer's component answers: about as many bytes as the connector.
const ANSWER: &[u8] = br#"{"job":10000}"#;

/// Requests in a turn, over all connections.
const REQUESTS: usize = 6_400;

/// How long `wasmtime serve` may take to compile a small component.
const READY_LIMIT: Duration = Duration::from_secs(30);

const PLAN: Plan = Plan {
    warm_up: 2,
    turns: 20,
    at_most: Duration::from_secs(180),
};

pub async fn measure(setting: &Setting) -> Result<Vec<Row>> {
    let sortie = setting.sortie().await?;
    let wasmtime = peers::wasmtime().await?;
    let served = Served::start(setting, &wasmtime).await?;
    let home = hooked::home(setting, "hooks")?;
    let host = home.start(&sortie).await?;
    hooked::install(&host, &hooked::connector(setting, "1.0.0")?).await?;

    let requests = Requests::new()?;
    let mut to_host = hooked::connect(host.address).await?;
    let mut to_peer = hooked::connect(served.address).await?;
    let both = paired(
        PLAN.shortened(setting.quick),
        async || rate(&mut to_host, || requests.next(), hooked::check).await,
        async || rate(&mut to_peer, get, answered).await,
    )
    .await?;
    drop((to_host, to_peer));
    host.end().await?;
    served.end().await?;
    ensure!(
        hooked::kept(&home.data())? == (requests.made(), requests.made()),
        "find every event and every job on disk"
    );

    let ratio = both.ratio();
    let row = Row::paired(
        "hooks",
        format!("signed event → connector → job on disk → 2xx, {CLIENTS} clients"),
        Unit::PerSecond,
        &both,
        "wasmtime serve, a static 200, nothing on disk",
    );
    Ok(vec![row.under(Bar::ratio_at_least(ratio, 0.5))])
}

/// Sends the requests of a turn; how many were answered in a second.
async fn rate(
    connections: &mut [Connection],
    request: impl Fn() -> Result<Request<Full<Bytes>>>,
    check: impl Fn(&(StatusCode, Bytes)) -> Result<()>,
) -> Result<f64> {
    let each = REQUESTS / connections.len();
    let (request, check) = (&request, &check);
    let begun = Instant::now();
    let clients = connections.iter_mut().map(|connection| async move {
        for _ in 0..each {
            check(&connection.send(request()?).await?)?;
        }
        anyhow::Ok(())
    });
    try_join_all(clients).await?;
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let answered = (each * CLIENTS) as f64;
    Ok(answered / begun.elapsed().as_secs_f64())
}

fn get() -> Result<Request<Full<Bytes>>> {
    Ok(Request::get("/").body(Full::default())?)
}

fn answered((status, body): &(StatusCode, Bytes)) -> Result<()> {
    ensure!(
        *status == StatusCode::OK && body == ANSWER,
        "ask wasmtime serve: {status}: {}",
        String::from_utf8_lossy(body)
    );
    Ok(())
}

/// `wasmtime serve` with its defaults.
struct Served {
    child: Child,
    address: SocketAddr,
    _place: TempDir,
}

impl Served {
    async fn start(setting: &Setting, wasmtime: &Path) -> Result<Self> {
        let place = setting.directory("served")?;
        let component = place.path().join("answer.wasm");
        std::fs::write(&component, sortie_guests::proxy::answers(ANSWER))
            .context("write the peer's component")?;
        let address = free_address()?;
        let mut command = program::program(&[wasmtime])?;
        command
            .arg("serve")
            .arg("--addr")
            .arg(address.to_string())
            .arg(&component)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut child = command.spawn().context("start wasmtime serve")?;
        let begun = Instant::now();
        loop {
            if let Ok(mut connection) = Connection::open(address).await {
                answered(&connection.send(get()?).await?)?;
                break;
            }
            if let Some(status) = child.try_wait()? {
                bail!("start wasmtime serve: it ended with {status}");
            }
            ensure!(
                begun.elapsed() < READY_LIMIT,
                "start wasmtime serve: it was not ready within {READY_LIMIT:?}"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(Self {
            child,
            address,
            _place: place,
        })
    }

    async fn end(self) -> Result<()> {
        program::end(self.child, READY_LIMIT).await
    }
}
