//! Why a request has no answer: once for the guest, once for the operator.

use std::error::Error;
use std::io;
use std::time::Duration;

use sortie_vault::Redactor;

/// What a guest is told; one variant each for those of the WIT's
/// `http.error`. The texts hold no secret and no resolved address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutboundError {
    /// The request is malformed.
    #[error("{0}")]
    Invalid(String),
    /// No rule allows it.
    #[error("{0}")]
    Denied(String),
    /// The name does not resolve, or nothing answers there.
    #[error("{0}")]
    Unreachable(String),
    /// The answer was not there in time.
    #[error("the whole answer was not there in time")]
    TimedOut,
    /// The answer is over its limit of bytes.
    #[error("the answer is over its limit of {0} bytes")]
    TooLarge(u64),
    /// The connection or the protocol failed in the middle.
    #[error("{0}")]
    Failed(String),
    /// Any other reason.
    #[error("{0}")]
    Other(String),
}

/// The service could not be built.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The file of additional roots is unusable.
    #[error("read the certificates in {}: {reason}; it must be a PEM file", path.display())]
    Roots {
        /// The file.
        path: std::path::PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// TLS has no usable versions or ciphers.
    #[error("set up TLS: {0}")]
    Tls(#[from] rustls::Error),
}

/// The end of a request: the guest's error, and what only the operator reads.
#[derive(Debug)]
pub(crate) struct Stop {
    pub(crate) error: OutboundError,
    detail: Option<String>,
    /// The word for why, when it is not the usual one of the error.
    word: Option<&'static str>,
}

impl Stop {
    pub(crate) fn with_detail(error: OutboundError, detail: String) -> Self {
        Self {
            error,
            detail: Some(detail),
            word: None,
        }
    }

    /// The same, with a word of its own for why.
    pub(crate) fn because(mut self, word: &'static str) -> Self {
        self.word = Some(word);
        self
    }

    /// Why, as [`super::AuditEntry::reason`] says it.
    pub(crate) fn reason(&self) -> &'static str {
        self.word.unwrap_or(match &self.error {
            OutboundError::Invalid(_) => "malformed",
            OutboundError::Denied(_) => "not-allowed",
            OutboundError::Unreachable(_) => "unreachable",
            OutboundError::TimedOut => "timed-out",
            OutboundError::TooLarge(_) => "too-large",
            OutboundError::Failed(_) | OutboundError::Other(_) => "broken",
        })
    }

    /// The text for the audit log.
    pub(crate) fn operator_text(&self) -> String {
        match &self.detail {
            Some(detail) => format!("{}: {detail}", self.error),
            None => self.error.to_string(),
        }
    }

    /// From an error of the client; `host` is as the guest named it.
    pub(crate) fn of_transport(
        error: reqwest::Error,
        host: &str,
        connect_timeout: Duration,
        redactor: &Redactor,
    ) -> Self {
        let error = error.without_url();
        let chain: Vec<String> = sources(&error).map(ToString::to_string).collect();
        let cause = redactor
            .redact(chain.last().map_or("", String::as_str))
            .into_owned();
        let guest =
            if let Some(tls) = sources(&error).find_map(|e| e.downcast_ref::<rustls::Error>()) {
                let tls = tls.to_string();
                OutboundError::Failed(format!(
                    "the TLS handshake with {host} failed: {}",
                    redactor.redact(&tls)
                ))
            } else if error.is_connect() && error.is_timeout() {
                let seconds = connect_timeout.as_secs();
                OutboundError::Unreachable(format!("nothing answers at {host} within {seconds} s"))
            } else if error.is_connect() {
                OutboundError::Unreachable(format!("no connection to {host}: {cause}"))
            } else if error.is_builder() || error.is_request() && is_parse_error(&error) {
                OutboundError::Invalid(format!("the request cannot be sent: {cause}"))
            } else {
                OutboundError::Failed(format!("the exchange with {host} broke: {cause}"))
            };
        Self::with_detail(guest, redactor.redact(&chain.join(": ")).into_owned())
    }
}

impl From<OutboundError> for Stop {
    fn from(error: OutboundError) -> Self {
        Self {
            error,
            detail: None,
            word: None,
        }
    }
}

/// An error and all that led to it. An I/O error that wraps another error
/// counts as having it for its source, which `source` itself leaves out.
fn sources<'e>(
    error: &'e (dyn Error + 'static),
) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| {
        match error.downcast_ref::<io::Error>() {
            Some(io) => io.get_ref().map(|inner| inner as &(dyn Error + 'static)),
            None => error.source(),
        }
    })
}

fn is_parse_error(error: &reqwest::Error) -> bool {
    sources(error).any(|e| e.is::<http::Error>() || e.is::<http::uri::InvalidUri>())
}
