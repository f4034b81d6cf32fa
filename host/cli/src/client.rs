//! The way to the host: finds its address and token, speaks its types, and
//! turns what comes back into results or errors with an exit code.

use crate::config::Loaded;
use crate::exit::{CliError, Exit};
use crate::host::record::Record;
use reqwest::multipart::Form;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sortie_api::view::{JobView, SubmitBody};
use sortie_api::{Problem, Token, TokenError};
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

/// How long to wait for a connection; a host is near.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long an answer may take; the host itself gives up earlier.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(90);

/// The most bytes of an answer that are read: a page of the longest jobs, or
/// the largest diff a host may be set to show, with room.
const MAX_ANSWER_BYTES: usize = 256 * 1024 * 1024;

/// How often a submission that broke off is sent again. Its key makes that
/// safe.
const SUBMIT_TRIES: u32 = 3;

/// A host, seen from outside.
pub struct Client {
    http: reqwest::Client,
    base: String,
    token: String,
    user: String,
    projects: Vec<String>,
}

impl Client {
    /// Finds the host by `SORTIE_URL` and `SORTIE_TOKEN`, or by the
    /// configuration and the files of its data directory.
    pub fn new(loaded: &Loaded) -> Result<Self, CliError> {
        let base = base_url(loaded);
        let token = match variable("SORTIE_TOKEN") {
            Some(token) => token,
            None => Token::read(&loaded.data_dir.join(crate::host::TOKEN_FILE))
                .map_err(|error| no_token(&error, loaded))?,
        };
        let user = nix::unistd::User::from_uid(nix::unistd::Uid::current())
            .ok()
            .flatten()
            .map(|user| user.name)
            .or_else(|| variable("USER"))
            .filter(|user| user.bytes().all(|byte| byte.is_ascii_graphic()))
            .unwrap_or_else(|| "unknown".to_owned());
        Ok(Self {
            http: http(&base)?,
            base,
            token,
            user,
            projects: loaded.config.projects.keys().cloned().collect(),
        })
    }

    /// The only configured project.
    pub fn only_project(&self) -> Result<String, CliError> {
        match self.projects.as_slice() {
            [only] => Ok(only.clone()),
            [] => Err(CliError::usage("find the project: none is configured here")
                .with_hint("name one with --project, or a repository with --repo")),
            several => Err(CliError::usage(format!(
                "find the project: there are several, {}",
                several.join(", ")
            ))
            .with_hint("name one with --project")),
        }
    }

