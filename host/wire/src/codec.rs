//! Frames: a little-endian `u32` length, then that many bytes of postcard.
//!
//! A reader names the largest frame it accepts; nothing is allocated on the
//! word of the length alone.

use serde::{Serialize, de::DeserializeOwned};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Bytes reserved at once while a frame arrives; a peer that announces much
/// and sends little costs this much.
const RESERVE_BYTES: usize = 64 * 1024;

/// Why a frame could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The transport failed.
    #[error("move a frame over the wire: {0}; open the wire again")]
    Io(#[from] std::io::Error),
    /// The frame is larger than this kind of message may be.
    #[error("accept a frame of {size} bytes: at most {max} are allowed; the other end is faulty")]
    TooLarge {
        /// Announced or encoded size.
        size: usize,
        /// The limit that applies.
        max: usize,
    },
    /// The stream ended where a frame was due, or inside one.
    #[error("read a frame: the stream ended early; open the wire again")]
    Ended,
    /// The bytes are no such message.
    #[error("decode a frame: {0}; host and runner are of different builds, rebuild the image")]
    Malformed(#[from] postcard::Error),
    /// The message was followed by bytes that belong to nothing.
    #[error(
        "decode a frame: {0} bytes follow the message; host and runner are of different builds, rebuild the image"
    )]
    Trailing(usize),
}

/// Encodes a message with its length in front.
pub fn encode<T: Serialize>(message: &T, max: usize) -> Result<Vec<u8>, FrameError> {
    let mut frame = postcard::to_extend(message, vec![0; 4])?;
    let size = frame.len() - 4;
    match u32::try_from(size) {
        Ok(length) if size <= max => frame[..4].copy_from_slice(&length.to_le_bytes()),
        _ => return Err(FrameError::TooLarge { size, max }),
    }
    Ok(frame)
}

/// Decodes the body of a frame; all of it must be the message.
pub fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, FrameError> {
    let (message, rest) = postcard::take_from_bytes(body)?;
    match rest.len() {
        0 => Ok(message),
        trailing => Err(FrameError::Trailing(trailing)),
    }
}

/// Writes one message and flushes it.
pub async fn write_frame<T, W>(io: &mut W, message: &T, max: usize) -> Result<(), FrameError>
where
    T: Serialize,
    W: AsyncWrite + Unpin + ?Sized,
{
    let frame = encode(message, max)?;
    io.write_all(&frame).await?;
    io.flush().await?;
    Ok(())
}

/// Reads one message; `None` when the stream ended cleanly before it.
pub async fn read_frame<T, R>(io: &mut R, max: usize) -> Result<Option<T>, FrameError>
where
    T: DeserializeOwned,
    R: AsyncRead + Unpin + ?Sized,
{
    match read_body(io, max).await? {
        Some(body) => decode(&body).map(Some),
        None => Ok(None),
    }
}

/// Reads one message that must come.
pub async fn expect_frame<T, R>(io: &mut R, max: usize) -> Result<T, FrameError>
where
    T: DeserializeOwned,
    R: AsyncRead + Unpin + ?Sized,
{
    read_frame(io, max).await?.ok_or(FrameError::Ended)
}

/// Reads the body of one frame; `None` when the stream ended before it.
pub(crate) async fn read_body<R>(io: &mut R, max: usize) -> Result<Option<Vec<u8>>, FrameError>
where
    R: AsyncRead + Unpin + ?Sized,
{
    let mut length = [0; 4];
    let mut filled = 0;
    while filled < length.len() {
        match io.read(&mut length[filled..]).await? {
            0 if filled == 0 => return Ok(None),
            0 => return Err(FrameError::Ended),
            n => filled += n,
        }
    }
    let size = u32::from_le_bytes(length) as usize;
    if size > max {
        return Err(FrameError::TooLarge { size, max });
    }
    let mut body = Vec::with_capacity(size.min(RESERVE_BYTES));
    io.take(size as u64).read_to_end(&mut body).await?;
    if body.len() < size {
        return Err(FrameError::Ended);
    }
    Ok(Some(body))
}
