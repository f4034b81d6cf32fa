//! Remote URLs: what is accepted, what git is given, what people are shown.
//!
//! | written | becomes |
//! |---|---|
//! | `/srv/git/a.git`, `file:///srv/git/a.git` | a local repository |
//! | `ssh://git@host:22/a.git`, `git@host:a.git` | SSH, keys from the configuration |
//! | `https://host/a.git` | HTTPS, credentials from the vault |
//! | `http://127.0.0.1:3000/a.git` | plain HTTP, loopback addresses only |
//!
//! Nothing else is: no `ext::`, no `git://`, no relative path, no password and
//! no user info in an HTTPS URL (a token in the user's place is still a token).
//! A path has no `.`, `..` or empty segment, no backslash and no encoded slash,
//! because programs disagree about where these lead.
//!
//! What is accepted is normalised, so that patterns and credentials see one
//! spelling: the host in lower case without its last dot, no port that is the
//! transport's own, nothing percent-encoded that need not be.

mod normal;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use sha2::{Digest, Sha256};
use url::{Host, Url};

use crate::identity::RepositoryId;

/// The longest URL that is accepted.
const MAX_URL_BYTES: usize = 2048;

/// Said of what parsers of URLs repair, each in its own way.
const MALFORMED: &str = "it is not written as scheme://host/path";

/// A checked remote. `Display` never shows user info.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RemoteUrl {
    transport: Transport,
    for_git: String,
    shown: String,
    place: Place,
}

/// What the repository's identity is made of.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Place {
    Local(PathBuf),
    Network(RepositoryId),
}

/// How a remote is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// A directory of this machine.
    File,
    /// SSH.
    Ssh,
    /// HTTP over TLS.
    Https,
    /// Plain HTTP to a loopback address.
    Http,
}

impl Transport {
    /// The port that is meant when none is written.
    fn port(self) -> Option<u16> {
        match self {
            Self::File => None,
            Self::Ssh => Some(22),
            Self::Https => Some(443),
            Self::Http => Some(80),
        }
    }

    /// The name of the transport in git's `protocol.*` settings.
    pub(crate) fn protocol(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Ssh => "ssh",
            Self::Https => "https",
            Self::Http => "http",
        }
    }
}

