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

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};
use url::{Host, Url};

/// The longest URL that is accepted.
const MAX_URL_BYTES: usize = 2048;

/// A checked remote. `Display` never shows user info.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RemoteUrl {
    transport: Transport,
    for_git: String,
    shown: String,
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
        let url = Url::from_file_path(path)
            .map_err(|()| UrlError::new(path, "the path is not absolute"))?;
        Ok(Self::file(url))
    }

    fn file(mut url: Url) -> Self {
        let trimmed = url.path().trim_end_matches('/').to_owned();
        url.set_path(if trimmed.is_empty() { "/" } else { &trimmed });
        Self {
            transport: Transport::File,
            for_git: url.to_string(),
            shown: url.to_string(),
        }
    }

    fn url(text: &str) -> Result<Self, UrlError> {
        let shown = without_user_info(text);
        let refuse = |reason| UrlError::new(&shown, reason);
        let url = Url::parse(text).map_err(|_| refuse("it is not a valid URL"))?;
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
                let path = url
                    .to_file_path()
                    .map_err(|()| refuse("it is not a local path"))?;
                let path = path
                    .to_str()
                    .ok_or_else(|| refuse("the path is not UTF-8"))?;
                if path.chars().any(char::is_control) {
                    return Err(refuse("it holds control characters"));
                }
                Self::local(path)
            }
            "file" => Err(refuse("a file URL names no other host")),
            "ssh" => {
                let host = url.host_str().unwrap_or_default();
                check_host(host).map_err(refuse)?;
                check_user(url.username()).map_err(refuse)?;
                if url.path().len() < 2 {
                    return Err(refuse("the path is missing"));
                }
                Ok(Self::network(Transport::Ssh, &url))
            }
            scheme @ ("https" | "http") => {
                if !url.username().is_empty() {
                    return Err(refuse(
                        "it holds user info; put name and token into the vault and [[git.credentials]]",
                    ));
                }
                if url.path().len() < 2 {
                    return Err(refuse("the path is missing"));
                }
                match (scheme, url.host()) {
                    ("https", Some(_)) => Ok(Self::network(Transport::Https, &url)),
                    ("http", Some(host)) if is_loopback(&host) => {
                        Ok(Self::network(Transport::Http, &url))
                    }
                    _ => Err(refuse(
                        "plain http is for loopback addresses only; use https",
                    )),
                }
            }
            _ => Err(refuse("only file, ssh and https are allowed")),
        }
    }

    fn network(transport: Transport, url: &Url) -> Self {
        let mut bare = url.clone();
        // Fails only for URLs without a host, which do not come here.
        let _ = bare.set_username("");
        Self {
            transport,
            for_git: url.as_str().trim_end_matches('/').to_owned(),
            shown: bare.as_str().trim_end_matches('/').to_owned(),
        }
    }

    fn scp_like(authority: &str, path: &str) -> Result<Self, UrlError> {
        let (user, host) = authority.split_once('@').unwrap_or(("", authority));
        let shown = format!("{host}:{path}");
        let refuse = |reason| UrlError::new(&shown, reason);
        check_host(host).map_err(refuse)?;
        check_user(user).map_err(refuse)?;
        let path = path.trim_end_matches('/');
        if path.is_empty() || path.starts_with('-') {
            return Err(refuse("the path is missing or starts with '-'"));
        }
        let host = host.to_ascii_lowercase();
        let at = if user.is_empty() { "" } else { "@" };
        Ok(Self {
            transport: Transport::Ssh,
            for_git: format!("{user}{at}{host}:{path}"),
            shown: format!("{host}:{path}"),
        })
    }
}

/// ssh takes what starts with '-' for an option, and the rest is expanded by
/// some configurations: only what a host name is made of goes through.
fn check_host(host: &str) -> Result<(), &'static str> {
    let inner = host
        .strip_prefix('[')
        .and_then(|h| h.strip_suffix(']'))
        .unwrap_or(host);
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
    if inner.is_empty() {
        return Err("the host is missing");
    }
    let ok = if inner == host {
        host.bytes().all(fits) && !host.starts_with('-')
    } else {
        inner.parse::<std::net::Ipv6Addr>().is_ok()
    };
    if ok {
        Ok(())
    } else {
        Err("the host is not a host name")
    }
}

fn check_user(user: &str) -> Result<(), &'static str> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
    if user.starts_with('-') || !user.bytes().all(fits) {
        return Err("the user is not a plain name");
    }
    Ok(())
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
mod tests {
    use super::*;

    fn ok(text: &str) -> RemoteUrl {
        RemoteUrl::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"))
    }

    #[test]
    fn the_accepted_forms() {
        assert_eq!(ok("/srv/a b%.git/").for_git(), "file:///srv/a%20b%25.git");
        assert_eq!(ok("/srv/a.git"), ok("file:///srv/a.git/"));
        assert_eq!(ok("file://localhost/srv/a.git"), ok("/srv/a.git"));
        let ssh = ok("ssh://git@Host.org:2222/a.git");
        assert_eq!(ssh.to_string(), "ssh://Host.org:2222/a.git");
        assert_eq!(ssh.for_git(), "ssh://git@Host.org:2222/a.git");
        let scp = ok("git@github.com:acme/a.git");
        assert_eq!(scp.for_git(), "git@github.com:acme/a.git");
        assert_eq!(scp.to_string(), "github.com:acme/a.git");
        assert_eq!(ok("https://H.org:443/a/").for_git(), "https://h.org/a");
        assert_eq!(ok("http://127.0.0.1:99/a").transport(), Transport::Http);
        assert_eq!(ok("http://[::1]:99/a").transport(), Transport::Http);
        assert_eq!(ok("ssh://[::1]:22/a").transport(), Transport::Ssh);
    }

    #[test]
    fn everything_else_is_refused_without_showing_secrets() {
        for text in [
            "",
            "a",
            "./a",
            "../a.git",
            "git://h.org/a",
            "ext::sh -c evil",
            "ext::sh%20-c%20evil",
            "ftp://h.org/a",
            "http://h.org/a",
            "http://169.254.169.254/a",
            "https://h.org",
            "https://user:s3cr3t@h.org/a",
            "https://s3cr3t@h.org/a",
            "https://h.org/a?x=1",
            "https://u:s3cr3t@h:bad/a",
            "ssh://u:s3cr3t@h.org/a",
            "ssh://-oProxyCommand=evil/a",
            "ssh://h.org",
            "-oProxyCommand=evil:a",
            "a$(evil)@h.org:x",
            "h.org:-evil",
            "h.org:",
            "file://other/srv/a",
            "/srv/a\nb",
            "file:///srv/a%0Ab",
        ] {
            let error = RemoteUrl::parse(text).expect_err(text).to_string();
            assert!(!error.contains("s3cr3t"), "{error}");
        }
    }

    #[test]
    fn the_key_is_a_file_name_and_tells_remotes_apart() {
        let a = ok("https://h.org/a").key();
        assert_eq!(a.len(), 32);
        assert_eq!(a, ok("https://H.ORG:443/a/").key());
        assert_ne!(a, ok("https://h.org/b").key());
        assert_ne!(ok("ssh://u@h.org/a").key(), ok("ssh://v@h.org/a").key());
    }
}
