//! A server on loopback that plugins post to.

use crate::PATIENCE;
use anyhow::{Context, Result};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use std::net::SocketAddr;
use tokio::sync::{oneshot, watch};

/// One request that came in.
#[derive(Clone, Debug)]
pub struct Received {
    /// Its fields.
    pub headers: HeaderMap,
    /// Its body as it came.
    pub body: Bytes,
    /// What it was answered.
    pub answer: StatusCode,
}

impl Received {
    /// A field's value; empty when it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }
}

#[derive(Clone)]
struct Shared {
    seen: watch::Sender<Vec<Received>>,
    answer: watch::Receiver<StatusCode>,
}

/// A receiver; it ends when it is dropped.
pub struct Receiver {
    address: SocketAddr,
    seen: watch::Receiver<Vec<Received>>,
    answer: watch::Sender<StatusCode>,
    _stop: oneshot::Sender<()>,
}

impl Receiver {
    /// Starts one that answers everything with `answer`.
    pub async fn start(answer: StatusCode) -> Result<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (answer, asked) = watch::channel(answer);
        let (sender, seen) = watch::channel(Vec::new());
        let shared = Shared {
            seen: sender,
            answer: asked,
        };
        let app = Router::new().fallback(receive).with_state(shared);
        let (stop, stopped) = oneshot::channel::<()>();
        tokio::spawn(async move {
            let server = axum::serve(listener, app).with_graceful_shutdown(async {
                let _ = stopped.await;
            });
            if let Err(error) = server.await {
                println!("the receiver ended: {error}");
            }
        });
        Ok(Self {
            address,
            seen,
            answer,
            _stop: stop,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it answers from now on.
    pub fn answer(&self, status: StatusCode) {
        self.answer.send_replace(status);
    }

    /// Waits until what came in is enough; returns it, oldest first.
    pub async fn until(&self, enough: impl Fn(&[Received]) -> bool) -> Result<Vec<Received>> {
        let mut seen = self.seen.clone();
        let wait = seen.wait_for(|received| enough(received));
        let received = tokio::time::timeout(PATIENCE, wait)
            .await
            .with_context(|| format!("this came in: {:#?}", self.seen.borrow()))??;
        Ok(received.clone())
    }
}

async fn receive(State(shared): State<Shared>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let answer = *shared.answer.borrow();
    shared.seen.send_modify(|seen| {
        seen.push(Received {
            headers,
            body,
            answer,
        });
    });
    answer
}
