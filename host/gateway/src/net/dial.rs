//! A TCP connection to checked addresses, one after the other.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

/// The least time that one of several addresses gets, so that a long list
/// cannot make each try hopeless.
const LEAST_TRY: Duration = Duration::from_millis(500);

/// Why there is no connection.
#[derive(Debug)]
pub(crate) enum DialError {
    /// Nothing answered in time.
    TimedOut,
    /// The last address refused.
    Refused(io::Error),
}

/// Connects to the first address that answers. Each gets its share of what is
/// left of the time, so that one that swallows packets does not keep the rest
/// from being tried.
pub(crate) async fn dial(
    addresses: &[SocketAddr],
    limit: Duration,
) -> Result<TcpStream, DialError> {
    let deadline = Instant::now() + limit;
    let mut last = DialError::TimedOut;
    for (tried, address) in addresses.iter().enumerate() {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        let rest = u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
        let until = (Instant::now() + (left / rest).max(LEAST_TRY)).min(deadline);
        match timeout_at(until, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // What goes through is other people's protocol: no bytes wait
                // here for more of them.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Err(error)) => last = DialError::Refused(error),
            Err(_) => last = DialError::TimedOut,
        }
    }
    Err(last)
}
