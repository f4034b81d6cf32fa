//! The checks on the shape of what is in quarantine: ancestry, completeness,
//! and the paths of every new commit, not of the last one only, because all
//! of them are pushed.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::paths::{check_path, shown};
use super::{BundleFault, Quarantine};
use crate::id::is_object_id;
use crate::{CommitId, GitError};

/// Where a repository says what its submodules are.
pub(super) const GITMODULES: &str = ".gitmodules";

/// What the new commits bring, gathered over all of them.
#[derive(Default)]
struct Changes {
    count: u32,
    /// Object id to one path that leads to it.
    files: HashMap<String, String>,
    symlinks: BTreeMap<String, BTreeSet<String>>,
    gitmodules: BTreeSet<String>,
}

impl Quarantine<'_> {
    /// Checks everything about the way from `base` to `head`; returns the
    /// number of commits and of changed paths.
    pub(super) async fn check(
        &self,
        head: &CommitId,
        base: &CommitId,
    ) -> Result<(u32, u32), GitError> {
        self.check_ancestry(head, base).await?;
        self.check_complete(head, base).await?;
        let commits = self.new_commits(head, base).await?;
        let changes = self.changes(&commits).await?;
        self.check_sizes(&changes.files).await?;
        self.check_symlinks(&changes.symlinks).await?;
        self.check_gitmodules(&changes.gitmodules, base).await?;
        let count = u32::try_from(commits.lines().count()).unwrap_or(u32::MAX);
        Ok((count, changes.count))
    }

    /// Whether the two commits hold different files.
    pub(super) async fn differs(&self, base: &CommitId, head: &CommitId) -> Result<bool, GitError> {
        let text = self
            .git("compare the result with its base")
            .args(["rev-parse"])
            .args([format!("{base}^{{tree}}"), format!("{head}^{{tree}}")])
            .run()
            .await?
            .text()?;
        let mut trees = text.lines();
        Ok(trees.next() != trees.next())
    }

    async fn check_ancestry(&self, head: &CommitId, base: &CommitId) -> Result<(), GitError> {
        let kind = self
            .git("look at the result's head")
            .args(["cat-file", "-t", head.as_str()])
            .run()
            .await?;
        if kind.code != Some(0) || kind.stdout != b"commit\n" {
            return Err(BundleFault::NotACommit(head.clone()).into());
        }
        let done = self
            .git("compare the result with its base")
            .args(["merge-base", "--is-ancestor", base.as_str(), head.as_str()])
            .run()
            .await?;
        match done.code {
            Some(0) => Ok(()),
            Some(1) => Err(BundleFault::NotDescendant {
                head: head.clone(),
                base: base.clone(),
            }
            .into()),
            _ => Err(incomplete(done.into_error())),
        }
    }

    async fn check_complete(&self, head: &CommitId, base: &CommitId) -> Result<(), GitError> {
        let done = self
            .git("look for missing objects")
            .args([
                "rev-list",
                "--objects",
                "--quiet",
                head.as_str(),
                "--not",
                base.as_str(),
            ])
            .run()
            .await?;
        done.ok().map(drop).map_err(incomplete)
    }

    /// One id per line.
    async fn new_commits(&self, head: &CommitId, base: &CommitId) -> Result<String, GitError> {
        let limit = self.limits().max_commits;
        let text = self
            .git("list the new commits")
            .args([
                "rev-list".to_owned(),
                format!("--max-count={}", u64::from(limit) + 1),
            ])
            .args([format!("{base}..{head}")])
            .run()
            .await?
            .text()?;
        if text.lines().count() > limit as usize {
            return Err(BundleFault::TooManyCommits { limit }.into());
        }
        Ok(text)
    }

    /// What each commit changes against its parents. A merge shows what is
    /// in none of them; the rest is in the parents' own changes.
    async fn changes(&self, commits: &str) -> Result<Changes, GitError> {
        let limit = self.limits().max_changed_paths;
        let run = self
            .git("list the changed paths")
            .args([
                "diff-tree",
                "--stdin",
                "--no-commit-id",
                "-r",
                "-z",
                "-c",
                "--root",
            ])
            .args(["--raw", "--no-renames", "--no-abbrev"])
            .input(commits.as_bytes().to_vec())
            .run()
            .await;
        let raw = match run {
            Err(GitError::OutputTooLarge { .. }) => {
                return Err(BundleFault::TooManyPaths { limit }.into());
            }
            other => other?.ok()?,
        };
        let mut changes = Changes::default();
        let mut fields = raw.split(|b| *b == 0);
        while let Some(meta) = fields.next().filter(|m| !m.is_empty()) {
            let (mode, id) = new_side(meta).ok_or_else(|| unreadable(meta))?;
            let path = fields.next().ok_or_else(|| unreadable(meta))?;
            changes.count += 1;
            if changes.count > limit {
                return Err(BundleFault::TooManyPaths { limit }.into());
            }
            if mode != 0 {
                self.note(&mut changes, mode, id, path)?;
            }
        }
        Ok(changes)
    }

    fn note(
        &self,
        changes: &mut Changes,
        mode: u32,
        id: &str,
        path: &[u8],
    ) -> Result<(), BundleFault> {
        let path = check_path(path, self.limits())?;
        match mode {
            0o100_644 | 0o100_755 => {
                if path.eq_ignore_ascii_case(GITMODULES) {
                    changes.gitmodules.insert(id.to_owned());
                }
                changes.files.insert(id.to_owned(), path.to_owned());
            }
            0o120_000 => {
                if path.eq_ignore_ascii_case(GITMODULES) {
                    return Err(BundleFault::Gitmodules("it is a symlink".into()));
                }
                let links = changes.symlinks.entry(id.to_owned()).or_default();
                links.insert(path.to_owned());
            }
            0o160_000 if self.mirror.inner.options.allow_submodules => {}
            0o160_000 => {
                return Err(BundleFault::Submodule {
                    path: path.to_owned(),
                });
            }
            _ => {
                return Err(BundleFault::BadMode {
                    path: path.to_owned(),
                    mode,
                });
            }
        }
        Ok(())
    }
}

