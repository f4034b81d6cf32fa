//! Compiled plugins, handed from host to host: compiling them takes each host
//! with an empty data directory seconds, and is no part of what most tests try.

use anyhow::{Context, Result};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Where a host keeps compiled code, in its data directory.
const OF_HOST: &str = "code-cache";

/// Lends a host that was not started yet what earlier ones compiled.
pub fn lend(binary: &Path, data_dir: &Path) -> Result<()> {
    share(&kept(binary), &data_dir.join(OF_HOST))
}

/// Keeps what a host compiled for later ones.
pub fn keep(binary: &Path, data_dir: &Path) -> Result<()> {
    share(&data_dir.join(OF_HOST), &kept(binary))
}

/// Beside the binary, so that it goes when the build goes.
fn kept(binary: &Path) -> PathBuf {
    binary.with_file_name("tests-code-cache")
}

/// Puts each file of `from` into `to` that is not there.
fn share(from: &Path, to: &Path) -> Result<()> {
    let files = match fs::read_dir(from) {
        Ok(files) => files,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).with_context(|| format!("list {}", from.display())),
    };
    let mut directory = fs::DirBuilder::new();
    directory.recursive(true).mode(0o700).create(to)?;
    for file in files {
        let name = file?.file_name();
        if !is_code(&name) || to.join(&name).exists() {
            continue;
        }
        put(&from.join(&name), &to.join(&name))
            .with_context(|| format!("share {}", from.join(&name).display()))?;
    }
    Ok(())
}

/// Whole or not at all, however many tests do it at once.
fn put(from: &Path, to: &Path) -> io::Result<()> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    let half = to.with_file_name(format!(".{}-{next}", std::process::id()));
    // Of another file system it is a copy.
    let made = fs::hard_link(from, &half).or_else(|_| fs::copy(from, &half).map(drop));
    match made {
        Ok(()) => fs::rename(half, to),
        // The host drops code that it replaces.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

fn is_code(name: &OsStr) -> bool {
    let extension = Path::new(name).extension();
    extension.is_some_and(|extension| extension == "cwasm" || extension == "sha256")
}
