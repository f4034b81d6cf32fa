//! Git over HTTP: `git http-backend` behind a small server with basic
//! authentication, and a way to stop an answer half-way.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Response, StatusCode, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::StreamExt;
use tokio::io::AsyncWriteExt;
use tokio::sync::Notify;

/// What the server does, and what it saw.
pub struct Server {
    root: PathBuf,
    login: Option<String>,
    /// Answers to a fetch stop in their middle while this is set.
    pub stall: AtomicBool,
    /// Told when an answer has stopped.
    pub stalled: Notify,
    /// Breaks off the answers that have stopped.
    pub release: Notify,
    /// Packs that were asked for.
    pub fetches: AtomicUsize,
    pub port: u16,
}

impl Server {
    /// Serves the repositories below `root` until the test ends.
    pub async fn start(root: &Path, login: Option<(&str, &str)>) -> Arc<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let server = Arc::new(Self {
            root: root.to_owned(),
            login: login.map(|(user, password)| {
                format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
            }),
            stall: AtomicBool::new(false),
            stalled: Notify::new(),
            release: Notify::new(),
            fetches: AtomicUsize::new(0),
            port: listener.local_addr().expect("an address").port(),
        });
        let app = axum::Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&server));
        tokio::spawn(async move { axum::serve(listener, app).await });
        server
    }

    pub fn url(&self, path: &str) -> sortie_git::RemoteUrl {
        let text = format!("http://127.0.0.1:{}/{path}", self.port);
        sortie_git::RemoteUrl::parse(&text).expect("a loopback URL")
    }
}

async fn answer(State(server): State<Arc<Server>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    if parts.uri.path().starts_with("/moved/") {
        let to = parts.uri.to_string().replacen("/moved/", "/", 1);
        return plain(StatusCode::MOVED_PERMANENTLY, &[(header::LOCATION, &to)]);
    }
    let authorization = parts.headers.get(header::AUTHORIZATION);
    if let Some(login) = &server.login
        && authorization.and_then(|v| v.to_str().ok()) != Some(login)
    {
        let challenge = [(header::WWW_AUTHENTICATE, "Basic realm=\"git\"")];
        return plain(StatusCode::UNAUTHORIZED, &challenge);
    }
    let body = axum::body::to_bytes(body, 64 << 20).await.expect("a body");
    let is_fetch = body.windows(13).any(|w| w == b"command=fetch");
    if is_fetch {
        server.fetches.fetch_add(1, Ordering::SeqCst);
    }
    let output = backend(&server, &parts, &body).await;
    let at = output
        .windows(4)
        .position(|w| w == b"\r\n\r\n")
        .expect("a CGI head");
    let mut response = Response::builder();
    for line in String::from_utf8_lossy(&output[..at]).lines() {
        let (name, value) = line.split_once(": ").expect("a header");
        response = match name {
            "Status" => response.status(&value[..3]),
            _ => response.header(name, value),
        };
    }
    let content = output[at + 4..].to_vec();
    let body = if is_fetch && server.stall.load(Ordering::SeqCst) {
        let half = Bytes::copy_from_slice(&content[..content.len() / 2]);
        let first = futures::stream::once(async move { Ok::<_, std::io::Error>(half) });
        let stop = futures::stream::once(async move {
            server.stalled.notify_one();
            server.release.notified().await;
            Err(std::io::Error::other("broken off"))
        });
        Body::from_stream(first.chain(stop))
    } else {
        Body::from(content)
    };
    response.body(body).expect("a response")
}

async fn backend(server: &Server, parts: &axum::http::request::Parts, body: &[u8]) -> Vec<u8> {
    let value = |headers: &HeaderMap, name: &str| {
        let value = headers.get(name).and_then(|v| v.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let mut child = tokio::process::Command::new("git")
        .arg("http-backend")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_PROJECT_ROOT", &server.root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("REMOTE_USER", "tester")
        .env("REMOTE_ADDR", "127.0.0.1")
        .env("REQUEST_METHOD", parts.method.as_str())
        .env("PATH_INFO", parts.uri.path())
        .env("QUERY_STRING", parts.uri.query().unwrap_or_default())
        .env("CONTENT_TYPE", value(&parts.headers, "content-type"))
        .env("CONTENT_LENGTH", body.len().to_string())
        .env(
            "HTTP_CONTENT_ENCODING",
            value(&parts.headers, "content-encoding"),
        )
        .env("GIT_PROTOCOL", value(&parts.headers, "git-protocol"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("git http-backend runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    let body = body.to_vec();
    tokio::spawn(async move { stdin.write_all(&body).await });
    child.wait_with_output().await.expect("it ends").stdout
}

fn plain(status: StatusCode, headers: &[(header::HeaderName, &str)]) -> Response<Body> {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(name, *value);
    }
    response.body(Body::empty()).expect("a response")
}
