//! The hosts that an egress rule names: one host, or all below a domain. Only
//! compares names; whether an address may be connected to is the egress
//! service's to judge, each time.

use std::fmt;

use super::names::quoted;

/// A pattern as it is written: an exact host (`api.example.com`, `10.0.0.7`,
/// `[::1]`), or `*.example.com` for hosts with one or more labels more, never
/// `example.com` itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HostPattern {
    /// This host only.
    Exact(String),
    /// Every host below this domain.
    Below(String),
}

impl HostPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// When it is not written the one way that a parsed URL writes it; the
    /// text says which way that is.
    pub fn parse(text: &str) -> Result<Self, String> {
        let Some(domain) = text.strip_prefix("*.") else {
            if text == "*" {
                return Err(
                    "`*` would be every host; name the hosts, or a domain such as `*.example.com`"
                        .into(),
                );
            }
            return exact(text).map(Self::Exact);
        };
        let domain = exact(domain)?;
        if domain.starts_with('[') || domain.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
            return Err(format!(
                "an address has no hosts below it; write {}",
                quoted(&domain)
            ));
        }
        if !domain.contains('.') {
            return Err(format!(
                "{} covers a whole top-level domain; name one below it, such as `*.example.{domain}`",
                quoted(text)
            ));
        }
        Ok(Self::Below(domain))
    }

    /// Whether every host of `other` is one of this pattern.
    pub fn covers(&self, other: &Self) -> bool {
        let below = |host: &str, domain: &str| {
            host.strip_suffix(domain)
                .is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
        };
        match (self, other) {
            (Self::Exact(a), Self::Exact(b)) => a == b,
            (Self::Exact(_), Self::Below(_)) => false,
            (Self::Below(domain), Self::Exact(host)) => below(host, domain),
            (Self::Below(a), Self::Below(b)) => a == b || below(b, a),
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(host) => f.write_str(host),
            Self::Below(domain) => write!(f, "*.{domain}"),
        }
    }
}

/// A host in the spelling of a parsed URL. `0x7f.1` and `127.0.0.1` are one
/// address; only its canonical spelling can be compared, so others are refused.
fn exact(text: &str) -> Result<String, String> {
    if text.contains("://") || text.contains('/') {
        return Err(format!(
            "{} is more than a host; write the host here and the path in `path_prefix`",
            quoted(text)
        ));
    }
    if text.contains('*') {
        return Err(format!(
            "{}: `*` stands only at the beginning, followed by a dot, as in `*.example.com`",
            quoted(text)
        ));
    }
    if text.contains('@') {
        return Err(format!(
            "{} has user info; write the host alone and name a `credential`",
            quoted(text)
        ));
    }
    let bare_v6 = text.parse::<std::net::Ipv6Addr>();
    if let Ok(address) = bare_v6 {
        return Err(format!(
            "an IPv6 address stands in brackets; write `[{address}]`"
        ));
    }
    if !text.starts_with('[') && text.contains(':') {
        return Err(format!(
            "{} has a port; write the host here and the number in `port`",
            quoted(text)
        ));
    }
    let host =
        url::Host::parse(text).map_err(|error| format!("{} is no host: {error}", quoted(text)))?;
    let canonical = match &host {
        url::Host::Domain(domain) => domain.trim_end_matches('.').to_owned(),
        other => other.to_string(),
    };
    if canonical != text {
        return Err(format!(
            "{} is written {}",
            quoted(text),
            quoted(&canonical)
        ));
    }
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    if matches!(host, url::Host::Domain(_)) && (text.len() > 253 || !text.split('.').all(label)) {
        return Err(format!(
            "{} is no host name; labels have 1 to 63 letters, digits and -",
            quoted(text)
        ));
    }
    Ok(canonical)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> HostPattern {
        HostPattern::parse(text).unwrap()
    }

    #[test]
    fn only_the_canonical_spelling_is_taken() {
        for good in [
            "api.example.com",
            "localhost",
            "10.0.0.7",
            "[::1]",
            "xn--bcher-kva.example",
            "*.example.com",
        ] {
            assert_eq!(pattern(good).to_string(), good);
        }
        for (bad, mend) in [
            ("API.example.com", "`api.example.com`"),
            ("example.com.", "`example.com`"),
            ("2130706433", "`127.0.0.1`"),
            ("0177.0.0.1", "`127.0.0.1`"),
            ("0x7f.1", "`127.0.0.1`"),
            ("[0:0::1]", "`[::1]`"),
            ("::1", "`[::1]`"),
            ("bücher.example", "`xn--bcher-kva.example`"),
            ("%61.example", "`a.example`"),
            ("https://a.example/x", "`path_prefix`"),
            ("a.example:8080", "`port`"),
            ("u@a.example", "`credential`"),
            ("*", "`*.example.com`"),
            ("a.*.example", "`*.example.com`"),
            ("*.com", "`*.example.com`"),
            ("*.10.0.0.7", "`10.0.0.7`"),
            ("a..example", "labels"),
            ("", "no host"),
        ] {
            let error = HostPattern::parse(bad).unwrap_err();
            assert!(error.contains(mend), "{bad}: {error}");
        }
    }

    #[test]
    fn a_wildcard_covers_what_is_below_and_not_the_domain_itself() {
        let wide = pattern("*.example.com");
        for inside in [
            "a.example.com",
            "a.b.example.com",
            "*.example.com",
            "*.b.example.com",
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
        assert!(!pattern("a.example.com").covers(&wide));
    }
}
