//! What one connection carries: counted, bounded by what is left of the run's
//! bytes, and noticed when it stops.

use super::budget::{Budget, Full, bounded};
use super::fault::Fault;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::time::Instant;

/// What a connection carries one way before that is written down while it goes
/// on. A kill of the host forgets about as much of each, and a write for so much
/// costs nothing beside it.
const WRITTEN_EVERY_BYTES: u64 = 4 * 1024 * 1024;

/// The counts of one connection.
pub(super) struct Flow {
    budget: Arc<Budget>,
    began: Instant,
    /// When it last carried something, in milliseconds since it began.
    touched_ms: AtomicU64,
    up: AtomicU64,
    down: AtomicU64,
    full: OnceLock<Full>,
    begun: AtomicBool,
    /// It carried enough more to be written down.
    more: Notify,
}

impl Flow {
    pub(super) fn new(budget: Arc<Budget>) -> Self {
        Self {
            budget,
            began: Instant::now(),
            touched_ms: AtomicU64::new(0),
            up: AtomicU64::new(0),
            down: AtomicU64::new(0),
            full: OnceLock::new(),
            begun: AtomicBool::new(false),
            more: Notify::new(),
        }
    }

    /// Bytes out of the sandbox, and into it.
    pub(super) fn carried(&self) -> (u64, u64) {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (load(&self.up), load(&self.down))
    }

    /// Waits until it carried enough more to be written down.
    pub(super) async fn carried_more(&self) {
        self.more.notified().await;
    }

    fn count(&self, count: &AtomicU64, bytes: u64) {
        self.touch();
        let before = count.fetch_add(bytes, Ordering::Relaxed);
        let after = before.saturating_add(bytes);
        if before / WRITTEN_EVERY_BYTES != after / WRITTEN_EVERY_BYTES {
            self.more.notify_one();
        }
    }

    /// The client is connected: from now on it hears of nothing but the end.
    pub(super) fn begin(&self) {
        self.touch();
        self.begun.store(true, Ordering::Relaxed);
    }

    pub(super) fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Relaxed)
    }

    /// The limit that ended it, if one did.
    pub(super) fn cut(&self) -> Option<Fault> {
        self.full.get().map(|full| Fault::full(*full))
    }

    /// Ends when nothing was carried for the whole of the run's idle limit. How
    /// long a connection may take to begin is bounded where each step is made.
    pub(super) async fn idle(&self) {
        let limit = self.budget.limits().idle_ms.max(1);
        loop {
            let touched = self.touched_ms.load(Ordering::Relaxed);
            let due = self.began + bounded(touched.saturating_add(limit));
            if due > Instant::now() {
                tokio::time::sleep_until(due).await;
            } else if self.has_begun() {
                return;
            } else {
                self.touch();
            }
        }
    }

    fn touch(&self) {
        let elapsed = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.touched_ms.store(elapsed, Ordering::Relaxed);
    }

    fn stop(&self, full: Full) -> io::Error {
        let _ = self.full.set(full);
        io::Error::other("a limit of the run is used up")
    }
}

/// The far end of a connection. What is written to it goes out of the sandbox.
pub(super) struct Counted<S> {
    inner: S,
    flow: Arc<Flow>,
}

impl<S> Counted<S> {
    pub(super) fn new(inner: S, flow: Arc<Flow>) -> Self {
        Self { inner, flow }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        std::task::ready!(Pin::new(&mut self.inner).poll_read(cx, buf))?;
        let read = (buf.filled().len() - before) as u64;
        if read > 0 {
            self.flow.count(&self.flow.down, read);
            if !self.flow.budget.add_down(read) {
                return Poll::Ready(Err(self.flow.stop(Full::Down)));
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let taken = self.flow.budget.take_up(bytes.len() as u64);
        if taken == 0 && !bytes.is_empty() {
            return Poll::Ready(Err(self.flow.stop(Full::Up)));
        }
        let most = usize::try_from(taken).unwrap_or(bytes.len());
        let polled = Pin::new(&mut self.inner).poll_write(cx, &bytes[..most]);
        let written = match &polled {
            Poll::Ready(Ok(written)) => *written as u64,
            Poll::Ready(Err(_)) | Poll::Pending => 0,
        };
        self.flow.budget.give_up_back(taken.saturating_sub(written));
        if written > 0 {
            self.flow.count(&self.flow.up, written);
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sortie_model::egress::EgressLimits;
    use std::task::Waker;
    use tokio::io::duplex;

    fn write(to: &mut Counted<tokio::io::DuplexStream>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(to).poll_write(&mut Context::from_waker(Waker::noop()), bytes)
    }

    #[test]
    fn bytes_that_were_not_written_are_given_back() {
        let limits = EgressLimits {
            up_bytes: 10,
            ..EgressLimits::default()
        };
        let budget = Arc::new(Budget::new(limits));
        let made = || {
            let (near, far) = duplex(4);
            let flow = Arc::new(Flow::new(budget.clone()));
            (Counted::new(near, flow), far)
        };
        let (mut one, _far) = made();
        assert!(matches!(write(&mut one, &[0; 8]), Poll::Ready(Ok(4))));
        // The far end takes no more, so nothing more is used.
        assert!(write(&mut one, &[0; 8]).is_pending());
        let (mut other, _far) = made();
        assert!(matches!(write(&mut other, &[0; 8]), Poll::Ready(Ok(4))));
        let (mut last, _far) = made();
        assert!(matches!(write(&mut last, &[0; 8]), Poll::Ready(Ok(2))));
        assert!(matches!(write(&mut last, &[0; 8]), Poll::Ready(Err(_))));
        assert_eq!(last.flow.cut().map(|fault| fault.reason), Some("bytes-up"));
        assert_eq!(one.flow.carried(), (4, 0));
    }
}
