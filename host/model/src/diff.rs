//! What a change looks like, file by file and line by line.
//!
//! [`DiffSource`] is the seam between who computes a diff (git, or a parser of
//! a patch file) and who reads it (the scanners, the API). It is lazy: asking
//! for the list of files must not cost the contents of any of them. This
//! module never reads a file and never runs git.
//!
//! A reader that may meet a file of any size asks for its hunks by pages: what
//! it holds is then bounded by the page, not by the file.

use serde::{Deserialize, Serialize};

/// What a line counts beside its text when hunks are measured, in bytes: about
/// what it costs to hold one.
pub const LINE_BYTES: usize = 64;

/// The most that one file's hunks may count to be given out at once; larger
/// ones are read by pages. As much as a whole diff may be long, and half of
/// what a guest may use.
pub const MAX_HUNKS_BYTES: usize = 64 << 20;

/// What happened to a file as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// It was not there before.
    Added,
    /// It is not there any more.
    Deleted,
    /// Same path, other contents or mode.
    Modified,
    /// Moved, possibly with changes.
    Renamed,
    /// Copied from another file, possibly with changes.
    Copied,
    /// A file became a symlink, a submodule became a file, and so on.
    TypeChanged,
}

/// One changed file, without its contents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileChange {
    /// Path before, relative to the root of the repository; none when added.
    pub old_path: Option<String>,
    /// Path after, relative to the root of the repository; none when deleted.
    pub new_path: Option<String>,
    /// What happened.
    pub kind: ChangeKind,
    /// Whether git treats the contents as binary on either side; then there
    /// are no hunks, also when a text became binary.
    pub binary: bool,
    /// Git file mode before, such as `0o100644`; 0 when absent or unknown.
    pub old_mode: u32,
    /// Git file mode after; 0 when absent or unknown.
    pub new_mode: u32,
    /// Number of added lines.
    pub additions: u32,
    /// Number of removed lines.
    pub deletions: u32,
}

impl FileChange {
    /// The path to show: the one after the change, or the one before when the
    /// file was deleted.
    pub fn path(&self) -> &str {
        self.new_path
            .as_deref()
            .or(self.old_path.as_deref())
            .unwrap_or("")
    }
}

/// Which side of the change a line stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LineKind {
    /// On both sides.
    Context,
    /// Only after.
    Added,
    /// Only before.
    Removed,
}

/// One line of a hunk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Which side it stands on.
    pub kind: LineKind,
    /// 1-based number before; none for an added line.
    pub old_line: Option<u32>,
    /// 1-based number after; none for a removed line.
    pub new_line: Option<u32>,
    /// Text without its line terminator; invalid UTF-8 is replaced.
    pub text: String,
    /// The file ends here without a newline.
    pub no_newline: bool,
}

/// A run of changed lines with their context, or in a page a piece of one:
/// its lines are fewer then, everything else is of the whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hunk {
    /// 1-based first line before; 0 when the old side is empty.
    pub old_start: u32,
    /// Number of lines before.
    pub old_count: u32,
    /// 1-based first line after; 0 when the new side is empty.
    pub new_start: u32,
    /// Number of lines after.
    pub new_count: u32,
    /// What git prints after the second `@@`: usually the enclosing function.
    pub section: String,
    /// The lines, in the order of the patch.
    pub lines: Vec<Line>,
}

/// Why a part of a diff could not be produced.
#[derive(Debug, thiserror::Error)]
pub enum DiffError {
    /// There is no file of that index.
    #[error("read file {index} of a diff that has {files}")]
    NoSuchFile {
        /// The index asked for.
        index: usize,
        /// How many files there are.
        files: usize,
    },
    /// The patch text is not a patch.
    #[error("parse the patch: line {line}: {reason}")]
    Malformed {
        /// 1-based line of the patch text.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// A part is larger than the reader may hold.
    #[error("read {what}: {bytes} bytes is over the limit of {limit}")]
    TooLarge {
        /// What was asked for.
        what: String,
        /// Its size.
        bytes: u64,
        /// The most that is given out.
        limit: u64,
    },
    /// The hunks of one file are too much to be given out at once.
    #[error(
        "read all hunks of {path} at once: they take over {limit} bytes; read them by pages instead"
    )]
    HunksTooLarge {
        /// The file.
        path: String,
        /// The most that is given out at once.
        limit: usize,
    },
    /// The source behind the diff failed.
    #[error("read the diff: {0}")]
    Source(String),
}

/// A change that can be read piece by piece.
pub trait DiffSource: Send + Sync {
    /// All changed files, in the order of the patch.
    fn files(&self) -> &[FileChange];
    /// Whether hunks come out of memory, so that reading a few of them blocks
    /// nobody.
    fn in_memory(&self) -> bool {
        false
    }
    /// The lines of file `index` from the `start`-th on, as hunks: as many as
    /// `limit` bytes hold, where a line counts its text and [`LINE_BYTES`], a
    /// hunk its section and as much. At least one line while there is any;
    /// empty at the end, for binary files and for pure renames.
    ///
    /// Lines are counted over all hunks from 0. A hunk that does not fit is
    /// cut between two lines. To go on where a page ended must not cost more
    /// than what the next one gives.
    fn page(&self, index: usize, start: u32, limit: usize) -> Result<Vec<Hunk>, DiffError>;
    /// All hunks of file `index`, when they count at most
    /// [`MAX_HUNKS_BYTES`]; empty for binary files and pure renames.
    fn hunks(&self, index: usize) -> Result<Vec<Hunk>, DiffError> {
        let hunks = self.page(index, 0, MAX_HUNKS_BYTES)?;
        let lines = hunks.iter().map(|hunk| hunk.lines.len()).sum::<usize>();
        let end = u32::try_from(lines).unwrap_or(u32::MAX);
        if lines > 0 && !self.page(index, end, 0)?.is_empty() {
            return Err(DiffError::HunksTooLarge {
                path: self.files()[index].path().to_owned(),
                limit: MAX_HUNKS_BYTES,
            });
        }
        Ok(hunks)
    }
    /// Full contents before; none when the file was not there or when the
    /// source holds no contents (a bare patch file).
    fn before(&self, index: usize) -> Result<Option<Vec<u8>>, DiffError>;
    /// Full contents after; none when the file is gone or when the source
    /// holds no contents.
    fn after(&self, index: usize) -> Result<Option<Vec<u8>>, DiffError>;
}
