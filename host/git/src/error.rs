//! What can go wrong with git, told to a person. No text here holds a secret:
//! whatever git printed goes through the redactor first.

use std::path::PathBuf;
use std::time::Duration;

use sortie_vault::VaultError;

use crate::{BundleFault, CommitId, UrlError};

/// Why an operation on a repository did not happen. Texts complete "failed
/// to …".
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// The remote URL is not accepted.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// Not a branch name.
    #[error("use {0:?} as a branch name: git does not allow it")]
    BranchName(String),
    /// Not a full commit id.
    #[error("use {0:?} as a commit id: 40 or 64 hex digits are needed")]
    CommitId(String),
    /// The git program cannot be started.
    #[error("start {}: {source}; install git 2.36 or newer", program.display())]
    NotInstalled {
        /// What was to be started.
        program: PathBuf,
        /// What went wrong.
        source: std::io::Error,
    },
    /// The git program is too old.
    #[error("use git {found}: 2.36 or newer is needed")]
    TooOld {
        /// What `git version` says.
        found: String,
    },
    /// The remote says there is no such repository.
    #[error(
        "find the repository {url}: {detail}; check the URL, and that the credentials may read it"
    )]
    RepositoryNotFound {
        /// The remote.
        url: String,
        /// What git said.
        detail: String,
    },
    /// The remote cannot be reached. It may pass.
    #[error("reach {url}: {detail}; check the network and the host name, then retry")]
    Unreachable {
        /// The remote.
        url: String,
        /// What git said.
        detail: String,
    },
    /// The remote does not take the credentials, or wants some.
    #[error(
        "log in at {url}: {detail}; check [[git.credentials]] or the SSH key of the configuration"
    )]
    AuthenticationFailed {
        /// The remote.
        url: String,
        /// What git said.
        detail: String,
    },
    /// The SSH host is not known, or is not who it was.
    #[error("trust the host of {url}: {detail}; add its key to the known hosts")]
    HostKey {
        /// The remote.
        url: String,
        /// What ssh said.
        detail: String,
    },
    /// There is no mirror of the remote on this host yet.
    #[error("open the mirror of {url}: it was never fetched")]
    NoMirror {
        /// The remote.
        url: String,
    },
    /// The repository has no branch at all.
    #[error("work on {url}: the repository is empty; push a first commit")]
    EmptyRepository {
        /// The remote.
        url: String,
    },
    /// The branch is not there.
    #[error("find the branch {branch:?} in {url}: it has {}", listed(available))]
    NoSuchBranch {
        /// The remote.
        url: String,
        /// The branch asked for.
        branch: String,
        /// The first few that are there.
        available: Vec<String>,
    },
    /// The remote names no default branch and none is an obvious one.
    #[error(
        "tell the default branch of {url}: set `base_branch`; it has {}",
        listed(available)
    )]
    NoDefaultBranch {
        /// The remote.
        url: String,
        /// The first few branches that are there.
        available: Vec<String>,
    },
    /// The mirror does not hold the commit.
    #[error("find the commit {0}: the mirror does not hold it")]
    NoSuchCommit(CommitId),
    /// A repository on this machine has no such revision.
    #[error("find the revision {revision:?}: the repository does not know it as a commit")]
    NoSuchRevision {
        /// What was asked for.
        revision: String,
    },
    /// The remote branch has other work on it than was expected.
    #[error(
        "push the branch {branch:?}: the remote has it at {}; rename or delete it there, then retry",
        at.as_ref().map_or("another commit", CommitId::as_str)
    )]
    BranchTaken {
        /// The branch.
        branch: String,
        /// Where it stands; none when it went away in the meantime.
        at: Option<CommitId>,
    },
    /// The remote refused the push by its own rules.
    #[error("push the branch {branch:?}: the remote refused it: {reason}")]
    PushRefused {
        /// The branch.
        branch: String,
        /// What the remote said.
        reason: String,
    },
    /// A bundle from a sandbox is not taken.
    #[error("accept the result: {reason}")]
    BundleRefused {
        /// What is wrong with it.
        #[from]
        reason: BundleFault,
    },
    /// A diff is larger than the host holds in memory.
    #[error("compute the diff: it is over {limit} bytes")]
    DiffTooLarge {
        /// The limit.
        limit: u64,
    },
    /// The text of a diff is not what it should be.
    #[error(transparent)]
    Diff(#[from] sortie_model::diff::DiffError),
    /// Another process works on this mirror and does not end.
    #[error("use the mirror of {url}: another process has held it for {waited:?}")]
    Busy {
        /// The remote.
        url: String,
        /// How long it was waited for.
        waited: Duration,
    },
    /// A command took too long and was killed.
    #[error("{what}: git was stopped after {after:?}")]
    TimedOut {
        /// What it was to do.
        what: String,
        /// The limit.
        after: Duration,
    },
    /// A command printed more than is held in memory.
    #[error("{what}: git printed over {limit} bytes")]
    OutputTooLarge {
        /// What it was to do.
        what: String,
        /// The limit.
        limit: u64,
    },
    /// The disk is full.
    #[error("{what}: no space is left on the device")]
    NoSpace {
        /// What was to be done.
        what: String,
    },
    /// A secret cannot be read.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// A secret does not fit its use.
    #[error("use the secret {name:?} for git: {reason}")]
    SecretUnfit {
        /// The secret.
        name: String,
        /// Why.
        reason: &'static str,
    },
    /// A file or directory of the host.
    #[error("{what} {}: {source}", path.display())]
    Io {
        /// What was to be done.
        what: &'static str,
        /// To which file.
        path: PathBuf,
        /// What went wrong.
        source: std::io::Error,
    },
    /// Git failed for a reason that has no name here.
    #[error("{what}: git ended with {}: {detail}", code.map_or("a signal".to_owned(), |c| c.to_string()))]
    Command {
        /// What it was to do.
        what: String,
        /// The exit code; none when a signal ended it.
        code: Option<i32>,
        /// The end of what it printed, without secrets.
        detail: String,
    },
}

