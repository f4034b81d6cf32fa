//! A provider of models whose every word is written by the test: it speaks the
//! chat completions, responses, messages and embeddings APIs, and can be slow,
//! break off, or answer nonsense. This one is of the repository's own, because
//! no ready-made one misbehaves on demand.

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

mod turn;

pub use turn::Turn;

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Its method and path, such as `POST /v1/messages`.
    pub line: String,
    /// Its header, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Bytes,
}

impl Seen {
    /// The first value of a header field.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut fields = self.headers.iter();
        let field = fields.find(|(known, _)| known == name);
        field.map(|(_, value)| value.as_str())
    }

    /// Its body as JSON, null if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Whether it asks for an answer piece by piece.
    pub fn streams(&self) -> bool {
        self.json()["stream"] == true
    }
}

/// What to answer.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// Header fields.
    pub headers: Vec<(String, String)>,
    /// The body, piece by piece.
    pub pieces: Vec<Bytes>,
    /// Whether the connection breaks after the last piece.
    pub broken: bool,
    /// Whether nothing comes after the last piece until the server is told to
    /// [`ModelServer::go_on`]; without pieces, not even the head.
    pub held: bool,
}

impl Reply {
    /// An answer of JSON.
    pub fn json(status: u16, body: &Value) -> Self {
        Self::bytes(status, "application/json", body.to_string())
    }

    /// An answer of any bytes.
    pub fn bytes(status: u16, kind: &str, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            headers: vec![("content-type".into(), kind.into())],
            pieces: vec![body.into()],
            broken: false,
            held: false,
        }
    }

    /// An answer of server-sent events, each a piece of its own.
    pub fn events(events: &str) -> Self {
        let pieces = events.split_inclusive("\n\n");
        Self {
            pieces: pieces.map(|piece| Bytes::from(piece.to_owned())).collect(),
            ..Self::bytes(200, "text/event-stream", "")
        }
    }

    /// With another header field.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Breaking off after so many bytes of its body.
    #[must_use]
    pub fn cut_after(mut self, bytes: usize) -> Self {
        let mut whole = self.pieces.concat();
        whole.truncate(bytes);
        self.pieces = vec![whole.into()];
        self.broken = true;
        self
    }

    /// Held back after its pieces.
    #[must_use]
    pub fn held(mut self) -> Self {
        self.held = true;
        self
    }
}

type Script = dyn Fn(&Seen) -> Reply + Send + Sync;

/// The server. It ends when it is dropped.
pub struct ModelServer {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    count: watch::Receiver<usize>,
    script: Arc<Mutex<Arc<Script>>>,
    go_on: watch::Sender<bool>,
    serving: JoinHandle<()>,
}

impl Drop for ModelServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl ModelServer {
    /// Starts a server whose every turn is [`Turn::default`].
    pub async fn start() -> Self {
        Self::with(|seen| Turn::default().reply(seen)).await
    }

    /// Starts a server that answers by `script`.
    pub async fn with(script: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let script: Arc<Script> = Arc::new(script);
        let script = Arc::new(Mutex::new(script));
        let (counted, count) = watch::channel(0);
        let (go_on, released) = watch::channel(false);
        let serving = tokio::spawn(serve(Shared {
            listener: Arc::new(listener),
            seen: seen.clone(),
            script: script.clone(),
            counted: Arc::new(counted),
            released,
        }));
        Self {
            address,
            seen,
            count,
            script,
            go_on,
            serving,
        }
    }

    /// What stands before `/chat/completions`.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Answers by another script from now on.
    pub fn answer(&self, script: impl Fn(&Seen) -> Reply + Send + Sync + 'static) {
        *self.script.lock().expect("no script panics") = Arc::new(script);
    }

    /// Every request so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("whole").clone()
    }

    /// Waits until so many requests have come.
    pub async fn has_seen(&self, requests: usize) {
        let mut count = self.count.clone();
        let seen = count.wait_for(|count| *count >= requests).await;
        seen.expect("the server lives");
    }

    /// Lets everything go on that is held, now and later.
    pub fn go_on(&self) {
        self.go_on.send_replace(true);
    }
}

#[derive(Clone)]
struct Shared {
    listener: Arc<TcpListener>,
    seen: Arc<Mutex<Vec<Seen>>>,
    script: Arc<Mutex<Arc<Script>>>,
    counted: Arc<watch::Sender<usize>>,
    released: watch::Receiver<bool>,
}

async fn serve(shared: Shared) {
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((connection, _)) = shared.listener.accept().await {
        let _ = connection.set_nodelay(true);
        let shared = shared.clone();
        connections.spawn(async move {
            let service = service_fn(|request| answer(shared.clone(), request));
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(connection), service)
                .await;
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn answer(
    shared: Shared,
    request: Request<Incoming>,
) -> Result<Response<Pieces>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes());
    let seen = Seen {
        line: format!("{} {}", head.method, head.uri.path()),
        headers: head
            .headers
            .iter()
            .map(|(name, value)| {
                let value = String::from_utf8_lossy(value.as_bytes());
                (name.as_str().to_owned(), value.into_owned())
            })
            .collect(),
        body: body.unwrap_or_default(),
    };
    let script = shared.script.lock().expect("whole").clone();
    let reply = script(&seen);
    let count = {
        let mut all = shared.seen.lock().expect("whole");
        all.push(seen);
        all.len()
    };
    shared.counted.send_replace(count);
    let mut released = shared.released.clone();
    if reply.held && reply.pieces.is_empty() {
        let _ = released.wait_for(|on| *on).await;
    }
    let mut response = Response::builder().status(reply.status);
    for (name, value) in &reply.headers {
        response = response.header(name, value);
    }
    let pieces = Pieces {
        pieces: reply.pieces.into(),
        broken: reply.broken,
        flushed: false,
        held: reply
            .held
            .then(|| Box::pin(async move { drop(released.wait_for(|on| *on).await) }) as Held),
    };
    Ok(response.body(pieces).expect("the script's header is valid"))
}

type Held = Pin<Box<dyn Future<Output = ()> + Send>>;

struct Pieces {
    pieces: VecDeque<Bytes>,
    broken: bool,
    flushed: bool,
    held: Option<Held>,
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        if let Some(piece) = self.pieces.pop_front() {
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        if let Some(held) = &mut self.held {
            std::task::ready!(held.as_mut().poll(context));
            self.held = None;
        }
        if !self.broken {
            return Poll::Ready(None);
        }
        if !std::mem::replace(&mut self.flushed, true) {
            // What was said before has to be on its way first.
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Err(std::io::Error::other("broken off"))))
    }
}
