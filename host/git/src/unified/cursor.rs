//! A position in the text of a diff, by line.

use sortie_model::diff::DiffError;

/// Walks over lines without copying them.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'t> {
    text: &'t [u8],
    offset: usize,
    line: u64,
}

impl<'t> Cursor<'t> {
    pub(super) fn new(text: &'t [u8], offset: usize, line: u64) -> Self {
        Self { text, offset, line }
    }

    /// The same text from another position on.
    pub(super) fn moved(self, offset: usize, line: u64) -> Self {
        Self {
            offset,
            line,
            ..self
        }
    }

    pub(super) fn offset(&self) -> usize {
        self.offset
    }

    /// 1-based number of the line that `peek` shows.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// The line at the position, without its line feed.
    pub(super) fn peek(&self) -> Option<&'t [u8]> {
        let rest = self.text.get(self.offset..).filter(|r| !r.is_empty())?;
        Some(&rest[..line_end(rest)])
    }

    /// The line after that.
    pub(super) fn peek_second(&self) -> Option<&'t [u8]> {
        let first = self.peek()?;
        let rest = self.text.get(self.offset + first.len() + 1..)?;
        (!rest.is_empty()).then(|| &rest[..line_end(rest)])
    }

    /// Takes the line at the position.
    pub(super) fn next(&mut self) -> Option<&'t [u8]> {
        let line = self.peek()?;
        self.offset = (self.offset + line.len() + 1).min(self.text.len());
        self.line += 1;
        Some(line)
    }

    /// An error about the line at the position.
    pub(super) fn malformed(&self, reason: impl Into<String>) -> DiffError {
        DiffError::Malformed {
            line: self.line,
            reason: reason.into(),
        }
    }
}

fn line_end(rest: &[u8]) -> usize {
    rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len())
}

/// The line without the carriage return of a text with Windows line ends.
pub(super) fn without_cr(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}
