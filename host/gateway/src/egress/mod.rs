//! The egress proxy: where what agents send out of their sandboxes ends.
//!
//! A request passes these gates, in this order. The run must have something
//! left of its limits (`budget`); the head must be one that everybody reads the
//! same way (`head`, `target`); somebody must have allowed the host and the
//! port ([`Warden`]); every address of the host must be one that the rule opens
//! (`crate::net`); the connection goes to those addresses alone; and what
//! comes through a tunnel must be TLS to that very host (`hello`), unless the
//! rule says otherwise. Whatever became of it, one [`Connection`] is written
//! down; past the run's number of connections, one for all.
//!
//! The proxy never looks into TLS, never adds a credential, never follows a
//! redirect, never keeps a connection for another request, and never tells a
//! sandbox the address behind a name.

mod budget;
mod fault;
mod flow;
mod forward;
mod head;
mod hello;
mod row;
mod target;
mod tunnel;
mod warden;

pub use warden::{Connection, Opening, Outcome, Refusal, Shut, Used, Verdict, Warden};

use crate::net::{Opened, Resolve, SystemResolver, VetError, dial, vet};
use budget::{Budget, Full};
use fault::Fault;
use flow::Flow;
use row::Row;
use sortie_model::egress::EgressLimits;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use target::Target;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

/// How long a client may take to send its request's head, and the first
/// message of TLS. Clients sit on loopback; one that is slower holds a stream
/// for nothing.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// How long resolving a name, and connecting, may take each.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// What is read and dropped of a refused request, so that its client comes to
/// read the refusal.
const MAX_DRAINED_BYTES: u64 = 256 * 1024;

/// How long that may take.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);

/// How the proxy of a run behaves.
#[derive(Clone)]
pub struct EgressOptions {
    /// What bounds the run.
    pub limits: EgressLimits,
    /// Who says what may be reached, and who is told.
    pub warden: Arc<dyn Warden>,
    /// What turns names into addresses.
    pub resolver: Arc<dyn Resolve>,
}

impl EgressOptions {
    /// The usual limits and the resolver of the system.
    pub fn new(warden: Arc<dyn Warden>) -> Self {
        Self {
            limits: EgressLimits::default(),
            warden,
            resolver: Arc::new(SystemResolver),
        }
    }
}

/// The proxy of one run. Cloning shares it and its limits.
#[derive(Clone)]
pub struct Egress {
    shared: Arc<Shared>,
}

struct Shared {
    warden: Arc<dyn Warden>,
    resolver: Arc<dyn Resolve>,
    budget: Arc<Budget>,
}

/// A checked connection, with what the rule asks of it.
struct Reached {
    stream: TcpStream,
    tls: bool,
}

impl Egress {
    /// A proxy that has used nothing yet.
    pub fn new(options: EgressOptions) -> Self {
        Self {
            shared: Arc::new(Shared {
                warden: options.warden,
                resolver: options.resolver,
                budget: Arc::new(Budget::new(options.limits)),
            }),
        }
    }

    /// Serves one connection, which is one request, until it is done. Whatever
    /// is wrong with it is the row's to tell.
    ///
    /// One task polls both directions of `io`: a stream of the wire that is
    /// split over two loses wake-ups.
    pub async fn serve<S>(&self, mut io: S)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin,
    {
        let shared = &*self.shared;
        let flow = Arc::new(Flow::new(shared.budget.clone()));
        let mut row = Row::open(shared.warden.clone(), flow.clone());
        let _place = match shared.budget.enter(&*shared.warden).await {
            Ok(place) => place,
            Err(full) => {
                let fault = Fault::full(full);
                answer(&mut io, &fault).await;
                match full {
                    // One row says it; a loop must not fill the database.
                    Full::Again => row.forget(),
                    _ => row.end(&fault, false).await,
                }
                return;
            }
        };
        let deadline = shared.budget.deadline();
        let work = shared.exchange(&mut io, &flow, &mut row);
        let done = tokio::select! {
            done = work => done,
            () = flow.idle() => Err(Fault::idle(shared.budget.limits().idle_ms)),
            () = tokio::time::sleep_until(deadline) => Err(Fault::full(Full::Time)),
        };
        match done {
            Ok(()) => row.close().await,
            Err(fault) => {
                if !flow.has_begun() {
                    answer(&mut io, &fault).await;
                }
                if let (true, Some(refusal)) = (fault.refused, row.refusal(&fault)) {
                    shared.warden.refused(&refusal).await;
                }
                row.end(&fault, flow.has_begun()).await;
            }
        }
    }
}

impl Shared {
    async fn exchange<S>(&self, io: &mut S, flow: &Arc<Flow>, row: &mut Row) -> Result<(), Fault>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin,
    {
        let (head, bytes) = match tokio::time::timeout(HEAD_TIMEOUT, head::read(io)).await {
            Ok(read) => read?,
            Err(_) => return Err(Fault::malformed("its head did not come in time")),
        };
        row.method(&head.method);
        let target = Target::of(&head).inspect_err(|wrong| row.aim_at(wrong.near.as_ref()))?;
        row.aim(&target);
        head.check(&target)?;
        let reached = self.reach(&target, row).await?;
        let carry = async {
            match head.is_connect() {
                true => tunnel::run(io, bytes.tail(), reached, &target, flow).await,
                false => forward::run(io, bytes, reached, &target, flow).await,
            }
        };
        tokio::select! {
            done = carry => done,
            // Never ends.
            () = row.follow() => Ok(()),
        }
    }

    /// A connection to the target, if somebody allowed it.
    async fn reach(&self, target: &Target, row: &mut Row) -> Result<Reached, Fault> {
        let opening = match self.warden.admit(&target.host, target.port).await {
            Verdict::Open(opening) => opening,
            Verdict::Shut(shut) => return Err(Fault::shut(target, shut)),
        };
        let addresses = self.addresses(target, opening).await?;
        let stream = dial(&addresses, CONNECT_TIMEOUT)
            .await
            .map_err(|error| Fault::unreachable(target, &error))?;
        row.connected(stream.peer_addr().ok()).await;
        Ok(Reached {
            stream,
            tls: opening.tls,
        })
    }

    async fn addresses(&self, target: &Target, opening: Opening) -> Result<Vec<SocketAddr>, Fault> {
        let opened = Opened {
            private: opening.private,
            named: opening.named,
        };
        let vetted = vet(&*self.resolver, &target.host, target.port, opened);
        match tokio::time::timeout(CONNECT_TIMEOUT, vetted).await {
            Ok(Ok(addresses)) => Ok(addresses),
            Ok(Err(VetError::Shut { ip, reach, advice })) => {
                let detail = format!("{ip} is {}{advice}", reach.describe());
                Err(Fault::special(target, detail))
            }
            Ok(Err(VetError::NoSuchName(detail))) => Err(Fault::unresolved(target, detail)),
            Err(_) => Err(Fault::unresolved(target, "no answer in time".to_owned())),
        }
    }
}

/// Tells the client why there is nothing. It may be gone.
async fn answer<S: AsyncRead + AsyncWrite + Unpin>(io: &mut S, fault: &Fault) {
    let told = async {
        io.write_all(fault.response().as_bytes()).await?;
        io.shutdown().await?;
        let mut rest = io.take(MAX_DRAINED_BYTES);
        tokio::io::copy(&mut rest, &mut tokio::io::sink()).await
    };
    let _ = tokio::time::timeout(DRAIN_TIMEOUT, told).await;
}
