//! One provider as the gateway talks to it: its connections, how many requests
//! are under way, when it is left alone, and what is sent again.
//!
//! The key is put into a request here and nowhere else, and only into requests
//! to the configured address: no redirect is followed. What is sent again is
//! only what the provider certainly did not answer, and only while it is not
//! left alone.

use super::breaker::Breaker;
use super::provider::{KeyHeader, Provider};
use super::refusal::Refused;
use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
};
use hyper::StatusCode;
use rustls::ClientConfig;
use sortie_vault::{Secret, Vault};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The longest pause before a request is sent again. A provider that asks for
/// a longer one is passed on to the client, who may do something else.
const MAX_RETRY_PAUSE: Duration = Duration::from_secs(30);

/// How long a request may wait for others of its provider to end.
const PLACE_TIMEOUT: Duration = Duration::from_secs(120);

/// How long an idle connection is kept: agents think between their calls.
const IDLE_CONNECTION: Duration = Duration::from_secs(90);

/// The version of Anthropic's API, for clients that name none.
const ANTHROPIC_VERSION: &str = "2023-06-01";

/// A request that came to nothing.
#[derive(Debug)]
pub(crate) struct NotAnswered {
    /// What the client is told.
    pub(crate) refused: Refused,
    /// Whether the provider may have worked on it all the same.
    pub(crate) may_cost: bool,
}

/// A provider at work.
pub(crate) struct Upstream {
    pub(crate) name: String,
    pub(crate) provider: Provider,
    client: reqwest::Client,
    places: Arc<Semaphore>,
    breaker: Mutex<Breaker>,
}

impl Upstream {
    pub(crate) fn new(
        name: String,
        provider: Provider,
        tls: ClientConfig,
    ) -> Result<Self, reqwest::Error> {
        // As for the requests of plugins: no proxy of the environment, no
        // redirect, no cookies, no unpacking.
        let client = reqwest::Client::builder()
            .use_preconfigured_tls(tls)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .no_gzip()
            .no_brotli()
            .no_deflate()
            .no_zstd()
            .connect_timeout(provider.connect_timeout)
            .pool_idle_timeout(IDLE_CONNECTION)
            .pool_max_idle_per_host(provider.max_parallel as usize)
            .tcp_nodelay(true)
            .build()?;
        Ok(Self {
            name,
            places: Arc::new(Semaphore::new(provider.max_parallel.max(1) as usize)),
            breaker: Mutex::default(),
            client,
            provider,
        })
    }

    /// A place among the requests under way.
    pub(crate) async fn place(&self) -> Result<OwnedSemaphorePermit, Refused> {
        let place = self.places.clone().acquire_owned();
        match tokio::time::timeout(PLACE_TIMEOUT, place).await {
            Ok(Ok(place)) => Ok(place),
            _ => Err(Refused::later(
                "provider_busy",
                format!(
                    "{} requests to {} are under way already; try again",
                    self.provider.max_parallel, self.name
                ),
                MAX_RETRY_PAUSE,
            )),
        }
    }

