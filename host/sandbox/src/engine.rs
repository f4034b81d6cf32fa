//! The engine's API with a limit on every call and errors that say what to do.
//!
//! The engine need not be there when the host starts: each call connects if
//! nobody did, and a call that fails leaves nothing behind that the next one
//! would trip over.

use crate::error::SandboxError;
use crate::options::{Endpoint, Tls};
use bollard::errors::Error;
use bollard::{API_DEFAULT_VERSION, Docker};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::Mutex;

/// Sockets that local engines are known to listen on, in order of preference;
/// `{}` stands for the user's runtime directory.
const SOCKETS: [&str; 4] = [
    "/var/run/docker.sock",
    "{}/docker.sock",
    "{}/podman/podman.sock",
    "/run/podman/podman.sock",
];

pub struct Engine {
    endpoint: Endpoint,
    connect_timeout: Duration,
    call_timeout: Duration,
    client: Mutex<Option<Docker>>,
}

impl Engine {
    pub fn new(
        endpoint: Endpoint,
        connect_timeout: Duration,
        call_timeout: Duration,
    ) -> Result<Self, SandboxError> {
        let endpoint = match endpoint {
            Endpoint::Auto => discover()?,
            given => given,
        };
        Ok(Self {
            endpoint,
            connect_timeout,
            call_timeout,
            client: Mutex::new(None),
        })
    }

    /// The endpoint in words.
    pub fn endpoint(&self) -> String {
        match &self.endpoint {
            Endpoint::Auto => "auto".into(),
            Endpoint::Unix(path) => format!("unix://{}", path.display()),
            Endpoint::Tcp { url, .. } | Endpoint::Ssh(url) => url.clone(),
        }
    }

    /// One call, bounded; connects first if nobody did.
    pub async fn call<T, F>(
        &self,
        name: &'static str,
        call: impl FnOnce(Docker) -> F,
    ) -> Result<T, SandboxError>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let client = self.client().await?;
        match tokio::time::timeout(self.call_timeout, call(client)).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => {
                if wants_older_client(&error) {
                    // The engine was exchanged for an older one; greet it anew next time.
                    self.client.lock().await.take();
                }
                Err(self.sort(name, error))
            }
            Err(_) => Err(self.timed_out(name, self.call_timeout)),
        }
    }

    async fn client(&self) -> Result<Docker, SandboxError> {
        let mut client = self.client.lock().await;
        if let Some(client) = client.as_ref() {
            return Ok(client.clone());
        }
        const CALL: &str = "agree on an API version";
        let fresh = self.open().map_err(|e| self.sort(CALL, e))?;
        let agreed = tokio::time::timeout(self.connect_timeout, fresh.negotiate_version()).await;
        let agreed = agreed
            .map_err(|_| self.timed_out(CALL, self.connect_timeout))?
            .map_err(|e| self.sort(CALL, e))?;
        Ok(client.insert(agreed).clone())
    }

    fn open(&self) -> Result<Docker, Error> {
        // Ours is the shorter limit; this one only must not be in its way.
        let limit = self.call_timeout.as_secs().saturating_add(5);
        match &self.endpoint {
            Endpoint::Auto => Docker::connect_with_local_defaults(),
            Endpoint::Unix(path) => {
                Docker::connect_with_unix(&path.to_string_lossy(), limit, API_DEFAULT_VERSION)
            }
            Endpoint::Tcp { url, tls: None } => {
                Docker::connect_with_http(url, limit, API_DEFAULT_VERSION)
            }
            Endpoint::Tcp {
                url,
                tls: Some(tls),
            } => Docker::connect_with_ssl(
                url,
                &tls.key,
                &tls.cert,
                &tls.ca,
                limit,
                API_DEFAULT_VERSION,
            ),
            Endpoint::Ssh(url) => Docker::connect_with_ssh(url, limit, API_DEFAULT_VERSION, None),
        }
    }

    fn timed_out(&self, call: &'static str, after: Duration) -> SandboxError {
        SandboxError::EngineTimeout {
            endpoint: self.endpoint(),
            call,
            after,
        }
    }

    fn sort(&self, call: &'static str, error: Error) -> SandboxError {
        match error {
            Error::DockerResponseServerError {
                status_code,
                message,
            } => {
                if message.contains("no space left on device") {
                    return SandboxError::OutOfDisk { call, message };
                }
                SandboxError::EngineRefused {
                    call,
                    status: status_code,
                    message,
                }
            }
            Error::RequestTimeoutError => self.timed_out(call, self.call_timeout),
            Error::SocketNotFoundError(_)
            | Error::IOError { .. }
            | Error::HyperResponseError { .. }
            | Error::HyperLegacyError { .. } => SandboxError::EngineUnreachable {
                endpoint: self.endpoint(),
                reason: chain(&error),
                help: self.help(&error),
            },
            other => SandboxError::EngineRefused {
                call,
                status: 0,
                message: chain(&other),
            },
        }
    }

    fn help(&self, error: &Error) -> String {
        let reason = chain(error).to_lowercase();
        match &self.endpoint {
            Endpoint::Unix(_) | Endpoint::Auto if reason.contains("permission denied") => {
                "add this user to the engine's group, or point DOCKER_HOST at a rootless engine"
                    .into()
            }
            Endpoint::Unix(_) | Endpoint::Auto => {
                "start it, or install one (`sortie doctor` says how), or set the endpoint".into()
            }
            Endpoint::Tcp { .. } => "check its address, its keys and that it listens there".into(),
            Endpoint::Ssh(_) => {
                "check that `ssh` reaches the machine without asking for a password".into()
            }
        }
    }
}

