//! Takes the granted secrets out of an answer before a guest sees it.
//!
//! Looked for are the values that the rules name, in the forms that
//! `sortie_vault::Redactor` knows. Other secrets of the vault are not: an
//! answer that shows which guess was one would be an oracle.
//!
//! This keeps an echo, a debug page or an error message from telling a plugin
//! what it may use but not know. It does not stop a server that means to tell:
//! one that reverses the value, sends it in another character set or in parts,
//! or decodes what was stored encoded.

use std::borrow::Cow;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, HeaderMap, HeaderName, SET_COOKIE};
use sortie_vault::Redactor;

use super::message::Header;

/// Whether a scan could not look into the body.
pub(crate) fn is_packed(headers: &HeaderMap) -> bool {
    headers.get_all(CONTENT_ENCODING).iter().any(|value| {
        let value = value.as_bytes().trim_ascii();
        !value.is_empty() && !value.eq_ignore_ascii_case(b"identity")
    })
}

/// The header fields for the guest. Those of the connection are left out, as
/// are, where the request carried a credential, cookies: a session that the
/// credential opened is as good as the credential.
pub(crate) fn headers(map: &HeaderMap, redactor: &Redactor, with_cookies: bool) -> Vec<Header> {
    map.iter()
        .filter(|(name, _)| !is_of_connection(name) && (with_cookies || **name != SET_COOKIE))
        // A name cannot be mended and stay a name.
        .filter(|(name, _)| matches!(redactor.redact(name.as_str()), Cow::Borrowed(_)))
        .map(|(name, value)| Header {
            name: name.as_str().to_owned(),
            value: redactor
                .redact(&String::from_utf8_lossy(value.as_bytes()))
                .into_owned(),
        })
        .collect()
}

fn is_of_connection(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "connection" | "keep-alive" | "transfer-encoding" | "upgrade" | "trailer" | "te"
    ) || name.as_str().starts_with("proxy-")
}

/// The body for the guest; the very same bytes when there was nothing to find.
///
/// Bytes that are not UTF-8 stay as they are. A secret is UTF-8, so it never
/// begins or ends inside of such bytes.
pub(crate) fn body(body: Bytes, redactor: &Redactor) -> Bytes {
    let mut out: Option<Vec<u8>> = None;
    let mut done = 0;
    for chunk in body.utf8_chunks() {
        let text = redactor.redact(chunk.valid());
        if matches!(text, Cow::Owned(_)) && out.is_none() {
            out = Some(body[..done].to_vec());
        }
        if let Some(out) = &mut out {
            out.extend_from_slice(text.as_bytes());
            out.extend_from_slice(chunk.invalid());
        }
        done += chunk.valid().len() + chunk.invalid().len();
    }
    out.map_or(body, Bytes::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sortie_vault::{Secret, SecretSource, Vault};

    fn redactor() -> Redactor {
        let secret = |v: &str| SecretSource::Value(Secret::new(v.to_owned()));
        let sources = [("mine", "s3cr3t-välue"), ("other", "an0ther")]
            .map(|(name, value)| (name.to_owned(), secret(value)));
        Vault::new(sources.into())
            .expect("a vault")
            .redactor_of(["mine"])
    }

    #[test]
    fn bytes_around_a_secret_survive() {
        let mut bytes = vec![0xff, 0xc3, 0xe2, 0x82];
        bytes.extend_from_slice("s3cr3t-välue".as_bytes());
        bytes.extend_from_slice(&[0x80, 0xc3]);
        bytes.extend_from_slice("s3cr3t-v%C3%A4lue".as_bytes());
        bytes.extend_from_slice(b" an0ther");
        let clean = body(bytes.into(), &redactor());
        let mut expected = vec![0xff, 0xc3, 0xe2, 0x82];
        expected.extend_from_slice(b"[redacted:mine]\x80\xc3[redacted:mine] an0ther");
        assert_eq!(clean, expected);
    }

    #[test]
    fn a_clean_body_is_not_copied() {
        let bytes = Bytes::from(vec![0x80; 64]);
        let at = bytes.as_ptr();
        assert_eq!(body(bytes, &redactor()).as_ptr(), at);
    }
}
