//! Hosts as rules name them and as requests name them: the one grammar of
//! everything that says who may be reached. It compares names; it resolves
//! none, and says nothing about addresses that a name leads to.
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

use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use url::Host;

/// A host as a URL names it, in its one normal form.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HostName {
    /// A DNS name: lower case, Punycode, no dot at the end.
    Domain(String),
    /// An address, as it was written; IPv4-mapped ones stay IPv6.
    Ip(IpAddr),
}

impl HostName {
    /// The normal form, if the host is one that DNS could know.
    pub fn new(host: Host<&str>) -> Option<Self> {
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

    /// Reads the host part of a URL or of an authority.
    pub fn parse(text: &str) -> Option<Self> {
        match Host::parse(text).ok()? {
            Host::Domain(domain) => Self::new(Host::Domain(&domain)),
            Host::Ipv4(ip) => Self::new(Host::Ipv4(ip)),
            Host::Ipv6(ip) => Self::new(Host::Ipv6(ip)),
        }
    }
}

impl fmt::Display for HostName {
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
/// use sortie_model::host::HostPattern;
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
/// # Ok::<(), sortie_model::host::HostError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostPattern(Pattern);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Pattern {
    Exactly(HostName),
    /// With its dot in front, so that a suffix is a whole number of labels.
    Below(String),
}

/// The longest text worth repeating in an error.
const MAX_SHOWN_CHARS: usize = 100;

/// A pattern that cannot be meant, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("use the host {text:?}: {advice}")]
pub struct HostError {
    text: String,
    advice: String,
}

impl HostError {
    fn new(text: &str, advice: impl Into<String>) -> Self {
        Self {
            text: text.chars().take(MAX_SHOWN_CHARS).collect(),
            advice: advice.into(),
        }
    }

    /// What to write instead.
    pub fn advice(&self) -> &str {
        &self.advice
    }
}

impl HostPattern {
    /// Reads a pattern that has to be written the one way in which
    /// [`fmt::Display`] writes it, so that two texts are equal when they mean
    /// the same hosts.
    ///
    /// # Errors
    /// When it cannot be read, or is written another way; the text says which
    /// way that is.
    pub fn canonical(text: &str) -> Result<Self, HostError> {
        let pattern: Self = text.parse()?;
        let written = pattern.to_string();
        if written == text {
            return Ok(pattern);
        }
        Err(HostError::new(text, format!("write `{written}`")))
    }

    /// Whether the host part of a URL is covered.
    pub fn matches_host(&self, host: &str) -> bool {
        HostName::parse(host).is_some_and(|name| self.matches(&name))
    }

