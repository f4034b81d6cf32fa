//! Looking into a repository on this machine, for a scan without a job.
//!
//! The repository is only read: revisions are looked up in it, and the diff is
//! computed in an empty repository that borrows its objects, so that neither
//! its configuration nor its attributes have a say in what a scanner sees.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::command::GitCommand;
use crate::diff::compute;
use crate::mirror::Inner;
use crate::scratch::Scratch;
use crate::{CommitId, Git, GitError, RepoDiff};

/// A repository of the user, read only.
pub struct LocalRepo {
    inner: Arc<Inner>,
    /// As git names it: the `.git` directory, or a bare repository.
    git_dir: PathBuf,
    /// The repository the diff is computed in.
    borrower: PathBuf,
    scratch: Arc<Scratch>,
}

impl Git {
    /// Opens the repository that `dir` is in.
    pub async fn local(&self, dir: &Path) -> Result<LocalRepo, GitError> {
        let inner = Arc::clone(&self.inner);
        let text = look(&inner, None)
            .args(["-C".as_ref(), dir.as_os_str()])
            .args(["rev-parse", "--absolute-git-dir", "--show-object-format"])
            .run()
            .await?;
        if text.stderr.contains("not a git repository") || text.stderr.contains("cannot change to")
        {
            return Err(GitError::RepositoryNotFound {
                url: dir.display().to_string(),
                detail: "no git repository is there".into(),
            });
        }
        let text = text.text()?;
        let (git_dir, format) = text
            .trim_end()
            .rsplit_once('\n')
            .map(|(dir, format)| (PathBuf::from(dir), format.to_owned()))
            .unwrap_or_default();
        // In a linked work tree the objects are somewhere else.
        let common = look(&inner, Some(&git_dir))
            .args(["rev-parse", "--git-path", "objects"])
            .run()
            .await?
            .text()?;
        let objects = git_dir.join(common.trim_end_matches('\n'));
        let objects = fs::canonicalize(&objects).map_err(GitError::io("find", objects))?;
        let scratch = Arc::new(inner.scratch()?);
        let borrower = scratch.join("borrower.git");
        inner.init_bare(&borrower, &format).await?;
        let alternates = borrower.join("objects/info/alternates");
        let mut line = objects.into_os_string();
        line.push("\n");
        fs::create_dir_all(borrower.join("objects/info"))
            .and_then(|()| fs::write(&alternates, line.as_encoded_bytes()))
            .map_err(GitError::io("write", alternates))?;
        Ok(LocalRepo {
            inner,
            git_dir,
            borrower,
            scratch,
        })
    }
}

impl LocalRepo {
    /// The commit that a revision (`HEAD~2`, a branch, a tag, an id) means.
    pub async fn resolve(&self, revision: &str) -> Result<CommitId, GitError> {
        let unknown = || GitError::NoSuchRevision {
            revision: revision.chars().take(200).collect(),
        };
        if revision.is_empty() || revision.starts_with('-') || revision.contains(char::is_control) {
            return Err(unknown());
        }
        let done = look(&self.inner, Some(&self.git_dir))
            .args(["rev-parse", "--verify", "--quiet"])
            .args([format!("{revision}^{{commit}}")])
            .run()
            .await?;
        match done.code {
            Some(0) => done.text()?.trim().parse(),
            Some(1 | 128) => Err(unknown()),
            _ => Err(done.into_error()),
        }
    }

    /// The last commit that both have in common, if there is one.
    pub async fn merge_base(
        &self,
        one: &CommitId,
        other: &CommitId,
    ) -> Result<Option<CommitId>, GitError> {
        let done = look(&self.inner, Some(&self.git_dir))
            .args(["merge-base", one.as_str(), other.as_str()])
            .run()
            .await?;
        match done.code {
            Some(0) => done.text()?.trim().parse().map(Some),
            Some(1) => Ok(None),
            _ => Err(done.into_error()),
        }
    }

    /// The change from `base` to `head`.
    pub async fn diff(&self, base: &CommitId, head: &CommitId) -> Result<RepoDiff, GitError> {
        let diff = compute(&self.inner, &self.borrower, base, head).await?;
        Ok(diff.keeping(Arc::clone(&self.scratch)))
    }
}

/// A question to the user's repository. Who owns it does not matter for
/// commands that run nothing of what is in it.
fn look<'i>(inner: &'i Inner, git_dir: Option<&Path>) -> GitCommand<'i> {
    inner
        .local("look into a repository", git_dir)
        .setting("safe.directory", "*")
}
