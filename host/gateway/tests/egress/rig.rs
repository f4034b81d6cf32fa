//! A proxy whose rules, answers and names are the test's, and servers that
//! count.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use rustls::pki_types::ServerName;
use sortie_gateway::egress::{
    Connection, Egress, EgressOptions, Opening, Refusal, Shut, Used, Verdict, Warden,
};
use sortie_gateway::outbound::Resolve;
use sortie_model::egress::{Admission, EgressLimits, EgressPolicy, Ruling};
use sortie_model::host::HostName;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// The owner of a run.
#[derive(Default)]
pub struct Owner {
    policy: EgressPolicy,
    pub rulings: Mutex<Vec<Ruling>>,
    pub used: Mutex<Used>,
    /// Whether what was used cannot be told.
    pub is_lost: AtomicBool,
    /// What was written when it was made.
    pub opened: Mutex<Vec<Connection>>,
    refusals: Mutex<Vec<Refusal>>,
    rows: Mutex<VecDeque<Connection>>,
    written: Notify,
}

impl Owner {
    /// Waits for the next row and takes it.
    pub async fn row(&self) -> Connection {
        loop {
            let written = self.written.notified();
            if let Some(row) = self.rows.lock().expect("whole").pop_front() {
                return row;
            }
            written.await;
        }
    }

    pub fn rows_left(&self) -> usize {
        self.rows.lock().expect("whole").len()
    }

    pub fn refusals(&self) -> Vec<Refusal> {
        self.refusals.lock().expect("whole").clone()
    }
}

#[async_trait]
impl Warden for Owner {
    async fn admit(&self, host: &HostName, port: u16) -> Verdict {
        let rulings = self.rulings.lock().expect("whole").clone();
        match self.policy.admit(&rulings, host, port) {
            Admission::Rule(rule) => Verdict::Open(Opening {
                tls: rule.tls,
                private: rule.allow_private,
                named: rule.host.address(),
            }),
            Admission::Ruled => Verdict::Open(Opening::PUBLIC),
            Admission::Denied => Verdict::Shut(Shut::Denied),
            Admission::OtherPort(rule) => Verdict::Shut(Shut::OtherPort(rule.ports.clone())),
            Admission::Unknown => Verdict::Shut(Shut::NotListed),
        }
    }

    async fn refused(&self, refusal: &Refusal) {
        self.refusals.lock().expect("whole").push(refusal.clone());
    }

    async fn opened(&self, connection: &Connection) -> Option<u64> {
        let mut opened = self.opened.lock().expect("whole");
        opened.push(connection.clone());
        Some(opened.len() as u64)
    }

    async fn carried(&self, connection: &Connection) {
        self.record(connection.clone()).await;
    }

    async fn record(&self, connection: Connection) {
        self.rows.lock().expect("whole").push_back(connection);
        self.written.notify_one();
    }

    async fn used(&self) -> Result<Used, String> {
        match self.is_lost.load(Ordering::SeqCst) {
            true => Err("the disk is gone".to_owned()),
            false => Ok(*self.used.lock().expect("whole")),
        }
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
        Ok(match answers.len() {
            1 => answers[0].clone(),
            _ => answers.pop_front().expect("there are several"),
        })
    }
}

pub struct Rig {
    pub egress: Egress,
    pub owner: Arc<Owner>,
    pub names: Arc<Names>,
}

impl Rig {
    /// A proxy with these rules, written as in the configuration.
    pub fn new(allow: &str) -> Self {
        Self::with(allow, EgressLimits::default())
    }

    pub fn with(allow: &str, limits: EgressLimits) -> Self {
        let policy: EgressPolicy = toml::from_str(&format!("rules = [{allow}]")).expect("rules");
        let owner = Arc::new(Owner {
            policy,
            ..Owner::default()
        });
        let names = Arc::new(Names::default());
        let mut options = EgressOptions::new(owner.clone());
        options.limits = limits;
        options.resolver = names.clone();
        Self {
            egress: Egress::new(options),
            owner,
            names,
        }
    }

    /// A connection to the proxy.
    pub fn open(&self) -> (DuplexStream, JoinHandle<()>) {
        let (near, far) = tokio::io::duplex(64 * 1024);
        let egress = self.egress.clone();
        (near, tokio::spawn(async move { egress.serve(far).await }))
    }

    /// Sends bytes, closes that side, and reads until the other is closed.
    pub async fn send(&self, bytes: &[u8]) -> String {
        let (mut near, served) = self.open();
        // A proxy that has read enough to refuse may close early.
        let _ = near.write_all(bytes).await;
        let _ = near.shutdown().await;
        let mut answer = Vec::new();
        near.read_to_end(&mut answer).await.expect("it answers");
        served.await.expect("serving does not panic");
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Opens a tunnel that is let out.
    pub async fn tunnel(&self, target: &str) -> (DuplexStream, JoinHandle<()>) {
        let (mut near, served) = self.open();
        let asked = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n");
        near.write_all(asked.as_bytes()).await.expect("it reads");
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            answer.push(near.read_u8().await.expect("it answers"));
        }
        assert_eq!(answer, b"HTTP/1.1 200 Connection established\r\n\r\n");
        (near, served)
    }

    /// Listens for programs; gives the address of the proxy.
    pub async fn listen(&self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let address = listener.local_addr().expect("is bound");
        let egress = self.egress.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let egress = egress.clone();
                tokio::spawn(async move { egress.serve(stream).await });
            }
        });
        address
    }
}

/// A server that counts its connections and hands each to `each`.
pub struct Server {
    pub address: SocketAddr,
    pub connections: Arc<AtomicUsize>,
}

impl Server {
    pub async fn start<C, F>(ip: &str, each: C) -> Self
    where
        C: Fn(TcpStream) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind((ip, 0)).await.expect("binds");
        let address = listener.local_addr().expect("is bound");
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = connections.clone();
        tokio::spawn(async move {
            while let Ok((io, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(each(io));
            }
        });
        Self {
            address,
            connections,
        }
    }

    /// Sends back what it gets.
    pub async fn echo(ip: &str) -> Self {
        Self::start(ip, |mut io| async move {
            let (mut read, mut write) = io.split();
            let _ = tokio::io::copy(&mut read, &mut write).await;
        })
        .await
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// The first message of TLS for a server of that name, or for an address.
pub fn hello(name: &str) -> Vec<u8> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let name = ServerName::try_from(name.to_owned()).expect("a name");
    let mut client = rustls::ClientConnection::new(Arc::new(config), name).expect("a client");
    let mut bytes = Vec::new();
    client.write_tls(&mut bytes).expect("it fits");
    bytes
}