    /// Whether a host is covered.
    pub fn matches(&self, name: &HostName) -> bool {
        match (&self.0, name) {
            (Pattern::Exactly(own), name) => own == name,
            (Pattern::Below(suffix), HostName::Domain(domain)) => {
                domain.len() > suffix.len() && domain.ends_with(suffix)
            }
            (Pattern::Below(_), HostName::Ip(_)) => false,
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
            Pattern::Exactly(HostName::Ip(ip)) => Some(ip),
            _ => None,
        }
    }
}

impl From<HostName> for HostPattern {
    fn from(name: HostName) -> Self {
        Self(Pattern::Exactly(name))
    }
}

impl FromStr for HostPattern {
    type Err = HostError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = |advice: &str| Err(HostError::new(text, advice));
        if text.contains("://") || text.contains(['/', '?', '#', '\\']) {
            return refuse("write the host alone, without a scheme and a path");
        }
        if text.contains('@') {
            return refuse("write the host alone, without user info");
        }
        if text == "*" || text.is_empty() {
            return refuse(
                "name each host, or a domain such as `*.example.com`; there is no pattern for all",
            );
        }
        if text.contains(|c: char| c.is_whitespace() || c == '%') {
            return refuse("write the host without spaces and escapes");
        }
        let (bare, below) = match text.strip_prefix("*.") {
            Some(rest) => (rest, true),
            None => (text, false),
        };
        if bare.contains('*') {
            return refuse("write `*.` at the start, as in `*.example.com`, or no `*` at all");
        }
        if let Ok(IpAddr::V6(ip)) = bare.trim_matches(['[', ']']).parse::<IpAddr>() {
            if below {
                return refuse("write an address without `*.`");
            }
            if let Some(v4) = ip.to_ipv4_mapped() {
                return refuse(&format!("write the IPv4 address, `{v4}`"));
            }
            return Ok(Self(Pattern::Exactly(HostName::Ip(ip.into()))));
        }
        if bare.contains(':') {
            return refuse("write the host alone, and its port in a key of its own");
        }
        let Ok(host) = Host::parse(bare) else {
            return refuse("write a DNS name, `*.` and a DNS name, or an IP address");
        };
        match &host {
            Host::Ipv4(_) if below => refuse("write an address without `*.`"),
            Host::Ipv4(ip) if ip.to_string() != bare => refuse(&format!("write `{ip}`")),
            Host::Ipv4(ip) => Ok(Self(Pattern::Exactly(HostName::Ip((*ip).into())))),
            Host::Ipv6(_) => refuse("write the address without a zone"),
            Host::Domain(domain) => match HostName::new(Host::Domain(domain)) {
                Some(HostName::Domain(domain)) if below && !domain.contains('.') => {
                    refuse(&format!(
                        "write at least two labels behind the star, such as `*.example.{domain}`"
                    ))
                }
                Some(HostName::Domain(domain)) if below => {
                    Ok(Self(Pattern::Below(format!(".{domain}"))))
                }
                Some(name) => Ok(Self(Pattern::Exactly(name))),
                None => refuse(
                    "write a DNS name: letters, digits and hyphens, at most 63 between two dots",
                ),
            },
        }
    }
}

impl TryFrom<String> for HostPattern {
    type Error = HostError;

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
            ("*", "`*.example.com`"),
            ("", "name each host"),
            ("*.com", "`*.example.com`"),
            ("a.*.com", "`*.` at the start"),
            ("*example.com", "`*.` at the start"),
            ("https://h.org", "write the host alone"),
            ("h.org/x", "write the host alone"),
            ("u@h.org", "without user info"),
            ("h.org:443", "port"),
            ("[::1]:80", "port"),
            ("0x7f.1", "`127.0.0.1`"),
            ("127.1", "`127.0.0.1`"),
            ("2130706433", "`127.0.0.1`"),
            ("0177.0.0.1", "`127.0.0.1`"),
            ("*.127.0.0.1", "without `*.`"),
            ("*.::1", "without `*.`"),
            ("::ffff:10.0.0.1", "the IPv4 address, `10.0.0.1`"),
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
            "localhost",
            "*.example.com",
            "xn--bcher-kva.example",
            "10.0.0.1",
            "[::1]",
            "a_b.example",
        ] {
            let read = HostPattern::canonical(text).expect("the one spelling");
            assert_eq!(read.to_string(), text);
            assert_eq!(read, pattern(text));
        }
    }

    #[test]
    fn other_spellings_mean_the_same_and_are_not_canonical() {
        for (text, written) in [
            ("::1", "[::1]"),
            ("[0:0::1]", "[::1]"),
            ("API.Example.COM.", "api.example.com"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("*.API.example.com", "*.api.example.com"),
        ] {
            assert_eq!(pattern(text).to_string(), written);
            let error = HostPattern::canonical(text).expect_err(text);
            assert_eq!(error.advice(), format!("write `{written}`"));
        }
    }

    #[test]
    fn covering_means_every_host() {
        let wide = pattern("*.example.com");
        for inside in [
            "a.example.com",
            "a.b.example.com",
            "*.example.com",
            "*.a.example.com",
        ] {
            assert!(wide.covers(&pattern(inside)), "{inside}");
        }
        for outside in [
            "example.com",
            "badexample.com",
            "a.example.com.evil.org",
            "*.badexample.com",
        ] {
            assert!(!wide.covers(&pattern(outside)), "{outside}");
        }
        assert!(!pattern("*.a.example.com").covers(&wide));
        assert!(!pattern("a.example.com").covers(&pattern("*.a.example.com")));
    }
}
