//! A session: many streams over one byte stream.
//!
//! One task drives the connection; handles ask it for streams over a channel.
//! The session ends when its transport ends or misbehaves, when [`Session::close`]
//! is called, or when the last handle is dropped; its streams end with it.
//! It never reconnects and never looks into a stream.

use crate::limits::{CLOSE_LIMIT, INCOMING_MAX, OPENED_MAX, STREAMS_MAX, WINDOW_MAX_BYTES};
use crate::stream::StreamIo;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};
use tokio_util::compat::{Compat, TokioAsyncReadCompatExt};

/// Which end of the wire this is; the two must differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The end that opened the wire.
    Host,
    /// The end inside the sandbox.
    Runner,
}

/// The session is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("use the wire: it is closed; open it again")]
pub struct Closed;

/// Somebody who waits for a stream, and the place it will take.
#[derive(Debug)]
struct Ask {
    answer: oneshot::Sender<StreamIo>,
    place: OwnedSemaphorePermit,
}

/// A handle on a session. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Session {
    opens: mpsc::Sender<Ask>,
    places: Arc<Semaphore>,
    closing: Arc<watch::Sender<bool>>,
    done: watch::Receiver<bool>,
}

/// The streams that the other end opens. Unclaimed ones beyond
/// [`INCOMING_MAX`] are reset.
#[derive(Debug)]
pub struct Incoming(mpsc::Receiver<StreamIo>);

impl Incoming {
    /// The next stream; `None` when the session is over.
    pub async fn next(&mut self) -> Option<StreamIo> {
        self.0.recv().await
    }
}

impl Session {
    /// Takes over a byte stream on which the handshake is done. Must be called
    /// inside a tokio runtime, which then drives the session.
    pub fn start<T>(io: T, side: Side) -> (Self, Incoming)
    where
        T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let mut config = yamux::Config::default();
        // The order matters: each setter checks the other's value.
        config.set_max_num_streams(STREAMS_MAX);
        config.set_max_connection_receive_window(Some(WINDOW_MAX_BYTES));
        let mode = match side {
            Side::Host => yamux::Mode::Client,
            Side::Runner => yamux::Mode::Server,
        };
        let (opens, asked) = mpsc::channel(OPENED_MAX);
        let (incoming, arrived) = mpsc::channel(INCOMING_MAX);
        let (closing, close) = watch::channel(false);
        let (finished, done) = watch::channel(false);
        let driver = Driver {
            connection: yamux::Connection::new(io.compat(), config, mode),
            asked,
            waiting: None,
            incoming,
        };
        tokio::spawn(async move {
            driver.run(close).await;
            finished.send_replace(true);
        });
        (
            Self {
                opens,
                places: Arc::new(Semaphore::new(OPENED_MAX)),
                closing: closing.into(),
                done,
            },
            Incoming(arrived),
        )
    }

    /// Opens a stream; waits while this end has too many open.
    pub async fn open(&self) -> Result<StreamIo, Closed> {
        let place = tokio::select! {
            place = self.places.clone().acquire_owned() => place.map_err(|_| Closed)?,
            () = self.closed() => return Err(Closed),
        };
        let (answer, stream) = oneshot::channel();
        self.opens
            .send(Ask { answer, place })
            .await
            .map_err(|_| Closed)?;
        stream.await.map_err(|_| Closed)
    }

    /// Ends the session, and all its streams with it.
    pub fn close(&self) {
        self.closing.send_replace(true);
    }

    /// Resolves when the session is over.
    pub async fn closed(&self) {
        // An error means that the driver is gone, which is the same.
        let _ = self.done.clone().wait_for(|done| *done).await;
    }

    /// Whether the session is over.
    pub fn is_closed(&self) -> bool {
        *self.done.borrow() || self.done.has_changed().is_err()
    }
}

struct Driver<T> {
    connection: yamux::Connection<Compat<T>>,
    asked: mpsc::Receiver<Ask>,
    waiting: Option<Ask>,
    incoming: mpsc::Sender<StreamIo>,
}

impl<T: AsyncRead + AsyncWrite + Unpin> Driver<T> {
    async fn run(mut self, mut close: watch::Receiver<bool>) {
        {
            let asked_to = async {
                // An error means that every handle is gone, which is the same.
                let _ = close.wait_for(|close| *close).await;
            };
            tokio::select! {
                () = poll_fn(|cx| self.poll(cx)) => return,
                () = asked_to => {}
            }
        }
        let goodbye = poll_fn(|cx| self.connection.poll_close(cx));
        // The transport is dropped next, whether the goodbye got through or not.
        let _ = tokio::time::timeout(CLOSE_LIMIT, goodbye).await;
    }

    /// Ready when the connection is over.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let mut progress = false;
            if self.waiting.is_none()
                && let Poll::Ready(Some(ask)) = self.asked.poll_recv(cx)
            {
                self.waiting = Some(ask);
            }
            if let Some(ask) = self.waiting.take() {
                match self.connection.poll_new_outbound(cx) {
                    Poll::Ready(Ok(stream)) => {
                        // Whoever asked may have gone; the stream is then reset.
                        let _ = ask.answer.send(StreamIo::new(stream, Some(ask.place)));
                        progress = true;
                    }
                    Poll::Ready(Err(_)) => return Poll::Ready(()),
                    Poll::Pending => self.waiting = Some(ask),
                }
            }
            match self.connection.poll_next_inbound(cx) {
                Poll::Ready(Some(Ok(stream))) => {
                    // A full queue resets the stream, which bounds what a peer can pile up.
                    let _ = self.incoming.try_send(StreamIo::new(stream, None));
                    progress = true;
                }
                Poll::Ready(Some(Err(_)) | None) => return Poll::Ready(()),
                Poll::Pending => {}
            }
            if !progress {
                return Poll::Pending;
            }
        }
    }
}