/// What a failure means for the job that met it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorClass {
    /// It may pass by itself: try again later.
    Transient,
    /// The repository, its URL or its credentials must be mended first.
    Repository,
    /// What came out of the sandbox is refused; the same bundle always is.
    Refused,
    /// The branch on the remote is in the way.
    BranchTaken,
    /// The host itself is in trouble: disk, permissions, a missing program.
    Host,
}

impl GitError {
    /// What the failure means for the job that met it.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Unreachable { .. } | Self::Busy { .. } | Self::TimedOut { .. } => {
                ErrorClass::Transient
            }
            Self::BundleRefused { .. } | Self::DiffTooLarge { .. } | Self::Diff(_) => {
                ErrorClass::Refused
            }
            Self::BranchTaken { .. } => ErrorClass::BranchTaken,
            Self::Url(_)
            | Self::BranchName(_)
            | Self::CommitId(_)
            | Self::RepositoryNotFound { .. }
            | Self::AuthenticationFailed { .. }
            | Self::HostKey { .. }
            | Self::NoMirror { .. }
            | Self::EmptyRepository { .. }
            | Self::NoSuchBranch { .. }
            | Self::NoDefaultBranch { .. }
            | Self::NoSuchCommit(_)
            | Self::NoSuchRevision { .. }
            | Self::PushRefused { .. }
            | Self::Vault(_)
            | Self::SecretUnfit { .. } => ErrorClass::Repository,
            Self::NotInstalled { .. }
            | Self::TooOld { .. }
            | Self::OutputTooLarge { .. }
            | Self::NoSpace { .. }
            | Self::Io { .. }
            | Self::Command { .. } => ErrorClass::Host,
        }
    }

    /// Turns an I/O error into this type, naming a full disk as such.
    pub(crate) fn io(
        what: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| match source.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Self::NoSpace {
                what: format!("{what} {}", path.display()),
            },
            _ => Self::Io { what, path, source },
        }
    }
}

fn listed(branches: &[String]) -> String {
    if branches.is_empty() {
        "no branches".to_owned()
    } else {
        format!("{} (and maybe more)", branches.join(", "))
    }
}
