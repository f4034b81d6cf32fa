//! `sortie-runner wire`: joins its standard input and output to PID 1. The
//! engine starts it when a host takes the wire up again; it understands
//! nothing of what it carries and holds nothing.
//!
//! It talks to an abstract socket, whose name cannot be taken while PID 1
//! lives, and checks that it really is PID 1 that listens: a false runner
//! cannot put itself between.

use crate::stdio;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixStream as StdStream};
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;

/// Name of the socket in the abstract namespace, which is the container's own.
pub const SOCKET: &[u8] = b"sortie-wire";

/// Copies both ways until either side ends.
pub async fn run() -> io::Result<()> {
    let stream = StdStream::connect_addr(&SocketAddr::from_abstract_name(SOCKET)?)
        .map_err(|e| io::Error::new(e.kind(), format!("failed to reach the runner: {e}")))?;
    stream.set_nonblocking(true)?;
    let stream = UnixStream::from_std(stream)?;
    if stream.peer_cred()?.pid() != Some(1) {
        return Err(io::Error::other(
            "failed to reach the runner: another process listens in its place",
        ));
    }
    let (mut input, mut output) = stdio::take()?;
    let (mut from_runner, mut to_runner) = stream.into_split();
    tokio::select! {
        done = tokio::io::copy(&mut input, &mut to_runner) => { done?; }
        done = tokio::io::copy(&mut from_runner, &mut output) => { done?; }
    }
    output.flush().await
}
