//! Where events come from. The host owns every source: it listens and ticks,
//! verifies who is there, and removes duplicates before a guest sees anything.

pub mod chat;
pub mod http;
pub(crate) mod sender;
pub(crate) mod strangers;
pub(crate) mod timer;
mod verify;