/// Mode and id after the change, from `:100644 100644 <id> <id> M`; a merge
/// has one more colon, mode and id for each further parent.
fn new_side(meta: &[u8]) -> Option<(u32, &str)> {
    let text = std::str::from_utf8(meta).ok()?;
    let fields = text.trim_start_matches(':');
    let parents = text.len() - fields.len();
    let mut words = fields.split(' ');
    let mode = u32::from_str_radix(words.nth(parents)?, 8).ok()?;
    let id = words.nth(parents)?;
    (parents > 0 && is_object_id(id)).then_some((mode, id))
}

/// Git answered in a form that this program does not know: not the bundle's
/// fault alone, but a reason to refuse it.
pub(super) fn unreadable(what: &[u8]) -> GitError {
    BundleFault::BadObjects(format!("its listing cannot be read: {}", shown(what))).into()
}

fn incomplete(error: GitError) -> GitError {
    match error {
        GitError::Command { detail, .. } => BundleFault::Incomplete(detail).into(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_a_raw_line_are_read() {
        let (a, b, c) = ("a".repeat(40), "b".repeat(40), "c".repeat(40));
        let plain = format!(":100644 100755 {a} {b} M");
        assert_eq!(new_side(plain.as_bytes()), Some((0o100_755, b.as_str())));
        let merge = format!("::100644 100644 120000 {a} {b} {c} MM");
        assert_eq!(new_side(merge.as_bytes()), Some((0o120_000, c.as_str())));
        for bad in ["", ":", ":100644", "100644 100644 x y M", ":1 2 3 4 M"] {
            assert_eq!(new_side(bad.as_bytes()), None, "{bad}");
        }
    }
}
