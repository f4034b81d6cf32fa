//! The wiring of a host: from the configuration to running parts. Everything
//! a host does is done by the parts; here they are only put together.

mod catalog;
mod engine;
mod logging;
pub mod options;
mod people;
pub mod record;
mod run;
mod telegram;

pub use logging::LogFormat;
pub use run::run;

/// The API's token, in the data directory.
pub const TOKEN_FILE: &str = "api-token";

/// The key of the sandboxes' wires, in the data directory.
pub const WIRE_KEY_FILE: &str = "wire-key";

/// The git mirrors, in the data directory.
pub const MIRRORS_DIR: &str = "mirrors";

/// Secrets that were handed over while the host ran, in the data directory.
pub const SECRETS_DIR: &str = "secrets";

/// Compiled plugins, in the data directory.
pub const CODE_CACHE_DIR: &str = "code-cache";
