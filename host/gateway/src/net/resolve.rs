//! From a host to the addresses that may be connected to.
//!
//! A name is resolved once per request, here; each address of the answer is
//! checked, one that is shut refuses the request as a whole, and the
//! connection is made to the checked addresses alone. A name server that
//! answers differently a moment later is not asked again.

use std::io;
use std::net::{IpAddr, SocketAddr};

use async_trait::async_trait;
use sortie_model::host::HostName;

use super::address::Reach;

/// The most addresses of a name that are tried; each costs a part of the time
/// to connect, and hosts that are served by more answer at any.
const MAX_ADDRESSES: usize = 16;

/// What turns names into addresses.
#[async_trait]
pub trait Resolve: Send + Sync {
    /// All addresses of a DNS name in normal form, in the order in which they
    /// should be tried.
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// The resolver of the operating system, with its hosts file and its search
/// list.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

#[async_trait]
impl Resolve for SystemResolver {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let found = tokio::net::lookup_host((name, 0)).await?;
        Ok(found.map(|address| address.ip()).collect())
    }
}

/// What a rule opens beyond public addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Opened {
    /// The rule's own flag for private and loopback addresses.
    pub(crate) private: bool,
    /// The address that the rule names as its host, if it names one.
    pub(crate) named: Option<IpAddr>,
}

/// Why a host may not, or cannot, be connected to.
#[derive(Debug)]
pub(crate) enum VetError {
    /// No name server knows it; what the resolver said, for operators.
    NoSuchName(String),
    /// One of its addresses is not one that the rule opens.
    Shut {
        /// The address.
        ip: IpAddr,
        /// Its kind.
        reach: Reach,
        /// What would open it, for operators; may be empty.
        advice: &'static str,
    },
}

/// The addresses of a host, each of them one that `opened` opens.
pub(crate) async fn vet(
    resolver: &dyn Resolve,
    name: &HostName,
    port: u16,
    opened: Opened,
) -> Result<Vec<SocketAddr>, VetError> {
    let found = match name {
        HostName::Ip(ip) => vec![*ip],
        HostName::Domain(domain) => resolver
            .resolve(domain)
            .await
            .map_err(|error| VetError::NoSuchName(error.to_string()))?,
    };
    if found.is_empty() {
        return Err(VetError::NoSuchName("it has no address".to_owned()));
    }
    for ip in &found {
        let reach = Reach::of(*ip);
        // An address that a name leads to was not named, whatever the rule's
        // host is: the two never match each other.
        if !reach.is_open(opened.private, opened.named == Some(*ip)) {
            return Err(VetError::Shut {
                ip: *ip,
                reach,
                advice: advice(reach, name, opened.private),
            });
        }
    }
    Ok(found
        .into_iter()
        .take(MAX_ADDRESSES)
        .map(|ip| SocketAddr::new(ip.to_canonical(), port))
        .collect())
}

fn advice(reach: Reach, name: &HostName, private: bool) -> &'static str {
    match (reach, name) {
        (Reach::Loopback | Reach::Private, _) if !private => "; the rule must open private ones",
        (Reach::LinkLocal | Reach::Metadata, HostName::Domain(_)) => {
            "; a rule must name that address itself, and open private ones"
        }
        (Reach::LinkLocal | Reach::Metadata, HostName::Ip(_)) => {
            "; the rule must open private ones"
        }
        _ => "",
    }
}