    /// Reads something.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, CliError> {
        self.get_with(path, &[]).await
    }

    /// Reads something with a query.
    pub async fn get_with<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<T, CliError> {
        let request = self.request(Method::GET, path).query(query);
        read(&self.answer(request).await?)
    }

    /// Reads text.
    pub async fn text(&self, path: &str) -> Result<String, CliError> {
        let bytes = self.answer(self.request(Method::GET, path)).await?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Sends something.
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, CliError> {
        read(
            &self
                .answer(self.request(Method::POST, path).json(body))
                .await?,
        )
    }

    /// Asks for an action that needs no more words.
    pub async fn post_empty<T: DeserializeOwned>(&self, path: &str) -> Result<T, CliError> {
        read(&self.answer(self.request(Method::POST, path)).await?)
    }

    /// Puts something in place of what is there.
    pub async fn put<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, CliError> {
        read(
            &self
                .answer(self.request(Method::PUT, path).json(body))
                .await?,
        )
    }

    /// Removes something.
    pub async fn delete<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<T, CliError> {
        let request = self.request(Method::DELETE, path).query(query);
        read(&self.answer(request).await?)
    }

    /// Sends a form with files.
    pub async fn upload<T: DeserializeOwned>(&self, path: &str, form: Form) -> Result<T, CliError> {
        let request = self.request(Method::POST, path).multipart(form);
        read(&self.answer(request).await?)
    }

    /// Submits a job; sends it again when the connection breaks.
    pub async fn submit(&self, body: &SubmitBody, key: &str) -> Result<JobView, CliError> {
        let mut tries = 1;
        loop {
            let request = self
                .request(Method::POST, "/v1/jobs")
                .header("Idempotency-Key", key)
                .json(body);
            match self.answer(request).await {
                Err(error) if error.kind == BROKEN && tries < SUBMIT_TRIES => tries += 1,
                answered => return read(&answered?),
            }
        }
    }

    /// Opens an answer that stays open.
    pub async fn stream(&self, path: &str, query: &[(&str, String)]) -> Result<Response, CliError> {
        let request = self.request(Method::GET, path).query(query);
        let sent = tokio::time::timeout(ANSWER_TIMEOUT, request.send()).await;
        let response = sent
            .map_err(|_| self.silent())?
            .map_err(|error| self.broken(&error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        Err(refused(status, &bounded(self, response).await?))
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, format!("{}{path}", self.base))
            .bearer_auth(&self.token)
            .header("Sortie-Client", "cli")
            .header("Sortie-User", &self.user)
    }

    async fn answer(&self, request: RequestBuilder) -> Result<Vec<u8>, CliError> {
        let work = async {
            let response = request.send().await.map_err(|error| self.broken(&error))?;
            let status = response.status();
            let bytes = bounded(self, response).await?;
            if status.is_success() {
                Ok(bytes)
            } else {
                Err(refused(status, &bytes))
            }
        };
        tokio::time::timeout(ANSWER_TIMEOUT, work)
            .await
            .map_err(|_| self.silent())?
    }

    fn silent(&self) -> CliError {
        CliError::new(
            Exit::Unreachable,
            "unreachable",
            format!(
                "reach the host at {}: it did not answer within {} s",
                self.base,
                ANSWER_TIMEOUT.as_secs()
            ),
        )
        .with_hint("`sortie doctor` says what is wrong")
    }

    fn broken(&self, error: &reqwest::Error) -> CliError {
        if error.is_connect() {
            return CliError::new(
                Exit::Unreachable,
                "unreachable",
                format!("reach the host at {}: nothing answers there", self.base),
            )
            .with_hint("start it with `sortie serve`, or set SORTIE_URL to where it is");
        }
        CliError::new(
            Exit::Unreachable,
            BROKEN,
            format!(
                "reach the host at {}: the connection broke ({error})",
                self.base
            ),
        )
        .with_hint("try again; the host's log says why, if it was the host")
    }
}

/// Why there is no token for the host's API. It is the host's own, and none
/// that a person was given, so a person is told of the host.
fn no_token(error: &TokenError, loaded: &Loaded) -> CliError {
    const ELSEWHERE: &str = "for a host elsewhere set SORTIE_URL and SORTIE_TOKEN";
    let kind = match error {
        TokenError::File { source, .. } => Some(source.kind()),
        _ => None,
    };
    let (message, hint) = match kind {
        Some(ErrorKind::NotFound) => (
            format!(
                "reach the host: none has been started with the data directory {} yet",
                loaded.data_dir.display()
            ),
            format!(
                "`sortie serve` starts it; if it runs, name its configuration with --config; \
                 {ELSEWHERE}"
            ),
        ),
        Some(ErrorKind::PermissionDenied) => (
            error.to_string(),
            format!("run this as the user that the host runs as; {ELSEWHERE}"),
        ),
        _ => (error.to_string(), ELSEWHERE.to_owned()),
    };
    CliError::new(Exit::Unreachable, "no-token", message).with_hint(hint)
}

/// The kind of an error where the request may or may not have arrived.
const BROKEN: &str = "connection-broken";

async fn bounded(client: &Client, mut response: Response) -> Result<Vec<u8>, CliError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|error| client.broken(&error))?
    {
        if bytes.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Err(CliError::failed(format!(
                "read the answer: it is over {MAX_ANSWER_BYTES} bytes"
            )));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CliError> {
    serde_json::from_slice(bytes).map_err(|error| {
        CliError::failed(format!("read the host's answer: {error}"))
            .with_hint("host and command may be of different versions; compare `sortie --version`")
    })
}

fn refused(status: StatusCode, bytes: &[u8]) -> CliError {
    match serde_json::from_slice::<Problem>(bytes) {
        Ok(problem) => CliError {
            exit: Exit::Refused,
            kind: problem.name().to_owned(),
            message: problem.detail,
            hint: problem.hint.as_deref().map(in_commands),
        },
        Err(_) => CliError::new(
            Exit::Refused,
            "refused",
            format!("get an answer from a Sortie host: something answered {status}"),
        )
        .with_hint("check SORTIE_URL and api.listen"),
    }
}

/// A hint of the API with commands in place of requests.
fn in_commands(hint: &str) -> String {
    let mut said = hint.to_owned();
    while let Some((before, rest)) = said.split_once("`GET ")
        && let Some((path, after)) = rest.split_once('`')
        && let Some(command) = command(path)
    {
        let command = format!("`{command}`");
        // Some hints name the command already.
        let after = after
            .strip_prefix(&format!(", or {command}"))
            .unwrap_or(after);
        said = format!("{before}{command}{after}");
    }
    said
}

/// The command that shows what a path of the API answers with.
fn command(path: &str) -> Option<String> {
    let path = path.split('?').next()?.strip_prefix("/v1/")?;
    let parts: Vec<&str> = path.split('/').collect();
    Some(match parts.as_slice() {
        ["jobs"] => "sortie list".to_owned(),
        ["jobs", id] => format!("sortie status {id}"),
        ["jobs", id, "diff"] => format!("sortie diff {id}"),
        ["jobs", id, "artifacts"] => format!("sortie artifacts {id}"),
        ["people"] => "sortie people list".to_owned(),
        ["chats", _] => "sortie people chat SOURCE".to_owned(),
        ["telegram", "parked"] => "sortie telegram parked".to_owned(),
        ["plugin-events"] => "sortie plugin events".to_owned(),
        ["deliveries"] => "sortie plugin deliveries".to_owned(),
        _ => return None,
    })
}

/// Whether a host answers at the configured address, and its version.
pub async fn version_at(loaded: &Loaded) -> Option<(String, String)> {
    let base = base_url(loaded);
    let response = http(&base)
        .ok()?
        .get(format!("{base}/healthz"))
        .timeout(CONNECT_TIMEOUT)
        .send()
        .await
        .ok()?;
    let health: sortie_api::view::Health = response.json().await.ok()?;
    Some((base, health.version))
}

fn http(base: &str) -> Result<reqwest::Client, CliError> {
    let mut builder = reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .user_agent(concat!("sortie-cli/", env!("CARGO_PKG_VERSION")));
    if is_loopback(base) {
        // A proxy cannot reach this machine's loopback.
        builder = builder.no_proxy();
    }
    builder
        .build()
        .map_err(|error| CliError::failed(format!("set up an HTTP client: {error}")))
}

fn is_loopback(base: &str) -> bool {
    reqwest::Url::parse(base).is_ok_and(|url| match url.host_str() {
        Some("localhost") => true,
        Some(host) => host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .parse::<IpAddr>()
            .is_ok_and(|ip| ip.is_loopback()),
        None => false,
    })
}

fn base_url(loaded: &Loaded) -> String {
    if let Some(url) = variable("SORTIE_URL") {
        return url.trim_end_matches('/').to_owned();
    }
    let listen = loaded.config.api.listen;
    let address = match Record::read(&loaded.data_dir) {
        // With port 0 only the running host knows which one it got.
        Some(record) if listen.port() == 0 => record.address,
        _ => listen,
    };
    format!("http://{}", reachable(address))
}

/// Where to connect to for a host that listens there.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name)
        .ok()
        .map(|value| value.trim().to_owned())
        .filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_name_commands_and_no_requests() {
        for (hint, said) in [
            (
                "`GET /v1/jobs` lists what there is",
                "`sortie list` lists what there is",
            ),
            (
                "`GET /v1/people` lists who there is",
                "`sortie people list` lists who there is",
            ),
            (
                "`GET /v1/telegram/parked` lists what there is",
                "`sortie telegram parked` lists what there is",
            ),
            (
                "`GET /v1/deliveries?notifier=…` lists what there is",
                "`sortie plugin deliveries` lists what there is",
            ),
            (
                "look at the diff again: `GET /v1/jobs/7/diff`, or `sortie diff 7`",
                "look at the diff again: `sortie diff 7`",
            ),
            (
                "`/openapi.json` lists what there is",
                "`/openapi.json` lists what there is",
            ),
            ("`GET /v1/new` knows", "`GET /v1/new` knows"),
        ] {
            assert_eq!(in_commands(hint), said);
        }
    }
}
