//! Output cut into lines, however it arrives. Holds one line at most, and no
//! more of it than the bound.

/// The longest line that is read, in bytes. A message of a model is a few
/// hundred KiB at most; what agents print longer repeats the whole session.
pub const MAX_LINE_BYTES: usize = 4 << 20;

/// One line, without its end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line<'a> {
    /// All of it.
    Whole(&'a [u8]),
    /// It was longer than is read; nothing of it was kept.
    TooLong,
}

/// The line that is not at its end yet.
#[derive(Default)]
pub(crate) struct Lines {
    begun: Vec<u8>,
    too_long: bool,
}

impl Lines {
    /// Takes the next bytes and hands out each line that they end.
    pub(crate) fn push(&mut self, bytes: &[u8], mut line: impl FnMut(Line<'_>)) {
        let mut parts = bytes.split(|&byte| byte == b'\n');
        let mut part = parts.next().unwrap_or_default();
        for next in parts {
            if self.begun.is_empty() && !self.too_long && part.len() <= MAX_LINE_BYTES {
                line(Line::Whole(part));
            } else {
                self.keep(part);
                self.end(&mut line);
            }
            part = next;
        }
        self.keep(part);
    }

    /// Hands out what was begun, at the end of the output.
    pub(crate) fn finish(&mut self, mut line: impl FnMut(Line<'_>)) {
        if self.too_long || !self.begun.is_empty() {
            self.end(&mut line);
        }
    }

    fn keep(&mut self, part: &[u8]) {
        if self.too_long {
            return;
        }
        if self.begun.len() + part.len() > MAX_LINE_BYTES {
            self.too_long = true;
            self.begun = Vec::new();
            return;
        }
        self.begun.extend_from_slice(part);
    }

    fn end(&mut self, line: &mut impl FnMut(Line<'_>)) {
        if self.too_long {
            line(Line::TooLong);
        } else {
            line(Line::Whole(&self.begun));
        }
        self.too_long = false;
        self.begun.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &[u8], pieces: usize) -> Vec<Option<Vec<u8>>> {
        let mut found = Vec::new();
        let mut take = |line: Line<'_>| {
            found.push(match line {
                Line::Whole(bytes) => Some(bytes.to_vec()),
                Line::TooLong => None,
            });
        };
        let mut lines = Lines::default();
        for piece in text.chunks(pieces) {
            lines.push(piece, &mut take);
        }
        lines.finish(&mut take);
        found
    }

    #[test]
    fn lines_are_the_same_however_they_arrive() {
        let text = b"one\n\ntwo\r\nlast without an end";
        let whole = cut(text, text.len());
        let expected: [&[u8]; 4] = [b"one", b"", b"two\r", b"last without an end"];
        assert_eq!(whole, expected.map(|line| Some(line.to_vec())));
        for pieces in 1..text.len() {
            assert_eq!(cut(text, pieces), whole, "in pieces of {pieces}");
        }
        assert_eq!(cut(b"a\n", 1).len(), 1, "an end begins no line");
    }

    #[test]
    fn a_line_that_is_too_long_is_skipped_and_the_next_is_read() {
        let mut text = vec![b'x'; MAX_LINE_BYTES];
        text.extend(b"\nshort\n");
        assert_eq!(cut(&text, 8_192).len(), 2);
        assert!(cut(&text, 8_192)[0].is_some(), "exactly the bound is read");
        text.insert(0, b'x');
        for pieces in [8_192, text.len()] {
            assert_eq!(cut(&text, pieces), [None, Some(b"short".to_vec())]);
        }
        text.truncate(MAX_LINE_BYTES + 1);
        assert_eq!(cut(&text, 8_192), [None], "also without an end");
    }
}
