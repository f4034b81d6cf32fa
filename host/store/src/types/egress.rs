//! What runs want of the outside, and what people decide about it.

use serde::Serialize;
use sortie_model::clock::Timestamp;
use sortie_model::egress::{Ruling, RulingScope};
use sortie_model::host::HostPattern;
use sortie_model::id::{JobId, RunId};

/// A request that was not let out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NewEgressRefusal {
    /// The method.
    pub method: String,
    /// The host in its normal form.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Why, as a word.
    pub reason: String,
    /// Whether a person can let the next one out; then it is a question too.
    pub question: bool,
}

/// A host that a job was refused: a question to a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EgressAsk {
    /// Its number.
    pub id: u64,
    /// The job.
    pub job: JobId,
    /// Its run that asked, the first since the job was tried again.
    pub run: RunId,
    /// The host.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Why it was refused, as a word.
    pub reason: String,
    /// When that was.
    pub asked_at: Timestamp,
    /// The answer that counts now, if there is one.
    pub ruling: Option<Ruling>,
}

/// A person's answer about a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NewRuling {
    /// The hosts.
    pub host: HostPattern,
    /// The port; none as [`Ruling::port`] says.
    pub port: Option<u16>,
    /// Whether it may be reached.
    pub allow: bool,
    /// How far the answer goes.
    pub scope: RulingScope,
    /// Who answers.
    pub by: String,
    /// Through which door.
    pub via: String,
}

/// A connection that is over, or was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NewEgressConnection {
    /// The job.
    pub job: JobId,
    /// The run.
    pub run: RunId,
    /// The method; empty when the request had none.
    pub method: String,
    /// The host; empty when the request named none.
    pub host: String,
    /// The port; 0 when the request named none.
    pub port: u16,
    /// The address it was connected to.
    pub address: Option<String>,
    /// `closed`, `refused`, `failed`, `cut` or `abandoned`.
    pub outcome: String,
    /// Why, as a word; `open` beside `abandoned` for one whose end was not
    /// written: it goes on, or the host was killed.
    pub reason: Option<String>,
    /// More about why.
    pub detail: Option<String>,
    /// Bytes out of the sandbox.
    pub up_bytes: u64,
    /// Bytes into it.
    pub down_bytes: u64,
    /// How long it was open, in milliseconds.
    pub elapsed_ms: u64,
}

/// The same with its number and time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EgressConnection {
    /// Its number; later ones are greater.
    pub id: u64,
    /// When it was over; when it was written last, as long as it is open.
    pub ended_at: Timestamp,
    /// The rest.
    #[serde(flatten)]
    pub connection: NewEgressConnection,
}

/// What a run used of the outside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct EgressUsed {
    /// Connections, the refused ones among them.
    pub connections: u64,
    /// Bytes out of the sandbox.
    pub up_bytes: u64,
    /// Bytes into it.
    pub down_bytes: u64,
}
