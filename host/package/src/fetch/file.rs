//! Packages in files of this machine. Regular files only: a pipe never ends
//! and a directory has no bytes.

use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use super::{FetchError, FetchOptions, Fetched, MAX_SIGNATURE_BYTES, Source};
use crate::digest::Digest;

/// The package at `path`, and the signature in `<path>.sig`.
pub async fn fetch(path: &Path, options: &FetchOptions) -> Result<Fetched, FetchError> {
    let bytes = read(path, options.max_bytes).await?;
    let mut beside = path.as_os_str().to_owned();
    beside.push(".sig");
    let signature = match read(&PathBuf::from(beside), MAX_SIGNATURE_BYTES).await {
        Ok(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        Err(FetchError::Unreadable { source, .. }) if source.kind() == ErrorKind::NotFound => None,
        Err(other) => return Err(other),
    };
    Ok(Fetched {
        digest: Digest::of(&bytes),
        bytes,
        pinned: Source::Path(path.to_path_buf()),
        signature,
    })
}

/// A whole file of at most `limit` bytes.
pub async fn read(path: &Path, limit: u64) -> Result<Vec<u8>, FetchError> {
    let path = path.to_path_buf();
    tokio::task::spawn_blocking(move || read_now(&path, limit))
        .await
        .expect("reading a file does not panic")
}

fn read_now(path: &Path, limit: u64) -> Result<Vec<u8>, FetchError> {
    let unreadable = |source| FetchError::Unreadable {
        path: path.to_path_buf(),
        source,
    };
    // Asked before it is opened: opening a pipe waits for its writer.
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(FetchError::NotAFile {
            path: path.to_path_buf(),
        });
    }
    let too_large = || FetchError::TooLarge {
        what: path.display().to_string(),
        limit,
    };
    if metadata.len() > limit {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .map_err(unreadable)?
        .take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    // It may have grown since.
    match bytes.len() as u64 > limit {
        true => Err(too_large()),
        false => Ok(bytes),
    }
}
