//! One stream of a session, as tokio reads and writes it.
//!
//! yamux keeps one waker for what both directions of a stream wait on, so a
//! stream whose halves are polled by two tasks can lose the wake-up of one and
//! hang. Here each direction leaves its own waker in `Wakers`, and yamux
//! only ever sees one that wakes both: a direction may be woken for nothing,
//! never forgotten. [`tokio::io::split`] is therefore safe on a [`StreamIo`].

use futures::task::AtomicWaker;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::compat::{Compat, FuturesAsyncReadCompatExt};

#[derive(Default)]
struct Wakers {
    read: AtomicWaker,
    write: AtomicWaker,
}

impl Wake for Wakers {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.read.wake();
        self.write.wake();
    }
}

/// A multiplexed stream. Dropping it resets it; shutting it down ends the
/// writing side only.
pub struct StreamIo {
    inner: Compat<yamux::Stream>,
    wakers: Arc<Wakers>,
    both: Waker,
    /// The opener's place among the open streams, given back with the stream.
    _place: Option<OwnedSemaphorePermit>,
}

impl StreamIo {
    pub(crate) fn new(stream: yamux::Stream, place: Option<OwnedSemaphorePermit>) -> Self {
        let wakers = Arc::new(Wakers::default());
        Self {
            inner: stream.compat(),
            both: Waker::from(wakers.clone()),
            wakers,
            _place: place,
        }
    }

    fn with<T>(
        &mut self,
        poll: impl FnOnce(Pin<&mut Compat<yamux::Stream>>, &mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        let mut context = Context::from_waker(&self.both);
        poll(Pin::new(&mut self.inner), &mut context)
    }
}

impl std::fmt::Debug for StreamIo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StreamIo({})", self.inner.get_ref().id())
    }
}

impl AsyncRead for StreamIo {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.wakers.read.register(cx.waker());
        self.with(|io, cx| io.poll_read(cx, buf))
    }
}

impl AsyncWrite for StreamIo {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.wakers.write.register(cx.waker());
        self.with(|io, cx| io.poll_write(cx, buf))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.wakers.write.register(cx.waker());
        self.with(|io, cx| io.poll_flush(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.wakers.write.register(cx.waker());
        self.with(|io, cx| io.poll_shutdown(cx))
    }
}
