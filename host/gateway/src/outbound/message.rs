//! Requests and answers as plain data, with whole bodies: shaped like the
//! records of `sortie:host/http`.

use std::time::Duration;

use bytes::Bytes;

/// One header field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Name; letter case does not matter on the way out and is lower on the
    /// way back.
    pub name: String,
    /// Value. Bytes of an answer that are not UTF-8 become U+FFFD.
    pub value: String,
}

/// A request as a guest makes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutRequest {
    /// Method in capitals.
    pub method: String,
    /// Absolute URL without user info and fragment.
    pub url: String,
    /// Header fields; `headers.rs` says which are refused.
    pub headers: Vec<Header>,
    /// The whole body.
    pub body: Option<Bytes>,
    /// How long the whole answer may take; none for the service's own limit,
    /// which is also the most.
    pub timeout: Option<Duration>,
}

/// An answer, whatever its status; a redirect is one like any other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutResponse {
    /// Status code.
    pub status: u16,
    /// Header fields, those of one name together.
    pub headers: Vec<Header>,
    /// The whole body, as it came.
    pub body: Bytes,
}
