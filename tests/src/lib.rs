//! What the end-to-end tests share: a real host process in a directory of its
//! own, a real repository with a bare remote that writes down every push, and
//! ways to wait for what happens instead of sleeping.
//!
//! Nothing here is a mock. The `sortie` binary must be built
//! (`cargo build -p sortie-cli`), and the engine and the runner image must be
//! there (`cargo xtask image`); `cargo xtask test` sees to all of it.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "tests start programs, speak HTTP and show what a host said"
)]

mod code;
mod containers;
mod engine;
mod host;
mod receiver;
mod remote;
mod waiting;

pub use containers::{Inside, Moment};
pub use engine::{EngineLine, engine_socket};
pub use host::{Host, HostOptions, binary, succeeded};
pub use receiver::{Received, Receiver};
pub use remote::{HeldPush, Remote, git};
pub use waiting::WAIT;

use std::time::Duration;

/// The most any wait of a test takes. Far above what is expected on two busy
/// cores, so that it only ends tests that hang.
pub const PATIENCE: Duration = Duration::from_secs(120);
