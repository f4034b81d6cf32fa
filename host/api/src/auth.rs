//! The bearer token: made once, kept in a file that only its owner can read,
//! held in memory as a digest and compared in constant time.

use crate::problem::{Kind, Problem};
use crate::state::Api;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use subtle::ConstantTimeEq;

/// What tokens begin with, so that secret scanners can know them.
const PREFIX: &str = "sortie_";

/// The fewest characters a token may have; what this host makes has 71.
const MIN_CHARS: usize = 32;

/// The most bytes of a token file that are read.
const MAX_FILE_BYTES: u64 = 4096;

/// Paths that answer without a token: liveness, readiness, and the
/// description, which says nothing about this host.
const OPEN_PATHS: [&str; 3] = ["/healthz", "/readyz", "/openapi.json"];

/// Why there is no token to use. Completes "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The file could not be read or written.
    #[error("use the token file {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: std::io::Error,
    },
    /// The file does not hold a token.
    #[error("use the token file {}: it holds no token; remove it and start the host again to get a new one", path.display())]
    NoToken {
        /// The file.
        path: PathBuf,
    },
    /// Others can read the file.
    #[error("use the token file {}: others than its owner can read it (mode {mode:o}); remove it and start the host again to get a new one", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The machine gave no random bytes.
    #[error("make a token: {0}")]
    Random(String),
}

/// The digest of the token that opens the API.
#[derive(Clone)]
pub struct Token {
    digest: [u8; 32],
}

impl Token {
    /// Reads the token from its file, or makes one when there is no file.
    /// Says whether it was made.
    pub fn open(path: &Path) -> Result<(Self, bool), TokenError> {
        match Self::read(path) {
            Ok(token) => Ok((Self::from_text(&token), false)),
            Err(TokenError::File { source, .. })
                if source.kind() == std::io::ErrorKind::NotFound =>
            {
                let token = Self::make(path)?;
                Ok((Self::from_text(&token), true))
            }
            Err(error) => Err(error),
        }
    }

    /// The token's text, for a client on the same machine.
    pub fn read(path: &Path) -> Result<String, TokenError> {
        let failed = |source| TokenError::File {
            path: path.to_path_buf(),
            source,
        };
        let file = std::fs::File::open(path).map_err(failed)?;
        let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(TokenError::Exposed {
                path: path.to_path_buf(),
                mode,
            });
        }
        let mut text = String::new();
        file.take(MAX_FILE_BYTES)
            .read_to_string(&mut text)
            .map_err(failed)?;
        let token = text.trim();
        if token.len() < MIN_CHARS || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(TokenError::NoToken {
                path: path.to_path_buf(),
            });
        }
        Ok(token.to_owned())
    }

    /// A token of that text.
    pub fn from_text(text: &str) -> Self {
        Self {
            digest: Sha256::digest(text.as_bytes()).into(),
        }
    }

    fn make(path: &Path) -> Result<String, TokenError> {
        let mut bytes = [0_u8; 32];
        getrandom::fill(&mut bytes).map_err(|error| TokenError::Random(error.to_string()))?;
        let token = format!("{PREFIX}{}", hex::encode(bytes));
        let failed = |source| TokenError::File {
            path: path.to_path_buf(),
            source,
        };
        // Written beside and renamed, so that a crash never leaves half a
        // token; temporary files are made with mode 0600.
        let dir = path.parent().unwrap_or(Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(dir).map_err(failed)?;
        writeln!(file, "{token}").map_err(failed)?;
        file.as_file().sync_all().map_err(failed)?;
        file.persist(path).map_err(|error| failed(error.error))?;
        Ok(token)
    }

    fn opens(&self, shown: &str) -> bool {
        let shown: [u8; 32] = Sha256::digest(shown.as_bytes()).into();
        self.digest.ct_eq(&shown).into()
    }
}

/// Lets a request through that shows the token, or asks for an open path.
pub(crate) async fn require_token(
    State(api): State<Api>,
    request: Request,
    next: Next,
) -> Response {
    if OPEN_PATHS.contains(&request.uri().path()) {
        return next.run(request).await;
    }
    let shown = bearer(request.headers());
    match shown {
        Some(token) if api.token().opens(token) => next.run(request).await,
        shown => refuse(shown.is_some()),
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then_some(token.trim())
}

fn refuse(shown: bool) -> Response {
    let (detail, challenge) = if shown {
        (
            "accept the request: the token is not this host's",
            r#"Bearer realm="sortie", error="invalid_token""#,
        )
    } else {
        (
            "accept the request: it shows no token",
            r#"Bearer realm="sortie""#,
        )
    };
    let mut response = Problem::new(Kind::Unauthorized, detail)
        .with_hint(
            "send `Authorization: Bearer TOKEN`; the host wrote its token to the file `api-token` \
             in its data directory",
        )
        .into_response();
    response.headers_mut().insert(
        header::WWW_AUTHENTICATE,
        HeaderValue::from_static(challenge),
    );
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_made_once_for_its_owner_only() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("api-token");
        let (made, created) = Token::open(&path).expect("made");
        assert!(created);
        let mode = std::fs::metadata(&path)
            .expect("there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        let text = Token::read(&path).expect("readable");
        assert!(text.starts_with(PREFIX) && text.len() == PREFIX.len() + 64);
        assert!(made.opens(&text));
        assert!(!made.opens("") && !made.opens(&text[1..]));
        let (again, created) = Token::open(&path).expect("read");
        assert!(!created && again.opens(&text));
    }

    #[test]
    fn a_file_that_holds_no_token_or_that_others_read_is_refused() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("api-token");
        let set_mode = |mode| {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("owned");
        };
        std::fs::write(&path, "").expect("writable");
        set_mode(0o600);
        assert!(matches!(
            Token::open(&path),
            Err(TokenError::NoToken { .. })
        ));
        std::fs::write(&path, "x".repeat(64)).expect("writable");
        set_mode(0o644);
        assert!(matches!(
            Token::open(&path),
            Err(TokenError::Exposed { mode: 0o644, .. })
        ));
    }
}
