//! Packages on disk, by digest: written once, under their final name only when
//! they are whole, and checked each time they are read.

use crate::PlatformError;
use sortie_package::{Digest, MAX_PACKAGE_BYTES};
use std::io::Write;
use std::path::{Path, PathBuf};

/// The folder of packages in a data directory.
const FOLDER: &str = "plugins";

/// The packages of a host.
#[derive(Clone, Debug)]
pub(crate) struct Packages(PathBuf);

impl Packages {
    pub(crate) fn new(data_dir: &Path) -> Self {
        Self(data_dir.join(FOLDER))
    }

    fn path(&self, digest: &str) -> PathBuf {
        self.0.join(format!("{digest}.wasm"))
    }

    /// Keeps a package. One that is there already stays.
    pub(crate) fn keep(&self, plugin: &str, bytes: &[u8]) -> Result<(), PlatformError> {
        let digest = Digest::of(bytes).hex();
        let path = self.path(&digest);
        let failed = |error: std::io::Error| PlatformError::Package {
            plugin: plugin.to_owned(),
            path: path.clone(),
            reason: error.to_string(),
        };
        if self.read(plugin, &digest).is_ok() {
            return Ok(());
        }
        std::fs::create_dir_all(&self.0).map_err(failed)?;
        let mut file = tempfile::NamedTempFile::new_in(&self.0).map_err(failed)?;
        file.write_all(bytes).map_err(failed)?;
        file.as_file().sync_all().map_err(failed)?;
        file.persist(&path).map_err(|error| failed(error.error))?;
        // The name itself must outlive a power cut too.
        std::fs::File::open(&self.0)
            .and_then(|folder| folder.sync_all())
            .map_err(failed)
    }

    /// The bytes of a package, if they are still those.
    pub(crate) fn read(&self, plugin: &str, digest: &str) -> Result<Vec<u8>, PlatformError> {
        let path = self.path(digest);
        let fault = |reason: String| PlatformError::Package {
            plugin: plugin.to_owned(),
            path: path.clone(),
            reason,
        };
        let size = std::fs::metadata(&path)
            .map_err(|error| fault(error.to_string()))?
            .len();
        if size > MAX_PACKAGE_BYTES {
            return Err(fault(format!("it has {size} bytes")));
        }
        let bytes = std::fs::read(&path).map_err(|error| fault(error.to_string()))?;
        match Digest::of(&bytes).hex() == digest {
            true => Ok(bytes),
            false => Err(fault("it is not the one that was installed".to_owned())),
        }
    }

    /// Forgets every package that is not among `kept`.
    pub(crate) fn prune(&self, kept: &[String]) {
        let Ok(entries) = std::fs::read_dir(&self.0) else {
            return;
        };
        for entry in entries.flatten() {
            let path = entry.path();
            let known = path
                .file_stem()
                .and_then(|stem| stem.to_str())
                .is_some_and(|stem| kept.iter().any(|digest| digest == stem));
            if !known && let Err(error) = std::fs::remove_file(&path) {
                tracing::debug!(%error, path = %path.display(), "an old package is left");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_that_was_changed_is_not_read() {
        let dir = tempfile::tempdir().expect("a folder");
        let packages = Packages::new(dir.path());
        packages.keep("p", b"one").expect("it is kept");
        let digest = Digest::of(b"one").hex();
        assert_eq!(packages.read("p", &digest).expect("it is there"), b"one");
        std::fs::write(packages.path(&digest), b"two").expect("it is changed");
        let error = packages.read("p", &digest).expect_err("it is another");
        assert!(error.to_string().contains("not the one that was installed"));
        packages.keep("p", b"one").expect("it is mended");
        assert_eq!(packages.read("p", &digest).expect("it is there"), b"one");
    }

    #[test]
    fn pruning_keeps_what_is_named() {
        let dir = tempfile::tempdir().expect("a folder");
        let packages = Packages::new(dir.path());
        for bytes in [b"one", b"two"] {
            packages.keep("p", bytes).expect("it is kept");
        }
        let one = Digest::of(b"one").hex();
        packages.prune(std::slice::from_ref(&one));
        assert!(packages.read("p", &one).is_ok());
        assert!(packages.read("p", &Digest::of(b"two").hex()).is_err());
    }
}
