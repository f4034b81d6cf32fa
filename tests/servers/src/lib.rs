//! Servers that nobody here wrote, each started for one test on a loopback port
//! and ended with it. `scripts/setup.sh --tests` installs them.

#![allow(clippy::disallowed_methods, reason = "tests start programs")]
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test without its server ends here"
)]

mod models;
mod registry;
mod sshd;

pub use models::Models;
pub use registry::Registry;
pub use sshd::{Sshd, keygen};
