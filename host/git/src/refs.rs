//! Branches and commits: what is in the mirror, what is on the remote, and
//! the commits that the host makes itself.

use crate::id::{check_branch, is_ref_path};
use crate::remote::remote_error;
use crate::{CommitId, Git, GitError, Mirror, RemoteUrl};
use std::time::Duration;

/// Where the remote's branches stand in a mirror.
const ORIGIN: &str = "refs/remotes/origin/";

/// How many branches an error names.
const NAMED_BRANCHES: usize = 10;

/// A commit for display. Names and subject are whatever its maker wrote:
/// text, never an identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitInfo {
    /// Its id.
    pub id: CommitId,
    /// The author's name as written in the commit.
    pub author_name: String,
    /// The author's address as written in the commit.
    pub author_email: String,
    /// The author's time as written in the commit, in seconds since 1970.
    pub authored_at_s: i64,
    /// The first line of the message.
    pub subject: String,
}

impl Git {
    /// Asks a remote whether it is there and takes the credentials that are
    /// configured for it, for no longer than `within`. Touches no mirror.
    ///
    /// # Errors
    ///
    /// Why it cannot be worked with, as a job would meet it.
    pub async fn reach(&self, url: &RemoteUrl, within: Duration) -> Result<(), GitError> {
        let (mut command, _access) = self.inner.network("reach", url, None)?;
        command.wall = command.wall.min(within);
        let done = command
            .args(["ls-remote", "--quiet", "--", url.for_git(), "HEAD"])
            .run()
            .await?;
        match done.code {
            Some(0) => Ok(()),
            _ => Err(remote_error(url, done)),
        }
    }
}

impl Mirror {
    /// The commit a branch of the remote stood at when it was last fetched.
    pub async fn resolve_branch(&self, branch: &str) -> Result<CommitId, GitError> {
        check_branch(branch)?;
        let wanted = format!("{ORIGIN}{branch}");
        let listed = self
            .git("find a branch")
            .args([
                "for-each-ref",
                "--format=%(refname) %(objectname) %(objecttype)",
            ])
            .args([&wanted])
            .run()
            .await?
            .text()?;
        let found = listed.lines().find_map(|line| {
            let rest = line.strip_prefix(&wanted)?.strip_prefix(' ')?;
            rest.strip_suffix(" commit")
        });
        match found {
            Some(id) => id.parse(),
            None => Err(self.no_branch(branch).await?),
        }
    }

    async fn no_branch(&self, branch: &str) -> Result<GitError, GitError> {
        let url = self.url.to_string();
        let available = self.branches(NAMED_BRANCHES).await?;
        Ok(if available.is_empty() {
            GitError::EmptyRepository { url }
        } else {
            GitError::NoSuchBranch {
                url,
                branch: branch.to_owned(),
                available,
            }
        })
    }

    /// The first `most` branches of the remote as they were last fetched.
    pub async fn branches(&self, most: usize) -> Result<Vec<String>, GitError> {
        let text = self
            .git("list the branches")
            .args(["for-each-ref", "--format=%(refname)"])
            .args([format!("--count={most}"), ORIGIN.to_owned()])
            .run()
            .await?
            .text()?;
        let names = text.lines().filter_map(|l| l.strip_prefix(ORIGIN));
        Ok(names.map(str::to_owned).collect())
    }

    /// The branch the remote calls its own. Asks the remote.
    ///
    /// A fresh bare repository often points at a branch nobody pushed; then
    /// the only branch, or one called `main` or `master`, is meant.
    pub async fn default_branch(&self) -> Result<String, GitError> {
        let text = self.ls_remote(&["--symref"], "HEAD").await?;
        let named = text.lines().find_map(|line| {
            let rest = line.strip_prefix("ref: refs/heads/")?;
            rest.strip_suffix("\tHEAD")
        });
        if let Some(branch) = named {
            check_branch(branch)?;
            return Ok(branch.to_owned());
        }
        let available = self.branches(NAMED_BRANCHES).await?;
        if let [only] = available.as_slice() {
            return Ok(only.clone());
        }
        for usual in ["main", "master"] {
            match self.resolve_branch(usual).await {
                Ok(_) => return Ok(usual.to_owned()),
                Err(GitError::NoSuchBranch { .. }) => {}
                Err(other) => return Err(other),
            }
        }
        Err(GitError::NoDefaultBranch {
            url: self.url.to_string(),
            available,
        })
    }

    /// Where a branch stands on the remote right now, if it is there. Asks
    /// the remote.
    pub async fn remote_branch(&self, branch: &str) -> Result<Option<CommitId>, GitError> {
        check_branch(branch)?;
        let wanted = format!("refs/heads/{branch}");
        let text = self.ls_remote(&[], &wanted).await?;
        let found = text.lines().find_map(|line| {
            let (id, name) = line.split_once('\t')?;
            (name == wanted).then_some(id)
        });
        found.map(str::parse).transpose()
    }

