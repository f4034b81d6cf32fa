//! Which secret opens which git remote.
//!
//! | pattern | matches |
//! |---|---|
//! | `git.example.com` | `https://git.example.com/…` |
//! | `git.example.com:8443` | the same host on that port |
//! | `*.example.com` | every host below `example.com`, not itself |
//! | `https://git.example.com/acme` | `…/acme` and what is below it, not `…/acme2` |
//! | `http://127.0.0.1:3000` | plain HTTP, for loopback addresses only |
//!
//! A bare host never matches plain HTTP: a password is not sent in the clear.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::Deserialize;
use url::{Host, Url};

/// A user name and the name of the secret that goes with it, for the remotes
/// that match the pattern.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct GitCredential {
    /// The remotes it is for: a host (`github.com`, `*.example.com`) or a URL
    /// prefix (`https://git.example.com/acme`).
    #[schemars(with = "String")]
    pub remote: RemotePattern,
    /// The user name; GitHub takes `x-access-token` with any token.
    pub username: String,
    /// The name of the secret that is the password or token.
    pub secret: String,
}

/// What a [`GitCredential`] is for; the module documentation has the grammar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemotePattern {
    scheme: &'static str,
    host: String,
    below: bool,
    port: u16,
    path: String,
}

impl RemotePattern {
    /// Whether the remote is covered. A remote without a port uses the
    /// scheme's own.
    pub fn matches(&self, url: &Url) -> bool {
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
            return false;
        };
        let host_fits = if self.below {
            host.strip_suffix(&self.host)
                .is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
        } else {
            host == self.host
        };
        let path_fits = url.path().strip_prefix(&self.path).is_some_and(|rest| {
            self.path.ends_with('/') || rest.is_empty() || rest.starts_with('/')
        });
        url.scheme() == self.scheme && host_fits && port == self.port && path_fits
    }

    /// Orders patterns that match the same remote: the largest is the most
    /// specific, and wins.
    pub fn specificity(&self) -> (bool, usize, usize) {
        (!self.below, self.host.len(), self.path.len())
    }
}

impl FromStr for RemotePattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let refuse = |reason| PatternError {
            pattern: without_user_info(text),
            reason,
        };
        let (with_scheme, is_bare) = if text.contains("://") {
            (text.to_owned(), false)
        } else {
            (format!("https://{text}"), true)
        };
        let (with_scheme, below) = match with_scheme.split_once("://*.") {
            Some((scheme, rest)) => (format!("{scheme}://{rest}"), true),
            None => (with_scheme, false),
        };
        let url = Url::parse(&with_scheme).map_err(|_| refuse("it is neither a host nor a URL"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refuse("it holds user info; use `username` and `secret`"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(refuse("it holds a query or a fragment"));
        }
        if is_bare && url.path() != "/" {
            return Err(refuse("a path needs the scheme: write https://host/path"));
        }
        let scheme = match (url.scheme(), url.host()) {
            ("https", Some(_)) => "https",
            ("http", Some(host)) if !below && is_loopback(&host) => "http",
            ("http", _) => return Err(refuse("plain http is for loopback addresses only")),
            _ => return Err(refuse("only https takes a password")),
        };
        let host = url.host_str().unwrap_or_default().to_owned();
        if host.contains('*') {
            return Err(refuse("`*.` may only stand at the start of the host"));
        }
        Ok(Self {
            scheme,
            host,
            below,
            port: url.port_or_known_default().unwrap_or(443),
            path: url.path().to_owned(),
        })
    }
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(ip) => ip.is_loopback(),
        Host::Ipv6(ip) => ip.is_loopback(),
    }
}

fn without_user_info(text: &str) -> String {
    match text.rsplit_once('@') {
        Some((_, rest)) => format!("…@{rest}"),
        None => text.to_owned(),
    }
}

impl fmt::Display for RemotePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let star = if self.below { "*." } else { "" };
        write!(
            f,
            "{}://{star}{}:{}{}",
            self.scheme, self.host, self.port, self.path
        )
    }
}

impl<'de> Deserialize<'de> for RemotePattern {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A pattern that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("use the remote pattern {pattern:?}: {reason}")]
pub struct PatternError {
    pattern: String,
    reason: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, url: &str) -> bool {
        pattern
            .parse::<RemotePattern>()
            .expect("a valid pattern")
            .matches(&Url::parse(url).expect("a valid URL"))
    }

    #[test]
    fn the_grammar_table_holds() {
        assert!(matches(
            "git.example.com",
            "https://git.example.com/a/b.git"
        ));
        assert!(matches("git.example.com", "https://git.example.com:443/a"));
        assert!(!matches(
            "git.example.com",
            "https://git.example.com:8443/a"
        ));
        assert!(!matches("git.example.com", "http://git.example.com/a"));
        assert!(!matches(
            "git.example.com",
            "https://git.example.com.evil.org/a"
        ));
        assert!(!matches("git.example.com", "ssh://git.example.com/a"));
        assert!(matches(
            "git.example.com:8443",
            "https://git.example.com:8443/a"
        ));
        assert!(matches("*.example.com", "https://git.example.com/a"));
        assert!(!matches("*.example.com", "https://example.com/a"));
        assert!(!matches("*.example.com", "https://badexample.com/a"));
        assert!(matches("https://h.org/acme", "https://h.org/acme/x.git"));
        assert!(matches("https://h.org/acme/", "https://h.org/acme/x.git"));
        assert!(!matches("https://h.org/acme", "https://h.org/acme2/x.git"));
        assert!(matches("http://127.0.0.1:3000", "http://127.0.0.1:3000/x"));
        assert!(matches("https://[::1]:8443", "https://[::1]:8443/x"));
    }

    #[test]
    fn what_could_leak_a_password_is_refused() {
        for pattern in [
            "http://git.example.com",
            "https://user:pass@h.org",
            "ssh://h.org",
            "h.org/acme",
            "https://a.*.org",
            "http://*.localhost",
            "",
            "*",
        ] {
            let error = pattern
                .parse::<RemotePattern>()
                .expect_err(pattern)
                .to_string();
            assert!(!error.contains("pass@"), "{error}");
        }
    }

    #[test]
    fn the_most_specific_pattern_is_the_largest() {
        let p = |text: &str| text.parse::<RemotePattern>().expect("valid").specificity();
        assert!(p("https://h.org/acme") > p("h.org"));
        assert!(p("a.h.org") > p("*.h.org"));
        assert!(p("*.a.h.org") > p("*.h.org"));
    }
}
