//! Gets a package's bytes from where they are, bounded in size and time, and
//! never something else than was asked for: no redirect to another host, no
//! plain http from another machine, no digest but the expected one. It does not
//! look at what the bytes are.

mod file;
mod oci;
mod source;
mod web;

use std::path::{Path, PathBuf};
use std::time::Duration;

pub use oci::{Annotations, push};
pub use source::{Source, SourceError};

use crate::digest::Digest;
use crate::layer::MAX_PACKAGE_BYTES;

/// How long a fetch may take altogether, unless told otherwise: the largest
/// package over a slow line.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(300);

/// The largest file of certificates.
const MAX_CA_BYTES: u64 = 4 << 20;

/// The largest signature; one has some 500 bytes.
const MAX_SIGNATURE_BYTES: u64 = 16 << 10;

/// Whom a server takes us for.
const USER_AGENT: &str = concat!("sortie/", env!("CARGO_PKG_VERSION"));

/// How to fetch.
#[derive(Clone, Debug)]
pub struct FetchOptions {
    /// The most bytes that are taken.
    pub max_bytes: u64,
    /// The most time that all of it takes.
    pub timeout: Duration,
    /// A file of certificates (PEM) to trust beside the system's.
    pub extra_ca: Option<PathBuf>,
    /// The digest that the bytes must have; none for any.
    pub expected: Option<Digest>,
    /// Who one is at the registry; none for nobody.
    pub login: Option<Login>,
}

impl Default for FetchOptions {
    fn default() -> Self {
        Self {
            max_bytes: MAX_PACKAGE_BYTES,
            timeout: DEFAULT_TIMEOUT,
            extra_ca: None,
            expected: None,
            login: None,
        }
    }
}

/// A name and a password or token for a registry.
#[derive(Clone)]
pub struct Login {
    /// Name.
    pub user: String,
    /// Password or token.
    pub password: zeroize::Zeroizing<String>,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// What was fetched.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// The package.
    pub bytes: Vec<u8>,
    /// Their digest.
    pub digest: Digest,
    /// Where exactly they are: a tag is replaced by the digest it had.
    pub pinned: Source,
    /// The text of the signature beside it, unread; none when there is none.
    pub signature: Option<String>,
}

/// Why nothing was fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// No such file, or no right to it.
    #[error("read {path}: {source}")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A directory, device or pipe.
    #[error("{path} is not a regular file; name the package's `.wasm` file")]
    NotAFile {
        /// Which.
        path: PathBuf,
    },
    /// Over the limit.
    #[error("{what} has more than the {limit} bytes that are taken; strip its debug information")]
    TooLarge {
        /// What.
        what: String,
        /// The limit.
        limit: u64,
    },
    /// The connection ended early.
    #[error("the download of {what} broke off after {got} of {expected} bytes; try again")]
    Truncated {
        /// What.
        what: String,
        /// What was announced.
        expected: u64,
        /// What came.
        got: u64,
    },
    /// Not there, or not for everybody.
    #[error("{what} answered {status}; {}", status_mend(*.status))]
    Status {
        /// What.
        what: String,
        /// The HTTP status.
        status: u16,
    },
    /// It is somewhere else.
    #[error(
        "{what} redirects to {to}, which is another host or not encrypted, and is not followed; if you trust it, name that address"
    )]
    Redirected {
        /// What.
        what: String,
        /// Where to.
        to: String,
    },
    /// In circles, or for too long.
    #[error("{what} redirects more than {limit} times; name the last address")]
    Redirects {
        /// What.
        what: String,
        /// How often is followed.
        limit: usize,
    },
    /// No answer.
    #[error("reach {what}: {reason}")]
    Unreachable {
        /// What.
        what: String,
        /// Why not.
        reason: String,
    },
    /// Not in time.
    #[error("{what} was not there within {} s; try again, or download it by other means and name the file", .limit.as_secs_f32())]
    TimedOut {
        /// What.
        what: String,
        /// The limit.
        limit: Duration,
    },
    /// Other bytes.
    #[error(
        "{what} has the digest {found} and not {expected}; it is not the package that was meant, or was changed since"
    )]
    OtherDigest {
        /// What.
        what: String,
        /// What was asked for.
        expected: Digest,
        /// What came.
        found: Digest,
    },
    /// The registry refused or misbehaved.
    #[error("the registry of {what}: {reason}")]
    Registry {
        /// What.
        what: String,
        /// Why.
        reason: String,
    },
    /// Something else is stored there.
    #[error("{what} is no WebAssembly package: {reason}")]
    NotAPackage {
        /// What.
        what: String,
        /// Why.
        reason: String,
    },
    /// The extra certificates.
    #[error("use the certificates in {path}: {reason}; write PEM, one or more certificates")]
    Certificates {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
}

fn status_mend(status: u16) -> &'static str {
    match status {
        401 | 403 => "it may need a login, or is not for you",
        404 | 410 => "look at the address",
        500.. => "try again later",
        _ => "it is not a download",
    }
}

/// Fetches a package.
///
/// # Errors
/// See [`FetchError`]; nothing is left behind.
pub async fn fetch(source: &Source, options: &FetchOptions) -> Result<Fetched, FetchError> {
    let work = async {
        match source {
            Source::Path(path) => file::fetch(path, options).await,
            Source::Web(url) => web::fetch(url, options, source.is_loopback()).await,
            Source::Oci(reference) => oci::fetch(reference, options, source.is_loopback()).await,
        }
    };
    let fetched = within(source, options, work).await?;
    match options.expected {
        Some(expected) if expected != fetched.digest => Err(FetchError::OtherDigest {
            what: source.to_string(),
            expected,
            found: fetched.digest,
        }),
        _ => Ok(fetched),
    }
}

async fn within<T>(
    source: &Source,
    options: &FetchOptions,
    work: impl Future<Output = Result<T, FetchError>>,
) -> Result<T, FetchError> {
    tokio::time::timeout(options.timeout, work)
        .await
        .unwrap_or_else(|_| {
            Err(FetchError::TimedOut {
                what: source.to_string(),
                limit: options.timeout,
            })
        })
}

/// The extra certificates, as the file has them.
async fn certificates(path: &Path) -> Result<Vec<u8>, FetchError> {
    let bytes = file::read(path, MAX_CA_BYTES).await?;
    let refuse = |reason: String| FetchError::Certificates {
        path: path.to_path_buf(),
        reason,
    };
    let found =
        reqwest::Certificate::from_pem_bundle(&bytes).map_err(|error| refuse(reasons(&error)))?;
    match found.is_empty() {
        true => Err(refuse("there are none".into())),
        false => Ok(bytes),
    }
}

/// How much of a library's error is shown: a server may have written it.
const MAX_REASON_CHARS: usize = 500;

/// An error with what caused it; libraries keep the interesting part there.
fn reasons(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(MAX_REASON_CHARS)
        .collect()
}
