//! A server that writes down who came, and answers by the path.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The most bytes of a request's head.
const MAX_HEAD: usize = 64 << 10;

/// A server on loopback. It lives as long as the runtime.
pub struct Server {
    port: u16,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    connections: AtomicUsize,
    heads: Mutex<Vec<String>>,
}

impl Server {
    pub(super) async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let seen = Arc::new(Seen::default());
        let noted = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                noted.connections.fetch_add(1, SeqCst);
                let noted = Arc::clone(&noted);
                // A client that goes away is part of some attacks.
                tokio::spawn(async move { serve(stream, &noted).await.ok() });
            }
        });
        Ok(Self { port, seen })
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn connections(&self) -> usize {
        self.seen.connections.load(SeqCst)
    }

    /// The heads of all requests, as they came.
    pub(super) fn heads(&self) -> Vec<String> {
        let heads = self.seen.heads.lock();
        heads.unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn forget(&self) {
        self.seen.connections.store(0, SeqCst);
        let heads = self.seen.heads.lock();
        heads.unwrap_or_else(PoisonError::into_inner).clear();
    }
}

async fn serve(mut stream: TcpStream, seen: &Seen) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") && head.len() < MAX_HEAD {
        if stream.read_buf(&mut head).await? == 0 {
            break;
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    {
        let mut heads = seen.heads.lock().unwrap_or_else(PoisonError::into_inner);
        heads.push(head.clone());
    }
    let (status, field, body) = match path.as_str() {
        path if path.starts_with("/redirect/") => (
            "302 Found",
            format!("location: http://127.0.0.1:{}/\r\n", &path[10..]),
            "moved".to_owned(),
        ),
        "/echo" => ("200 OK", String::new(), head),
        "/large" => ("200 OK", String::new(), "a".repeat(5 << 20)),
        _ => ("200 OK", String::new(), "hello".to_owned()),
    };
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 {status}\r\n{field}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}
