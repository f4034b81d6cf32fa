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
use super::error::{OutboundError, Stop};
use super::rule::{Rule, Scheme};
use super::target::Target;

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

/// The addresses that `rule` lets a request to `target` connect to.
pub(crate) async fn addresses(
    resolver: &dyn Resolve,
    rule: &Rule,
    target: &Target,
) -> Result<Vec<SocketAddr>, Stop> {
    let found = match &target.name {
        HostName::Ip(ip) => vec![*ip],
        HostName::Domain(domain) => resolver
            .resolve(domain)
            .await
            .map_err(|error| Stop::with_detail(no_such_name(domain), error.to_string()))?,
    };
    if found.is_empty() {
        return Err(no_such_name(&target.name.to_string()).into());
    }
    for ip in &found {
        let reach = Reach::of(*ip);
        // An address that a name leads to was not named, whatever the rule's
        // host is: the two never match each other.
        let named = rule.host.address() == Some(*ip);
        if !reach.is_open(rule.private, named) {
            return Err(shut(&target.name, *ip, reach, rule.private));
        }
    }
    if rule.credential.is_some() && target.scheme == Scheme::Http {
        let is_local = |ip: &IpAddr| Reach::of(*ip) == Reach::Loopback;
        if !(rule.private && found.iter().all(is_local)) {
            return Err(OutboundError::Denied(format!(
                "a credential does not go to {} over plain http; use https",
                target.name
            ))
            .into());
        }
    }
    Ok(found
        .into_iter()
        .take(MAX_ADDRESSES)
        .map(|ip| SocketAddr::new(ip.to_canonical(), target.port))
        .collect())
}

fn no_such_name(name: &str) -> OutboundError {
    OutboundError::Unreachable(format!("the host {name} does not resolve"))
}

fn shut(name: &HostName, ip: IpAddr, reach: Reach, private: bool) -> Stop {
    let advice = match (reach, name) {
        (Reach::Loopback | Reach::Private, _) if !private => "; the rule needs `private = true`",
        (Reach::LinkLocal | Reach::Metadata, HostName::Domain(_)) => {
            "; a rule must name that address itself, with `private = true`"
        }
        (Reach::LinkLocal | Reach::Metadata, HostName::Ip(_)) => "; the rule needs `private = true`",
        _ => "",
    };
    Stop::with_detail(
        OutboundError::Denied(format!(
            "the host {name} is at an address that its rule does not open"
        )),
        format!("{ip} is {}{advice}", reach.describe()),
    )
}
