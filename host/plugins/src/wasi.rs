//! WASI 0.2 with nothing behind it, for guests whose language runtime cannot
//! do without: no environment, arguments, sockets or names, and no files
//! besides granted directories; output becomes log lines. In pure calls clocks and randomness depend on the input
//! alone; effectful ones have the real ones.

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use rand::{SeedableRng, rngs::StdRng};
use tokio::io::AsyncWrite;
use wasmtime_wasi::{
    FsPerms, HostMonotonicClock, HostWallClock, WasiCtx, WasiCtxBuilder,
    cli::{IsTerminal, StdoutStream},
    p2::{OutputStream, Pollable, StreamError, StreamResult},
};

use crate::{
    capabilities::Directory,
    log::{CallLog, LogLevel},
};

/// What every wall clock says: the first second of 2020 in UTC. Zero would
/// upset runtimes that take it for an unset clock.
const WALL_CLOCK: Duration = Duration::from_secs(1_577_836_800);

/// How far the monotonic clock moves each time it is read, in nanoseconds. A
/// clock that stood still would let a guest that waits for it loop until its
/// limit.
const MONOTONIC_STEP_NS: u64 = 1_000;

/// The most one write may carry, in bytes; what wasmtime's own streams take.
const WRITE_PERMIT_BYTES: usize = 64 << 10;

/// The most random bytes of one request.
const MAX_RANDOM_BYTES: u64 = 1 << 20;

/// The context for one store. With a seed it is a pure call's, and all that
/// varies follows from it.
///
/// # Errors
///
/// When a granted directory cannot be opened: a call without what it was
/// promised would say wrong things.
pub(crate) fn context(
    seed: Option<[u8; 32]>,
    directories: &[Directory],
    log: &CallLog,
) -> Result<WasiCtx, String> {
    let mut builder = WasiCtxBuilder::new();
    builder
        .stdout(LineStream::new(log.clone(), LogLevel::Debug))
        .stderr(LineStream::new(log.clone(), LogLevel::Info))
        .max_random_size(MAX_RANDOM_BYTES)
        .allow_tcp(false)
        .allow_udp(false)
        .allow_ip_name_lookup(false)
        .socket_addr_check(|_, _| Box::pin(async { false }));
    if let Some(seed) = seed {
        fix(&mut builder, seed);
    }
    for directory in directories {
        let perms = match directory.writable {
            true => FsPerms::ReadWrite,
            false => FsPerms::ReadOnly,
        };
        builder
            .preopened_dir(&directory.host, &directory.guest, perms)
            .map_err(|error| {
                format!(
                    "open the granted directory {}: {error}; make it, or grant another",
                    directory.host.display()
                )
            })?;
    }
    Ok(builder.build())
}

fn fix(builder: &mut WasiCtxBuilder, seed: [u8; 32]) {
    let mut insecure = seed;
    insecure.reverse();
    let mut insecure_seed = [0; 16];
    insecure_seed.copy_from_slice(&seed[..16]);
    builder
        .wall_clock(FixedWallClock)
        .monotonic_clock(SteppingClock(AtomicU64::new(0)))
        .secure_random(StdRng::from_seed(seed))
        .insecure_random(StdRng::from_seed(insecure))
        .insecure_random_seed(u128::from_le_bytes(insecure_seed));
}

struct FixedWallClock;

impl HostWallClock for FixedWallClock {
    fn resolution(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn now(&self) -> Duration {
        WALL_CLOCK
    }
}

struct SteppingClock(AtomicU64);

impl HostMonotonicClock for SteppingClock {
    fn resolution(&self) -> u64 {
        MONOTONIC_STEP_NS
    }

    fn now(&self) -> u64 {
        self.0.fetch_add(MONOTONIC_STEP_NS, Relaxed)
    }
}

/// Cuts what a guest prints into log lines. A last line without its end is
/// written when the store is dropped.
#[derive(Clone)]
struct LineStream(Arc<LineBuffer>);

struct LineBuffer {
    log: CallLog,
    level: LogLevel,
    partial: Mutex<Vec<u8>>,
}

impl LineStream {
    fn new(log: CallLog, level: LogLevel) -> Self {
        Self(Arc::new(LineBuffer {
            log,
            level,
            partial: Mutex::new(Vec::new()),
        }))
    }

    fn take(&self, bytes: &[u8]) -> Result<(), crate::call::Stop> {
        let mut partial = self
            .0
            .partial
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|&b| b == b'\n') {
            self.keep(&mut partial, &rest[..end]);
            let line = std::mem::take(&mut *partial);
            self.0
                .log
                .write(self.0.level, &String::from_utf8_lossy(&line))?;
            rest = &rest[end + 1..];
        }
        self.keep(&mut partial, rest);
        Ok(())
    }

    fn keep(&self, partial: &mut Vec<u8>, bytes: &[u8]) {
        let room = self.0.log.line_bytes().saturating_sub(partial.len());
        partial.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }
}

impl Drop for LineBuffer {
    fn drop(&mut self) {
        let partial = self
            .partial
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        if !partial.is_empty() {
            // The call is over: over the limit the line is dropped with it.
            let _ = self
                .log
                .write(self.level, &String::from_utf8_lossy(partial));
        }
    }
}

impl IsTerminal for LineStream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for LineStream {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl OutputStream for LineStream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.take(&bytes)
            .map_err(|stop| StreamError::Trap(stop.into()))
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE_PERMIT_BYTES)
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for LineStream {
    async fn ready(&mut self) {}
}

impl AsyncWrite for LineStream {
    fn poll_write(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Poll::Ready(
            self.take(bytes)
                .map(|()| bytes.len())
                .map_err(std::io::Error::other),
        )
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
