//! The `sortie` binary as people and scripts run it. The hosts here have no
//! container engine: what runs is tested end to end elsewhere.
#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod decisions;
mod help;
mod host;
mod installed;
mod offline;
mod plugins;
mod rig;
mod scan;
mod telegram;
