//! What jobs want of the outside, as clients see it.

use super::moment;
use serde::{Deserialize, Serialize};
use sortie_model::egress::Ruling;
use sortie_store::{EgressAsk, EgressConnection};
use utoipa::ToSchema;

/// An answer about a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EgressAnswerBody {
    /// The host, or `*.` and a domain for all below it.
    #[schema(example = "static.example.com")]
    pub host: String,
    /// The port. Without it, 443 and 80 are allowed, and every port is denied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 65535)]
    pub port: Option<u16>,
    /// Whether it may be reached. A host at an address that is not public stays
    /// shut: only the configuration opens those.
    pub allow: bool,
    /// `run` for the run that is under way, `job` (the default) for the job, or
    /// `project` for every job of its project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "job")]
    pub scope: Option<String>,
}

/// An answer that was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EgressAnswerView {
    /// Its number; of those that fit a host, the greatest counts.
    pub id: u64,
    /// The hosts.
    pub host: String,
    /// The port; none for 443 and 80 when it allows, for all when it denies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Whether they may be reached.
    pub allow: bool,
    /// `run`, `job` or `project`.
    pub scope: String,
    /// The job it was given on.
    pub job: u64,
    /// The run it is for, when it is for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<u64>,
    /// Whether the job was over when it was given, so that it counts once somebody
    /// tries the job again; said in reply to an answer alone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub job_is_over: bool,
    /// Who gave it.
    pub by: String,
    /// Through which door.
    pub via: String,
    /// When (RFC 3339).
    #[schema(format = DateTime)]
    pub at: String,
}

/// A host that a job was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EgressAskView {
    /// Its number, which a plugin answers by.
    pub id: u64,
    /// The job.
    pub job: u64,
    /// The host.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Why, as a word.
    #[schema(example = "not-listed")]
    pub reason: String,
    /// When it was asked, the first time since the job was tried again (RFC 3339).
    #[schema(format = DateTime)]
    pub asked_at: String,
    /// The answer that counts now; none while nobody answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<EgressAnswerView>,
}

/// A connection, refused or made. One that is open, or that was when the host
/// died, is `abandoned` and without its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EgressConnectionView {
    /// Its number; later ones are greater.
    pub id: u64,
    /// The run.
    pub run: u64,
    /// The method; empty when the request had none.
    pub method: String,
    /// The host; empty when the request named none.
    pub host: String,
    /// The port; 0 when the request named none.
    pub port: u16,
    /// The address it was connected to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// `closed`, `refused`, `failed`, `cut` or `abandoned`.
    #[schema(example = "closed")]
    pub outcome: String,
    /// Why, as a word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// More about why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Bytes out of the sandbox.
    pub up_bytes: u64,
    /// Bytes into it.
    pub down_bytes: u64,
    /// How long it was open, in milliseconds.
    pub elapsed_ms: u64,
    /// When it was over (RFC 3339).
    #[schema(format = DateTime)]
    pub ended_at: String,
}

/// What a job wanted of the outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EgressView {
    /// Hosts that it was refused, in the order in which they were asked for.
    pub asks: Vec<EgressAskView>,
    /// Answers that count for it, newest first.
    pub answers: Vec<EgressAnswerView>,
    /// Its connections, newest first.
    pub connections: Vec<EgressConnectionView>,
    /// The next page's `before`, when there may be one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_before: Option<u64>,
}

/// Questions that nobody answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EgressQuestions {
    /// The hosts, newest first.
    pub asks: Vec<EgressAskView>,
}

impl From<Ruling> for EgressAnswerView {
    fn from(ruling: Ruling) -> Self {
        Self {
            id: ruling.id,
            host: ruling.host.to_string(),
            port: ruling.port,
            allow: ruling.allow,
            scope: ruling.scope.to_string(),
            job: ruling.job.0,
            run: ruling.run.map(|run| run.0),
            job_is_over: false,
            by: ruling.by,
            via: ruling.via,
            at: moment(ruling.at),
        }
    }
}

impl From<EgressAsk> for EgressAskView {
    fn from(ask: EgressAsk) -> Self {
        Self {
            id: ask.id,
            job: ask.job.0,
            host: ask.host,
            port: ask.port,
            reason: ask.reason,
            asked_at: moment(ask.asked_at),
            answer: ask.ruling.map(Into::into),
        }
    }
}

impl From<EgressConnection> for EgressConnectionView {
    fn from(row: EgressConnection) -> Self {
        let connection = row.connection;
        Self {
            id: row.id,
            run: connection.run.0,
            method: connection.method,
            host: connection.host,
            port: connection.port,
            address: connection.address,
            outcome: connection.outcome,
            reason: connection.reason,
            detail: connection.detail,
            up_bytes: connection.up_bytes,
            down_bytes: connection.down_bytes,
            elapsed_ms: connection.elapsed_ms,
            ended_at: moment(row.ended_at),
        }
    }
}
