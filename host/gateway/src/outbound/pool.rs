//! Connections that are kept for the next request, and never for anyone else.
//!
//! A client (with its idle connections and TLS sessions) belongs to one
//! subject, one origin, one credential and one set of checked addresses. So a
//! kept connection always leads to an address that was checked for *this*
//! request, a name that moved gets new connections at once, and nothing that
//! a server ties to a connection or a session passes from one plugin to
//! another, or from a request with a credential to one without.
//!
//! A client answers no question of its own: it takes no proxy from the
//! environment (whoever can set a variable would see every request, and the
//! proxy would resolve the name again, unchecked), follows no redirect (its
//! target passed no rule), keeps no cookies and unpacks no encoding.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::dns::{Addrs, Name as DnsName, Resolve, Resolving};
use rustls::client::Resumption;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use super::error::SetupError;

/// The most clients kept; the one least recently used makes room. One takes
/// under 40 KiB with a warm connection, where a client with root certificates
/// of its own takes 100 KiB and 30 ms to build.
const MAX_CLIENTS: usize = 64;

/// How long an idle connection is kept: calls of one plugin come in bursts,
/// and servers close theirs after a minute or so.
const IDLE: Duration = Duration::from_secs(30);

/// Idle HTTP/1 connections kept per client; HTTP/2 needs one.
const MAX_IDLE: usize = 2;

/// TLS sessions kept per client, to resume instead of shaking hands.
const MAX_SESSIONS: usize = 4;

/// What a client is for. Two requests share one only if all of it is equal.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) subject: String,
    /// Scheme, host and port.
    pub(crate) origin: String,
    /// The name of the secret that goes with it.
    pub(crate) credential: Option<String>,
    /// Checked, in the order of preference, with the port.
    pub(crate) addresses: Vec<SocketAddr>,
}

pub(crate) struct Pool {
    tls: ClientConfig,
    connect_timeout: Duration,
    max_response_header_bytes: u32,
    clients: Mutex<Clients>,
}

#[derive(Default)]
struct Clients {
    by_key: HashMap<Key, (reqwest::Client, u64)>,
    uses: u64,
}

impl Pool {
    pub(crate) fn new(
        extra_roots: Option<&Path>,
        connect_timeout: Duration,
        max_response_header_bytes: u32,
    ) -> Result<Self, SetupError> {
        Ok(Self {
            tls: tls(extra_roots)?,
            connect_timeout,
            max_response_header_bytes,
            clients: Mutex::default(),
        })
    }

    /// The client for a key, kept or new.
    pub(crate) fn client(&self, mut key: Key) -> Result<reqwest::Client, reqwest::Error> {
        let preferred = key.addresses.clone();
        // Name servers rotate their answers; the set is what was checked.
        key.addresses.sort_unstable();
        key.addresses.dedup();
        // A poisoned map is whole: it is changed by single calls.
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        clients.uses += 1;
        let use_number = clients.uses;
        if let Some((client, last)) = clients.by_key.get_mut(&key) {
            *last = use_number;
            return Ok(client.clone());
        }
        let client = self.build(preferred)?;
        if clients.by_key.len() >= MAX_CLIENTS {
            let oldest = clients.by_key.iter().min_by_key(|(_, (_, last))| *last);
            if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
                clients.by_key.remove(&oldest);
            }
        }
        clients.by_key.insert(key, (client.clone(), use_number));
        Ok(client)
    }

    fn build(&self, addresses: Vec<SocketAddr>) -> Result<reqwest::Client, reqwest::Error> {
        let mut tls = self.tls.clone();
        // A clone shares the session store; sessions are not to be shared.
        tls.resumption = Resumption::in_memory_sessions(MAX_SESSIONS);
        reqwest::Client::builder()
            .use_preconfigured_tls(tls)
            .dns_resolver(Arc::new(Checked(addresses)))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .referer(false)
            // These features are off in this workspace. If one is turned on
            // for another crate's sake, the cap on bytes must still count what
            // came over the wire and the scan must still see the header.
            .no_gzip()
            .no_brotli()
            .no_deflate()
            .no_zstd()
            .connect_timeout(self.connect_timeout)
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(MAX_IDLE)
            .http2_max_header_list_size(self.max_response_header_bytes)
            .build()
    }
}

/// Answers with the addresses that were checked. The client has one origin,
/// so there is no other name to ask for.
struct Checked(Vec<SocketAddr>);

impl Resolve for Checked {
    fn resolve(&self, _name: DnsName) -> Resolving {
        let addresses: Addrs = Box::new(self.0.clone().into_iter());
        Box::pin(std::future::ready(Ok(addresses)))
    }
}

/// The one TLS configuration, whose roots all clients share: those of the
/// operating system and, where given, those of a PEM file.
pub(crate) fn tls(extra_roots: Option<&Path>) -> Result<ClientConfig, SetupError> {
    let mut roots = RootCertStore::empty();
    let native = rustls_native_certs::load_native_certs();
    for error in &native.errors {
        tracing::warn!(%error, "some root certificates of the system cannot be read");
    }
    roots.add_parsable_certificates(native.certs);
    if let Some(path) = extra_roots {
        let refuse = |reason: String| SetupError::Roots {
            path: path.to_owned(),
            reason,
        };
        let extra = CertificateDer::pem_file_iter(path)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| refuse(error.to_string()))?;
        if extra.is_empty() {
            return Err(refuse("there is no certificate in it".to_owned()));
        }
        for certificate in extra {
            roots
                .add(certificate)
                .map_err(|error| refuse(error.to_string()))?;
        }
    }
    if roots.is_empty() {
        tracing::warn!("there are no root certificates: every https request will fail");
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
