//! Looking into a repository on this machine, for a scan without a job.
//!
//! The repository is only read: revisions are looked up in it, and the diff is
//! computed in an empty repository that borrows its objects, so that neither
//! its configuration nor its attributes have a say in what a scanner sees.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::{self, Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;

use crate::command::GitCommand;
use crate::diff::compute;
use crate::mirror::Inner;
use crate::{CommitId, Git, GitError, RepoDiff};

/// What git tells a hook about the repository it runs in; nothing else of the
/// environment counts. While a push is received the new objects stand apart
/// from the old.
const OF_A_HOOK: [&str; 3] = ["GIT_DIR", "GIT_OBJECT_DIRECTORY", ALTERNATES];
const ALTERNATES: &str = "GIT_ALTERNATE_OBJECT_DIRECTORIES";

/// A repository of the user, read only.
pub struct LocalRepo {
    inner: Arc<Inner>,
    place: Place,
    /// The repository the diff is computed in, and where that is.
    borrower: PathBuf,
    scratch: Arc<TempDir>,
}

/// Where a repository is.
struct Place {
    dir: PathBuf,
    variables: Vec<(&'static str, OsString)>,
}

impl Git {
    /// Opens the repository that `dir` is in.
    pub async fn local(&self, dir: &Path) -> Result<LocalRepo, GitError> {
        let dir = path::absolute(dir).map_err(GitError::io("find", dir))?;
        let variables = Vec::new();
        self.look_into(Place { dir, variables }).await
    }

    /// Opens the repository around the current directory, or in a hook the one
    /// that git runs it for.
    pub async fn local_here(&self) -> Result<LocalRepo, GitError> {
        let dir = env::current_dir().map_err(GitError::io("find", "the current directory"))?;
        let variables = OF_A_HOOK
            .into_iter()
            .filter_map(|name| Some((name, env::var_os(name)?)))
            .collect();
        self.look_into(Place { dir, variables }).await
    }

    async fn look_into(&self, place: Place) -> Result<LocalRepo, GitError> {
        let inner = Arc::clone(&self.inner);
        let format = place
            .look(&inner)
            .args(["rev-parse", "--show-object-format"])
            .run()
            .await?;
        if ["not a git repository", "cannot change to"]
            .iter()
            .any(|reason| format.stderr.contains(reason))
        {
            return Err(GitError::RepositoryNotFound {
                url: place.dir.display().to_string(),
                detail: "no git repository is there".into(),
            });
        }
        let format = format.text()?;
        // In a linked work tree the objects are somewhere else.
        let mut objects = place
            .look(&inner)
            .args(["rev-parse", "--path-format=absolute"])
            .args(["--git-path", "objects"])
            .run()
            .await?
            .ok()?;
        objects.pop_if(|byte| *byte == b'\n');
        let objects = PathBuf::from(OsString::from_vec(objects));
        let objects = fs::canonicalize(&objects).map_err(GitError::io("find", objects))?;
        let scratch =
            tempfile::tempdir().map_err(GitError::io("make a directory in", env::temp_dir()))?;
        let borrower = scratch.path().join("borrower.git");
        inner.init_bare(&borrower, format.trim_end()).await?;
        let alternates = borrower.join("objects/info/alternates");
        fs::create_dir_all(borrower.join("objects/info"))
            .and_then(|()| fs::write(&alternates, place.alternates(objects)))
            .map_err(GitError::io("write", alternates))?;
        Ok(LocalRepo {
            inner,
            place,
            borrower,
            scratch: Arc::new(scratch),
        })
    }
}

impl Place {
    /// A question to the user's repository. Who owns it does not matter for
    /// commands that run nothing of what is in it.
    fn look<'i>(&self, inner: &'i Inner) -> GitCommand<'i> {
        let mut command = inner
            .local("look into a repository", None)
            .setting("safe.directory", "*")
            .args(["-C".as_ref(), self.dir.as_os_str()]);
        for (name, value) in &self.variables {
            command.environment.set(name, value);
        }
        command
    }

    /// The directories with objects, one in a line.
    fn alternates(&self, objects: PathBuf) -> Vec<u8> {
        let mut lines = objects.into_os_string().into_vec();
        lines.push(b'\n');
        let others = self.variables.iter().find(|(name, _)| *name == ALTERNATES);
        let others = others
            .into_iter()
            .flat_map(|(_, paths)| env::split_paths(paths));
        for other in others.filter(|other| !other.as_os_str().is_empty()) {
            lines.extend(self.dir.join(other).into_os_string().into_vec());
            lines.push(b'\n');
        }
        lines
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
        let done = self
            .place
            .look(&self.inner)
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
        let done = self
            .place
            .look(&self.inner)
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
