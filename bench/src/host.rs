//! A host as its users have it: `sortie serve` in a process of its own, on a
//! data directory that outlives it.

use crate::benches::Setting;
use crate::http::{self, Connection};
use crate::program;
use anyhow::{Context, Result, bail, ensure};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::process::Child;

/// How long a start may take: the first one compiles every plugin.
const READY_LIMIT: Duration = Duration::from_secs(120);

/// How long a host may take to end.
const END_LIMIT: Duration = Duration::from_secs(30);

/// Where a host lives: its configuration and its data. Removed when dropped.
pub struct Home {
    directory: TempDir,
    address: SocketAddr,
}

impl Home {
    /// Makes one; `more` is added to its configuration.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn new(setting: &Setting, name: &str, more: &str) -> Result<Self> {
        let home = Self {
            directory: setting.directory(name)?,
            address: free_address()?,
        };
        let text = format!(
            "[host]\ndata_dir = {:?}\n[api]\nlisten = \"{}\"\n{more}",
            home.data(),
            home.address
        );
        std::fs::write(home.config(), text).context("write a configuration")?;
        Ok(home)
    }

    /// The data directory.
    pub fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// What a host says there.
    fn log(&self) -> PathBuf {
        self.directory.path().join("host.log")
    }

    fn config(&self) -> PathBuf {
        self.directory.path().join("sortie.toml")
    }

    /// Starts a host and waits until it says that it is ready.
    ///
    /// # Errors
    /// When it does not get there.
    pub async fn start(&self, sortie: &Path) -> Result<Host> {
        let mut command = program::program(&[sortie])?;
        command
            .arg("serve")
            .arg("--config")
            .arg(self.config())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(self.log()).context("make the host's log")?);
        let begun = Instant::now();
        let mut child = command
            .spawn()
            .with_context(|| format!("start {}", sortie.display()))?;
        let address = self.address;
        // Until then nobody listens, or not everything is there.
        while !is_ready(address).unwrap_or(false) {
            if let Some(status) = child.try_wait()? {
                let said = std::fs::read_to_string(self.log()).unwrap_or_default();
                let last = said.lines().last().unwrap_or_default();
                bail!("start a host: it ended with {status}: {last}");
            }
            ensure!(
                begun.elapsed() < READY_LIMIT,
                "start a host: it was not ready within {READY_LIMIT:?}"
            );
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(Host {
            child,
            address,
            ready: begun.elapsed(),
            token: self.data().join("api-token"),
        })
    }
}

/// A host that runs.
pub struct Host {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// How long it took from its start until it was ready.
    pub ready: Duration,
    token: PathBuf,
}

impl Host {
    /// Its memory: what is resident, and its fair share of that, in bytes.
    ///
    /// # Errors
    /// When it is gone.
    pub fn resident(&self) -> Result<(u64, u64)> {
        let process = self.child.id().context("find the host's process")?;
        program::resident(process)
    }

    /// Uploads a package to `path`, with consent to all it asks for.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn upload(
        &self,
        connection: &mut Connection,
        path: &str,
        package: &[u8],
    ) -> Result<()> {
        let request = http::upload(path, &self.token()?, package)?;
        let (status, body) = connection.send(request).await?;
        ensure!(
            status.is_success(),
            "upload a package to {path}: {status}: {}",
            String::from_utf8_lossy(&body)
        );
        Ok(())
    }

    /// Posts JSON to `path`.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn post(
        &self,
        connection: &mut Connection,
        path: &str,
        body: &serde_json::Value,
    ) -> Result<()> {
        let request = http::json(path, &self.token()?, body)?;
        let (status, answer) = connection.send(request).await?;
        ensure!(
            status.is_success(),
            "post to {path}: {status}: {}",
            String::from_utf8_lossy(&answer)
        );
        Ok(())
    }

    fn token(&self) -> Result<String> {
        let token = std::fs::read_to_string(&self.token).context("read the host's token")?;
        Ok(token.trim().to_owned())
    }

    /// Ends it in order.
    ///
    /// # Errors
    /// When it does not end.
    pub async fn end(self) -> Result<()> {
        program::end(self.child, END_LIMIT).await
    }
}

/// Whether a host there says that it is ready.
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
///
/// # Errors
/// When there is none.
pub fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("find a free port")?;
    Ok(listener.local_addr()?)
}
