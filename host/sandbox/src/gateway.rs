//! Where a container's two loopback services lead.

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncWrite};

/// Bytes both ways.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// One connection from inside a container.
pub type BoxedIo = Box<dyn Io>;

/// Takes the connections that come out of one run's container. Each call has a
/// task of its own, at most 128 of them at once, and is cancelled when the wire
/// ends; it returns when the connection is done. Whatever arrives is untrusted.
#[async_trait]
pub trait WireGateway: Send + Sync {
    /// A connection to the model endpoint: HTTP/1.1 from a client's view.
    async fn llm(&self, io: BoxedIo);
    /// A connection to the egress proxy: HTTP/1.1 proxy requests and CONNECT.
    async fn egress(&self, io: BoxedIo);
}
