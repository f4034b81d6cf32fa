//! CONNECT: bytes both ways, unread but for the first message of TLS.

use super::fault::Fault;
use super::flow::{Counted, Flow};
use super::target::Target;
use super::{HEAD_TIMEOUT, Reached, hello};
use bytes::Bytes;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, copy_bidirectional_with_sizes};

/// What one direction may hold that the other end has not taken. Below the
/// window of a stream on the wire more is not faster.
const BUFFER_BYTES: usize = 64 * 1024;

/// Carries a tunnel until both ends are done.
pub(super) async fn run<S>(
    io: &mut S,
    early: Bytes,
    reached: Reached,
    target: &Target,
    flow: &Arc<Flow>,
) -> Result<(), Fault>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    flow.begin();
    let connected = io.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n");
    if connected.await.is_err() || io.flush().await.is_err() {
        return Ok(());
    }
    let first = match reached.tls {
        false => early,
        true => {
            match tokio::time::timeout(HEAD_TIMEOUT, hello::read(io, early, &target.host)).await {
                Ok(Ok(Some(first))) => first,
                // The far end may not speak first: nobody has said whom to.
                Ok(Ok(None)) => return Ok(()),
                Ok(Err(fault)) => return Err(fault),
                Err(_) => return Err(Fault::not_tls("its first message did not come in time")),
            }
        }
    };
    let mut far = Counted::new(reached.stream, flow.clone());
    let copied = async {
        far.write_all(&first).await?;
        copy_bidirectional_with_sizes(io, &mut far, BUFFER_BYTES, BUFFER_BYTES).await
    };
    match (copied.await, flow.cut()) {
        (_, Some(cut)) => Err(cut),
        // Either end may break off; TLS tells its own ends what that means.
        (Ok(_) | Err(_), None) => Ok(()),
    }
}
