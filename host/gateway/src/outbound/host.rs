//! Which hosts a rule is for.
//!
//! | pattern | matches | does not match |
//! |---|---|---|
//! | `api.example.com` | `api.example.com`, `API.Example.com.` | `x.api.example.com`, `api.example.com.evil.org` |
//! | `*.example.com` | `a.example.com`, `a.b.example.com` | `example.com`, `badexample.com` |
//! | `bücher.example` | the same as `xn--bcher-kva.example` | |
//! | `192.0.2.7` | that address, however a URL spells it | a name that resolves to it |
//! | `::1`, `[::1]` | that address | `[::ffff:127.0.0.1]` |
//!
//! Refused when it is read: `*`, `*.com`, a `*` anywhere else, a scheme, a
//! port, a path, user info, an address in another spelling than the usual one.
//!
//! Hosts are compared as the URL standard leaves them: lower case, in
//! Punycode, IPv4 addresses decoded from their decimal, octal, hexadecimal and
//! short forms. One dot at the end is dropped, as a resolver would.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use url::Host;

/// A host as a URL names it, in its one normal form.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Name {
    /// A DNS name: lower case, Punycode, no dot at the end.
    Domain(String),
    /// An address, as it was written; IPv4-mapped ones stay IPv6.
    Ip(IpAddr),
}

impl Name {
    /// The normal form, if the host is one that DNS could know.
    pub(crate) fn new(host: Host<&str>) -> Option<Self> {
        Some(match host {
            Host::Ipv4(ip) => Self::Ip(ip.into()),
            Host::Ipv6(ip) => Self::Ip(ip.into()),
            Host::Domain(domain) => {
                let domain = domain.strip_suffix('.').unwrap_or(domain);
                let label = |l: &str| {
                    (1..=63).contains(&l.len())
                        && l.bytes()
                            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
                };
                if domain.len() > 253 || !domain.split('.').all(label) {
                    return None;
                }
                Self::Domain(domain.to_owned())
            }
        })
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Domain(domain) => f.write_str(domain),
            Self::Ip(IpAddr::V4(ip)) => write!(f, "{ip}"),
            Self::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]"),
        }
    }
}

/// The hosts of a rule; the module documentation has the grammar.
///
/// ```
/// use sortie_gateway::outbound::HostPattern;
///
/// let below: HostPattern = "*.Example.com".parse()?;
/// assert!(below.matches_host("a.b.example.com."));
/// assert!(!below.matches_host("example.com"));
/// assert!(!below.matches_host("badexample.com"));
/// assert!(!below.matches_host("a.example.com.evil.org"));
///
/// let address: HostPattern = "127.0.0.1".parse()?;
/// assert!(address.matches_host("0x7f.1") && address.matches_host("2130706433"));
/// assert!(!address.matches_host("localhost") && !address.matches_host("[::ffff:7f00:1]"));
///
/// let unicode: HostPattern = "bücher.example".parse()?;
/// assert_eq!(unicode.to_string(), "xn--bcher-kva.example");
///
/// let refused = "https://api.example.com/v1".parse::<HostPattern>().unwrap_err();
/// assert!(refused.to_string().contains("write the host alone"));
/// # Ok::<(), sortie_gateway::outbound::RuleError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostPattern(Pattern);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Pattern {
    Exactly(Name),
    /// With its dot in front, so that a suffix is a whole number of labels.
    Below(String),
}

impl HostPattern {
    /// Whether the host part of a URL is covered.
    pub fn matches_host(&self, host: &str) -> bool {
        Host::parse(host).is_ok_and(|host| {
            let host = match &host {
                Host::Domain(domain) => Host::Domain(domain.as_str()),
                Host::Ipv4(ip) => Host::Ipv4(*ip),
                Host::Ipv6(ip) => Host::Ipv6(*ip),
            };
            Name::new(host).is_some_and(|name| self.matches(&name))
        })
    }

    pub(crate) fn matches(&self, name: &Name) -> bool {
        match (&self.0, name) {
            (Pattern::Exactly(own), name) => own == name,
            (Pattern::Below(suffix), Name::Domain(domain)) => {
                domain.len() > suffix.len() && domain.ends_with(suffix)
            }
            (Pattern::Below(_), Name::Ip(_)) => false,
        }
    }

    /// Whether every host that `other` matches is matched here too.
    pub fn covers(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (_, Pattern::Exactly(name)) => self.matches(name),
            (Pattern::Below(wide), Pattern::Below(narrow)) => narrow.ends_with(wide),
            (Pattern::Exactly(_), Pattern::Below(_)) => false,
        }
    }

    /// The address, when the pattern is one.
    pub fn address(&self) -> Option<IpAddr> {
        match self.0 {
            Pattern::Exactly(Name::Ip(ip)) => Some(ip),
            _ => None,
        }
    }
}

