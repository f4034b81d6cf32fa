//! The host's only door to git.
//!
//! [`Git`] keeps a bare [`Mirror`] per [`RemoteUrl`]; a mirror gives a commit
//! into a sandbox as a bundle, takes a bundle back as hostile input, computes
//! the diff, and pushes exactly one commit to exactly one branch. Every git
//! process runs in an environment that is written here and inherits nothing.
//!
//! What it never does: check anything out, run a hook, a filter or a diff
//! driver of a repository it holds, follow a submodule, put a secret where the
//! process list, a disk or a log could show it, or wait without a limit. The
//! hooks of a *remote* are the remote's own rules and stay in force there,
//! also when the remote is a directory of this machine.

mod access;
mod blobs;
mod command;
mod diff;
mod environment;
mod error;
mod id;
mod identity;
mod incoming;
mod local;
mod lock;
mod mirror;
mod options;
mod outgoing;
mod push;
mod refs;
mod remote;
mod scratch;
mod tree;
pub mod unified;
mod url;

pub use diff::RepoDiff;
pub use error::{ErrorClass, GitError};
pub use id::CommitId;
pub use identity::RepositoryId;
pub use incoming::{Accepted, BundleFault, Expected};
pub use local::LocalRepo;
pub use mirror::{Git, Mirror};
pub use options::{Author, GitOptions, Limits, SshKey, SshOptions};
pub use outgoing::{BASE_REF, OutgoingBundle};
pub use push::{PushExpect, PushOutcome};
pub use refs::CommitInfo;
pub use tree::Overlay;
pub use unified::UnifiedDiff;
pub use url::{RemoteUrl, Transport, UrlError};
