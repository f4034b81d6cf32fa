//! Byte blobs of unknown length inside a stream, such as bundles: chunks with
//! a length in front, an empty chunk at the end. A blob that breaks off is
//! thereby told apart from one that is complete.

use crate::codec::{FrameError, read_body};
use crate::limits::CHUNK_MAX_BYTES;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Why a blob did not arrive.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// The wire failed, or what came over it is no blob.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// Reading or writing the local end failed.
    #[error("copy a bundle: {0}; check the disk")]
    Local(#[source] std::io::Error),
    /// More bytes came than were allowed.
    #[error("accept a bundle: it is larger than {max} bytes; raise the limit or make it smaller")]
    TooLarge {
        /// The limit that applies.
        max: u64,
    },
}

/// Sends all of `from` as one blob of at most `max` bytes; returns its size.
pub async fn send<R, W>(from: &mut R, io: &mut W, max: u64) -> Result<u64, BlobError>
where
    R: AsyncRead + Unpin + ?Sized,
    W: AsyncWrite + Unpin + ?Sized,
{
    let mut buffer = vec![0; 4 + CHUNK_MAX_BYTES];
    let mut total = 0u64;
    loop {
        let n = from
            .read(&mut buffer[4..])
            .await
            .map_err(BlobError::Local)?;
        total += n as u64;
        if total > max {
            return Err(BlobError::TooLarge { max });
        }
        // A chunk holds at most CHUNK_MAX_BYTES, far below `u32::MAX`.
        buffer[..4].copy_from_slice(&(n as u32).to_le_bytes());
        io.write_all(&buffer[..4 + n])
            .await
            .map_err(FrameError::Io)?;
        if n == 0 {
            io.flush().await.map_err(FrameError::Io)?;
            return Ok(total);
        }
    }
}

/// Receives one blob of at most `max` bytes into `to`; returns its size.
pub async fn receive<R, W>(io: &mut R, to: &mut W, max: u64) -> Result<u64, BlobError>
where
    R: AsyncRead + Unpin + ?Sized,
    W: AsyncWrite + Unpin + ?Sized,
{
    let mut total = 0u64;
    loop {
        let chunk = read_body(io, CHUNK_MAX_BYTES)
            .await?
            .ok_or(FrameError::Ended)?;
        if chunk.is_empty() {
            to.flush().await.map_err(BlobError::Local)?;
            return Ok(total);
        }
        total += chunk.len() as u64;
        if total > max {
            return Err(BlobError::TooLarge { max });
        }
        to.write_all(&chunk).await.map_err(BlobError::Local)?;
    }
}
