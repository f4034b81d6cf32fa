//! The addresses that a plugin's rule lets a request connect to.

use std::net::SocketAddr;

use super::error::{OutboundError, Stop};
use super::rule::Rule;
use super::scheme::Scheme;
use super::target::Target;
use crate::net::{Opened, Reach, Resolve, VetError, vet};

/// Every address of the target, checked.
pub(crate) async fn addresses(
    resolver: &dyn Resolve,
    rule: &Rule,
    target: &Target,
) -> Result<Vec<SocketAddr>, Stop> {
    let opened = Opened {
        private: rule.private,
        named: rule.host.address(),
    };
    let name = &target.name;
    let found = vet(resolver, name, target.port, opened)
        .await
        .map_err(|error| match error {
            VetError::NoSuchName(detail) => Stop::with_detail(
                OutboundError::Unreachable(format!("the host {name} does not resolve")),
                detail,
            )
            .because("unresolved"),
            VetError::Shut { ip, reach, advice } => Stop::with_detail(
                OutboundError::Denied(format!(
                    "the host {name} is at an address that its rule does not open"
                )),
                format!("{ip} is {}{advice}", reach.describe()),
            )
            .because("special-address"),
        })?;
    if rule.credential.is_some() && target.scheme == Scheme::Http {
        let is_local = |address: &SocketAddr| Reach::of(address.ip()) == Reach::Loopback;
        if !(rule.private && found.iter().all(is_local)) {
            return Err(OutboundError::Denied(format!(
                "a credential does not go to {name} over plain http; use https"
            ))
            .into());
        }
    }
    Ok(found)
}
