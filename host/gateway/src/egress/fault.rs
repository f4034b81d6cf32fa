//! Why a request was not carried to its end: once for the sandbox, once for
//! the operator, and as one word for the row. What the sandbox is told names no
//! address, and says what its agent can do.

use super::budget::Full;
use super::target::{Near, Target};
use super::warden::{Outcome, Shut};
use crate::net::DialError;

/// The end of a request before its time.
#[derive(Debug)]
pub(super) struct Fault {
    status: &'static str,
    /// The word.
    pub(super) reason: &'static str,
    /// What the sandbox is told.
    told: String,
    /// What only the operator reads.
    pub(super) detail: Option<String>,
    /// It was not let out, rather than broken.
    pub(super) refused: bool,
    /// A person's yes would let the next one out.
    pub(super) question: bool,
    /// A limit ended it.
    limit: bool,
    /// The host that a malformed target seems to mean.
    pub(super) near: Option<Near>,
}

const BAD_REQUEST: &str = "400 Bad Request";
const FORBIDDEN: &str = "403 Forbidden";
const TOO_LARGE: &str = "431 Request Header Fields Too Large";
const TOO_MANY: &str = "429 Too Many Requests";
const BAD_GATEWAY: &str = "502 Bad Gateway";
const UNAVAILABLE: &str = "503 Service Unavailable";
const GATEWAY_TIMEOUT: &str = "504 Gateway Timeout";

impl Fault {
    fn refused(status: &'static str, reason: &'static str, told: impl Into<String>) -> Self {
        Self {
            status,
            reason,
            told: told.into(),
            detail: None,
            refused: true,
            question: false,
            limit: false,
            near: None,
        }
    }

    fn failed(status: &'static str, reason: &'static str, told: impl Into<String>) -> Self {
        Self {
            refused: false,
            ..Self::refused(status, reason, told)
        }
    }

