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
