//! Unified diffs: the text that `git diff`, `git format-patch` and `diff -u`
//! write, read back.
//!
//! The text is kept once, beside one small entry per file; hunks are parsed
//! when someone asks for them, a page at a time. The first pass still walks every line, so that
//! a malformed text is refused at once and as a whole: a scanner never sees
//! the good half of a patch whose other half says something else.
//!
//! It never reads a file of the repository and never applies anything.

mod cursor;
mod header;
mod hunk;
mod page;
pub(crate) mod path;

use std::io::Read;
use std::ops::Range;

use sortie_model::diff::{ChangeKind, DiffError, DiffSource, FileChange, Hunk};

use cursor::Cursor;
use header::Section;
use page::{Bookmarks, Run};

/// Files in one diff. An entry can be larger than the text it stands for, so
/// their number is what bounds the memory.
const MAX_FILES: usize = 200_000;

/// The bits of a mode that tell files, symlinks and submodules apart.
const TYPE_BITS: u32 = 0o170_000;

/// A parsed diff over its own text.
#[derive(Debug)]
pub struct UnifiedDiff {
    text: Vec<u8>,
    files: Vec<FileChange>,
    places: Vec<Place>,
    bookmarks: Bookmarks,
}

/// Where in the text a file stands.
#[derive(Debug)]
struct Place {
    /// From its first header line to its last line.
    whole: Range<usize>,
    /// Its hunks; a file that changes its type has two runs of them.
    hunks: Vec<Run>,
}

impl UnifiedDiff {
    /// Parses a diff. Text before, between and after the files (a mail's
    /// head, a commit message) is skipped; an empty text is an empty diff.
    pub fn parse(mut text: Vec<u8>) -> Result<Self, DiffError> {
        text.shrink_to_fit();
        Self::parse_from(text, 0, 1)
    }

    /// Reads a diff of at most `limit` bytes and parses it. A reader that
    /// holds `expected` bytes, such as a file of that length, costs no more
    /// memory than those.
    pub fn read(reader: impl Read, expected: u64, limit: u64) -> Result<Self, DiffError> {
        let failed = |e: &dyn std::fmt::Display| DiffError::Source(e.to_string());
        let room = usize::try_from(expected.min(limit)).unwrap_or(0);
        let mut text = Vec::new();
        text.try_reserve_exact(room).map_err(|e| failed(&e))?;
        reader
            .take(limit.saturating_add(1))
            .read_to_end(&mut text)
            .map_err(|e| failed(&e))?;
        if text.len() as u64 > limit {
            return Err(DiffError::TooLarge {
                what: "the diff".into(),
                bytes: text.len() as u64,
                limit,
            });
        }
        Self::parse(text)
    }

    /// Parses the part of a text that starts at `start`, its line `line`.
    pub(crate) fn parse_from(text: Vec<u8>, start: usize, line: u64) -> Result<Self, DiffError> {
        let mut cursor = Cursor::new(&text, start, line);
        let mut files: Vec<FileChange> = Vec::new();
        let mut places: Vec<Place> = Vec::new();
        let mut in_hunk = false;
        let mut foreign = None;
        while let Some(line) = cursor.peek() {
            if let Some(section) = Section::parse(&mut cursor)? {
                in_hunk = section.hunks.end > section.hunks.start;
                if let (Some(file), Some(place)) = (files.last_mut(), places.last_mut())
                    && is_type_change(file, &section.file)
                {
                    merge(file, section.file);
                    place.whole.end = section.whole.end;
                    place.hunks.push((section.hunks, section.line));
                    continue;
                }
                if files.len() == MAX_FILES {
                    return Err(cursor.malformed("the diff has too many files"));
                }
                files.push(section.file);
                places.push(Place {
                    whole: section.whole,
                    hunks: vec![(section.hunks, section.line)],
                });
                continue;
            }
            if line.starts_with(b"@@ ") {
                return Err(cursor.malformed("a hunk without the head of its file"));
            }
            let is_content = matches!(line.first(), Some(b'+' | b'-' | b' '));
            if in_hunk && is_content && !is_signature(line) {
                return Err(cursor.malformed("more lines than the hunk's head announces"));
            }
            in_hunk = false;
            if foreign.is_none() && !line.trim_ascii().is_empty() {
                foreign = Some(cursor.malformed("this is not a diff"));
            }
            cursor.next();
        }
        if let (true, Some(error)) = (files.is_empty(), foreign) {
            return Err(error);
        }
        files.shrink_to_fit();
        places.shrink_to_fit();
        Ok(Self {
            text,
            files,
            places,
            bookmarks: Bookmarks::default(),
        })
    }

    /// The text as it was given.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// The text of one file's part, from its first header line on.
    pub fn file_text(&self, index: usize) -> Option<&[u8]> {
        let place = self.places.get(index)?;
        self.text.get(place.whole.clone())
    }

    pub(crate) fn files_mut(&mut self) -> &mut [FileChange] {
        &mut self.files
    }

    /// Bytes held for this diff, the text included.
    pub fn memory_bytes(&self) -> usize {
        let names = self.files.iter().map(|f| {
            f.old_path.as_ref().map_or(0, String::capacity)
                + f.new_path.as_ref().map_or(0, String::capacity)
        });
        let hunks = self
            .places
            .iter()
            .map(|p| p.hunks.capacity() * size_of::<Run>());
        self.text.capacity()
            + self.files.capacity() * size_of::<FileChange>()
            + self.places.capacity() * size_of::<Place>()
            + names.sum::<usize>()
            + hunks.sum::<usize>()
    }
}

/// Git writes a file that becomes a symlink as a deletion and an addition.
fn is_type_change(before: &FileChange, after: &FileChange) -> bool {
    before.kind == ChangeKind::Deleted
        && after.kind == ChangeKind::Added
        && before.old_path == after.new_path
        && before.old_mode & TYPE_BITS != after.new_mode & TYPE_BITS
}

fn merge(file: &mut FileChange, after: FileChange) {
    file.kind = ChangeKind::TypeChanged;
    file.new_path = after.new_path;
    file.new_mode = after.new_mode;
    file.binary |= after.binary;
    file.additions = file.additions.saturating_add(after.additions);
    file.deletions = file.deletions.saturating_add(after.deletions);
}

/// The line that ends a mail made by `git format-patch`.
fn is_signature(line: &[u8]) -> bool {
    line == b"-- " || line == b"-- \r"
}

impl DiffSource for UnifiedDiff {
    fn files(&self) -> &[FileChange] {
        &self.files
    }

    fn in_memory(&self) -> bool {
        true
    }

    fn page(&self, index: usize, start: u32, limit: usize) -> Result<Vec<Hunk>, DiffError> {
        let place = self.places.get(index).ok_or(DiffError::NoSuchFile {
            index,
            files: self.files.len(),
        })?;
        self.bookmarks
            .page((&self.text, &place.hunks), index, start, limit)
    }

    fn before(&self, index: usize) -> Result<Option<Vec<u8>>, DiffError> {
        self.no_contents(index)
    }

    fn after(&self, index: usize) -> Result<Option<Vec<u8>>, DiffError> {
        self.no_contents(index)
    }
}

impl UnifiedDiff {
    fn no_contents(&self, index: usize) -> Result<Option<Vec<u8>>, DiffError> {
        match self.files.get(index) {
            Some(_) => Ok(None),
            None => Err(DiffError::NoSuchFile {
                index,
                files: self.files.len(),
            }),
        }
    }
}

#[cfg(test)]
mod tests;