/// An error with its causes: the outermost alone often says only "client error".
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let words = inner.to_string();
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        cause = inner.source();
    }
    text
}

fn wants_older_client(error: &Error) -> bool {
    matches!(error, Error::DockerResponseServerError { status_code: 400, message } if message.contains("client version"))
}

/// The endpoint that the environment or the file system names.
fn discover() -> Result<Endpoint, SandboxError> {
    let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    if let Some(host) = variable("DOCKER_HOST") {
        let tls = variable("DOCKER_TLS_VERIFY")
            .and(variable("DOCKER_CERT_PATH"))
            .map(|place| {
                let place = PathBuf::from(place);
                Tls {
                    key: place.join("key.pem"),
                    cert: place.join("cert.pem"),
                    ca: place.join("ca.pem"),
                }
            });
        return Endpoint::parse(&host, tls);
    }
    let own = variable("XDG_RUNTIME_DIR");
    let candidates = SOCKETS
        .iter()
        .filter_map(|path| match (path.strip_prefix("{}"), &own) {
            (Some(rest), Some(own)) => Some(PathBuf::from(format!("{own}{rest}"))),
            (Some(_), None) => None,
            (None, _) => Some(PathBuf::from(path)),
        });
    let found = candidates.into_iter().find(|path| path.exists());
    Ok(Endpoint::Unix(
        found.unwrap_or_else(|| Path::new(SOCKETS[0]).to_owned()),
    ))
}

impl Endpoint {
    /// Reads `unix:///path`, `tcp://host:port` or `ssh://user@host`; `tls` is
    /// for the second.
    ///
    /// # Errors
    /// When it is none of them.
    pub fn parse(address: &str, tls: Option<Tls>) -> Result<Self, SandboxError> {
        let wrong = |reason: &str| SandboxError::Options {
            reason: format!("the engine's address {address:?} {reason}"),
        };
        match address.split_once("://") {
            Some(("unix", path)) if path.starts_with('/') => Ok(Self::Unix(path.into())),
            Some(("tcp" | "http" | "https", _)) => Ok(Self::Tcp {
                url: address.into(),
                tls,
            }),
            // The client would take the port for a part of the name.
            Some(("ssh", place)) if place.contains(':') => Err(wrong(
                "has a port, which `ssh` is told elsewhere: put `Host`, `HostName` and `Port` into \
                 ~/.ssh/config and name that `Host` here",
            )),
            Some(("ssh", _)) => Ok(Self::Ssh(address.into())),
            _ => Err(wrong(
                "is none: write unix:///run/docker.sock, tcp://host:2376 or ssh://user@host",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_understood() {
        assert_eq!(
            Endpoint::parse("unix:///run/x.sock", None).unwrap(),
            Endpoint::Unix("/run/x.sock".into())
        );
        assert!(matches!(
            Endpoint::parse("tcp://127.0.0.1:2375", None).unwrap(),
            Endpoint::Tcp { tls: None, .. }
        ));
        assert_eq!(
            Endpoint::parse("ssh://me@there", None).unwrap(),
            Endpoint::Ssh("ssh://me@there".into())
        );
        let ported = Endpoint::parse("ssh://me@there:2222", None).unwrap_err();
        assert!(ported.to_string().contains("~/.ssh/config"), "{ported}");
        assert!(
            Endpoint::parse("npipe:////x", None)
                .unwrap_err()
                .to_string()
                .contains("npipe")
        );
    }
}
