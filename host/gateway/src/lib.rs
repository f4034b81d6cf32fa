//! The gateway: where every byte that an agent sends out of its sandbox ends.
//!
//! A sandbox has no network card. What its processes send to the loopback
//! proxy or to the loopback model endpoint becomes a stream on the wire, and
//! the host hands that stream to [`Gateway::serve`]. Nothing leaves the host
//! here unless a rule says so: every model request is counted against the run's
//! budget and answered that no provider is configured, and every egress request
//! goes through the run's [`egress`] proxy. Search and fetch are on the model
//! door, under a path of their own ([`web`]).
//!
//! The gateway never holds a run's ledger; it asks a [`Meter`], and its
//! proxy a [`egress::Warden`].

pub mod egress;
mod llm;
mod meter;
mod net;
pub mod outbound;
pub mod tools;
pub mod web;

pub use meter::{Charge, Meter, MeterError};

use egress::Egress;
use web::Web;

use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};

/// The most header bytes of one request; agents send a few KiB, and a model
/// client's largest header is a bearer token.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// How long a client may take to send its request head. Clients sit on
/// loopback; one that is slower holds a stream for nothing.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// Which door of the sandbox a stream came through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// The model endpoint.
    Model,
    /// The HTTP proxy.
    Egress,
}

/// The gateway of one run.
#[derive(Clone)]
pub struct Gateway {
    meter: Arc<dyn Meter>,
    egress: Egress,
    web: Option<Web>,
}

impl Gateway {
    /// A gateway that charges `meter` and lets out what `egress` does.
    pub fn new(meter: Arc<dyn Meter>, egress: Egress) -> Self {
        Self {
            meter,
            egress,
            web: None,
        }
    }

    /// The same with search and fetch.
    #[must_use]
    pub fn with_web(mut self, web: Option<Web>) -> Self {
        self.web = web;
        self
    }

    /// Serves one connection until its client is done. Errors of the
    /// connection itself end it and are of interest to nobody else.
    pub async fn serve<S>(&self, door: Door, io: S)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        match door {
            Door::Model => self.model(io).await,
            Door::Egress => self.egress.serve(io).await,
        }
    }

    async fn model<S>(&self, io: S)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let gateway = self.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let gateway = gateway.clone();
            async move {
                match request.uri().path().starts_with(web::PREFIX) {
                    true => Ok(web::answer(gateway.web.as_ref(), request).await),
                    false => llm::answer(&*gateway.meter, request).await,
                }
            }
        });
        let served = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .max_buf_size(MAX_HEAD_BYTES)
            .serve_connection(TokioIo::new(io), service)
            .await;
        if let Err(error) = served {
            tracing::debug!(%error, "a gateway connection ended early");
        }
    }
}

#[cfg(test)]
mod tests;
