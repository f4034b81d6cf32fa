//! Answers that stay open. Each is pulled by its client, so that a slow one
//! costs a place and nothing more, and ends when the host does.

mod events;
mod log;

pub(crate) use events::{Timeline, events};
pub(crate) use log::{Log, lines};
