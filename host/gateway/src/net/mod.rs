//! From a host to a connection, for everyone who lets something out: what
//! kind of place an address is, which addresses a name leads to, and a
//! connection to the checked ones alone.
//!
//! It never decides what may be asked for; callers hand in what they opened.

mod address;
mod dial;
mod resolve;

pub use address::Reach;
pub(crate) use dial::{DialError, dial};
pub(crate) use resolve::{Opened, VetError, vet};
pub use resolve::{Resolve, SystemResolver};

use sortie_model::host::HostName;

/// Whether a host says of itself that it is this machine: a loopback address,
/// `localhost`, or a name below that.
pub(crate) fn is_loopback(host: &HostName) -> bool {
    match host {
        HostName::Ip(ip) => Reach::of(*ip) == Reach::Loopback,
        HostName::Domain(name) => name == "localhost" || name.ends_with(".localhost"),
    }
}
