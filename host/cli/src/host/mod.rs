//! The wiring of a host: from the configuration to running parts. Everything
//! a host does is done by the parts; here they are only put together.

mod catalog;
mod engine;
mod logging;
pub mod options;
pub mod record;
mod run;

pub use logging::LogFormat;
pub use run::run;

/// The API's token, in the data directory.
pub const TOKEN_FILE: &str = "api-token";

/// The key of the sandboxes' wires, in the data directory.
pub const WIRE_KEY_FILE: &str = "wire-key";

/// The git mirrors, in the data directory.
pub const MIRRORS_DIR: &str = "mirrors";

/// Compiled plugins, in the data directory.
pub const CODE_CACHE_DIR: &str = "code-cache";
