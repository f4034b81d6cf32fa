//! The change under judgement. It is read from the host piece by piece: a scanner that skips a file
//! does not pay for it.

use std::ops::Deref;

use crate::{FileChange, Finding, Hunk, Line, LineKind, Place, Severity, Side};

/// Where a change comes from: the host, or a test's patch.
pub(crate) trait Source {
    fn files(&self) -> Vec<FileChange>;
    fn hunks(&self, file: u32) -> Vec<Hunk>;
    fn before(&self, file: u32) -> Option<Vec<u8>>;
    fn after(&self, file: u32) -> Option<Vec<u8>>;
}

/// A change of some files.
#[derive(Clone, Copy)]
pub struct Change<'a> {
    source: &'a dyn Source,
}

impl<'a> Change<'a> {
    pub(crate) fn new(source: &'a dyn Source) -> Self {
        Self { source }
    }

    /// All changed files, in the order of the patch.
    pub fn files(&self) -> Vec<File<'a>> {
        let source = self.source;
        (0..)
            .zip(source.files())
            .map(|(index, info)| File {
                source,
                index,
                info,
            })
            .collect()
    }
}

/// One changed file. What is known without its contents are the fields of [`FileChange`].
#[derive(Clone)]
pub struct File<'a> {
    source: &'a dyn Source,
    index: u32,
    info: FileChange,
}

impl Deref for File<'_> {
    type Target = FileChange;

    fn deref(&self) -> &FileChange {
        &self.info
    }
}

impl File<'_> {
    /// The path to show: the one after the change, or the one before when the file was deleted.
    pub fn path(&self) -> &str {
        let paths = self.info.new_path.as_ref().or(self.info.old_path.as_ref());
        paths.map_or("", String::as_str)
    }

    /// The changed lines with their context; none for a binary file or a pure rename.
    pub fn hunks(&self) -> Vec<Hunk> {
        self.source.hunks(self.index)
    }

    /// The lines that the change adds.
    pub fn added_lines(&self) -> impl Iterator<Item = Line> + use<> {
        self.lines(LineKind::Added)
    }

    /// The lines that the change removes.
    pub fn removed_lines(&self) -> impl Iterator<Item = Line> + use<> {
        self.lines(LineKind::Removed)
    }

    fn lines(&self, kind: LineKind) -> impl Iterator<Item = Line> + use<> {
        self.hunks()
            .into_iter()
            .flat_map(|hunk| hunk.lines)
            .filter(move |line| line.kind == kind)
    }

    /// Full contents before. None when the file was not there, or the host has only a patch.
    pub fn before(&self) -> Option<Vec<u8>> {
        self.source.before(self.index)
    }

    /// Full contents after. None when the file is gone, or the host has only a patch.
    pub fn after(&self) -> Option<Vec<u8>> {
        self.source.after(self.index)
    }

    /// A finding at one line of this file, with the line's trimmed text as evidence.
    pub fn finding(
        &self,
        rule: &str,
        severity: Severity,
        line: &Line,
        message: impl Into<String>,
    ) -> Finding {
        let place = match (line.kind, &self.info.old_path) {
            (LineKind::Removed, Some(path)) => Place {
                path: path.clone(),
                line: line.old_line,
                side: Side::Old,
            },
            _ => Place {
                path: self.path().to_owned(),
                line: line.new_line,
                side: Side::New,
            },
        };
        Finding {
            rule: rule.to_owned(),
            severity,
            place: Some(place),
            message: message.into(),
            evidence: line.text.trim_ascii().to_owned(),
        }
    }
}
