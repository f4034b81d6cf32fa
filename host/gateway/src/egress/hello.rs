//! What the first message of TLS says about whom it is for. It is read by the
//! TLS library, passed on byte for byte, and nothing after it is looked at.

use super::fault::Fault;
use bytes::{Bytes, BytesMut};
use rustls::server::Acceptor;
use sortie_model::host::HostName;
use tokio::io::{AsyncRead, AsyncReadExt};

/// The first byte of a TLS handshake record.
const HANDSHAKE: u8 = 22;

/// The most bytes of a first message; with the largest key shares of today it
/// has under 2 KiB, and one record holds 16.
const MAX_HELLO_BYTES: usize = 32 * 1024;

/// Reads the first message from `io`, of which `begun` came before, and holds
/// the name in it against the host. Returns what was read; none when the client
/// went away before it said anything.
pub(super) async fn read<S: AsyncRead + Unpin>(
    io: &mut S,
    begun: Bytes,
    host: &HostName,
) -> Result<Option<Bytes>, Fault> {
    let mut acceptor = Acceptor::default();
    let mut bytes = BytesMut::from(&begun[..]);
    let mut fed = 0;
    loop {
        if bytes.first().is_some_and(|first| *first != HANDSHAKE) {
            return Err(Fault::not_tls("its first byte is none of TLS"));
        }
        while fed < bytes.len() {
            let mut rest = &bytes[fed..];
            let before = rest.len();
            acceptor
                .read_tls(&mut rest)
                .map_err(|error| Fault::not_tls(&error.to_string()))?;
            let taken = before - rest.len();
            fed += taken;
            if let Some(name) = named(&mut acceptor)? {
                is_for(host, name.as_deref())?;
                return Ok(Some(bytes.freeze()));
            }
            if taken == 0 {
                return Err(Fault::not_tls("its first message is too long"));
            }
        }
        if bytes.len() >= MAX_HELLO_BYTES {
            return Err(Fault::not_tls("its first message is too long"));
        }
        match io.read_buf(&mut bytes).await {
            Ok(0) | Err(_) if bytes.is_empty() => return Ok(None),
            Ok(0) | Err(_) => return Err(Fault::not_tls("its first message breaks off")),
            Ok(_) => {}
        }
    }
}

/// The name of the server, once the message is there.
fn named(acceptor: &mut Acceptor) -> Result<Option<Option<String>>, Fault> {
    match acceptor.accept() {
        Ok(None) => Ok(None),
        Ok(Some(accepted)) => {
            let hello = accepted.client_hello();
            Ok(Some(hello.server_name().map(str::to_owned)))
        }
        Err((error, _)) => Err(Fault::not_tls(&error.to_string())),
    }
}

/// A tunnel to a name has to be for that name; one to an address has none,
/// because TLS names no addresses.
fn is_for(host: &HostName, shown: Option<&str>) -> Result<(), Fault> {
    match (host, shown) {
        (HostName::Domain(domain), Some(shown)) if shown.eq_ignore_ascii_case(domain) => Ok(()),
        (HostName::Ip(_), None) => Ok(()),
        (_, shown) => Err(Fault::other_name(shown)),
    }
}
