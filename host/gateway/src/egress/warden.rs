//! The seam to whoever owns a run: who says what may be reached, who is told
//! of what was refused, and who writes down what went through.

use async_trait::async_trait;
use sortie_model::host::HostName;
use std::net::IpAddr;

/// The owner of a run, as its proxy sees it.
#[async_trait]
pub trait Warden: Send + Sync {
    /// Whether the host may be reached at the port. Asked for every request, so
    /// that an answer counts from the next one on.
    async fn admit(&self, host: &HostName, port: u16) -> Verdict;

    /// Makes a refused request visible. Best effort: it must not fail the
    /// request, and the implementation bounds how many it keeps.
    async fn refused(&self, refusal: &Refusal);

    /// Writes down a connection that was made, so that it counts also when
    /// nobody is left to write its end. Gives the number of what it wrote.
    async fn opened(&self, _connection: &Connection) -> Option<u64> {
        None
    }

    /// Writes down what a connection carried that goes on, in place of what
    /// [`Self::opened`] wrote.
    async fn carried(&self, _connection: &Connection) {}

    /// Writes down a connection that is over; in place of what [`Self::opened`]
    /// wrote, where [`Connection::opened`] has its number.
    async fn record(&self, connection: Connection);

    /// What the run used before this proxy was made. Asked until it is told;
    /// nothing goes out before that.
    ///
    /// # Errors
    /// When it cannot be told now, in words for operators.
    async fn used(&self) -> Result<Used, String> {
        Ok(Used::default())
    }
}

/// What a run used of its limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// Connections, the refused ones among them.
    pub connections: u32,
    /// Bytes out of the sandbox.
    pub up_bytes: u64,
    /// Bytes into it.
    pub down_bytes: u64,
}

/// Whether a host may be reached at a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may.
    Open(Opening),
    /// It may not.
    Shut(Shut),
}

/// What is asked of a connection that is allowed, and what it may lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening {
    /// A tunnel has to carry TLS to that very host.
    pub tls: bool,
    /// The host may have a private or loopback address.
    pub private: bool,
    /// The address that the rule names as its host.
    pub named: Option<IpAddr>,
}

impl Opening {
    /// A public address, and TLS in tunnels: the most that a person can open
    /// while a run goes on.
    pub const PUBLIC: Self = Self {
        tls: true,
        private: false,
        named: None,
    };
}

/// Why a host may not be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shut {
    /// No rule names it.
    NotListed,
    /// Rules name it, at these ports alone.
    OtherPort(Vec<u16>),
    /// A person said no.
    Denied,
    /// Who allows it cannot be asked now; for operators.
    Unknown(String),
}

/// A request that was not let out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The method, cut to 32 characters.
    pub method: String,
    /// The host.
    pub host: HostName,
    /// The port.
    pub port: u16,
    /// Why, as a word: `not-listed`, `other-port`, `denied`, `special-address`,
    /// `not-tls`, `other-name`, …
    pub reason: &'static str,
    /// Whether a person's yes would let the next one out.
    pub question: bool,
}

/// A connection that is over, was made, or never was. It holds no path, no
/// query, no header, no user info and no body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// The number of what was written of it when it was made.
    pub opened: Option<u64>,
    /// The method, cut to 32 characters; empty when the request had none.
    pub method: String,
    /// The host; empty when the request named none.
    pub host: String,
    /// The port; 0 when the request named none.
    pub port: u16,
    /// The address that it was connected to.
    pub address: Option<IpAddr>,
    /// How it ended.
    pub outcome: Outcome,
    /// Why, as a word; none for one that simply ended.
    pub reason: Option<&'static str>,
    /// More about why, for operators; may name an address.
    pub detail: Option<String>,
    /// Bytes that went out.
    pub up_bytes: u64,
    /// Bytes that came in.
    pub down_bytes: u64,
    /// Milliseconds from its first byte to its end.
    pub elapsed_ms: u64,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// One of its ends closed it.
    Closed,
    /// It was not let out.
    Refused,
    /// It was allowed, and the far end did not answer or broke off.
    Failed,
    /// It was let out and went over a limit.
    Cut,
    /// The sandbox or the host went away in the middle; with the reason `open`,
    /// it is not over, or the host was killed.
    Abandoned,
}

impl Outcome {
    /// The name it is stored and shown by.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Cut => "cut",
            Self::Abandoned => "abandoned",
        }
    }
}
