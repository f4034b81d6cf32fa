//! Tunnels through the egress proxy, beside those of tinyproxy: how many can be
//! opened, and how fast one carries a gibibyte. Both proxies listen on loopback
//! and lead to the same server; neither goes over the wire, and no row is
//! written to a disk.

use super::Setting;
use crate::measure::{Plan, paired};
use crate::program;
use crate::report::{Bar, Row, Unit};
use anyhow::{Context, Result, ensure};
use async_trait::async_trait;
use futures::future::try_join_all;
use sortie_gateway::egress::{
    Connection, Egress, EgressOptions, Opening, Refusal, Verdict, Warden,
};
use sortie_model::egress::EgressLimits;
use sortie_model::host::HostName;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Child;

/// Tunnels that are open at the same time.
const CLIENTS: u32 = 16;
/// Tunnels of one sample.
const TUNNELS: u32 = 800;
/// What the large tunnel carries.
const LARGE_BYTES: u64 = 1 << 30;
/// How much is written and read at once.
const CHUNK_BYTES: usize = 64 * 1024;
/// How long tinyproxy gets to listen.
const START_LIMIT: Duration = Duration::from_secs(10);

/// Lets everything to loopback, and keeps nothing.
struct Open {
    tls: bool,
}

#[async_trait]
impl Warden for Open {
    async fn admit(&self, _: &HostName, _: u16) -> Verdict {
        Verdict::Open(Opening {
            tls: self.tls,
            private: true,
            named: None,
        })
    }

    async fn refused(&self, _: &Refusal) {}

    async fn record(&self, _: Connection) {}
}

pub async fn measure(setting: &Setting) -> Result<Vec<Row>> {
    let dir = setting.directory("tunnel")?;
    let far = far().await?;
    let (checked, plain) = (ours(true)?, ours(false)?);
    let (tiny, address) = tinyproxy(dir.path(), far.port()).await?;
    let hello = hello()?;
    let small = Plan {
        warm_up: 2,
        turns: 20,
        at_most: Duration::from_secs(120),
    };
    let tunnels = paired(
        small.shortened(setting.quick),
        async || many(checked, far, &hello).await,
        async || many(address, far, &hello).await,
    )
    .await?;
    let large = Plan {
        warm_up: 1,
        turns: 10,
        at_most: Duration::from_secs(180),
    };
    let bytes = paired(
        large.shortened(setting.quick),
        async || one(plain, far).await,
        async || one(address, far).await,
    )
    .await?;
    program::end(tiny, START_LIMIT).await?;
    let row = |what, unit, both, bar| {
        let row = Row::paired("tunnel", what, unit, both, "tinyproxy");
        row.under(Bar::ratio_at_least(both.ratio(), bar))
    };
    Ok(vec![
        row(
            "tunnels opened, TLS checked",
            Unit::PerSecond,
            &tunnels,
            1.0,
        ),
        row(
            "1 GiB through one tunnel, MiB in a second",
            Unit::PerSecond,
            &bytes,
            0.9,
        ),
    ])
}

/// The proxy, on threads of its own.
fn ours(tls: bool) -> Result<SocketAddr> {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let mut options = EgressOptions::new(Arc::new(Open { tls }));
    options.limits = EgressLimits {
        at_once: 256,
        connections: u32::MAX - 1,
        up_bytes: u64::MAX,
        down_bytes: u64::MAX,
        ..EgressLimits::default()
    };
    let egress = Egress::new(options);
    // It ends with the benchmark.
    std::thread::Builder::new()
        .name("egress".into())
        .spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build();
            let Ok(runtime) = runtime else { return };
            runtime.block_on(async move {
                let Ok(listener) = TcpListener::from_std(listener) else {
                    return;
                };
                while let Ok((stream, _)) = listener.accept().await {
                    let _ = stream.set_nodelay(true);
                    let egress = egress.clone();
                    tokio::spawn(async move { egress.serve(stream).await });
                }
            });
        })?;
    Ok(address)
}

