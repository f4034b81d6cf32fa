//! The crate against real repositories and real servers: a directory, a
//! `git http-backend` behind HTTP, an `sshd`.

#![allow(
    clippy::disallowed_methods,
    reason = "the tests play the remote, the agent and the machine's owner"
)]

mod diff;
mod http;
mod incoming;
mod mirror;
mod policy;
mod push;
mod ssh;
mod support;
mod tree;
