//! A host with the shipped webhook plugin, and clients that send it jobs over
//! HTTP: each request signed and with an id of its own, each job and each
//! event on disk before the answer.

use super::Setting;
use crate::host::{Home, Host};
use crate::http::Connection;
use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use hmac::{Hmac, Mac};
use http_body_util::Full;
use hyper::{Request, StatusCode};
use rusqlite::{Connection as Database, OpenFlags};
use sha2::Sha256;
use sortie_package::{Manifest, section};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many connections, each with one request at a time.
pub const CLIENTS: usize = 64;

/// Where requests go.
const PATH: &str = "/hooks/webhook/in";

/// What the requests are signed with.
const SECRET: &str = "for the benchmark alone";

/// What each request asks for.
const BODY: &str = r#"{"project":"shop","task":"Round the totals of the cart half up, as invoices do, and test it."}"#;

/// A configuration with one project. Its container engine is away, so that
/// jobs stay in the queue and nothing but the hooks is measured.
const CONFIGURATION: &str = "\
[engine]
endpoint = \"unix:///nonexistent/engine.sock\"
[secrets]
webhook-secret = { value = \"for the benchmark alone\" }
[projects.shop]
repository = \"https://git.example.com/shop.git\"
";

/// A home for such a host.
pub fn home(setting: &Setting, name: &str) -> Result<Home> {
    Home::new(setting, name, CONFIGURATION)
}

/// The webhook plugin as a package whose manifest `change` has altered.
pub fn package(setting: &Setting, change: impl FnOnce(&mut Manifest)) -> Result<Vec<u8>> {
    let path = setting.workspace.join("dist/optional/webhook.wasm");
    let component = std::fs::read(&path)
        .with_context(|| format!("read {}: `cargo xtask plugins` makes it", path.display()))?;
    let mut manifest = section::read(&component)?.context("find the component's manifest")?;
    change(&mut manifest);
    Ok(section::embed(&component, &manifest)?)
}

/// What `hooks` and `swap` install: told of no events, because what it would
/// do about them is not what they measure.
pub fn connector(setting: &Setting, version: &str) -> Result<Vec<u8>> {
    let version = version.parse()?;
    package(setting, |manifest| {
        manifest.version = version;
        manifest.notify = None;
    })
}

/// Installs it in a host that runs.
pub async fn install(host: &Host, package: &[u8]) -> Result<()> {
    let mut connection = Connection::open(host.address).await?;
    host.upload(&mut connection, "/v1/plugins", package).await
}

/// Makes requests, no two alike.
#[derive(Clone)]
pub struct Requests {
    signature: Arc<str>,
    made: Arc<AtomicU64>,
}

impl Requests {
    /// None made yet.
    pub fn new() -> Result<Self> {
        let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes())?;
        mac.update(BODY.as_bytes());
        let signature = hex::encode(mac.finalize().into_bytes());
        Ok(Self {
            signature: format!("sha256={signature}").into(),
            made: Arc::default(),
        })
    }

    /// How many were made.
    pub fn made(&self) -> u64 {
        self.made.load(Ordering::Relaxed)
    }

    /// The next one. The body is signed, its id stands in the head: so all have
    /// the same signature, and a client spends no time on it.
    pub fn next(&self) -> Result<Request<Full<Bytes>>> {
        let id = self.made.fetch_add(1, Ordering::Relaxed);
        let request = Request::post(PATH)
            .header("content-type", "application/json")
            .header("x-sortie-signature", &*self.signature)
            .header("x-sortie-delivery", id.to_string());
        Ok(request.body(Full::new(Bytes::from_static(BODY.as_bytes())))?)
    }
}

/// Opens the clients' connections.
pub async fn connect(address: SocketAddr) -> Result<Vec<Connection>> {
    futures::future::try_join_all((0..CLIENTS).map(|_| Connection::open(address))).await
}

/// Refuses an answer that is not the plugin's own "it is a job".
pub fn check((status, body): &(StatusCode, Bytes)) -> Result<()> {
    ensure!(
        *status == StatusCode::OK && body.starts_with(b"{\"job\":"),
        "have a job taken: {status}: {}",
        String::from_utf8_lossy(body)
    );
    Ok(())
}

/// Counts what is on disk: events that were handled, and jobs. For a host that
/// has ended.
pub fn kept(data: &Path) -> Result<(u64, u64)> {
    let path = data.join("sortie.db");
    let database = Database::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .with_context(|| format!("open {}", path.display()))?;
    let count = |sql: &str| database.query_row(sql, [], |row| row.get::<_, i64>(0));
    Ok((
        count("SELECT count(*) FROM plugin_events WHERE plugin = 'webhook' AND state = 'done'")?
            .try_into()?,
        count("SELECT count(*) FROM jobs")?.try_into()?,
    ))
}
