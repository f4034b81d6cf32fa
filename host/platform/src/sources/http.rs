//! Requests that come in for connectors.
//!
//! A request is verified, looked up among those that came before, handed to
//! the plugin, and answered when everything it caused is on disk. When the
//! plugin fails, the request itself is put on disk instead and tried again
//! later: whoever sent it is told that it was taken, never that it was lost.

use super::sender::Who;
use super::verify::{self, Unverified};
use crate::events::{self, Handled};
use crate::{Platform, PlatformError};
use bytes::Bytes;
use sha2::{Digest, Sha256};
use sortie_model::id::PluginEventId;
use sortie_package::manifest::{HttpSource, Verify};
use sortie_plugins::outside::Header;
use sortie_plugins::surfaces::connector::{Payload, Reply};
use sortie_store::{Accepted, Committed, DeliveryKey, MessageState, NewPluginEvent, StoreError};
use std::time::Duration;

/// How long a request without an id of its own counts as the same one. Senders
/// that try again do so within minutes; the same content a day later is news.
const SAME_CONTENT_MS: u32 = 10 * 60 * 1000;

/// How long a request is handled while its sender waits; then it is put on disk
/// and handled later. The usual senders give up after ten seconds.
const AT_ONCE: Duration = Duration::from_secs(8);

/// A request to a source.
#[derive(Clone, Debug)]
pub struct Request {
    /// Method in capitals.
    pub method: String,
    /// Path below the source's own, beginning with `/`.
    pub path: String,
    /// Query without the question mark.
    pub query: String,
    /// Header fields with names in lower case, in the order they came.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The whole body.
    pub body: Bytes,
}

/// What to answer.
#[derive(Debug)]
pub enum Answer {
    /// It was handled; what it caused is on disk.
    Handled(Option<Reply>),
    /// It is on disk and is handled later.
    Taken(PluginEventId),
    /// It came before.
    Duplicate(PluginEventId, MessageState),
    /// The host answers itself, and no plugin hears of it: the service asks
    /// whether somebody is there, or the sender is nobody the operator knows.
    Host(Reply),
}

/// Why a request was not taken.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// No running plugin has such a source.
    #[error(
        "find the hook {plugin}/{source_name}: there is none; `sortie plugin inspect {plugin}` lists those of a plugin that runs"
    )]
    Unknown {
        /// The plugin asked for.
        plugin: String,
        /// The source asked for.
        source_name: String,
    },
    /// It is not who it says.
    #[error(
        "verify the request: {0}; sign it as the plugin's manifest says, with the secret that the host has"
    )]
    Unverified(String),
    /// The host cannot verify: its own fault.
    #[error("verify the request: {0}; see the host's log")]
    CannotVerify(String),
    /// The store does not take it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Platform {
    /// The largest body that a source takes, in bytes; none when there is no
    /// such source. To be asked before the body is read.
    pub fn hook_limit(&self, plugin: &str, source: &str) -> Option<u64> {
        let running = self.running(plugin)?;
        running
            .http_source(source)
            .map(HttpSource::body_limit_bytes)
    }

    /// Takes a request in.
    ///
    /// # Errors
    ///
    /// When it is refused; nothing of it is kept then.
    pub async fn hook(
        &self,
        plugin: &str,
        source: &str,
        request: Request,
    ) -> Result<Answer, Refusal> {
        let unknown = || Refusal::Unknown {
            plugin: plugin.chars().take(80).collect(),
            source_name: source.chars().take(80).collect(),
        };
        let running = self.running(plugin).ok_or_else(unknown)?;
        let found = running.http_source(source).ok_or_else(unknown)?;
        let field = |name: &str| {
            let found = request.headers.iter().find(|(own, _)| own == name);
            found.map(|(_, value)| value.as_slice())
        };
        let vault = &self.0.options.vault;
        let now = self.0.options.clock.now();
        verify::check(&found.verify, vault, field, &request.body, now).map_err(
            |error| match error {
                Unverified::Wrong(_) => Refusal::Unverified(error.to_string()),
                Unverified::Secret(_) => {
                    tracing::error!(%error, plugin, source, "a hook cannot verify its requests");
                    Refusal::CannotVerify("the secret to verify with cannot be read".to_owned())
                }
            },
        )?;
        if is_ping(&found.verify, &request.body) {
            return Ok(Answer::Host(json_reply("{\"type\":1}")));
        }
        let sender = match self.who(&found.verify, &request.body).await? {
            Who::Known(verified) => Some(verified),
            Who::Nobody => None,
            Who::Stranger => return Ok(Answer::Host(to_stranger(&found.verify))),
        };
        let delivery = key_of(found, &request, field);
        if let Some((id, state)) = self.store().known_event(plugin, source, delivery).await? {
            return Ok(Answer::Duplicate(id, state));
        }
        let payload = payload_of(found, request);
        // What it says is written only when it has to be handled later.
        let mut new = NewPluginEvent {
            id: self.store().reserve_event_id().await?,
            plugin: plugin.to_owned(),
            source: source.to_owned(),
            in_line: false,
            delivery: Some(delivery),
            sender: events::stored(sender.as_ref()),
            payload: Vec::new(),
            cursor: None,
            seen: None,
        };
        let handled = events::at_once(self, &running, new.clone(), sender, payload.clone());
        let handled = tokio::time::timeout(AT_ONCE, handled)
            .await
            .unwrap_or(Err(PlatformError::TooSlow));
        match handled {
            Ok(Handled { committed, reply }) => Ok(match committed {
                Committed::Done { .. } => Answer::Handled(reply),
                Committed::Duplicate(id, state) => Answer::Duplicate(id, state),
            }),
            // Room on the disk is what keeping it needs as well.
            Err(PlatformError::Store(error)) if error.may_pass() => Err(error.into()),
            Err(error) => {
                tracing::warn!(%error, plugin, source, event = new.id.0, "a request waits for its next try");
                new.payload = serde_json::to_vec(&payload).unwrap_or_default();
                match self.store().accept_event(new).await? {
                    Accepted::New(id) => Ok(Answer::Taken(id)),
                    Accepted::Duplicate(id, state) => Ok(Answer::Duplicate(id, state)),
                }
            }
        }
    }
}

