//! Runs plugins: WebAssembly components that decide what people want to
//! change, inside limits that they cannot.
//!
//! [`Plugins`] holds the loaded ones. A call gets a fresh store from a pool,
//! bounded memory, tables, processor time, wall-clock time, log and results,
//! and gives back plain records ([`surfaces`]) that were checked, or a typed
//! [`PluginError`] that names the plugin and the export. A guest that traps or
//! runs out of a limit loses its store and harms nobody else.
//!
//! Most surfaces are pure: the same component, configuration and input give the
//! same answer, also for guests that import WASI clocks or randomness.
//! Connectors and notifiers have effects; what they ask for goes to the
//! [`outside`] that the caller hands in, which keeps it or throws it away.
//! Nothing here reaches a network or a secret by itself; no guest code runs
//! while a plugin is loaded; and code is only ever loaded from the cache that
//! this host wrote itself.

mod bindings;
mod cache;
mod call;
mod calls;
mod capabilities;
mod diff;
mod effectful;
mod error;
mod inspect;
mod limiter;
mod log;
mod meter;
mod options;
pub mod outside;
mod parser;
mod plugin;
mod registry;
mod runtime;
mod shipped;
pub mod surfaces;
mod ticker;
mod wasi;

pub use cache::CodeSource;
pub use capabilities::{Capabilities, Directory};
pub use effectful::Turn;
pub use error::{At, PluginError};
pub use log::{LogLevel, LogLine, LogSink};
pub use options::{Limits, MAX_COMPONENT_BYTES, MAX_CONFIG_BYTES, PluginOptions};
pub use parser::Parser;
pub use plugin::{PluginInfo, SurfaceInfo};
pub use registry::{Plugins, Prepared};
pub use shipped::{Shipped, shipped};
