//! The gateway: where every byte that an agent sends out of its sandbox ends.
//!
//! A sandbox has no network card. What its processes send to the loopback
//! proxy or to the loopback model endpoint becomes a stream on the wire, and
//! the host hands that stream to [`egress::Egress::serve`] or to
//! [`Gateway::serve`]. Nothing leaves the host here unless a rule says so: a
//! model request goes to a provider that the run may use, once its worst case
//! is reserved on the run's ledger ([`llm`]), and every egress request goes
//! through the run's [`egress`] proxy. Search and fetch are on the model
//! endpoint, under a path of their own ([`web`]).
//!
//! The gateway never holds a run's ledger; it asks a [`Meter`], and its
//! proxy a [`egress::Warden`].

mod body;
pub mod egress;
pub mod llm;
mod meter;
mod net;
pub mod outbound;
pub mod tools;
pub mod web;

pub use meter::{CallPlan, Meter, MeterError, Reserved};

use body::GatewayBody;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use sortie_model::llm::ModelPolicy;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use web::Web;

/// The most header bytes of one request; agents send a few KiB, and a model
/// client's largest header is a bearer token.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// How long a client may take to send its request head. Clients sit on
/// loopback; one that is slower holds a stream for nothing.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// What a run's model endpoint is made of.
#[derive(Clone)]
pub struct RunGateway {
    /// Where it charges and reports to.
    pub meter: Arc<dyn Meter>,
    /// The model endpoint of the host.
    pub llm: llm::Llm,
    /// The models that the run may use.
    pub models: ModelPolicy,
    /// Search and fetch, where the host offers them.
    pub web: Option<Web>,
}

/// The model endpoint of one run.
#[derive(Clone)]
pub struct Gateway {
    run: Arc<RunGateway>,
    /// What its clients may take at once, over all their connections.
    room: Arc<llm::RunRoom>,
}

impl Gateway {
    /// The model endpoint of a run.
    pub fn new(run: RunGateway) -> Self {
        Self {
            run: Arc::new(run),
            room: Arc::default(),
        }
    }

    /// Serves one connection to the model endpoint until its client is done.
    /// Errors of the connection itself end it and are of interest to nobody
    /// else.
    pub async fn serve<S>(&self, io: S)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (run, room) = (self.run.clone(), self.room.clone());
        let service = service_fn(move |request: Request<Incoming>| {
            let (run, room) = (run.clone(), room.clone());
            async move {
                match request.uri().path().starts_with(web::PREFIX) {
                    true => {
                        let answered = web::answer(run.web.as_ref(), request).await;
                        Ok(answered.map(GatewayBody::from))
                    }
                    false => llm::answer(&run, &room, request).await,
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
