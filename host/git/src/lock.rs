//! The right to write into a mirror: one task of one process at a time. Whoever
//! holds it may take away what a killed git left behind; nobody else may.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;

use crate::GitError;
use crate::mirror::{Inner, make_private};
use crate::url::RemoteUrl;

/// How often a lock that another process holds is tried again.
const LOCK_POLL: Duration = Duration::from_millis(50);

/// The right to write into a mirror, against other tasks and other processes.
pub(crate) struct WriteLock {
    _task: OwnedMutexGuard<()>,
    file: File,
}

impl WriteLock {
    /// The lock as an open file. A child that gets it keeps the lock until it
    /// ends, even when this process is killed: nobody then takes away a lock
    /// file that a surviving git still relies on.
    pub(crate) fn share(&self) -> io::Result<File> {
        self.file.try_clone()
    }
}

impl Inner {
    pub(crate) async fn lock(&self, url: &RemoteUrl) -> Result<WriteLock, GitError> {
        let waited = self.options.limits.lock_wait;
        let deadline = Instant::now() + waited;
        let busy = || GitError::Busy {
            url: url.to_string(),
            waited,
        };
        let key = url.key();
        let mutex = {
            let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(locks.entry(key.clone()).or_default())
        };
        let task = tokio::time::timeout_at(deadline, mutex.lock_owned())
            .await
            .map_err(|_| busy())?;
        let root = &self.options.mirrors_dir;
        make_private(root).map_err(GitError::io("make the mirrors directory", root))?;
        let path = root.join(format!("{key}.lock"));
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .read(true)
            .open(&path)
            .map_err(GitError::io("open the lock", &path))?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(WriteLock { _task: task, file }),
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                    tokio::time::sleep(LOCK_POLL).await;
                }
                Err(TryLockError::WouldBlock) => return Err(busy()),
                Err(TryLockError::Error(source)) => return Err(GitError::io("lock", path)(source)),
            }
        }
    }
}

/// Removes what a killed git leaves in a repository: lock files and
/// unfinished objects. Only for the holder of the write lock.
pub(crate) fn remove_stale(dir: &Path) -> io::Result<()> {
    remove_matching(dir, false, &|name| name.ends_with(".lock"))?;
    remove_matching(&dir.join("refs"), true, &|name| name.ends_with(".lock"))?;
    let objects = dir.join("objects");
    remove_matching(&objects, true, &|name| {
        name.starts_with("tmp_") || name.ends_with(".lock")
    })?;
    for entry in fs::read_dir(&objects)? {
        let entry = entry?;
        let name = entry.file_name();
        if name.to_string_lossy().starts_with("tmp_objdir-") {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

fn remove_matching(dir: &Path, deep: bool, stale: &dyn Fn(&str) -> bool) -> io::Result<()> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    for entry in entries {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            if deep {
                remove_matching(&entry.path(), true, stale)?;
            }
        } else if stale(&entry.file_name().to_string_lossy()) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
