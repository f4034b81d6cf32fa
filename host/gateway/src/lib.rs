//! The gateway: where every byte that an agent sends out of its sandbox ends.
//!
//! A sandbox has no network card. What its processes send to the loopback
//! proxy or to the loopback model endpoint becomes a stream on the wire, and
//! the host hands that stream to [`Gateway::serve`]. Nothing leaves the host
//! here unless a rule says so; today no rule does: every model request is
//! counted against the run's budget and answered that no provider is
//! configured, and every egress request is refused and made visible.
//!
//! The gateway never holds a run's ledger; it asks a [`Meter`].

mod egress;
mod llm;
mod meter;
pub mod outbound;

pub use meter::{Charge, Meter, MeterError, Refusal};

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
}

impl Gateway {
    /// A gateway that charges and reports to `meter`.
    pub fn new(meter: Arc<dyn Meter>) -> Self {
        Self { meter }
    }

    /// Serves one connection until its client is done. Errors of the
    /// connection itself end it and are of interest to nobody else.
    pub async fn serve<S>(&self, door: Door, io: S)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let meter = self.meter.clone();
        let service = service_fn(move |request| {
            let meter = meter.clone();
            async move {
                match door {
                    Door::Model => llm::answer(&*meter, request).await,
                    Door::Egress => egress::answer(&*meter, request).await,
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
            tracing::debug!(?door, %error, "a gateway connection ended early");
        }
    }
}

#[cfg(test)]
mod tests;