impl FromStr for HostPattern {
    type Err = super::RuleError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = |advice: String| super::RuleError::new("host", text, advice);
        let plain = |advice: &str| refuse(advice.to_owned());
        if text.contains("://") || text.contains(['/', '?', '#', '\\']) {
            return Err(plain(
                "write the host alone, and the path as `path_prefix`, the scheme as `schemes`",
            ));
        }
        if text.contains('@') {
            return Err(plain("write the host alone, without user info"));
        }
        if text == "*" || text.is_empty() {
            return Err(plain("name each host; there is no pattern for all of them"));
        }
        if text.contains(|c: char| c.is_whitespace() || c == '%') {
            return Err(plain("write the host without spaces and escapes"));
        }
        let (bare, below) = match text.strip_prefix("*.") {
            Some(rest) => (rest, true),
            None => (text, false),
        };
        if bare.contains('*') {
            return Err(plain("write `*.` at the start, or no `*` at all"));
        }
        if let Ok(IpAddr::V6(ip)) = bare.trim_matches(['[', ']']).parse::<IpAddr>() {
            if below {
                return Err(plain("write an address without `*.`"));
            }
            if let Some(v4) = ip.to_ipv4_mapped() {
                return Err(refuse(format!("write the IPv4 address, {v4}")));
            }
            return Ok(Self(Pattern::Exactly(Name::Ip(ip.into()))));
        }
        if bare.contains(':') {
            return Err(plain("write the port as `port`, not behind the host"));
        }
        let host = Host::parse(bare)
            .map_err(|_| plain("write a DNS name, `*.` and a DNS name, or an IP address"))?;
        match &host {
            Host::Ipv4(_) if below => Err(plain("write an address without `*.`")),
            Host::Ipv4(ip) if ip.to_string() != bare => Err(refuse(format!("write {ip}"))),
            Host::Ipv4(ip) => Ok(Self(Pattern::Exactly(Name::Ip((*ip).into())))),
            Host::Ipv6(_) => Err(plain("write the address without a zone")),
            Host::Domain(domain) => match Name::new(Host::Domain(domain)) {
                Some(Name::Domain(domain)) if below && !domain.contains('.') => {
                    Err(refuse(format!(
                        "write at least two labels behind the star, such as `*.example.{domain}`"
                    )))
                }
                Some(Name::Domain(domain)) if below => {
                    Ok(Self(Pattern::Below(format!(".{domain}"))))
                }
                Some(name) => Ok(Self(Pattern::Exactly(name))),
                None => Err(plain(
                    "write a DNS name: letters, digits and hyphens, at most 63 between two dots",
                )),
            },
        }
    }
}

impl TryFrom<String> for HostPattern {
    type Error = super::RuleError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<HostPattern> for String {
    fn from(pattern: HostPattern) -> Self {
        pattern.to_string()
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Pattern::Exactly(name) => name.fmt(f),
            Pattern::Below(suffix) => write!(f, "*{suffix}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> HostPattern {
        text.parse().expect("a pattern")
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_what_to_write() {
        for (text, advice) in [
            ("*", "name each host"),
            ("", "name each host"),
            ("*.com", "`*.example.com`"),
            ("a.*.com", "`*.` at the start"),
            ("*example.com", "`*.` at the start"),
            ("https://h.org", "write the host alone"),
            ("h.org/x", "write the host alone"),
            ("u@h.org", "without user info"),
            ("h.org:443", "`port`"),
            ("[::1]:80", "`port`"),
            ("0x7f.1", "write 127.0.0.1"),
            ("127.1", "write 127.0.0.1"),
            ("*.127.0.0.1", "without `*.`"),
            ("*.::1", "without `*.`"),
            ("::ffff:10.0.0.1", "write the IPv4 address, 10.0.0.1"),
            ("1.2.3.4.5", "write a DNS name"),
            ("a..b.org", "write a DNS name"),
            ("a b.org", "without spaces"),
            ("%65xample.com", "escapes"),
            ("ex!ample.com", "write a DNS name"),
        ] {
            let error = text.parse::<HostPattern>().expect_err(text).to_string();
            assert!(error.contains(advice), "{text}: {error}");
        }
    }

    #[test]
    fn a_pattern_is_written_the_way_it_is_read() {
        for text in [
            "api.example.com",
            "*.example.com",
            "10.0.0.1",
            "[::1]",
            "a_b.example",
        ] {
            assert_eq!(pattern(text).to_string(), text);
        }
        assert_eq!(pattern("::1").to_string(), "[::1]");
        assert_eq!(pattern("API.Example.COM.").to_string(), "api.example.com");
    }

    #[test]
    fn covering_means_every_host() {
        assert!(pattern("*.example.com").covers(&pattern("a.example.com")));
        assert!(pattern("*.example.com").covers(&pattern("*.a.example.com")));
        assert!(pattern("*.example.com").covers(&pattern("*.example.com")));
        assert!(!pattern("*.a.example.com").covers(&pattern("*.example.com")));
        assert!(!pattern("a.example.com").covers(&pattern("*.a.example.com")));
        assert!(!pattern("*.example.com").covers(&pattern("*.badexample.com")));
    }
}
