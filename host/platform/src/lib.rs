//! The plugin platform: what is installed, what it was granted, and the two
//! ways in which the world and plugins meet.
//!
//! [`Platform`] installs, upgrades and removes ([`lifecycle`]); hands events
//! to connectors and writes what they asked for ([`sources`], `events`);
//! hands what happened to notifiers (`deliveries`). A call of a plugin is a
//! transaction: its effects and the acknowledgement of what caused it are one
//! write to the store. Nothing here runs a guest, speaks SQL or opens a
//! connection of its own; and nothing is granted that an operator did not
//! grant.

mod backoff;
mod call;
mod deliveries;
mod error;
mod events;
mod files;
pub mod lifecycle;
mod logs;
mod options;
mod platform;
mod running;
pub mod sources;

pub use call::{DayLimits, HostLine, ProjectLine, Projects};
pub use error::PlatformError;
pub use logs::{LogEntry, PluginLogs};
pub use options::{ConfigSource, PlatformOptions, Trust};
pub use platform::{Platform, PluginView};
