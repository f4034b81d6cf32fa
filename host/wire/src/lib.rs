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

/// Where things are inside a sandbox; the host tells agents about them and the
/// runner provides them.
pub mod place {
    /// The volume that everything of a run is on.
    pub const WORK: &str = "/work";
    /// The checked-out repository.
    pub const REPO: &str = "/work/repo";
    /// The steps' home directory.
    pub const HOME: &str = "/work/home";
    /// The runner's own directory; steps have no business there.
    pub const OWN: &str = "/work/.sortie";
    /// The egress proxy, for HTTP and for CONNECT.
    pub const EGRESS: &str = "127.0.0.1:3128";
    /// The model endpoint.
    pub const LLM: &str = "127.0.0.1:3129";
}

/// Status with which the runner ends its container, and so the container.
pub mod status {
    /// It was told to stop.
    pub const STOPPED: i32 = 0;
    /// It could not start, or met a fault of its own.
    pub const FAULT: i32 = 70;
    /// The container's wall limit passed.
    pub const WALL_LIMIT: i32 = 124;
    /// The wire ended before anybody claimed the container.
    pub const UNCLAIMED: i32 = 125;
}
