//! Compiled components, kept between starts. A file is named after the digest
//! of the component and everything of the engine that compiled code depends
//! on, and is loaded only when it is exactly what this host wrote. Whatever is
//! amiss, the component is compiled anew: the cache can be deleted at any time
//! and never decides what runs.

mod mapped;

use std::{
    fs::{self, DirBuilder, File, Metadata, OpenOptions},
    hash::{Hash, Hasher},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use nix::{libc::O_NOFOLLOW, unistd::geteuid};
use sha2::{Digest, Sha256};
use wasmtime::{Engine, component::Component};

const CODE: &str = "cwasm";
const SUM: &str = "sha256";
/// Length of a checksum in hexadecimal; whatever follows makes it differ.
const SUM_BYTES: u64 = 65;

/// A directory of compiled components for one engine configuration.
#[derive(Debug)]
pub(crate) struct CodeCache {
    dir: PathBuf,
    compat: String,
}

/// Where a component came from; tests and logs tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CodeSource {
    /// It was compiled now.
    Compiled,
    /// It was compiled before.
    Cached,
}

impl CodeCache {
    /// Opens or makes the directory, and removes what other engine versions
    /// left in it, so that upgrades do not pile up.
    ///
    /// # Errors
    ///
    /// When it cannot be made, belongs to someone else or is open to others.
    pub(crate) fn open(dir: &Path, engine: &Engine) -> io::Result<Self> {
        if !dir.exists() {
            DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        }
        let meta = fs::symlink_metadata(dir)?;
        if !meta.is_dir() {
            return Err(io::Error::other("it is not a directory"));
        }
        if !ours(&meta) {
            return Err(io::Error::other("it belongs to another user"));
        }
        if meta.permissions().mode() & 0o077 != 0 {
            fs::set_permissions(dir, fs::Permissions::from_mode(0o700))?;
        }
        let cache = Self {
            dir: dir.to_owned(),
            compat: compatibility(engine),
        };
        cache.prune()?;
        Ok(cache)
    }

    /// The component with this digest, from the cache or compiled.
    ///
    /// # Errors
    ///
    /// When `wasm` does not compile. A cache that fails is a warning.
    pub(crate) fn component(
        &self,
        engine: &Engine,
        digest: &str,
        wasm: &[u8],
    ) -> wasmtime::Result<(Component, CodeSource)> {
        let code = self.path(digest, CODE);
        match self.load(engine, digest, &code) {
            Ok(Some(component)) => return Ok((component, CodeSource::Cached)),
            Ok(None) => {}
            Err(reason) => {
                tracing::warn!(file = %code.display(), %reason, "compiling anew: the cached code is unusable");
            }
        }
        let compiled = engine.precompile_component(wasm)?;
        if let Err(error) = self.store(digest, &code, &compiled) {
            tracing::warn!(file = %code.display(), %error, "the compiled code could not be kept");
            return Ok((Component::from_binary(engine, wasm)?, CodeSource::Compiled));
        }
        drop(compiled);
        match self.load(engine, digest, &code) {
            Ok(Some(component)) => Ok((component, CodeSource::Compiled)),
            _ => Ok((Component::from_binary(engine, wasm)?, CodeSource::Compiled)),
        }
    }

    fn path(&self, digest: &str, extension: &str) -> PathBuf {
        self.dir
            .join(format!("{digest}-{}.{extension}", self.compat))
    }

    /// Loads a file after all checks; none when there is no such file.
    fn load(
        &self,
        engine: &Engine,
        digest: &str,
        code: &Path,
    ) -> Result<Option<Component>, String> {
        let Some(mut file) = open_own(code)? else {
            return Ok(None);
        };
        let Some(sum) = open_own(&self.path(digest, SUM))? else {
            return Err("it has no checksum".into());
        };
        let mut expected = String::new();
        sum.take(SUM_BYTES)
            .read_to_string(&mut expected)
            .map_err(|e| e.to_string())?;
        let mut hash = Sha256::new();
        io::copy(&mut file, &mut hash).map_err(|e| e.to_string())?;
        if hex::encode(hash.finalize()) != expected {
            return Err("its checksum is not the recorded one".into());
        }
        mapped::load(engine, code)
            .map(Some)
            .map_err(|e| e.to_string())
    }

    fn store(&self, digest: &str, code: &Path, compiled: &[u8]) -> io::Result<()> {
        // The sum goes last: until it is there, the code is not loaded.
        let sum = self.path(digest, SUM);
        match fs::remove_file(&sum) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        self.write(code, compiled)?;
        self.write(&sum, hex::encode(Sha256::digest(compiled)).as_bytes())
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        // A temporary file has mode 0600, which the rename keeps.
        let mut file = tempfile::Builder::new()
            .prefix("tmp-")
            .tempfile_in(&self.dir)?;
        file.write_all(bytes)?;
        file.persist(path)?;
        Ok(())
    }

    fn prune(&self) -> io::Result<()> {
        let keep = format!("-{}.", self.compat);
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let known = name.ends_with(CODE) || name.ends_with(SUM) || name.starts_with("tmp-");
            if known && !name.contains(&keep) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }
}

fn ours(meta: &Metadata) -> bool {
    meta.uid() == geteuid().as_raw()
}

/// Opens a regular file of our own that nobody else can write.
fn open_own(path: &Path) -> Result<Option<File>, String> {
    let file = match OpenOptions::new()
        .read(true)
        .custom_flags(O_NOFOLLOW)
        .open(path)
    {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e.to_string()),
    };
    let meta = file.metadata().map_err(|e| e.to_string())?;
    if !meta.is_file() {
        return Err("it is not a plain file".into());
    }
    if !ours(&meta) {
        return Err("it belongs to another user".into());
    }
    if meta.permissions().mode() & 0o022 != 0 {
        return Err("others may write it".into());
    }
    Ok(Some(file))
}

/// Names everything compiled code depends on: wasmtime's version, the target
/// and the settings.
fn compatibility(engine: &Engine) -> String {
    struct Digester(Sha256);
    impl Hasher for Digester {
        fn write(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }
        fn finish(&self) -> u64 {
            0
        }
    }
    let mut digester = Digester(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut digester);
    hex::encode(&digester.0.finalize()[..8])
}
