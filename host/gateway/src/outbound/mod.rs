//! The egress service: where the outgoing requests of plugins end.
//!
//! A request passes four gates, in this order. It must be well formed
//! (`target`, `path`, `headers`); a [`Rule`] of its subject's grant must
//! allow it (`rule`); every address of its host must be one that the
//! rule opens (`addresses`, `crate::net`); then it is sent to those addresses and
//! to no other (`pool`), with the rule's credential, and the answer is capped,
//! cleaned of the credential (`scrub`) and written down (`audit`).
//!
//! The service never follows a redirect, never keeps a cookie, never takes a
//! proxy from the environment, never unpacks an encoding, never repeats a
//! request that a server may have seen, and never tells a guest a secret or
//! the address behind a name.

mod addresses;
mod audit;
mod credential;
mod error;
mod headers;
mod in_path;
mod message;
mod method;
mod path;
mod pool;
mod rule;
mod scheme;
pub(crate) mod scrub;
mod target;
mod turns;

pub(crate) use audit::begin;
pub use audit::{Audit, AuditEntry, Outcome};
pub use credential::{CredentialUse, Sign};
pub use error::{OutboundError, SetupError};
pub use headers::{FieldName, MAX_FIELD_BYTES, MAX_FIELDS};
pub use message::{Header, OutRequest, OutResponse};
pub use method::MethodName;
pub use path::PathPrefix;
pub(crate) use pool::tls;
pub use rule::{Rule, RuleError};
pub use scheme::Scheme;
pub use target::MAX_URL_BYTES;

pub use crate::net::{Reach, Resolve, SystemResolver};
pub use sortie_model::host::HostPattern;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use hmac::{Hmac, Mac};
use http::header::{HeaderMap, HeaderValue};
use sha2::Sha256;
use sortie_vault::{Redactor, Secret, Vault};

use audit::Row;
use error::Stop;
use pool::{Key, Pool};
use target::Target;
use turns::Turns;

/// The most header bytes of an answer: content security policies of several
/// KiB are common, four of the largest seen fit.
const MAX_RESPONSE_FIELD_BYTES: u32 = 64 * 1024;

/// From this size on a body is scanned on a thread of its own; below it the
/// scan is shorter than the detour.
const SCAN_APART_BYTES: usize = 64 * 1024;

/// How the service behaves. [`OutboundOptions::new`] has the limits that the
/// WIT promises.
#[derive(Clone)]
pub struct OutboundOptions {
    /// Where credentials come from.
    pub vault: Vault,
    /// Where the rows go.
    pub audit: Arc<dyn Audit>,
    /// What turns names into addresses.
    pub resolver: Arc<dyn Resolve>,
    /// How long connecting may take, the TLS handshake included.
    pub connect_timeout: Duration,
    /// How long a request may take from the call to the last byte of its
    /// answer, waiting for its turn included.
    pub total_timeout: Duration,
    /// The most bytes of a request's body.
    pub max_request_bytes: usize,
    /// The most bytes of an answer's body.
    pub max_response_bytes: usize,
    /// Requests under way at once. Each can hold both bodies and a copy of
    /// the answer's while it is cleaned.
    pub max_in_flight: usize,
    /// The same for one subject.
    pub max_in_flight_each: usize,
    /// A PEM file of root certificates beside those of the system.
    pub extra_roots: Option<PathBuf>,
}

impl OutboundOptions {
    /// The usual limits and the resolver of the system.
    pub fn new(vault: Vault, audit: Arc<dyn Audit>) -> Self {
        Self {
            vault,
            audit,
            resolver: Arc::new(SystemResolver),
            connect_timeout: Duration::from_secs(10),
            total_timeout: Duration::from_secs(30),
            max_request_bytes: 4 * 1024 * 1024,
            max_response_bytes: 4 * 1024 * 1024,
            max_in_flight: 32,
            max_in_flight_each: 8,
            extra_roots: None,
        }
    }
}

/// The service. Cloning shares it.
#[derive(Clone)]
pub struct Outbound {
    shared: Arc<Shared>,
}

struct Shared {
    options: OutboundOptions,
    pool: Arc<Pool>,
    turns: Arc<Turns>,
}

impl Outbound {
    /// Reads the root certificates.
    pub fn new(options: OutboundOptions) -> Result<Self, SetupError> {
        let pool = Pool::new(
            options.extra_roots.as_deref(),
            options.connect_timeout,
            MAX_RESPONSE_FIELD_BYTES,
        )?;
        let turns = Turns::new(options.max_in_flight, options.max_in_flight_each);
        Ok(Self {
            shared: Arc::new(Shared {
                options,
                pool: Arc::new(pool),
                turns: Arc::new(turns),
            }),
        })
    }

