//! What an operator sets.

use crate::error::SandboxError;
use crate::key::WireKey;
use std::path::PathBuf;
use std::time::Duration;

/// Where the engine is.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Endpoint {
    /// `DOCKER_HOST` if it is set, else the first local socket that is there:
    /// Docker's, then Podman's.
    #[default]
    Auto,
    /// A local socket.
    Unix(PathBuf),
    /// `tcp://host:port`.
    Tcp {
        /// The address.
        url: String,
        /// Keys; without them the connection is in the clear, which is only
        /// for a loopback address.
        tls: Option<Tls>,
    },
    /// `ssh://user@host`, with whatever the system's ssh is configured to; also
    /// the port is said there.
    Ssh(String),
}

/// PEM files for an engine behind TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The client's private key.
    pub key: PathBuf,
    /// The client's certificate.
    pub cert: PathBuf,
    /// The authority that signed the engine's certificate.
    pub ca: PathBuf,
}

/// How much a container may use.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// Memory, with the temporary file systems; no swap on top.
    pub memory_bytes: u64,
    /// Processors, in thousandths of one.
    pub cpu_milli: u64,
    /// Processes and threads.
    pub pids: u32,
    /// Bytes on the workspace volume.
    pub workspace_bytes: u64,
    /// Files on the workspace volume.
    pub workspace_files: u64,
    /// Size of `/tmp`.
    pub tmp_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: 4 << 30,
            cpu_milli: 2000,
            pids: 1024,
            workspace_bytes: 10 << 30,
            workspace_files: 1_000_000,
            tmp_bytes: 1 << 30,
        }
    }
}

/// Everything about the engine and its containers.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// Where the engine is.
    pub endpoint: Endpoint,
    /// The OCI runtime (`runc`, `runsc`, `kata`); none for the engine's own.
    pub runtime: Option<String>,
    /// The image that runs start from, unless a launch names another.
    pub image: String,
    /// Name of this host among those that share the engine; marks everything
    /// it makes. Lower-case letters, digits and dashes, at most 40.
    pub instance: String,
    /// What the containers' secrets are made from.
    pub key: WireKey,
    /// Limits of each container.
    pub limits: Limits,
    /// How long the engine may take to be reached.
    pub connect_timeout: Duration,
    /// How long the engine may take to answer one call.
    pub call_timeout: Duration,
}

impl EngineOptions {
    /// Options with the defaults for all but the names and the key.
    pub fn new(image: impl Into<String>, instance: impl Into<String>, key: WireKey) -> Self {
        Self {
            endpoint: Endpoint::Auto,
            runtime: None,
            image: image.into(),
            instance: instance.into(),
            key,
            limits: Limits::default(),
            connect_timeout: Duration::from_secs(5),
            call_timeout: Duration::from_secs(60),
        }
    }

    pub(crate) fn check(&self) -> Result<(), SandboxError> {
        let wrong = |reason: String| Err(SandboxError::Options { reason });
        let named = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if self.instance.is_empty() || self.instance.len() > 40 || !self.instance.bytes().all(named)
        {
            return wrong(format!(
                "the instance name {:?} must be 1 to 40 lower-case letters, digits and dashes",
                self.instance
            ));
        }
        if self.image.is_empty() {
            return wrong("the image has no name".into());
        }
        let limits = &self.limits;
        // Below these a container does not even start its runner and git.
        if limits.memory_bytes < 32 << 20 || limits.pids < 16 || limits.cpu_milli < 10 {
            return wrong(
                "a container needs at least 32 MiB of memory, 16 processes and 0.01 processors"
                    .into(),
            );
        }
        let most = i64::MAX as u64 / 1_000_000;
        if limits.memory_bytes > most || limits.cpu_milli > 1_000_000 || limits.tmp_bytes > most {
            return wrong("a limit is too large".into());
        }
        Ok(())
    }
}