impl RemoteUrl {
    /// Checks and normalises a URL or an absolute path.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        if text.len() > MAX_URL_BYTES {
            return Err(UrlError::new("", "it is over 2,048 bytes long"));
        }
        if text.chars().any(char::is_control) {
            return Err(UrlError::new("", "it holds control characters"));
        }
        if text.contains('\\') {
            return Err(UrlError::new(text, "it holds a backslash; write '/'"));
        }
        if text.starts_with('/') {
            return Self::local(text);
        }
        if text.contains("://") {
            return Self::url(text);
        }
        if text.contains("::") {
            return Err(UrlError::new(text, "remote helpers are not allowed"));
        }
        match text.split_once(':') {
            Some((host, path)) if !host.contains('/') => Self::scp_like(host, path),
            _ => Err(UrlError::new(
                text,
                "write an absolute path or a file, ssh or https URL",
            )),
        }
    }

    /// How the remote is reached.
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// Which repository it is, however it is spelled. Looks at the file system
    /// when it is a directory of this machine.
    pub fn repository(&self) -> RepositoryId {
        match &self.place {
            Place::Local(path) => RepositoryId::local(path),
            Place::Network(id) => id.clone(),
        }
    }

    /// What git is given on its command line. It may hold an SSH user name,
    /// never a secret.
    pub(crate) fn for_git(&self) -> &str {
        &self.for_git
    }

    /// The URL of an HTTP(S) remote, for matching credentials.
    pub(crate) fn http_url(&self) -> Option<Url> {
        match self.transport {
            Transport::Https | Transport::Http => Url::parse(&self.for_git).ok(),
            Transport::File | Transport::Ssh => None,
        }
    }

    /// A name for this remote that is safe as a file name and the same for
    /// the same remote, whatever happens to this program.
    pub(crate) fn key(&self) -> String {
        let digest = Sha256::digest(self.for_git.as_bytes());
        hex::encode(&digest[..16])
    }

    fn local(path: &str) -> Result<Self, UrlError> {
        let refuse = |reason| UrlError::new(path, reason);
        // Unlike a server, the file system says what an empty segment is.
        let segments: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        if segments.is_empty() {
            return Err(refuse("the path is missing"));
        }
        normal::check_segments(segments.iter().copied()).map_err(refuse)?;
        let path = PathBuf::from(format!("/{}", segments.join("/")));
        let url = Url::from_file_path(&path).map_err(|()| refuse("the path is not absolute"))?;
        Ok(Self {
            transport: Transport::File,
            for_git: url.to_string(),
            shown: url.to_string(),
            place: Place::Local(path),
        })
    }

    fn url(text: &str) -> Result<Self, UrlError> {
        let shown = without_user_info(text);
        let refuse = |reason| UrlError::new(&shown, reason);
        let mut url = Url::parse(text).map_err(|_| refuse("it is not a valid URL"))?;
        // What was written is checked, not what the parser made of it: it
        // removes `..`, and takes `https:a` for a URL with a host.
        let written = text
            .get(..url.scheme().len())
            .filter(|scheme| scheme.eq_ignore_ascii_case(url.scheme()))
            .and_then(|scheme| text[scheme.len()..].strip_prefix("://"))
            .ok_or_else(|| refuse(MALFORMED))?;
        let written = written.find('/').map_or("", |start| &written[start..]);
        if url.password().is_some() {
            return Err(refuse(
                "it holds a password; put it into the vault and name it in [[git.credentials]]",
            ));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(refuse("it holds a query or a fragment"));
        }
        match url.scheme() {
            "file" if matches!(url.host_str(), None | Some("" | "localhost")) => {
                Self::local(&normal::decoded(written).map_err(refuse)?)
            }
            "file" => Err(refuse("a file URL names no other host")),
            "ssh" => {
                normal::check_host(url.host_str().unwrap_or_default()).map_err(refuse)?;
                normal::check_user(url.username()).map_err(refuse)?;
                Self::network(Transport::Ssh, &mut url, written).map_err(refuse)
            }
            scheme @ ("https" | "http") => {
                if !url.username().is_empty() {
                    return Err(refuse(
                        "it holds user info; put name and token into the vault and [[git.credentials]]",
                    ));
                }
                match (scheme, url.host()) {
                    ("https", Some(_)) => Self::network(Transport::Https, &mut url, written),
                    ("http", Some(host)) if is_loopback(&host) => {
                        Self::network(Transport::Http, &mut url, written)
                    }
                    _ => Err("plain http is for loopback addresses only; use https"),
                }
                .map_err(refuse)
            }
            _ => Err(refuse("only file, ssh and https are allowed")),
        }
    }

    /// Normalises the URL; `written` is its path as it was written.
    fn network(transport: Transport, url: &mut Url, written: &str) -> Result<Self, &'static str> {
        let decoded = normal::decoded(written)?;
        let path = normal::network_path(&decoded)?.to_owned();
        if normal::decoded(url.path())? != decoded {
            return Err(MALFORMED);
        }
        let host = normal::host(url.host_str().unwrap_or_default())?;
        if url.port() == transport.port() {
            // This and a user name fail for URLs without a host alone, which
            // do not come here.
            let _ = url.set_port(None);
        }
        url.set_host(Some(&host))
            .map_err(|_| "the host is not a host name")?;
        let plain = normal::plainly_encoded(url.path().trim_end_matches('/'));
        url.set_path(&plain);
        let mut bare = url.clone();
        let _ = bare.set_username("");
        Ok(Self {
            transport,
            for_git: url.to_string(),
            shown: bare.to_string(),
            place: Place::Network(RepositoryId::network(&host, url.port(), &path)),
        })
    }

    fn scp_like(authority: &str, path: &str) -> Result<Self, UrlError> {
        let (user, host) = authority.split_once('@').unwrap_or(("", authority));
        let shown = format!("{host}:{path}");
        let refuse = |reason| UrlError::new(&shown, reason);
        normal::check_host(host).map_err(refuse)?;
        normal::check_user(user).map_err(refuse)?;
        if path.is_empty() || path.starts_with('-') {
            return Err(refuse("the path is missing or starts with '-'"));
        }
        // git takes this path as it is, and a server may not.
        normal::decoded(path)
            .and_then(|decoded| normal::network_path(&decoded).map(drop))
            .map_err(refuse)?;
        let id = normal::network_path(path).map_err(refuse)?;
        let host = normal::host(host).map_err(refuse)?;
        let path = path.trim_end_matches('/');
        let at = if user.is_empty() { "" } else { "@" };
        Ok(Self {
            transport: Transport::Ssh,
            for_git: format!("{user}{at}{host}:{path}"),
            shown: format!("{host}:{path}"),
            place: Place::Network(RepositoryId::network(&host, None, id)),
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

/// Cuts everything between `://` and the last `@`, so that an error about a
/// URL that cannot even be parsed shows no password either.
fn without_user_info(text: &str) -> String {
    match (text.split_once("://"), text.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://{rest}"),
        _ => text.to_owned(),
    }
}

impl fmt::Display for RemoteUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for RemoteUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RemoteUrl({})", self.shown)
    }
}

impl FromStr for RemoteUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        Self::parse(text)
    }
}

/// A remote URL that is not accepted; what it shows holds no user info.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("use the repository URL {shown:?}: {reason}")]
pub struct UrlError {
    shown: String,
    reason: &'static str,
}

impl UrlError {
    fn new(shown: &str, reason: &'static str) -> Self {
        let shown = shown.rsplit_once('@').map_or(shown, |(_, rest)| rest);
        Self {
            shown: shown.chars().take(200).collect(),
            reason,
        }
    }
}

#[cfg(test)]
mod tests;
