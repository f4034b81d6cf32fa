//! What a file no longer says.

use std::cell::OnceCell;
use std::collections::HashSet;

use crate::model::{FileChange, LineKind};

/// The removed lines of a file.
pub(super) struct Removed<'a> {
    file: &'a FileChange,
    text: OnceCell<String>,
    lines: OnceCell<HashSet<&'a str>>,
}

impl<'a> Removed<'a> {
    pub fn of(file: &'a FileChange) -> Removed<'a> {
        Removed {
            file,
            text: OnceCell::new(),
            lines: OnceCell::new(),
        }
    }

    /// The lines in order, without what is around them.
    pub fn lines(&self) -> impl Iterator<Item = &'a str> {
        let lines = self.file.hunks.iter().flat_map(|h| &h.lines);
        lines
            .filter(|l| l.kind == LineKind::Removed)
            .map(|l| l.text.trim())
    }

    /// Whether `text` is one of the lines.
    pub fn has_line(&self, text: &str) -> bool {
        self.lines
            .get_or_init(|| self.lines().collect())
            .contains(text)
    }

    /// Whether any line contains `text`, which has no blanks around it.
    pub fn contains(&self, text: &str) -> bool {
        let whole = || self.lines().collect::<Vec<_>>().join("\n");
        // A line that moved is there as it is, and many may have moved.
        self.has_line(text) || self.text.get_or_init(whole).contains(text)
    }
}
