//! A service whose names, secrets and rows are the test's, and servers that
//! count.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use sortie_gateway::outbound::{
    Audit, AuditEntry, Header, OutRequest, OutResponse, Outbound, OutboundError, OutboundOptions,
    Resolve, Rule,
};
use sortie_vault::{Secret, SecretSource, Vault};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// The value of the secret `token`: long enough, and with characters that
/// every encoding changes.
pub const TOKEN: &str = "t0ken/with+ödd?chars";

pub struct World {
    pub outbound: Outbound,
    pub names: Arc<Names>,
    rows: Arc<Rows>,
}

impl World {
    pub fn new() -> Self {
        Self::with(|_| ())
    }

    pub fn with(adjust: impl FnOnce(&mut OutboundOptions)) -> Self {
        let value = |text: &str| SecretSource::Value(Secret::new(text.to_owned()));
        let secrets = BTreeMap::from([
            ("token".to_owned(), value(TOKEN)),
            ("lines".to_owned(), value("one-line\nanother-line")),
            (
                "unreadable".to_owned(),
                SecretSource::File("/nonexistent/secret".into()),
            ),
        ]);
        let names = Arc::new(Names::default());
        let rows = Arc::new(Rows::default());
        let vault = Vault::new(secrets).expect("the names are valid");
        let mut options = OutboundOptions::new(vault, rows.clone());
        options.resolver = names.clone();
        adjust(&mut options);
        Self {
            outbound: Outbound::new(options).expect("a service"),
            names,
            rows,
        }
    }

    pub async fn send(
        &self,
        rules: &[Rule],
        request: OutRequest,
    ) -> Result<OutResponse, OutboundError> {
        self.outbound.send("webhook", rules, request).await
    }

    /// Waits for the next row and takes it.
    pub async fn row(&self) -> AuditEntry {
        loop {
            let written = self.rows.written.notified();
            if let Some(row) = self.rows.all.lock().expect("whole").pop_front() {
                return row;
            }
            written.await;
        }
    }
}

#[derive(Default)]
struct Rows {
    all: Mutex<VecDeque<AuditEntry>>,
    written: Notify,
}

#[async_trait]
impl Audit for Rows {
    async fn record(&self, entry: AuditEntry) {
        self.all.lock().expect("whole").push_back(entry);
        self.written.notify_one();
    }
}

/// A name server: each question takes the next answer, the last one stays.
#[derive(Default)]
pub struct Names {
    answers: Mutex<HashMap<String, VecDeque<Vec<IpAddr>>>>,
    pub questions: AtomicUsize,
}

impl Names {
    pub fn set(&self, name: &str, answers: &[&[&str]]) {
        let parse = |ip: &&str| ip.parse().expect("an address");
        let answers = answers.iter().map(|a| a.iter().map(parse).collect());
        let mut all = self.answers.lock().expect("whole");
        all.insert(name.to_owned(), answers.collect());
    }
}

#[async_trait]
impl Resolve for Names {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        self.questions.fetch_add(1, Ordering::SeqCst);
        let mut all = self.answers.lock().expect("whole");
        let answers = all
            .get_mut(name)
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "NXDOMAIN 10.9.8.7"))?;
        Ok(if answers.len() > 1 {
            answers.pop_front().expect("there are two")
        } else {
            answers[0].clone()
        })
    }
}

/// What a server saw.
#[derive(Default)]
pub struct Seen {
    pub connections: AtomicUsize,
    pub requests: Mutex<Vec<Request<Bytes>>>,
}

impl Seen {
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub fn requests(&self) -> Vec<Request<Bytes>> {
        self.requests.lock().expect("whole").clone()
    }
}

pub struct Server {
    pub address: SocketAddr,
    pub seen: Arc<Seen>,
}

impl Server {
    /// Answers each request with what `answer` makes of it.
    pub async fn start<A>(ip: &str, answer: A) -> Self
    where
        A: Fn(&Request<Bytes>) -> Response<Bytes> + Clone + Send + Sync + 'static,
    {
        Self::raw(ip, move |io, seen| serve(io, seen, answer.clone())).await
    }

    /// Answers everything with a line of text.
    pub async fn plain(ip: &str) -> Self {
        Self::start(ip, |_| Response::new(Bytes::from_static(b"hello\n"))).await
    }

    /// Hands each connection to `connection`.
    pub async fn raw<C, F>(ip: &str, connection: C) -> Self
    where
        C: Fn(TcpStream, Arc<Seen>) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind((ip, 0)).await.expect("binds");
        let address = listener.local_addr().expect("is bound");
        let seen = Arc::new(Seen::default());
        let counted = seen.clone();
        tokio::spawn(async move {
            while let Ok((io, _)) = listener.accept().await {
                counted.connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(connection(io, counted.clone()));
            }
        });
        Self { address, seen }
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }
}

async fn serve<A>(io: TcpStream, seen: Arc<Seen>, answer: A)
where
    A: Fn(&Request<Bytes>) -> Response<Bytes> + Clone,
{
    let service = service_fn(|request| note(request, seen.clone(), answer.clone()));
    // A client that goes away early is part of some tests.
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(io), service)
        .await;
}

/// Writes a request down and answers it.
pub async fn note<A>(
    request: Request<Incoming>,
    seen: Arc<Seen>,
    answer: A,
) -> Result<Response<Full<Bytes>>, hyper::Error>
where
    A: Fn(&Request<Bytes>) -> Response<Bytes>,
{
    let (head, body) = request.into_parts();
    let request = Request::from_parts(head, body.collect().await?.to_bytes());
    let response = answer(&request).map(Full::new);
    seen.requests.lock().expect("whole").push(request);
    Ok(response)
}

pub fn rule(text: &str) -> Rule {
    toml::from_str(text).expect("a rule")
}

/// A rule for plain http to a host that may be local.
pub fn local(host: &str, port: u16, more: &str) -> Vec<Rule> {
    vec![rule(&format!(
        "host = \"{host}\"\nport = {port}\nschemes = [\"http\"]\nprivate = true\n{more}"
    ))]
}

pub fn get(url: String) -> OutRequest {
    OutRequest {
        method: "GET".to_owned(),
        url,
        headers: Vec::new(),
        body: None,
        timeout: None,
    }
}

pub fn header(name: &str, value: &str) -> Header {
    Header {
        name: name.to_owned(),
        value: value.to_owned(),
    }
}

pub fn value<'r>(response: &'r OutResponse, name: &str) -> Option<&'r str> {
    let mut fields = response.headers.iter();
    fields.find(|f| f.name == name).map(|f| f.value.as_str())
}
