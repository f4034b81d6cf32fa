//! The wire between the host and the runner inside a sandbox: one byte stream
//! that the host opened, a handshake on it, and multiplexed streams of typed
//! messages over it.
//!
//! The crate is shared by both ends, so that neither can drift. It says what
//! the messages are, how they are framed and bounded, and who may speak; it
//! never decides what a message does, never opens a transport and never reads
//! a clock except to bound a wait.
//!
//! Order of things on a fresh byte stream:
//! 1. the runner sends its [`hello::Greeting`], behind a fixed preamble that
//!    carries the protocol version;
//! 2. the host answers with a [`hello::Hello`]: its lease token and a proof
//!    that it knows the container's secret;
//! 3. the runner answers with a [`hello::Verdict`], and proves the same;
//! 4. both ends hand the byte stream to a [`session::Session`]; every stream
//!    in it begins with one [`message::Open`] that says what it is for.

pub mod blob;
pub mod codec;
pub mod hello;
pub mod limits;
pub mod message;
pub mod session;
pub mod stream;

/// Version of everything in this crate; both ends must show the same. Grows
/// when a message changes shape, because postcard carries no field names.
pub const PROTOCOL: u16 = 1;
