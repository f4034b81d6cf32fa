//! The model endpoint: what agents ask of models ends here, and goes on to the
//! provider that the operator configured.
//!
//! A request passes in this order. It takes its turn and its room among those
//! of its run (`room`); its model is found among those the run may use
//! (`models`); its worst case is computed and made true by what is forwarded
//! (`request`); a place at the provider is taken (`upstream`); the worst case
//! is reserved on the run's ledger (`call`); then it is sent, with the
//! provider's key and without the client's. The answer goes back as it comes,
//! is read on the side for its usage (`sse`, `usage`), loses the key if it
//! shows it (`clean`), and settles the reservation (`relay`).
//!
//! Nothing here keeps or logs a prompt or an answer. Nothing is sent that is
//! not reserved, but for counting tokens, which is free. A key is in no answer,
//! row, log or error.

mod breaker;
mod call;
mod clean;
mod models;
mod prices;
mod provider;
mod refusal;
mod relay;
mod request;
mod room;
mod scan;
mod serve;
mod sse;
mod tools;
mod upstream;
mod usage;

pub use models::{Models, ModelsOptions, Target, UnknownModel};
pub use prices::{ModelSpec, origin as price_origin};
pub use provider::{KeyHeader, Provider, ProviderKind};
pub(crate) use room::RunRoom;
pub(crate) use serve::answer;

use crate::outbound::{self, SetupError};
use sortie_vault::Vault;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use upstream::Upstream;

/// Bodies of requests in memory at once, over all runs, in KiB. A body is held
/// until its answer begins, in case it has to be sent again; eight of the
/// largest fit.
const BODIES_KIB: u32 = 256 * 1024;

/// How the endpoint behaves.
#[derive(Clone)]
pub struct LlmOptions {
    /// Where keys come from.
    pub vault: Vault,
    /// The providers by name.
    pub providers: BTreeMap<String, Provider>,
    /// The registry, made from the same providers.
    pub models: Models,
    /// The most bytes of a request: a long context with pictures fits.
    pub max_request_bytes: usize,
    /// The most bytes of an answer that does not come piece by piece.
    pub max_response_bytes: usize,
    /// How long a client may take to send its request; it sits on loopback.
    pub request_timeout: Duration,
    /// A PEM file of root certificates beside those of the system.
    pub extra_roots: Option<PathBuf>,
}

impl LlmOptions {
    /// The usual limits, over these providers.
    pub fn new(vault: Vault, providers: BTreeMap<String, Provider>, models: Models) -> Self {
        Self {
            vault,
            providers,
            models,
            max_request_bytes: 32 * 1024 * 1024,
            max_response_bytes: 64 * 1024 * 1024,
            request_timeout: Duration::from_secs(60),
            extra_roots: None,
        }
    }
}

/// The endpoint could not be built.
#[derive(Debug, thiserror::Error)]
pub enum LlmSetupError {
    /// TLS or its certificates are unusable.
    #[error(transparent)]
    Tls(#[from] SetupError),
    /// A provider's client could not be built.
    #[error("set up the provider {provider}: {reason}")]
    Client {
        /// The provider.
        provider: String,
        /// Why.
        reason: String,
    },
}

/// The endpoint of a whole host. Cloning shares it.
#[derive(Clone)]
pub struct Llm {
    shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) vault: Vault,
    pub(crate) models: Models,
    pub(crate) upstreams: BTreeMap<String, Upstream>,
    pub(crate) bodies: Semaphore,
    pub(crate) max_request_bytes: usize,
    pub(crate) max_response_bytes: usize,
    pub(crate) request_timeout: Duration,
}

impl Llm {
    /// Reads the root certificates and sets up a client for each provider.
    pub fn new(options: LlmOptions) -> Result<Self, LlmSetupError> {
        let tls = outbound::tls(options.extra_roots.as_deref())?;
        let mut upstreams = BTreeMap::new();
        for (name, provider) in options.providers {
            let upstream = Upstream::new(name.clone(), provider, tls.clone()).map_err(|error| {
                LlmSetupError::Client {
                    provider: name.clone(),
                    reason: error.to_string(),
                }
            })?;
            upstreams.insert(name, upstream);
        }
        Ok(Self {
            shared: Arc::new(Shared {
                vault: options.vault,
                models: options.models,
                upstreams,
                bodies: Semaphore::new(BODIES_KIB as usize),
                max_request_bytes: options.max_request_bytes,
                max_response_bytes: options.max_response_bytes,
                request_timeout: options.request_timeout,
            }),
        })
    }

    /// The registry.
    pub fn models(&self) -> &Models {
        &self.shared.models
    }

    /// The ids of the models that a provider says it has.
    ///
    /// # Errors
    /// Why it does not say, as a sentence without anything secret.
    pub async fn list(&self, provider: &str) -> Result<Vec<String>, String> {
        let upstream = self
            .shared
            .upstreams
            .get(provider)
            .ok_or_else(|| format!("there is no provider {provider:?}"))?;
        relay::list(&self.shared, upstream).await
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}
