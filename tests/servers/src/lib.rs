//! Servers for tests, each started for one test on a loopback port and ended with
//! it. Those that nobody here wrote `scripts/setup.sh --tests` installs.

#![allow(clippy::disallowed_methods, reason = "tests start programs")]
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test without its server ends here"
)]

mod aimock;
mod models;
mod registry;
mod sshd;
mod telegram;

pub use aimock::Models;
pub use models::{ModelServer, Reply, Seen, Turn};
pub use registry::Registry;
pub use sshd::{Sshd, keygen};
pub use telegram::{BotApi, Created, Document, Fault, Shown, TestApi};