    /// Whether the provider is worth a try just now.
    pub(crate) fn admit(&self) -> Result<Admitted<'_>, Refused> {
        self.breaker().admit(Instant::now()).map_err(|after| {
            Refused::later(
                "provider_down",
                format!("{} does not work just now; try again", self.name),
                after,
            )
        })?;
        Ok(Admitted {
            upstream: self,
            known: false,
        })
    }

    /// Sends a request and waits for the head of its answer.
    pub(crate) async fn send(
        &self,
        vault: &Vault,
        admitted: &mut Admitted<'_>,
        method: http::Method,
        path: &str,
        headers: HeaderMap,
        body: Option<Bytes>,
    ) -> Result<reqwest::Response, NotAnswered> {
        let mut headers = headers;
        self.add_key(vault, &mut headers).await?;
        let mut pause = self.provider.retry_pause;
        for left in (0..=self.provider.retries).rev() {
            let mut request = reqwest::Request::new(method.clone(), self.provider.url(path));
            *request.headers_mut() = headers.clone();
            *request.body_mut() = body.clone().map(reqwest::Body::from);
            let sent = self.client.execute(request);
            let answer = tokio::time::timeout(self.provider.first_byte_timeout, sent).await;
            match &answer {
                Ok(Ok(response)) if !response.status().is_server_error() => admitted.worked(),
                _ => admitted.failed(),
            }
            let again = left > 0 && !self.breaker().leaves_alone();
            let failed = match answer {
                Ok(Ok(response)) => {
                    let wait = retry_after(response.headers()).unwrap_or(pause).max(pause);
                    if !again || !is_worth_a_retry(response.status()) || wait > MAX_RETRY_PAUSE {
                        return Ok(response);
                    }
                    pause = wait;
                    None
                }
                Ok(Err(error)) => {
                    let connecting = error.is_connect();
                    Some(NotAnswered {
                        refused: Refused::gateway(format!(
                            "{} {}",
                            self.name,
                            match connecting {
                                true => "cannot be reached",
                                false => "broke off before it answered",
                            }
                        )),
                        may_cost: !connecting,
                    })
                }
                Err(_) => Some(NotAnswered {
                    refused: Refused::new(
                        StatusCode::GATEWAY_TIMEOUT,
                        "provider_slow",
                        format!(
                            "{} did not begin to answer within {} s",
                            self.name,
                            self.provider.first_byte_timeout.as_secs()
                        ),
                    ),
                    may_cost: true,
                }),
            };
            if let Some(failed) = failed
                && (failed.may_cost || !again)
            {
                return Err(failed);
            }
            tokio::time::sleep(pause.min(MAX_RETRY_PAUSE)).await;
            pause = pause.saturating_mul(2);
        }
        Err(NotAnswered {
            refused: Refused::gateway(format!("{} was not tried", self.name)),
            may_cost: false,
        })
    }

    /// The key goes in last, over whatever a client may have sent.
    async fn add_key(&self, vault: &Vault, headers: &mut HeaderMap) -> Result<(), NotAnswered> {
        headers.remove(AUTHORIZATION);
        headers.remove("x-api-key");
        let Some(name) = self.provider.secret.clone() else {
            return Ok(());
        };
        let unreadable = |why: String| {
            tracing::error!(provider = self.name, why, "a provider's key cannot be used");
            NotAnswered {
                refused: Refused::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "provider_key",
                    format!("the key for {} cannot be used; ask the operator", self.name),
                ),
                may_cost: false,
            }
        };
        let vault = vault.clone();
        // Its source may be a file.
        let secret = tokio::task::spawn_blocking(move || vault.get(&name))
            .await
            .map_err(|error| unreadable(error.to_string()))?
            .map_err(|error| unreadable(error.to_string()))?;
        let (header, text) = match self.provider.key_header {
            KeyHeader::Bearer => (
                AUTHORIZATION,
                Secret::new(format!("Bearer {}", secret.expose())),
            ),
            KeyHeader::XApiKey => (HeaderName::from_static("x-api-key"), secret),
        };
        let mut value = HeaderValue::from_str(text.expose())
            .map_err(|_| unreadable("it does not fit into a header".to_owned()))?;
        value.set_sensitive(true);
        headers.insert(header, value);
        Ok(())
    }

    fn breaker(&self) -> std::sync::MutexGuard<'_, Breaker> {
        // A poisoned breaker is whole: each change to it is a single call.
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to send a request to a provider that may be down.
pub(crate) struct Admitted<'u> {
    upstream: &'u Upstream,
    known: bool,
}

impl Admitted<'_> {
    fn worked(&mut self) {
        self.known = true;
        self.upstream.breaker().worked();
    }

    fn failed(&mut self) {
        self.known = true;
        self.upstream.breaker().failed(Instant::now());
    }
}