    /// The same service, with its connections and its turns, whose rows go to
    /// `audit`.
    #[must_use]
    pub fn with_audit(&self, audit: Arc<dyn Audit>) -> Self {
        let shared = &*self.shared;
        Self {
            shared: Arc::new(Shared {
                options: OutboundOptions {
                    audit,
                    ..shared.options.clone()
                },
                pool: shared.pool.clone(),
                turns: shared.turns.clone(),
            }),
        }
    }

    /// Sends a request for `subject`, a plugin's name, if one of its `rules`
    /// allows it; the first that does decides. Returns when the whole answer
    /// is there and its row is written.
    ///
    /// Dropping the future closes the connection; the row then says
    /// [`Outcome::Abandoned`].
    pub async fn send(
        &self,
        subject: &str,
        rules: &[Rule],
        request: OutRequest,
    ) -> Result<OutResponse, OutboundError> {
        let shared = &*self.shared;
        // A URL carries words out as a body does.
        let bytes = request.url.len() + request.body.as_ref().map_or(0, Bytes::len);
        let mut row = Row::open(
            shared.options.audit.clone(),
            subject,
            &request.method,
            bytes as u64,
        );
        let limit = shared.options.total_timeout;
        let timeout = request.timeout.map_or(limit, |asked| asked.min(limit));
        let result =
            tokio::time::timeout(timeout, shared.exchange(subject, rules, request, &mut row))
                .await
                .unwrap_or_else(|_| Err(OutboundError::TimedOut.into()));
        match result {
            Ok(response) => {
                row.close(Outcome::Answered(response.status)).await;
                Ok(response)
            }
            Err(stop) => {
                let text = stop.operator_text();
                row.because(stop.reason());
                let refused = matches!(
                    stop.error,
                    OutboundError::Invalid(_) | OutboundError::Denied(_)
                );
                row.close(if refused {
                    Outcome::Refused(text)
                } else {
                    Outcome::Failed(text)
                })
                .await;
                Err(stop.error)
            }
        }
    }

    /// Writes down a request of `subject` that is not sent because a person
    /// keeps it from the URL's host.
    pub async fn denied(&self, subject: &str, method: &str, url: &str) {
        let shared = &*self.shared;
        let mut row = Row::open(shared.options.audit.clone(), subject, method, 0);
        if let Ok(target) = Target::parse(url) {
            shared.aim(&mut row, &target);
        }
        row.because("denied");
        row.close(Outcome::Refused("a person denied the host".to_owned()))
            .await;
    }
}

impl Shared {
    fn aim(&self, row: &mut Row, target: &Target) {
        let everything = self.options.vault.redactor();
        let path = everything.redact(target.url.path());
        row.aim(target.name.to_string(), target.port, &path);
    }

    async fn exchange(
        &self,
        subject: &str,
        rules: &[Rule],
        request: OutRequest,
        row: &mut Row,
    ) -> Result<OutResponse, Stop> {
        let target = Target::parse(&request.url)?;
        self.aim(row, &target);
        let everything = self.options.vault.redactor();
        let method = target::method(&request.method)?;
        let rule = target::admit(rules, &method, &target)?;
        let reserved = rule
            .credential
            .as_ref()
            .and_then(|credential| credential.header.as_ref());
        let headers = headers::outgoing(&request.headers, reserved)?;
        let max_bytes = self.options.max_request_bytes;
        if let Some(body) = request.body.as_ref().filter(|body| body.len() > max_bytes) {
            return Err(OutboundError::Invalid(format!(
                "the body has {} bytes; send at most {max_bytes}",
                body.len()
            ))
            .into());
        }
        let _turn = self.turns.take(subject).await;
        let addresses = addresses::addresses(&*self.options.resolver, rule, &target).await?;
        let client = self.pool.client(Key {
            subject: subject.to_owned(),
            origin: target.url[..url::Position::BeforePath].to_owned(),
            credential: rule.credential.as_ref().map(|c| c.secret.clone()),
            addresses,
        });
        let failed = |error| {
            let host = target.name.to_string();
            Stop::of_transport(error, &host, self.options.connect_timeout, &everything)
        };
        let client = client.map_err(failed)?;
        let method = http::Method::from_bytes(method.as_str().as_bytes())
            .map_err(|error| OutboundError::Invalid(format!("the method: {error}")))?;
        let mut outgoing = reqwest::Request::new(method, target.url.clone());
        *outgoing.headers_mut() = headers;
        *outgoing.body_mut() = request.body.map(reqwest::Body::from);
        let mut granted = self.redactor_of(rules);
        if let Some(credential) = &rule.credential {
            let secret = self.secret(credential).await?;
            match &credential.header {
                Some(header) => {
                    let body = outgoing.body().and_then(reqwest::Body::as_bytes);
                    let value = header_value(credential, &secret, body.unwrap_or(&[]))?;
                    let name = header.header_name().clone();
                    outgoing.headers_mut().insert(name, value);
                }
                None => {
                    let placed = in_path::place(rule, &target, &secret)
                        .map_err(|why| unusable(credential, why))?;
                    *outgoing.url_mut() = placed.url;
                    granted = granted.with_parts(&credential.secret, placed.parts);
                }
            }
        }
        let mut response = client.execute(outgoing).await.map_err(failed)?;
        check_fields(response.headers())?;
        if rule.credential.is_some() && scrub::is_packed(response.headers()) {
            return Err(OutboundError::Failed(format!(
                "{} packed its answer though it was asked not to; an answer to a credential must \
                 come plain, so that the credential can be looked for in it",
                target.name
            ))
            .into());
        }
        let body = self.body(&mut response, row, failed).await?;
        let with_cookies = rule.credential.is_none();
        let headers = scrub::headers(response.headers(), &granted, with_cookies);
        Ok(OutResponse {
            status: response.status().as_u16(),
            headers,
            body: clean(body, granted).await?,
        })
    }

