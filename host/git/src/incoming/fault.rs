//! Every reason for which a bundle is refused.

use std::time::Duration;

use crate::CommitId;

/// Why a bundle that came out of a sandbox is not taken. Each text names the
/// limit or rule, so that an operator who means it can change it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BundleFault {
    /// It is larger than allowed.
    #[error("the bundle has {bytes} bytes, the limit is {limit}")]
    TooLarge {
        /// Its size.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// Its head is not that of a bundle.
    #[error("the bundle is damaged: {0}")]
    BadHeader(&'static str),
    /// The expected ref is not in it.
    #[error("the bundle does not hold {0}")]
    MissingRef(String),
    /// It holds another ref than the expected one.
    #[error("the bundle holds {0:?}, which nobody asked for")]
    UnexpectedRef(String),
    /// It builds upon a commit that the sandbox was not given.
    #[error("the bundle builds upon {0}, which is not in the history of the base")]
    UnknownPrerequisite(CommitId),
    /// It holds more objects than allowed.
    #[error("the bundle holds {objects} objects, the limit is {limit}")]
    TooManyObjects {
        /// How many it says it holds.
        objects: u32,
        /// The limit.
        limit: u32,
    },
    /// Git refuses the objects: damaged, cut off, or breaking its own rules.
    #[error("git refuses the objects: {0}")]
    BadObjects(String),
    /// Git did not come to an end with it.
    #[error("git could not read the objects within {0:?}")]
    TooSlow(Duration),
    /// Unpacked, it is larger than allowed.
    #[error("the objects unpack to over {limit} bytes")]
    InflatesTooFar {
        /// The limit.
        limit: u64,
    },
    /// One file is larger than allowed.
    #[error("{what} has {bytes} bytes, the limit is {limit}; leave generated files out")]
    BlobTooLarge {
        /// The file, or the object when no path leads to it.
        what: String,
        /// Its size.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// The ref is no commit.
    #[error("{0} is not a commit")]
    NotACommit(CommitId),
    /// The work does not start where it should.
    #[error("the result {head} does not descend from the base {base}")]
    NotDescendant {
        /// Its last commit.
        head: CommitId,
        /// What it should descend from.
        base: CommitId,
    },
    /// It refers to objects that it does not bring.
    #[error("objects are missing: {0}")]
    Incomplete(String),
    /// It holds more commits than allowed.
    #[error("the result has over {limit} commits")]
    TooManyCommits {
        /// The limit.
        limit: u32,
    },
    /// It changes more paths than allowed.
    #[error("the result changes over {limit} paths; are build products committed?")]
    TooManyPaths {
        /// The limit.
        limit: u32,
    },
    /// A path breaks a rule.
    #[error("the path {path:?} is refused: {reason}")]
    BadPath {
        /// The path, made printable and cut to a readable length.
        path: String,
        /// The rule.
        reason: &'static str,
    },
    /// An entry is neither file, symlink nor submodule.
    #[error("the path {path:?} has the mode {mode:o}, which is none of git's")]
    BadMode {
        /// The path.
        path: String,
        /// The mode.
        mode: u32,
    },
    /// A symlink leads where it should not.
    #[error("the symlink {path:?} to {target:?} is refused: {reason}")]
    BadSymlink {
        /// The link.
        path: String,
        /// Where it leads.
        target: String,
        /// The rule.
        reason: &'static str,
    },
    /// It adds a submodule.
    #[error("the path {path:?} is a new submodule commit; set `allow_submodules` if that is meant")]
    Submodule {
        /// The path.
        path: String,
    },
    /// It changes where submodules come from.
    #[error(".gitmodules is refused: {0}; set `allow_submodules` if that is meant")]
    Gitmodules(String),
}
