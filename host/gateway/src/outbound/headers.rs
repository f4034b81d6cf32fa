//! Which header fields a guest may send, and how many.
//!
//! | field | |
//! |---|---|
//! | `host`, `content-length`, `transfer-encoding`, `connection`, `keep-alive`, `te`, `trailer`, `upgrade`, `expect`, `http2-settings` | refused: they say where a message goes and where it ends |
//! | `proxy-*` | refused: they are for a proxy, and there is none |
//! | the header of the rule's credential | refused: the host sets it |
//! | `accept-encoding` | replaced by `identity`: the host looks for secrets in answers, and can in plain ones alone |
//! | `cookie` | allowed: the host keeps no cookies, so it can only be the guest's own |
//! | everything else | allowed |
//!
//! Names are compared with `_` read as `-`: some servers make no difference.

use std::fmt;
use std::str::FromStr;

use http::header::{ACCEPT_ENCODING, HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};

use super::RuleError;
use super::error::OutboundError;
use super::message::Header;

/// The most header fields of a request, as the WIT promises.
pub const MAX_FIELDS: usize = 64;

/// The most bytes of all names and values of a request, as the WIT promises.
pub const MAX_FIELD_BYTES: usize = 16 * 1024;

/// The host's own, in the spelling they are compared in.
const OWN: [&str; 10] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

fn is_own(name: &str) -> bool {
    OWN.contains(&name) || name.starts_with("proxy-")
}

/// The spelling in which names are compared.
fn folded(name: &HeaderName) -> String {
    name.as_str().replace('_', "-")
}

/// Whether a text can stand in a header field.
pub(crate) fn is_value(text: &str) -> bool {
    HeaderValue::from_str(text).is_ok()
}

/// The name of a header that may carry a credential.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FieldName(HeaderName);

impl FieldName {
    pub(crate) fn from_static(name: HeaderName) -> Self {
        Self(name)
    }

    pub(crate) fn header_name(&self) -> &HeaderName {
        &self.0
    }
}

impl FromStr for FieldName {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let refuse = |advice: &str| RuleError::new("header", text, advice.to_owned());
        let name = HeaderName::from_str(text)
            .map_err(|_| refuse("write the name of a header, such as `authorization`"))?;
        let spelling = folded(&name);
        if is_own(&spelling) || spelling == ACCEPT_ENCODING.as_str() {
            return Err(refuse(
                "write another header, such as `authorization`; this one is the host's own",
            ));
        }
        Ok(Self(name))
    }
}

impl TryFrom<String> for FieldName {
    type Error = RuleError;

    fn try_from(text: String) -> Result<Self, RuleError> {
        text.parse()
    }
}

impl From<FieldName> for String {
    fn from(name: FieldName) -> Self {
        name.0.as_str().to_owned()
    }
}

impl fmt::Display for FieldName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

/// The fields as they go out, without the credential, whose header is
/// `reserved`.
pub(crate) fn outgoing(
    fields: &[Header],
    reserved: Option<&FieldName>,
) -> Result<HeaderMap, OutboundError> {
    let invalid = |text: String| Err(OutboundError::Invalid(text));
    if fields.len() > MAX_FIELDS {
        return invalid(format!(
            "the request has {} header fields; send at most {MAX_FIELDS}",
            fields.len()
        ));
    }
    let bytes: usize = fields.iter().map(|f| f.name.len() + f.value.len()).sum();
    if bytes > MAX_FIELD_BYTES {
        return invalid(format!(
            "the request has {bytes} bytes of header fields; send at most {MAX_FIELD_BYTES}"
        ));
    }
    let reserved = reserved.map(|name| folded(&name.0));
    let mut map = HeaderMap::with_capacity(fields.len() + 2);
    for field in fields {
        let Ok(name) = HeaderName::from_bytes(field.name.as_bytes()) else {
            return invalid(format!("{:?} is no name of a header field", field.name));
        };
        let Ok(value) = HeaderValue::from_bytes(field.value.as_bytes()) else {
            return invalid(format!(
                "the value of the header field {name} has a line break or a control character"
            ));
        };
        let spelling = folded(&name);
        if is_own(&spelling) {
            return invalid(format!(
                "leave out the header field {name}: the host sets it"
            ));
        }
        if reserved.as_ref() == Some(&spelling) {
            return invalid(format!(
                "leave out the header field {name}: it carries the granted credential"
            ));
        }
        if spelling != ACCEPT_ENCODING.as_str() {
            map.append(name, value);
        }
    }
    map.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    Ok(map)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str, value: &str) -> Header {
        Header {
            name: name.to_owned(),
            value: value.to_owned(),
        }
    }

    fn refused(fields: &[Header]) -> String {
        outgoing(fields, Some(&"x-api-key".parse().expect("a name")))
            .expect_err("it is refused")
            .to_string()
    }

    #[test]
    fn nothing_that_frames_routes_or_authenticates_passes() {
        for name in [
            "Host",
            "HOST",
            "content-length",
            "Content_Length",
            "transfer-encoding",
            "Transfer_Encoding",
            "connection",
            "keep-alive",
            "te",
            "trailer",
            "upgrade",
            "expect",
            "http2-settings",
            "proxy-authorization",
            "Proxy-Connection",
            "proxy_connection",
            "X-Api-Key",
            "x_api_key",
            "X-API_key",
        ] {
            assert!(refused(&[field(name, "x")]).contains("leave out"), "{name}");
        }
        for name in [
            "",
            " host",
            "host ",
            "ho st",
            "host:",
            "a\r\nhost",
            "a\nb",
            "a\0",
            ":authority",
            "é",
        ] {
            assert!(
                refused(&[field(name, "x")]).contains("is no name"),
                "{name:?}"
            );
        }
        for value in ["a\r\nhost: b", "a\nb", "a\rb", "a\0b", "\x7f"] {
            assert!(
                refused(&[field("x", value)]).contains("line break"),
                "{value:?}"
            );
        }
    }

    #[test]
    fn the_rest_passes_and_answers_are_asked_for_in_the_clear() {
        let fields = [
            field("Cookie", "a=b"),
            field("authorization", "Bearer own"),
            field("accept-encoding", "gzip, br"),
            field("x", "1"),
            field("x", "2"),
        ];
        let map = outgoing(&fields, None).expect("passes");
        assert_eq!(map["accept-encoding"], "identity");
        assert_eq!(map.get_all("x").iter().count(), 2);
        assert_eq!(map["cookie"], "a=b");
    }

    #[test]
    fn fields_are_counted_and_weighed() {
        let many = vec![field("x", ""); MAX_FIELDS + 1];
        assert!(refused(&many).contains("at most 64"));
        assert!(outgoing(&many[1..], None).is_ok());
        let value = "v".repeat(MAX_FIELD_BYTES - 1);
        assert!(outgoing(&[field("x", &value)], None).is_ok());
        assert!(refused(&[field("xx", &value)]).contains("at most 16384"));
    }
}
