//! Where a package is: a path, an https URL or an OCI reference, as a person
//! writes it. What could be two of them is refused, never guessed.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use oci_client::Reference;
use url::{Host, Url};

/// Where a package is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A file here.
    Path(PathBuf),
    /// A web address; `http` only on this machine.
    Web(Url),
    /// A tag or digest in a registry; `http` only on this machine.
    Oci(Reference),
}

/// A text that is no source.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` {reason}")]
pub struct SourceError {
    text: String,
    reason: String,
}

impl Source {
    /// Reads what a person wrote.
    ///
    /// # Errors
    /// What is wrong with it, and what to write.
    pub fn parse(text: &str) -> Result<Self, SourceError> {
        let refuse = |reason: &str| SourceError {
            text: text.chars().filter(|c| !c.is_control()).take(200).collect(),
            reason: reason.to_owned(),
        };
        if text.is_empty() || text.chars().any(char::is_control) {
            return Err(refuse(
                "is no source; write a path, an https address or an OCI reference",
            ));
        }
        if let Some(reference) = text.strip_prefix("oci://") {
            return oci(reference)
                .map(Self::Oci)
                .map_err(|reason| refuse(&reason));
        }
        if let Some((scheme, _)) = text.split_once("://") {
            return match scheme {
                "https" | "http" => web(text).map(Self::Web).map_err(|error| {
                    // User info may be a password.
                    SourceError {
                        text: format!("{scheme}://…"),
                        reason: error,
                    }
                }),
                "file" => Err(refuse("is a URL of a file; write its path alone")),
                _ => Err(refuse(
                    "has a scheme that is not fetched; write https://, oci:// or a path",
                )),
            };
        }
        let looks_like_path = ["/", "./", "../"].iter().any(|head| text.starts_with(head))
            || text.ends_with(".wasm")
            || text == "..";
        if looks_like_path {
            return Ok(Self::Path(PathBuf::from(text)));
        }
        let registry = text.split_once('/').is_some_and(|(host, _)| {
            host == "localhost" || host.contains('.') || host.contains(':')
        });
        if registry {
            return oci(text).map(Self::Oci).map_err(|reason| refuse(&reason));
        }
        Err(refuse(
            "could be a file or a registry's; write ./ before a path, or oci:// and a registry before a reference",
        ))
    }

    /// Whether it is on this machine, where http is allowed.
    pub(super) fn is_loopback(&self) -> bool {
        match self {
            Self::Path(_) => true,
            Self::Web(url) => url.host().is_some_and(|host| loopback(&host)),
            Self::Oci(reference) => Url::parse(&format!("http://{}/", reference.registry()))
                .is_ok_and(|url| url.host().is_some_and(|host| loopback(&host))),
        }
    }
}

impl FromStr for Source {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Self, SourceError> {
        Self::parse(text)
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => path.display().fmt(f),
            Self::Web(url) => url.fmt(f),
            Self::Oci(reference) => write!(f, "oci://{reference}"),
        }
    }
}

fn web(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("is no web address: {error}"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("has a name or password in it, which would be stored; leave it out".into());
    }
    if url.fragment().is_some() {
        return Err("has a `#` part, which is never sent; leave it out".into());
    }
    let Some(host) = url.host() else {
        return Err("names no host".into());
    };
    if url.scheme() == "http" && !loopback(&host) {
        return Err(format!(
            "is not encrypted; write https://{host}, http is for this machine only"
        ));
    }
    Ok(url)
}

fn oci(text: &str) -> Result<Reference, String> {
    let wanted = "write registry/repository:tag or registry/repository@sha256:…";
    let (first, rest) = text.split_once('/').unwrap_or((text, ""));
    let named = first == "localhost" || first.contains('.') || first.contains(':');
    if !named || rest.is_empty() {
        return Err(format!("names no registry; {wanted}"));
    }
    if !rest.contains(':') && !rest.contains('@') {
        return Err(format!("has neither a tag nor a digest; {wanted}"));
    }
    Reference::try_from(text.to_owned())
        .map_err(|error| format!("is no OCI reference: {error}; {wanted}"))
}

fn loopback<S: AsRef<str>>(host: &Host<S>) -> bool {
    match host {
        Host::Domain(name) => name.as_ref() == "localhost",
        Host::Ipv4(address) => IpAddr::from(*address).is_loopback(),
        Host::Ipv6(address) => IpAddr::from(*address).is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_kind_is_known_by_how_it_is_written() {
        let digest = format!("ghcr.io/a/b@sha256:{}", "0".repeat(64));
        for (text, shown) in [
            ("./x.wasm", "./x.wasm"),
            ("x.wasm", "x.wasm"),
            ("/srv/x", "/srv/x"),
            (
                "https://a.example/x.wasm?v=1",
                "https://a.example/x.wasm?v=1",
            ),
            ("http://127.0.0.1:80/x", "http://127.0.0.1/x"),
            ("http://[::1]:8080/x", "http://[::1]:8080/x"),
            ("oci://ghcr.io/a/b:1", "oci://ghcr.io/a/b:1"),
            ("localhost:5000/b:1", "oci://localhost:5000/b:1"),
            (&digest, &format!("oci://{digest}")),
        ] {
            let source = Source::parse(text).unwrap();
            assert_eq!(source.to_string(), shown);
            assert_eq!(
                Source::parse(shown).unwrap(),
                source,
                "what is stored is read"
            );
        }
    }

    #[test]
    fn what_is_unsafe_or_could_be_two_things_is_refused() {
        for (text, said) in [
            ("", "no source"),
            ("webhook", "could be"),
            ("a/b:1", "could be"),
            ("http://a.example/x.wasm", "write https://a.example"),
            ("http://127.0.0.1.evil.example/x", "not encrypted"),
            ("https://u:hunter2@a.example/x", "leave it out"),
            ("https://a.example/x#y", "never sent"),
            ("file:///etc/passwd", "path alone"),
            ("ftp://a.example/x", "scheme"),
            ("oci://b:1", "no registry"),
            ("oci://a/b:1", "no registry"),
            ("ghcr.io/a/b", "neither a tag"),
            ("oci://ghcr.io/A B:1", "no OCI reference"),
            ("oci://ghcr.io/a/b@sha256:00", "no OCI reference"),
            ("./a\nb", "no source"),
        ] {
            let error = Source::parse(text).unwrap_err().to_string();
            assert!(error.contains(said), "{text}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,60}", head in proptest::sample::select(vec!["", "oci://", "https://", "http://", "./"])) {
            if let Ok(source) = Source::parse(&format!("{head}{text}")) {
                prop_assert!(Source::parse(&source.to_string()).is_ok());
            }
        }
    }
}