    fn with(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Says whom the request seems to have meant.
    pub(super) fn near(mut self, near: Near) -> Self {
        self.near = Some(near);
        self
    }

    /// The request is not one that everybody reads the same way.
    pub(super) fn malformed(why: &str) -> Self {
        Self::refused(
            BAD_REQUEST,
            "malformed",
            format!("the request is malformed: {why}"),
        )
        .with(why)
    }

    pub(super) fn head_too_large(limit: usize) -> Self {
        let told = format!("the request's head has more than {limit} bytes");
        Self::refused(TOO_LARGE, "head-too-large", told)
    }

    /// The client went away before it said anything.
    pub(super) fn nothing_asked() -> Self {
        Self::failed(BAD_REQUEST, "nothing-asked", "nothing was asked for")
    }

    pub(super) fn not_a_proxy_request() -> Self {
        Self::refused(
            BAD_REQUEST,
            "not-a-proxy-request",
            "this is a proxy: name a host in the request line",
        )
    }

    pub(super) fn use_connect() -> Self {
        Self::refused(
            BAD_REQUEST,
            "not-a-tunnel",
            "this proxy does not speak TLS for its clients: open a tunnel with CONNECT",
        )
    }

    pub(super) fn shut(target: &Target, shut: Shut) -> Self {
        let mut fault = match shut {
            Shut::NotListed => Self::refused(
                FORBIDDEN,
                "not-listed",
                format!(
                    "{target} is not on this run's allow-list; a person can put it there while \
                     the run goes on: go on without it, or try again later"
                ),
            ),
            Shut::OtherPort(ports) => {
                let ports: Vec<_> = ports.iter().map(u16::to_string).collect();
                Self::refused(
                    FORBIDDEN,
                    "other-port",
                    format!(
                        "{} may be reached at port {} alone, not at {}; a person can allow that \
                         port while the run goes on",
                        target.host,
                        ports.join(", "),
                        target.port
                    ),
                )
            }
            Shut::Denied => Self::refused(
                FORBIDDEN,
                "denied",
                format!("somebody decided that {target} is not to be reached: go on without it"),
            ),
            Shut::Unknown(detail) => {
                let told = format!("whether {target} is allowed cannot be told now; try again");
                return Self::failed(UNAVAILABLE, "unknown", told).with(detail);
            }
        };
        fault.question = matches!(fault.reason, "not-listed" | "other-port");
        fault
    }

    pub(super) fn special(target: &Target, detail: String) -> Self {
        let told = format!("{target} is at an address that is not opened to sandboxes");
        Self::refused(FORBIDDEN, "special-address", told).with(detail)
    }

    pub(super) fn unresolved(target: &Target, detail: String) -> Self {
        let told = format!("the host {} does not resolve", target.host);
        Self::failed(BAD_GATEWAY, "unresolved", told).with(detail)
    }

    pub(super) fn unreachable(target: &Target, error: &DialError) -> Self {
        let (status, detail) = match error {
            DialError::TimedOut => (GATEWAY_TIMEOUT, "no answer in time".to_owned()),
            DialError::Refused(error) => (BAD_GATEWAY, error.to_string()),
        };
        Self::failed(
            status,
            "unreachable",
            format!("nothing answers at {target}"),
        )
        .with(detail)
    }

    /// The far end broke off or does not speak HTTP.
    pub(super) fn broken(target: &Target, detail: String) -> Self {
        Self::failed(
            BAD_GATEWAY,
            "broken",
            format!("the exchange with {target} broke"),
        )
        .with(detail)
    }

    pub(super) fn not_tls(detail: &str) -> Self {
        Self::refused(FORBIDDEN, "not-tls", "a tunnel has to carry TLS").with(detail)
    }

    pub(super) fn other_name(shown: Option<&str>) -> Self {
        match shown {
            None => Self::refused(FORBIDDEN, "no-name", "the TLS handshake names no server"),
            Some(name) => Self::refused(
                FORBIDDEN,
                "other-name",
                "the TLS handshake names another server than the tunnel",
            )
            .with(format!("the handshake names {name}")),
        }
    }

    pub(super) fn idle(idle_ms: u64) -> Self {
        Self {
            limit: true,
            ..Self::failed(GATEWAY_TIMEOUT, "idle", "nothing was carried for too long")
                .with(format!("nothing came or went for {} s", idle_ms / 1000))
        }
    }

    /// A limit of the run is used up.
    pub(super) fn full(full: Full) -> Self {
        let (status, reason, told) = match full {
            Full::Unknown => {
                let told = "what this run may still use cannot be told now; try again";
                return Self::failed(UNAVAILABLE, "unknown", told);
            }
            Full::AtOnce => (
                UNAVAILABLE,
                "connections-at-once",
                "too many connections are open; close some and try again",
            ),
            Full::Connections | Full::Again => (
                TOO_MANY,
                "connections",
                "this run's connections are used up; go on without the network",
            ),
            Full::Up => (
                TOO_MANY,
                "bytes-up",
                "what this run may send is used up; go on without the network",
            ),
            Full::Down => (
                TOO_MANY,
                "bytes-down",
                "what this run may fetch is used up; go on without the network",
            ),
            Full::Time => (
                TOO_MANY,
                "time",
                "this run's time on the network is over; go on without it",
            ),
        };
        Self {
            limit: true,
            ..Self::refused(status, reason, told)
        }
    }

    /// How the row says that it ended; `begun` when the client was connected.
    pub(super) fn outcome(&self, begun: bool) -> Outcome {
        match (begun && self.limit, self.refused) {
            (true, _) => Outcome::Cut,
            (false, true) => Outcome::Refused,
            (false, false) => Outcome::Failed,
        }
    }

    /// What the client reads.
    pub(super) fn response(&self) -> String {
        let body = format!("sortie: {}\n", self.told);
        format!(
            "HTTP/1.1 {}\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: {}\r\n\
             connection: close\r\n\r\n{body}",
            self.status,
            body.len()
        )
    }
}