    async fn ls_remote(&self, options: &[&str], pattern: &str) -> Result<String, GitError> {
        let (command, _access) = self.git_network("ask")?;
        let done = command
            .args(["ls-remote", "--quiet"])
            .args(options)
            .args(["--", self.url.for_git(), pattern])
            .run()
            .await?;
        if done.code == Some(0) {
            done.text()
        } else {
            Err(remote_error(&self.url, done))
        }
    }

    /// Whether the mirror holds the commit.
    pub async fn has_commit(&self, commit: &CommitId) -> Result<bool, GitError> {
        let done = self
            .git("look for a commit")
            .args(["cat-file", "-e"])
            .args([format!("{commit}^{{commit}}")])
            .run()
            .await?;
        match done.code {
            Some(0) => Ok(true),
            // 1: no such object; 128: an object that is no commit.
            Some(1 | 128) => Ok(false),
            _ => Err(done.into_error()),
        }
    }

    /// The commits that lead from `base` to `head`, newest first, at most
    /// `most` of them.
    pub async fn log(
        &self,
        base: &CommitId,
        head: &CommitId,
        most: usize,
    ) -> Result<Vec<CommitInfo>, GitError> {
        let text = self
            .git("list the commits of a result")
            .args([
                "log",
                "-z",
                "--no-color",
                "--no-decorate",
                "--encoding=UTF-8",
            ])
            .args(["--format=%H%x1f%an%x1f%ae%x1f%at%x1f%s"])
            .args([format!("--max-count={most}"), format!("{base}..{head}")])
            .args(["--"])
            .run()
            .await?
            .text()?;
        let commits = text.split('\0').filter(|record| !record.is_empty());
        commits
            .map(|record| {
                let mut fields = record.splitn(5, '\x1f');
                let id = fields.next().unwrap_or_default().parse()?;
                let mut text = || plain(fields.next().unwrap_or_default());
                Ok(CommitInfo {
                    id,
                    author_name: text(),
                    author_email: text(),
                    authored_at_s: text().parse().unwrap_or(0),
                    subject: text(),
                })
            })
            .collect()
    }

    /// Makes one commit with the files of `head` on top of `base`, signed by
    /// the configured author, and keeps it under `keep_as`.
    ///
    /// The same arguments make the same commit, so it can be repeated after a
    /// crash. What the sandbox wrote into its own commits (names, messages,
    /// files that came and went) is not part of it.
    pub async fn squash(
        &self,
        base: &CommitId,
        head: &CommitId,
        message: &str,
        at_s: i64,
        keep_as: &str,
    ) -> Result<CommitId, GitError> {
        check_keep(keep_as)?;
        let author = &self.inner.options.author;
        let date = format!("{at_s} +0000");
        let _lock = self.lock().await?;
        let text = self
            .git("make a commit")
            .args(["commit-tree", "-p", base.as_str(), "-F", "-"])
            .args([format!("{head}^{{tree}}")])
            .env("GIT_AUTHOR_NAME", &author.name)
            .env("GIT_AUTHOR_EMAIL", &author.email)
            .env("GIT_AUTHOR_DATE", &date)
            .env("GIT_COMMITTER_NAME", &author.name)
            .env("GIT_COMMITTER_EMAIL", &author.email)
            .env("GIT_COMMITTER_DATE", &date)
            .input(message.as_bytes().to_vec())
            .run()
            .await?
            .text()?;
        let made: CommitId = text.trim().parse()?;
        self.set_ref(keep_as, &made).await?;
        Ok(made)
    }

    /// Keeps a commit of the mirror under `keep_as`, in place of what was there.
    pub async fn keep(&self, commit: &CommitId, keep_as: &str) -> Result<(), GitError> {
        check_keep(keep_as)?;
        let _lock = self.lock().await?;
        self.set_ref(keep_as, commit).await
    }

    /// The commit that is kept under `keep_as`; none when nothing is.
    pub async fn kept(&self, keep_as: &str) -> Result<Option<CommitId>, GitError> {
        check_keep(keep_as)?;
        let listed = self
            .git("find a result")
            .args(["for-each-ref", "--format=%(refname) %(objectname)"])
            .args([keep_as])
            .run()
            .await?
            .text()?;
        let found = listed
            .lines()
            .find_map(|line| line.strip_prefix(keep_as)?.strip_prefix(' '));
        found.map(str::parse).transpose()
    }

    /// Sets a ref of ours. Only for the holder of the write lock.
    pub(crate) async fn set_ref(&self, name: &str, commit: &CommitId) -> Result<(), GitError> {
        self.git("keep a result")
            .args(["update-ref", "--no-deref", name, commit.as_str()])
            .run()
            .await?
            .ok()?;
        Ok(())
    }
}

/// Only refs under `refs/sortie/` are ours to write.
pub(crate) fn check_keep(name: &str) -> Result<(), GitError> {
    match name.strip_prefix("refs/sortie/") {
        Some(rest) if is_ref_path(rest) => Ok(()),
        _ => Err(GitError::BranchName(name.chars().take(80).collect())),
    }
}

/// Text of strangers, fit for a line of a terminal or a log.
fn plain(text: &str) -> String {
    const MAX_CHARS: usize = 300;
    let printable = text.chars().filter(|c| !c.is_control());
    printable.take(MAX_CHARS).collect()
}