impl Drop for Admitted<'_> {
    fn drop(&mut self) {
        if !self.known {
            self.upstream.breaker().given_up();
        }
    }
}

/// What of a client's header goes on to the provider: what the APIs define,
/// and nothing that could be a credential.
pub(crate) fn forwarded(client: &HeaderMap, is_anthropic: bool) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    // What comes back is read on the side.
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.insert(
        http::header::USER_AGENT,
        HeaderValue::from_static(concat!("sortie/", env!("CARGO_PKG_VERSION"))),
    );
    if is_anthropic {
        let version = client
            .get("anthropic-version")
            .cloned()
            .unwrap_or(HeaderValue::from_static(ANTHROPIC_VERSION));
        headers.insert("anthropic-version", version);
        let betas: Vec<&str> = client
            .get_all("anthropic-beta")
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .map(str::trim)
            .filter(|beta| !changes_the_price(beta))
            .collect();
        if !betas.is_empty()
            && let Ok(value) = HeaderValue::from_str(&betas.join(","))
        {
            headers.insert("anthropic-beta", value);
        }
    }
    headers
}

/// Features that are priced apart, or let the provider reach the network.
fn changes_the_price(beta: &str) -> bool {
    [
        "context-1m",
        "fast-mode",
        "mcp-client",
        "web-fetch",
        "code-execution",
    ]
    .iter()
    .any(|known| beta.starts_with(known))
}

/// Whether the provider says for itself that it did not answer.
fn is_worth_a_retry(status: StatusCode) -> bool {
    // 529 is Anthropic's word for overloaded.
    matches!(status.as_u16(), 429 | 500 | 503 | 529)
}

/// Whether an error comes from something in front of the model that lost or
/// gave up its answer: the model may have worked, and be paid for, all the
/// same.
pub(crate) fn may_have_worked(status: StatusCode) -> bool {
    // 520 and 524 are Cloudflare's, for an answer that it does not understand
    // and for one that does not come.
    matches!(status.as_u16(), 502 | 504 | 520 | 524)
}

/// How long the provider asks to wait, in seconds as all of them send it.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get("retry-after")?.to_str().ok()?.trim();
    let seconds: f64 = seconds.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(fields: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in fields {
            map.append(*name, HeaderValue::from_str(value).expect("a value"));
        }
        map
    }

    #[test]
    fn a_client_s_credentials_and_dear_features_stay_behind() {
        let client = map(&[
            ("authorization", "Bearer fake"),
            ("x-api-key", "fake"),
            ("cookie", "a=b"),
            ("openai-organization", "o"),
            ("host", "127.0.0.1"),
            ("anthropic-beta", "oauth-2025-04-20, context-1m-2025-08-07"),
            ("anthropic-beta", "mcp-client-2025-04-04"),
            ("anthropic-version", "2024-01-01"),
        ]);
        let sent = forwarded(&client, true);
        let mut names: Vec<_> = sent.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(
            names,
            [
                "accept-encoding",
                "anthropic-beta",
                "anthropic-version",
                "content-type",
                "user-agent"
            ]
        );
        assert_eq!(sent["anthropic-beta"], "oauth-2025-04-20");
        assert_eq!(sent["anthropic-version"], "2024-01-01");
        assert_eq!(
            forwarded(&HeaderMap::new(), true)["anthropic-version"],
            ANTHROPIC_VERSION
        );
        assert!(!forwarded(&client, false).contains_key("anthropic-beta"));
    }

    #[test]
    fn a_wish_to_wait_is_read_and_nonsense_is_not() {
        let of = |value: &str| retry_after(&map(&[("retry-after", value)]));
        assert_eq!(of("3"), Some(Duration::from_secs(3)));
        assert_eq!(of(" 0.5"), Some(Duration::from_millis(500)));
        for value in ["-1", "soon", "NaN", "inf", "1e300", ""] {
            assert_eq!(of(value), None, "{value}");
        }
    }
}
