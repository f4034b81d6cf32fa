//! The body of an answer: whole, or as it comes.

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::mpsc;

/// An answer ends here without its end: the client sees that it was cut.
#[derive(Debug, thiserror::Error)]
#[error("send the rest of the answer: {0}")]
pub(crate) struct Cut(pub(crate) &'static str);

/// A piece of an answer, or its early end.
pub(crate) type Piece = Result<Bytes, Cut>;

/// What the gateway answers with.
pub(crate) enum GatewayBody {
    /// All of it; none when it was taken.
    Whole(Option<Bytes>),
    /// Piece by piece, until the sender is gone.
    Stream(mpsc::Receiver<Piece>),
}

impl From<Bytes> for GatewayBody {
    fn from(bytes: Bytes) -> Self {
        Self::Whole(Some(bytes).filter(|bytes| !bytes.is_empty()))
    }
}

impl Body for GatewayBody {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Stream(pieces) => pieces
                .poll_recv(context)
                .map(|piece| piece.map(|piece| piece.map(Frame::data))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Self::Stream(_) => SizeHint::default(),
        }
    }
}
