//! The checks on the contents of what is in quarantine: sizes, where symlinks
//! lead, and what `.gitmodules` says.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::paths::{check_symlink, shown};
use super::tree::{GITMODULES, unreadable};
use super::{BundleFault, Quarantine};
use crate::id::is_object_id;
use crate::{CommitId, GitError};

/// The longest target of a symlink; PATH_MAX of every system in use.
const MAX_TARGET_BYTES: u64 = 4096;

impl Quarantine<'_> {
    /// Every object of the bundle, reachable or not: its own size and the sum.
    pub(super) async fn check_sizes(
        &self,
        files: &HashMap<String, String>,
    ) -> Result<(), GitError> {
        let listing = self.pack_objects().await?;
        let sizes = self.sizes(listing).await?;
        let limits = self.limits();
        let mut total = 0_u64;
        for (id, bytes) in sizes {
            total = total.saturating_add(bytes);
            if total > limits.max_inflated_bytes {
                let limit = limits.max_inflated_bytes;
                return Err(BundleFault::InflatesTooFar { limit }.into());
            }
            if bytes > limits.max_blob_bytes {
                let what = files
                    .get(&id)
                    .map_or(format!("the object {id}"), String::clone);
                let limit = limits.max_blob_bytes;
                return Err(BundleFault::BlobTooLarge { what, bytes, limit }.into());
            }
        }
        Ok(())
    }

    /// The ids of all objects in quarantine, one per line.
    async fn pack_objects(&self) -> Result<Vec<u8>, GitError> {
        let dir = self.objects().join("pack");
        let entries = std::fs::read_dir(&dir).map_err(GitError::io("list", &dir))?;
        let mut ids = Vec::new();
        for entry in entries {
            let path = entry.map_err(GitError::io("list", &dir))?.path();
            if path.extension().is_none_or(|x| x != "idx") {
                continue;
            }
            let index = std::fs::File::open(&path).map_err(GitError::io("open", &path))?;
            let text = self
                .git("list the objects of a bundle")
                .args(["show-index"])
                .input_file(index)
                .run()
                .await?
                .text()?;
            for line in text.lines() {
                let id = line.split(' ').nth(1).filter(|id| is_object_id(id));
                ids.extend_from_slice(id.ok_or_else(|| unreadable(line.as_bytes()))?.as_bytes());
                ids.push(b'\n');
            }
        }
        Ok(ids)
    }

    /// The sizes of the objects whose ids are given, one per line.
    async fn sizes(&self, ids: Vec<u8>) -> Result<Vec<(String, u64)>, GitError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let text = self
            .git("measure the objects of a bundle")
            .args([
                "cat-file",
                "--buffer",
                "--batch-check=%(objectname) %(objectsize)",
            ])
            .input(ids)
            .run()
            .await?
            .text()?;
        text.lines()
            .map(|line| {
                let (id, size) = line
                    .split_once(' ')
                    .ok_or_else(|| unreadable(line.as_bytes()))?;
                let size = size.parse().map_err(|_| unreadable(line.as_bytes()))?;
                Ok((id.to_owned(), size))
            })
            .collect()
    }

    pub(super) async fn check_symlinks(
        &self,
        symlinks: &BTreeMap<String, BTreeSet<String>>,
    ) -> Result<(), GitError> {
        let mut ids = Vec::new();
        for id in symlinks.keys() {
            ids.extend_from_slice(id.as_bytes());
            ids.push(b'\n');
        }
        let sizes = self.sizes(ids.clone()).await?;
        for (id, bytes) in &sizes {
            if *bytes > MAX_TARGET_BYTES {
                let path = symlinks.get(id).and_then(|p| p.first()).cloned();
                return Err(BundleFault::BadSymlink {
                    path: path.unwrap_or_default(),
                    target: "…".into(),
                    reason: "the target is too long",
                }
                .into());
            }
        }
        if sizes.is_empty() {
            return Ok(());
        }
        let raw = self
            .git("read the symlinks of a bundle")
            .args(["cat-file", "--buffer", "--batch=%(objectsize)"])
            .input(ids)
            .run()
            .await?
            .ok()?;
        // One answer per id, in the order asked: a size, a line end, that
        // many bytes, a line end.
        let mut rest = raw.as_slice();
        for paths in symlinks.values() {
            let target;
            (target, rest) = sized(rest).ok_or_else(|| unreadable(rest))?;
            for path in paths {
                check_symlink(path, target)?;
            }
        }
        Ok(())
    }

    /// A new `.gitmodules` may say less than the base's, never more: a URL or
    /// a path in it makes people's git fetch and write.
    pub(super) async fn check_gitmodules(
        &self,
        ids: &BTreeSet<String>,
        base: &CommitId,
    ) -> Result<(), GitError> {
        if ids.is_empty() || self.mirror.inner.options.allow_submodules {
            return Ok(());
        }
        let known = match self.config_blob(&format!("{base}:{GITMODULES}")).await {
            Ok(entries) => entries,
            Err(GitError::Command { .. }) => BTreeSet::new(),
            Err(other) => return Err(other),
        };
        for id in ids {
            let entries = match self.config_blob(id).await {
                Err(GitError::Command { detail, .. }) => {
                    return Err(BundleFault::Gitmodules(detail).into());
                }
                other => other?,
            };
            if let Some(new) = entries.difference(&known).next() {
                let entry = shown(new.replace('\n', " = ").as_bytes());
                return Err(BundleFault::Gitmodules(format!("it adds {entry}")).into());
            }
        }
        Ok(())
    }

    async fn config_blob(&self, blob: &str) -> Result<BTreeSet<String>, GitError> {
        let text = self
            .git("read .gitmodules")
            .args([
                "config",
                "--no-includes",
                "--null",
                "--list",
                "--blob",
                blob,
            ])
            .run()
            .await?
            .text()?;
        let entries = text.split('\0').filter(|e| !e.is_empty());
        Ok(entries.map(str::to_owned).collect())
    }
}

fn sized(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|b| *b == b'\n')?;
    let size: usize = std::str::from_utf8(&bytes[..end]).ok()?.parse().ok()?;
    let (content, rest) = bytes.get(end + 1..)?.split_at_checked(size)?;
    Some((content, rest.strip_prefix(b"\n")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sized_answers_are_bounded_by_what_is_there() {
        assert_eq!(
            sized(b"3\nabc\nrest"),
            Some((b"abc".as_slice(), b"rest".as_slice()))
        );
        for bad in [
            b"".as_slice(),
            b"3\nab",
            b"x\nabc\n",
            b"18446744073709551615\nabc\n",
            b"abc missing",
        ] {
            assert!(sized(bad).is_none());
        }
    }
}