/// Debian's tinyproxy, told to keep quiet.
async fn tinyproxy(dir: &Path, far: u16) -> Result<(Child, SocketAddr)> {
    let free = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = free.local_addr()?;
    drop(free);
    let config = dir.join("tinyproxy.conf");
    let text = format!(
        "Port {}\nListen 127.0.0.1\nTimeout 600\nMaxClients 256\nAllow 127.0.0.1\n\
         LogLevel Critical\nLogFile \"{}\"\nConnectPort {far}\n",
        address.port(),
        dir.join("tinyproxy.log").display(),
    );
    std::fs::write(&config, text)?;
    let config = config.display().to_string();
    let mut command = program::program(&["tinyproxy", "-d", "-c", &config])?;
    let child = command
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .context("start tinyproxy; is it installed?")?;
    let begun = Instant::now();
    while TcpStream::connect(address).await.is_err() {
        ensure!(
            begun.elapsed() < START_LIMIT,
            "wait for tinyproxy: it does not listen"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok((child, address))
}

/// A server that answers a first message of TLS with one byte, and anything
/// else with a gibibyte.
async fn far() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((mut io, _)) = listener.accept().await {
            tokio::spawn(async move {
                let _ = io.set_nodelay(true);
                let mut first = [0; 4096];
                match io.read(&mut first).await {
                    Ok(read) if read > 0 && first[0] == 22 => {
                        let _ = io.write_all(&first[..1]).await;
                    }
                    Ok(read) if read > 0 => {
                        let chunk = vec![7; CHUNK_BYTES];
                        let mut left = LARGE_BYTES;
                        while left > 0 && io.write_all(&chunk).await.is_ok() {
                            left -= chunk.len() as u64;
                        }
                    }
                    _ => {}
                }
            });
        }
    });
    Ok(address)
}

/// A first message of TLS, which names nobody because it is for an address.
fn hello() -> Result<Vec<u8>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let name = rustls::pki_types::ServerName::IpAddress(Ipv4Addr::LOCALHOST.into());
    let mut client = rustls::ClientConnection::new(Arc::new(config), name)?;
    let mut bytes = Vec::new();
    client.write_tls(&mut bytes)?;
    Ok(bytes)
}

/// A tunnel that is open.
async fn open(proxy: SocketAddr, far: SocketAddr) -> Result<TcpStream> {
    let mut io = TcpStream::connect(proxy).await?;
    io.set_nodelay(true)?;
    let asked = format!("CONNECT {far} HTTP/1.1\r\nHost: {far}\r\n\r\n");
    io.write_all(asked.as_bytes()).await?;
    let mut head = Vec::with_capacity(256);
    while !head.ends_with(b"\r\n\r\n") {
        ensure!(
            io.read_buf(&mut head).await? > 0,
            "open a tunnel: the proxy closed it"
        );
    }
    let status = head.split(|byte| *byte == b' ').nth(1);
    ensure!(
        status == Some(b"200"),
        "open a tunnel: {}",
        String::from_utf8_lossy(&head)
    );
    Ok(io)
}

/// Tunnels in a second.
async fn many(proxy: SocketAddr, far: SocketAddr, hello: &[u8]) -> Result<f64> {
    let begun = Instant::now();
    try_join_all((0..CLIENTS).map(|_| async {
        for _ in 0..TUNNELS / CLIENTS {
            let mut io = open(proxy, far).await?;
            io.write_all(hello).await?;
            ensure!(
                io.read_u8().await? == 22,
                "use a tunnel: another byte came back"
            );
        }
        Ok(())
    }))
    .await?;
    Ok(f64::from(TUNNELS) / begun.elapsed().as_secs_f64())
}

/// MiB in a second.
async fn one(proxy: SocketAddr, far: SocketAddr) -> Result<f64> {
    let mut io = open(proxy, far).await?;
    let begun = Instant::now();
    io.write_all(b"go").await?;
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut got = 0u64;
    loop {
        match io.read(&mut chunk).await? {
            0 => break,
            read => got += read as u64,
        }
    }
    ensure!(got == LARGE_BYTES, "use a tunnel: {got} bytes came");
    Ok(crate::measure::mebibytes(got) / begun.elapsed().as_secs_f64())
}
