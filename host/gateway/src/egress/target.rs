//! Whom a request is for: one host in its normal form, and one port.
//!
//! What a parser would silently mend (white space, control characters,
//! backslashes, escapes) is refused before it; user info is a secret that
//! somebody mistyped, and is refused without being shown.

use super::fault::Fault;
use super::head::Head;
use sortie_model::host::HostName;
use std::fmt;
use url::Url;

/// The longest target: what servers take.
const MAX_TARGET_BYTES: usize = 8 * 1024;

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) host: HostName,
    pub(super) port: u16,
    /// The port that its scheme would have anyway.
    usual_port: u16,
}

/// Whom a request that was refused for its form seems to mean; for the row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Near {
    pub(super) host: String,
    pub(super) port: u16,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl Target {
    pub(super) fn of(head: &Head) -> Result<Self, Fault> {
        let text = head.target.as_str();
        if text.len() > MAX_TARGET_BYTES {
            return Err(Fault::malformed("its target is too long"));
        }
        if !text.bytes().all(|b| b.is_ascii_graphic()) || text.contains('\\') {
            return Err(Fault::malformed(
                "its target holds a backslash, or something beyond visible ASCII; escape it",
            ));
        }
        match head.is_connect() {
            true => Self::of_authority(text, 443, Need::Port),
            false => Self::of_url(text),
        }
    }

    fn of_url(text: &str) -> Result<Self, Fault> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
        if scheme.eq_ignore_ascii_case("https") {
            return Err(Fault::use_connect());
        }
        if !scheme.eq_ignore_ascii_case("http") {
            return Err(Fault::not_a_proxy_request());
        }
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let target = Self::of_authority(authority, 80, Need::Nothing)?;
        if path.contains('#') {
            return Err(Fault::malformed("its target holds a fragment").near(target.near()));
        }
        // The library that the far end's reader is most like agrees.
        match Url::parse(text).map(|url| (url.host().and_then(HostName::new), url.port())) {
            Ok((Some(host), port)) if host == target.host && port.unwrap_or(80) == target.port => {
                Ok(target)
            }
            _ => Err(Fault::malformed("its target is no URL").near(target.near())),
        }
    }

    fn of_authority(text: &str, usual_port: u16, need: Need) -> Result<Self, Fault> {
        if let Some((_, after)) = text.rsplit_once('@') {
            let near = Self::of_authority(after, usual_port, Need::Nothing).map(|t| t.near());
            let fault = Fault::malformed("its target holds user info; leave it out");
            return Err(match near {
                Ok(near) => fault.near(near),
                Err(_) => fault,
            });
        }
        // An IPv6 address has colons of its own, inside brackets.
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (text, None),
        };
        if host.contains(['%', '/', '?', '#', '*']) {
            return Err(Fault::malformed("its host holds what no host name holds"));
        }
        let Some(name) = HostName::parse(host) else {
            return Err(Fault::malformed(
                "its host is no DNS name and no IP address",
            ));
        };
        let port = match port {
            None if need == Need::Port => None,
            None => Some(usual_port),
            Some(text) => {
                let digits = (1..=5).contains(&text.len())
                    && text.bytes().all(|b| b.is_ascii_digit())
                    && !text.starts_with('0');
                text.parse().ok().filter(|_| digits)
            }
        };
        match port {
            Some(port) => Ok(Self {
                host: name,
                port,
                usual_port,
            }),
            None => Err(
                Fault::malformed("its target has no port from 1 to 65535").near(Near {
                    host: name.to_string(),
                    port: 0,
                }),
            ),
        }
    }

    fn near(&self) -> Near {
        Near {
            host: self.host.to_string(),
            port: self.port,
        }
    }

    /// Whether a Host field means the same. Without a port it means the port of
    /// the scheme; for a tunnel, whichever the tunnel is for.
    pub(super) fn is_named_by(&self, field: &str) -> bool {
        let named = Self::of_authority(field, self.usual_port, Need::Nothing);
        let without_port = || Self::of_authority(field, self.port, Need::Nothing);
        match named {
            Ok(named) if named == *self => true,
            Ok(_) if self.usual_port == 443 => {
                without_port().is_ok_and(|named| named.host == self.host && named.port == self.port)
            }
            _ => false,
        }
    }

    /// The value of a Host field.
    pub(super) fn host_field(&self) -> String {
        match self.port == self.usual_port {
            true => self.host.to_string(),
            false => self.to_string(),
        }
    }
}

/// Whether an authority may leave its port out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    Port,
    Nothing,
}
