//! Directories for work that may fail half-way. Each is locked by its owner;
//! one whose owner is gone is removed at the next sweep, so a killed host
//! leaves nothing behind for long. Nothing outside the scratch root is
//! touched.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use crate::mirror::make_private;

/// Held while a scratch directory is made or swept, so that a sweep never
/// meets one that is not locked yet.
const ROOT_LOCK: &str = ".lock";
const OWNER_LOCK: &str = "owner.lock";

/// A private directory, removed with everything in it when dropped.
pub(crate) struct Scratch {
    dir: PathBuf,
    _owner: File,
}

impl Scratch {
    /// Makes one below `root`, which is made too.
    pub(crate) fn new(root: &Path) -> io::Result<Self> {
        make_private(root)?;
        let _root = lock_root(root)?;
        let dir = tempfile::Builder::new()
            .prefix("s-")
            .tempdir_in(root)?
            .keep();
        let owner = File::create(dir.join(OWNER_LOCK))?;
        owner.lock()?;
        Ok(Self { dir, _owner: owner })
    }

    /// A path inside it.
    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Removes the directories whose owners are gone.
    pub(crate) fn sweep(root: &Path) -> io::Result<()> {
        if !root.exists() {
            return Ok(());
        }
        let _root = lock_root(root)?;
        for entry in fs::read_dir(root)? {
            let entry = entry?;
            if !entry.file_type()?.is_dir() {
                continue;
            }
            let dir = entry.path();
            let alive = match File::open(dir.join(OWNER_LOCK)) {
                Ok(owner) => matches!(owner.try_lock(), Err(TryLockError::WouldBlock)),
                Err(_) => false,
            };
            if !alive {
                fs::remove_dir_all(&dir)?;
            }
        }
        Ok(())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.dir) {
            // The next sweep gets it.
            tracing::warn!(dir = %self.dir.display(), %error, "a scratch directory stays for now");
        }
    }
}

fn lock_root(root: &Path) -> io::Result<File> {
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(root.join(ROOT_LOCK))?;
    file.lock()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sweep_takes_the_dead_and_leaves_the_living() {
        let root = tempfile::tempdir().expect("a directory");
        let alive = Scratch::new(root.path()).expect("made");
        let dead = root.path().join("s-dead");
        fs::create_dir(&dead).expect("made");
        fs::write(dead.join("file"), "x").expect("written");
        fs::write(dead.join(OWNER_LOCK), "").expect("written");
        Scratch::sweep(root.path()).expect("swept");
        assert!(alive.dir.exists());
        assert!(!dead.exists());
        let dir = alive.dir.clone();
        drop(alive);
        assert!(!dir.exists());
    }
}