    /// Knows the secrets that any of the rules carries: what one request left
    /// with a server, another may find there.
    fn redactor_of(&self, rules: &[Rule]) -> Redactor {
        let names = rules.iter().filter_map(|rule| rule.credential.as_ref());
        self.options
            .vault
            .redactor_of(names.map(|credential| credential.secret.as_str()))
    }

    async fn secret(&self, credential: &CredentialUse) -> Result<Secret, Stop> {
        let vault = self.options.vault.clone();
        let name = credential.secret.clone();
        let unreadable =
            |detail: String| Stop::with_detail(unusable(credential, "cannot be read"), detail);
        // Its source may be a file.
        tokio::task::spawn_blocking(move || vault.get(&name))
            .await
            .map_err(|error| unreadable(error.to_string()))?
            .map_err(|error| unreadable(error.to_string()))
    }

    async fn body(
        &self,
        response: &mut reqwest::Response,
        row: &mut Row,
        failed: impl Fn(reqwest::Error) -> Stop,
    ) -> Result<Bytes, Stop> {
        let limit = self.options.max_response_bytes;
        let too_large = || OutboundError::TooLarge(limit as u64);
        let announced = response.content_length().unwrap_or(0);
        if announced > limit as u64 {
            return Err(too_large().into());
        }
        let mut body = BytesMut::with_capacity(usize::try_from(announced).unwrap_or(0));
        while let Some(chunk) = response.chunk().await.map_err(&failed)? {
            row.add_received(chunk.len());
            if chunk.len() > limit - body.len() {
                return Err(too_large().into());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }
}

fn unusable(credential: &CredentialUse, why: &str) -> OutboundError {
    OutboundError::Other(format!(
        "the granted credential {:?} {why}; ask the operator",
        credential.secret
    ))
}

/// The value of the credential's header, for a request with this body.
fn header_value(
    credential: &CredentialUse,
    secret: &Secret,
    body: &[u8],
) -> Result<HeaderValue, OutboundError> {
    let prefix = &credential.prefix;
    let text = Secret::new(match credential.sign {
        None => format!("{prefix}{}", secret.expose()),
        Some(Sign::HmacSha256) => {
            format!("{prefix}{}", hmac_sha256(secret.expose().as_bytes(), body))
        }
    });
    let mut value = HeaderValue::from_str(text.expose())
        .map_err(|_| unusable(credential, "does not fit into a header"))?;
    // Not printed by anything, and not kept in HPACK's table.
    value.set_sensitive(true);
    Ok(value)
}

/// HMAC-SHA256 of `body` under `key`, in lower-case hex.
fn hmac_sha256(key: &[u8], body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(body);
    hex::encode(mac.finalize().into_bytes())
}

/// Bounds the fields of an answer over HTTP/1; for HTTP/2 the protocol does.
fn check_fields(headers: &HeaderMap) -> Result<(), OutboundError> {
    let bytes: usize = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum();
    if bytes > MAX_RESPONSE_FIELD_BYTES as usize {
        return Err(OutboundError::TooLarge(MAX_RESPONSE_FIELD_BYTES.into()));
    }
    Ok(())
}

async fn clean(body: Bytes, redactor: Redactor) -> Result<Bytes, Stop> {
    let size = body.len();
    let scrub = move || scrub::body(body, &redactor);
    if size < SCAN_APART_BYTES {
        return Ok(scrub());
    }
    tokio::task::spawn_blocking(scrub).await.map_err(|error| {
        Stop::with_detail(
            OutboundError::Other("the answer could not be scanned".to_owned()),
            error.to_string(),
        )
    })
}
