//! Search and fetch for agents: the model door's paths `/sortie/search` and
//! `/sortie/fetch`, each off unless the operator turned it on.
//!
//! Both go through the egress service of [`crate::outbound`], with its address
//! checks, caps and rows: a search with a rule for the configured provider and
//! its key, a fetch with a rule made for the one host that the page is on, anew
//! after each redirect. What comes back was written by strangers, and is said
//! to be, around every word of it.
//!
//! It never runs a script, never sends a cookie, never follows more than a few
//! redirects, and never hands a key to a sandbox.

mod fetch;
mod search;
mod text;
mod wrap;

pub use search::{Provider, Search};

use crate::egress::{Shut, Verdict, Warden};
use crate::outbound::{Audit, Outbound, OutboundError};
use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};
use sortie_model::host::HostName;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::sync::Semaphore;

/// Where both are served.
pub const PREFIX: &str = "/sortie/";

/// Requests of one run, searches and fetches together: an agent reads dozens
/// of pages, not thousands.
const MAX_REQUESTS: u32 = 300;

/// The same at once; more wait. A service that all runs share answers eight.
const MAX_AT_ONCE: usize = 4;

/// What the host offers to the agents of every run.
#[derive(Clone)]
pub struct WebService {
    /// What sends.
    pub outbound: Outbound,
    /// Who searches; none when nobody does.
    pub search: Option<Search>,
    /// Whether pages of the public web are fetched.
    pub fetch: bool,
    /// Whether pages at private addresses are, too.
    pub allow_private: bool,
}

/// The same for one run. Cloning shares it.
#[derive(Clone)]
pub struct Web {
    shared: Arc<Shared>,
}

struct Shared {
    service: WebService,
    warden: Arc<dyn Warden>,
    requests: AtomicU32,
    places: Semaphore,
}

/// Why there is no answer.
struct Refused {
    status: StatusCode,
    code: &'static str,
    told: String,
}

impl Refused {
    fn new(status: StatusCode, code: &'static str, told: impl Into<String>) -> Self {
        Self {
            status,
            code,
            told: told.into(),
        }
    }
}

impl From<OutboundError> for Refused {
    fn from(error: OutboundError) -> Self {
        let (status, code) = match &error {
            OutboundError::Invalid(_) => (StatusCode::BAD_REQUEST, "invalid"),
            OutboundError::Denied(_) => (StatusCode::FORBIDDEN, "denied"),
            OutboundError::TimedOut => (StatusCode::GATEWAY_TIMEOUT, "timed_out"),
            OutboundError::TooLarge(_) => (StatusCode::BAD_GATEWAY, "too_large"),
            OutboundError::Unreachable(_) => (StatusCode::BAD_GATEWAY, "unreachable"),
            OutboundError::Failed(_) | OutboundError::Other(_) => {
                (StatusCode::BAD_GATEWAY, "failed")
            }
        };
        let told = match error {
            // What broke an exchange may be put in the far end's own words.
            OutboundError::Failed(_) => "the exchange with that host broke".to_owned(),
            error => error.to_string(),
        };
        Self::new(status, code, told)
    }
}

impl Web {
    /// For a run whose rows go to `audit` and whose hosts `warden` may deny.
    pub fn new(service: &WebService, warden: Arc<dyn Warden>, audit: Arc<dyn Audit>) -> Self {
        let mut service = service.clone();
        service.outbound = service.outbound.with_audit(audit);
        Self {
            shared: Arc::new(Shared {
                service,
                warden,
                requests: AtomicU32::new(0),
                places: Semaphore::new(MAX_AT_ONCE),
            }),
        }
    }
}

/// Answers a request below [`PREFIX`]; without `web`, that there is none.
pub async fn answer<B>(web: Option<&Web>, request: Request<B>) -> Response<Bytes> {
    let answered = match web {
        Some(web) => web.shared.answer(&request).await,
        None => Err(Refused::new(
            StatusCode::NOT_FOUND,
            "off",
            "this host offers neither search nor fetch; its operator can turn them on",
        )),
    };
    match answered {
        Ok(value) => response(StatusCode::OK, &value),
        Err(refused) => {
            let error = json!({ "code": refused.code, "message": refused.told });
            response(refused.status, &json!({ "error": error }))
        }
    }
}

impl Shared {
    async fn answer<B>(&self, request: &Request<B>) -> Result<Value, Refused> {
        if request.method() != Method::GET {
            return Err(Refused::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method",
                "ask with GET",
            ));
        }
        // Not forwarded: only a way to read the query by the URL standard.
        let query = request.uri().query().unwrap_or_default();
        let words: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect();
        let word = |name: &str| {
            let found = words.iter().find(|(own, _)| own == name);
            found.map(|(_, value)| value.as_str())
        };
        let before = self.requests.fetch_add(1, Ordering::Relaxed);
        if before >= MAX_REQUESTS {
            self.requests.store(MAX_REQUESTS, Ordering::Relaxed);
            return Err(Refused::new(
                StatusCode::TOO_MANY_REQUESTS,
                "exhausted",
                format!("this run's {MAX_REQUESTS} searches and fetches are used up"),
            ));
        }
        let _place = self.places.acquire().await;
        match request.uri().path().strip_prefix(PREFIX) {
            Some("search") => search::run(self, word("q"), word("results")).await,
            Some("fetch") => fetch::run(self, word("url"), word("from"), word("chars")).await,
            _ => Err(Refused::new(
                StatusCode::NOT_FOUND,
                "not_found",
                "there are /sortie/search?q= and /sortie/fetch?url=",
            )),
        }
    }

    /// Whether a person keeps this run from a host. That no rule of the proxy
    /// names it is no reason: these have rules of their own.
    async fn is_denied(&self, host: &HostName, port: u16) -> Result<bool, Refused> {
        match self.warden.admit(host, port).await {
            Verdict::Shut(Shut::Denied) => Ok(true),
            Verdict::Shut(Shut::Unknown(_)) => Err(Refused::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "unknown",
                "whether that host is denied cannot be told now; try again",
            )),
            Verdict::Open(_) | Verdict::Shut(_) => Ok(false),
        }
    }
}

fn response(status: StatusCode, value: &Value) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(value.to_string()));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}
