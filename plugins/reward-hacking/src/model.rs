//! What goes into the analysis and what comes out: a change as plain data, and findings.
//!
//! Nothing here knows where a change comes from. The component glue fills it from the host's
//! `diff` resource, the tests from unified diffs.

/// How a file as a whole was touched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// The file is new; `old_path` is `None`.
    Added,
    /// The file is gone; `new_path` is `None`.
    Deleted,
    /// Same path before and after.
    Modified,
    /// Both paths are set and differ; the content may differ too.
    Renamed,
}

/// Where a line stands in a hunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineKind {
    /// On both sides.
    Context,
    /// On the new side only.
    Added,
    /// On the old side only.
    Removed,
}

/// One line of a hunk, without its line terminator.
#[derive(Clone, Debug)]
pub struct Line {
    /// Which sides have it.
    pub kind: LineKind,
    /// 1-based line number before the change; 0 for an added line.
    pub old_line: u32,
    /// 1-based line number after the change; 0 for a removed line.
    pub new_line: u32,
    /// The text, without terminator.
    pub text: String,
}

/// A run of changed lines with their context.
#[derive(Clone, Debug, Default)]
pub struct Hunk {
    /// The text behind the second `@@`: the enclosing function as git saw it, or empty.
    pub section: String,
    /// The lines, in order.
    pub lines: Vec<Line>,
}

/// One file of a change.
#[derive(Clone, Debug)]
pub struct FileChange {
    /// Path before; `None` for a new file.
    pub old_path: Option<String>,
    /// Path after; `None` for a deleted file.
    pub new_path: Option<String>,
    /// What happened to the file.
    pub kind: ChangeKind,
    /// The hunks, ascending; empty for a binary file or a pure rename.
    pub hunks: Vec<Hunk>,
    /// The whole text before the change, where known. Sharpens the analysis; never required.
    pub before: Option<String>,
    /// The whole text after the change, where known.
    pub after: Option<String>,
}

impl FileChange {
    /// The path people know the file by: the new one, or the old one of a deleted file.
    pub fn path(&self) -> &str {
        self.new_path
            .as_deref()
            .or(self.old_path.as_deref())
            .unwrap_or("")
    }
}

/// A whole change.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// The files, in the order of the diff.
    pub files: Vec<FileChange>,
}

/// How sure a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Likely; a person should look.
    Warn,
    /// Clear; the change must not go out unseen.
    Block,
}

impl Severity {
    /// `warn` or `block`.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Warn => "warn",
            Severity::Block => "block",
        }
    }
}

/// Which side of the diff a line number counts on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// Line numbers of the file before the change.
    Old,
    /// Line numbers of the file after the change.
    New,
}

/// One thing that makes the protection of the code weaker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Rule id, kebab-case; one of those that [`crate::rules`] lists.
    pub rule: &'static str,
    /// How sure it is.
    pub severity: Severity,
    /// The file: its new path, or the old one when the file or the line is gone.
    pub path: String,
    /// 1-based line on `side`.
    pub line: u32,
    /// The side `line` counts on.
    pub side: Side,
    /// One sentence: what changed and why it matters.
    pub message: String,
    /// The line or lines it rests on, at most [`crate::limits::EVIDENCE_CHARS`] characters.
    pub evidence: String,
}