/// Whether Discord asks if somebody is there, as it does before it sends
/// anything else.
fn is_ping(verify: &Verify, body: &[u8]) -> bool {
    let says_ping = || {
        let body: Option<serde_json::Value> = serde_json::from_slice(body).ok();
        body.is_some_and(|body| body["type"] == 1)
    };
    matches!(verify, Verify::DiscordEd25519 { .. }) && says_ping()
}

/// What a stranger gets: the service's way of saying that it arrived.
fn to_stranger(verify: &Verify) -> Reply {
    match verify {
        // A deferred update that never comes: the message stays as it is.
        Verify::DiscordEd25519 { .. } => json_reply("{\"type\":6}"),
        _ => Reply {
            status: 200,
            headers: Vec::new(),
            body: Vec::new(),
        },
    }
}

fn json_reply(body: &str) -> Reply {
    Reply {
        status: 200,
        headers: vec![Header {
            name: "content-type".to_owned(),
            value: "application/json".to_owned(),
        }],
        body: body.into(),
    }
}

/// What makes a repetition of a request the same one.
fn key_of<'h>(
    source: &HttpSource,
    request: &Request,
    field: impl Fn(&str) -> Option<&'h [u8]>,
) -> DeliveryKey {
    let named = source.delivery_id.as_deref().and_then(field);
    let mut hash = Sha256::new();
    match named {
        Some(id) => {
            hash.update(b"id\0");
            hash.update(id);
        }
        None => {
            for part in [&request.method, &request.path, &request.query] {
                hash.update(part.as_bytes());
                hash.update(b"\0");
            }
            hash.update(&request.body);
        }
    }
    DeliveryKey {
        hash: hash.finalize().into(),
        window_ms: named.is_none().then_some(SAME_CONTENT_MS),
    }
}

/// What the guest sees: everything but what proved who sent it.
fn payload_of(source: &HttpSource, request: Request) -> Payload {
    let proofs = source.verify.proofs();
    Payload::Http {
        method: request.method,
        path: request.path,
        query: request.query,
        headers: request
            .headers
            .into_iter()
            .filter(|(name, _)| {
                !proofs.contains(&name.as_str()) && name != "authorization" && name != "cookie"
            })
            .map(|(name, value)| Header {
                name,
                value: String::from_utf8_lossy(&value).into_owned(),
            })
            .collect(),
        body: request.body.into(),
    }
}
