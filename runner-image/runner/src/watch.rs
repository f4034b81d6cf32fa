//! Watches the workspace's size while a step runs. No engine bounds a volume
//! on every storage driver, so it is counted here.
//!
//! Counting walks the tree, which is slow for large ones; how full the file
//! system below is takes one call. So that is looked at often, and the tree is
//! walked when the fill has grown by a part of the limit, or now and then. It
//! is looked at once more when the step's program has ended by itself, because
//! a program can fill a volume between two looks.

use crate::config::Config;
use crate::limits::{COUNT_INTERVAL, WATCH_INTERVAL};
use crate::step::Step;
use nix::sys::statvfs::statvfs;
use sortie_wire::message::KillReason;
use sortie_wire::place;
use std::cell::Cell;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// The tree is walked again when the fill grew by this part of the limit.
const GROWTH: u64 = 32;

/// What is on a volume.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    pub bytes: u64,
    pub files: u64,
}

/// The workspace's size against its limit.
pub struct Watch {
    limit: Size,
    /// When the tree was walked last, and how full the volume was then.
    counted: Cell<Option<(Instant, Size)>>,
}

impl Watch {
    pub fn new(config: &Config) -> Self {
        Self {
            limit: Size {
                bytes: config.workspace_bytes,
                files: config.workspace_files,
            },
            counted: Cell::new(None),
        }
    }

    /// Ends the step when the workspace outgrows its limit. Runs until aborted.
    pub async fn run(self: Rc<Self>, step: Rc<Step>) {
        let mut ticks = interval(WATCH_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if self.is_full().await {
                step.end(KillReason::WorkspaceFull);
                return;
            }
        }
    }

    /// Whether the workspace is over its limit; walks the tree when it may be.
    pub async fn is_full(&self) -> bool {
        let limit = self.limit;
        let fill = fill();
        let due = self.counted.get().is_none_or(|(at, before)| {
            at.elapsed() > COUNT_INTERVAL
                || fill.bytes.saturating_sub(before.bytes) > limit.bytes / GROWTH
                || fill.files.saturating_sub(before.files) > limit.files / GROWTH
        });
        if !due {
            return false;
        }
        let counting = tokio::task::spawn_blocking(move || count(Path::new(place::WORK), limit));
        let size = counting.await.unwrap_or_default();
        if size.bytes > limit.bytes || size.files > limit.files {
            return true;
        }
        self.counted.set(Some((Instant::now(), fill)));
        false
    }
}

/// How full the file system is; others may share it, so it only hints.
fn fill() -> Size {
    statvfs(place::WORK)
        .map(|stat| Size {
            bytes: stat
                .blocks()
                .saturating_sub(stat.blocks_free())
                .saturating_mul(stat.fragment_size()),
            files: stat.files().saturating_sub(stat.files_free()),
        })
        .unwrap_or_default()
}

/// Counts what is under a directory, as allocated on the disk, until a limit
/// is passed. Never follows a link; skips what it may not read, which nothing
/// can be written into either without becoming readable to its owner.
pub fn count(root: &Path, limit: Size) -> Size {
    let mut size = Size::default();
    let mut pending: Vec<PathBuf> = vec![root.to_owned()];
    while let Some(directory) = pending.pop() {
        let Ok(entries) = fs::read_dir(&directory) else {
            continue;
        };
        for entry in entries.flatten() {
            let Ok(metadata) = entry.metadata() else {
                continue;
            };
            size.files += 1;
            size.bytes += metadata.blocks() * 512;
            if metadata.is_dir() {
                pending.push(entry.path());
            }
            if size.bytes > limit.bytes || size.files > limit.files {
                return size;
            }
        }
    }
    size
}

#[cfg(test)]
mod tests {
    use super::*;

    const NO_LIMIT: Size = Size {
        bytes: u64::MAX,
        files: u64::MAX,
    };

    #[test]
    fn counts_what_is_there_and_follows_no_link() {
        let place = tempfile::tempdir().unwrap();
        let deep = place.path().join("a/b");
        fs::create_dir_all(&deep).unwrap();
        fs::write(deep.join("data"), vec![1; 256 * 1024]).unwrap();
        std::os::unix::fs::symlink("/", place.path().join("root")).unwrap();
        let size = count(place.path(), NO_LIMIT);
        assert_eq!(size.files, 4);
        assert!((256 * 1024..1024 * 1024).contains(&size.bytes), "{size:?}");
    }

    #[test]
    fn stops_at_the_limit() {
        let place = tempfile::tempdir().unwrap();
        for n in 0..50 {
            fs::write(place.path().join(n.to_string()), "").unwrap();
        }
        assert_eq!(
            count(
                place.path(),
                Size {
                    bytes: u64::MAX,
                    files: 10
                }
            )
            .files,
            11
        );
    }
}
