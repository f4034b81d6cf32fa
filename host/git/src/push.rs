//! Publishing: exactly one commit to exactly one branch, only when the branch
//! stands where it was expected. It never pushes a tag, never follows a
//! submodule, and never overwrites work it did not know about.

use crate::id::check_branch;
use crate::remote::remote_error;
use crate::{CommitId, GitError, Mirror};

/// Where the branch must stand on the remote for the push to go through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PushExpect {
    /// Nowhere: the push makes it.
    Absent,
    /// At this commit: the push moves it, forwards or not.
    At(CommitId),
}

/// What a push came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushOutcome {
    /// The branch stands at the commit now.
    Pushed,
    /// It stood there already: an earlier push went through.
    AlreadyThere,
}

impl Mirror {
    /// Pushes `commit` as `branch`.
    ///
    /// It can be repeated after a crash: a branch that is already at the
    /// commit is left alone. A branch that is anywhere else than expected is
    /// [`GitError::BranchTaken`], also when it moves at the last moment: the
    /// remote itself compares.
    pub async fn push(
        &self,
        commit: &CommitId,
        branch: &str,
        expect: &PushExpect,
    ) -> Result<PushOutcome, GitError> {
        let taken = |at| GitError::BranchTaken {
            branch: branch.to_owned(),
            at,
        };
        if !self.has_commit(commit).await? {
            return Err(GitError::NoSuchCommit(commit.clone()));
        }
        let now = self.remote_branch(branch).await?;
        match (&now, expect) {
            (Some(at), _) if at == commit => return Ok(PushOutcome::AlreadyThere),
            (None, PushExpect::Absent) => {}
            (Some(at), PushExpect::At(expected)) if at == expected => {}
            _ => return Err(taken(now)),
        }
        check_branch(branch)?;
        let expected = match expect {
            PushExpect::Absent => "",
            PushExpect::At(id) => id.as_str(),
        };
        let (command, _access) = self.git_network("push to")?;
        let done = command
            .args(["push", "--porcelain", "--no-verify", "--no-follow-tags"])
            .args(["--no-recurse-submodules", "--no-signed"])
            .args([format!("--force-with-lease=refs/heads/{branch}:{expected}")])
            .args(["--", self.url.for_git()])
            .args([format!("{commit}:refs/heads/{branch}")])
            .run()
            .await?;
        if done.code == Some(0) {
            return Ok(PushOutcome::Pushed);
        }
        let report = self.inner.runner.clean(&done.stdout);
        let Some(reason) = rejection(&report) else {
            return Err(remote_error(&self.url, done));
        };
        // Someone may have been faster; what stands there now decides.
        match self.remote_branch(branch).await? {
            Some(at) if at == *commit => Ok(PushOutcome::AlreadyThere),
            at if at != now => Err(taken(at)),
            _ => Err(GitError::PushRefused {
                branch: branch.to_owned(),
                reason: with_remote_lines(&reason, &done.stderr),
            }),
        }
    }
}

/// The reason on the `!` line of `git push --porcelain`, if there is one.
fn rejection(report: &str) -> Option<String> {
    let line = report.lines().find(|l| l.starts_with('!'))?;
    let summary = line.rsplit('\t').next().unwrap_or(line);
    Some(summary.trim().to_owned())
}

/// What the remote's own checks printed says more than `pre-receive hook
/// declined`.
fn with_remote_lines(reason: &str, stderr: &str) -> String {
    const MAX_CHARS: usize = 1000;
    let said: Vec<&str> = stderr
        .lines()
        .filter_map(|l| l.strip_prefix("remote:"))
        .map(str::trim)
        .filter(|l| !l.is_empty())
        .collect();
    let text = if said.is_empty() {
        reason.to_owned()
    } else {
        format!("{reason}: {}", said.join("; "))
    };
    text.chars().take(MAX_CHARS).collect()
}
