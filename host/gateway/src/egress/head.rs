//! The head of a request, taken only when everybody reads it the same way.
//!
//! What other proxies mend, this one refuses: two lengths, a length beside an
//! encoding, a bare line feed, two hosts, a host that is not the one asked
//! for. The parser is the one that carries plain requests on, so no byte means
//! one thing here and another there.

use super::fault::Fault;
use super::target::Target;
use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

/// The most bytes of a head: package managers send a few hundred.
const MAX_HEAD_BYTES: usize = 32 * 1024;

/// The most header fields of a head.
const MAX_FIELDS: usize = 96;

/// The longest method worth taking; the registry's longest has 17 letters.
const MAX_METHOD_BYTES: usize = 32;

/// What the request line and the fields say.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) method: String,
    /// As it was sent: an authority, a URL or something else.
    pub(super) target: String,
    hosts: Vec<String>,
    lengths: u32,
    has_body: bool,
    encoded: bool,
}

/// The bytes read so far.
pub(super) struct Read {
    bytes: Bytes,
    head_bytes: usize,
}

impl Read {
    /// Everything, head first.
    pub(super) fn all(self) -> Bytes {
        self.bytes
    }

    /// What came after the head.
    pub(super) fn tail(mut self) -> Bytes {
        self.bytes.split_off(self.head_bytes)
    }
}

/// Reads a head, and perhaps something of what follows.
pub(super) async fn read<S: AsyncRead + Unpin>(io: &mut S) -> Result<(Head, Read), Fault> {
    let mut bytes = BytesMut::with_capacity(2048);
    loop {
        match io.read_buf(&mut bytes).await {
            Ok(0) | Err(_) if bytes.is_empty() => return Err(Fault::nothing_asked()),
            Ok(0) | Err(_) => return Err(Fault::malformed("its head breaks off")),
            Ok(_) => {}
        }
        if let Some((head, head_bytes)) = parse(&bytes)? {
            let bytes = bytes.freeze();
            return Ok((head, Read { bytes, head_bytes }));
        }
        if bytes.len() >= MAX_HEAD_BYTES {
            return Err(Fault::head_too_large(MAX_HEAD_BYTES));
        }
    }
}

/// The head, when the bytes hold all of it, and its length.
fn parse(bytes: &[u8]) -> Result<Option<(Head, usize)>, Fault> {
    let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut request = httparse::Request::new(&mut fields);
    let length = match request.parse(bytes) {
        Ok(httparse::Status::Partial) => return Ok(None),
        Ok(httparse::Status::Complete(length)) if length > MAX_HEAD_BYTES => {
            return Err(Fault::head_too_large(MAX_HEAD_BYTES));
        }
        Ok(httparse::Status::Complete(length)) => length,
        Err(httparse::Error::TooManyHeaders) => {
            return Err(Fault::malformed("it has too many header fields"));
        }
        Err(error) => return Err(Fault::malformed(&format!("no HTTP/1.1 head: {error}"))),
    };
    let lines = &bytes[..length];
    let bare = lines
        .iter()
        .enumerate()
        .any(|(at, byte)| *byte == b'\n' && (at == 0 || lines[at - 1] != b'\r'));
    if bare {
        return Err(Fault::malformed("a line ends without a carriage return"));
    }
    let mut head = Head {
        method: request.method.unwrap_or_default().to_owned(),
        target: request.path.unwrap_or_default().to_owned(),
        hosts: Vec::new(),
        lengths: 0,
        has_body: false,
        encoded: false,
    };
    for field in request.headers.iter() {
        head.note(field)?;
    }
    match request.version {
        Some(0) if head.encoded => Err(Fault::malformed("HTTP/1.0 has no transfer encodings")),
        _ => Ok(Some((head, length))),
    }
}

impl Head {
    pub(super) fn is_connect(&self) -> bool {
        self.method == "CONNECT"
    }

    fn note(&mut self, field: &httparse::Header<'_>) -> Result<(), Fault> {
        let value = std::str::from_utf8(field.value).unwrap_or("\u{fffd}");
        match field.name.to_ascii_lowercase().as_str() {
            "host" => self.hosts.push(value.to_owned()),
            "content-length" => {
                self.lengths += 1;
                let digits = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
                match value.parse::<u64>() {
                    Ok(length) if digits => self.has_body |= length > 0,
                    _ => return Err(Fault::malformed("its length is no number")),
                }
            }
            "transfer-encoding" => {
                // Once, and nothing but chunks: what else it could be, another
                // reader might take for something else.
                if self.encoded || !value.eq_ignore_ascii_case("chunked") {
                    return Err(Fault::malformed("its transfer encoding is not `chunked`"));
                }
                self.encoded = true;
            }
            _ => {}
        }
        Ok(())
    }

    /// Holds the fields against each other and against the target.
    pub(super) fn check(&self, target: &Target) -> Result<(), Fault> {
        let plain = self.method.len() <= MAX_METHOD_BYTES
            && self
                .method
                .bytes()
                .all(|b| b.is_ascii_uppercase() || matches!(b, b'-' | b'_'));
        if !plain {
            return Err(Fault::malformed("its method is no word in capitals"));
        }
        if self.method == "TRACE" {
            return Err(Fault::malformed("TRACE is not carried"));
        }
        if self.lengths > 1 {
            return Err(Fault::malformed("it has two lengths"));
        }
        if self.lengths > 0 && self.encoded {
            return Err(Fault::malformed("it has a length and a transfer encoding"));
        }
        if self.is_connect() && (self.has_body || self.encoded) {
            return Err(Fault::malformed("a tunnel is asked for with a body"));
        }
        match self.hosts.as_slice() {
            [] => Ok(()),
            [host] if target.is_named_by(host) => Ok(()),
            [_] => Err(Fault::malformed(
                "its Host field names another host than its target",
            )),
            _ => Err(Fault::malformed("it has two Host fields")),
        }
    }
}
