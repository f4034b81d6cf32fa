//! Processor time of one call, measured on the thread that runs it and only
//! while it runs: neither waits for the host nor a busy machine count.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll},
};

use nix::time::{ClockId, clock_gettime};

/// How much processor time a call has used. Only the task that runs the call
/// writes it, so the order of the stores is its own.
#[derive(Debug)]
pub(crate) struct Meter {
    limit_ns: u64,
    used_ns: AtomicU64,
    slice_start_ns: AtomicU64,
}

impl Meter {
    pub(crate) fn new(limit_ms: u64) -> Arc<Self> {
        Arc::new(Self {
            limit_ns: limit_ms.saturating_mul(1_000_000),
            used_ns: AtomicU64::new(0),
            slice_start_ns: AtomicU64::new(0),
        })
    }

    /// Begins a new call on the same store.
    pub(crate) fn reset(&self) {
        self.used_ns.store(0, Relaxed);
    }

    /// Whether the limit is passed; asked from within the running call.
    pub(crate) fn exhausted(&self) -> bool {
        let slice = thread_cpu_ns().saturating_sub(self.slice_start_ns.load(Relaxed));
        self.used_ns.load(Relaxed).saturating_add(slice) > self.limit_ns
    }

    /// Runs `future`, counting what it uses.
    pub(crate) fn measure<F: Future + ?Sized>(
        self: &Arc<Self>,
        future: Pin<Box<F>>,
    ) -> Measured<F> {
        Measured {
            meter: Arc::clone(self),
            future,
        }
    }
}

/// A future whose polls are counted.
pub(crate) struct Measured<F: ?Sized> {
    meter: Arc<Meter>,
    future: Pin<Box<F>>,
}

impl<F: Future + ?Sized> Future for Measured<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let start = thread_cpu_ns();
        self.meter.slice_start_ns.store(start, Relaxed);
        let poll = self.future.as_mut().poll(cx);
        let slice = thread_cpu_ns().saturating_sub(start);
        self.meter.used_ns.fetch_add(slice, Relaxed);
        poll
    }
}

/// Processor time of this thread in nanoseconds. The clock always exists on
/// Linux; where it did not, guests would still be held by the wall clock.
fn thread_cpu_ns() -> u64 {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(0, |t| {
        u64::try_from(t.tv_sec())
            .unwrap_or(0)
            .saturating_mul(1_000_000_000)
            .saturating_add(u64::try_from(t.tv_nsec()).unwrap_or(0))
    })
}
