//! One side of one file as lines: the whole text where it is known, otherwise what the hunks show.
//!
//! A hunk-only view has gaps; each run without a gap is a *chunk*. A line that both sides share
//! carries the same `peer` on both, which is how units find their counterparts.

use crate::limits;
use crate::model::{FileChange, LineKind, Side};
use crate::text::bounded;

/// A line of a view.
#[derive(Clone, Copy, Debug)]
pub struct ViewLine<'a> {
    /// 1-based number on this side.
    pub no: u32,
    /// The text, cut to [`limits::LINE_BYTES`].
    pub text: &'a str,
    /// Added (new side) or removed (old side) by the change.
    pub changed: bool,
    /// The new-side number of a shared line; 0 for a changed one.
    pub peer: u32,
    /// Which chunk it stands in.
    pub chunk: u32,
}

/// One side of one file.
#[derive(Debug, Default)]
pub struct View<'a> {
    /// The lines, ascending.
    pub lines: Vec<ViewLine<'a>>,
    /// Per chunk, the enclosing function as git printed it; empty for a whole text.
    pub sections: Vec<&'a str>,
}

impl<'a> View<'a> {
    /// The given side of `file`.
    pub fn of(file: &'a FileChange, side: Side) -> View<'a> {
        let full = match side {
            Side::Old => file.before.as_deref(),
            Side::New => file.after.as_deref(),
        };
        match full {
            Some(text) if text.len() <= limits::FULL_TEXT_BYTES => Self::of_text(file, side, text),
            _ => Self::of_hunks(file, side),
        }
    }

    fn of_hunks(file: &'a FileChange, side: Side) -> View<'a> {
        let shown = file.hunks.iter().map(|h| h.lines.len()).sum::<usize>();
        let mut view = View {
            lines: Vec::with_capacity(shown.min(limits::UNIT_LINES)),
            sections: Vec::with_capacity(file.hunks.len()),
        };
        for (chunk, hunk) in file.hunks.iter().enumerate() {
            view.sections.push(bounded(&hunk.section));
            for line in &hunk.lines {
                let (no, skip) = match side {
                    Side::Old => (line.old_line, LineKind::Added),
                    Side::New => (line.new_line, LineKind::Removed),
                };
                if line.kind == skip || view.lines.len() >= limits::UNIT_LINES {
                    continue;
                }
                let changed = line.kind != LineKind::Context;
                view.lines.push(ViewLine {
                    no,
                    text: bounded(&line.text),
                    changed,
                    peer: if changed { 0 } else { line.new_line },
                    chunk: chunk as u32,
                });
            }
        }
        view
    }

    fn of_text(file: &'a FileChange, side: Side, text: &'a str) -> View<'a> {
        let mut view = View {
            lines: Vec::new(),
            sections: vec![""],
        };
        let mut touched = file
            .hunks
            .iter()
            .flat_map(|h| &h.lines)
            .filter(|l| match side {
                Side::Old => l.kind != LineKind::Added,
                Side::New => l.kind != LineKind::Removed,
            })
            .map(|l| {
                (
                    if side == Side::Old {
                        l.old_line
                    } else {
                        l.new_line
                    },
                    l,
                )
            })
            .peekable();
        let mut shift: i64 = 0;
        let mut shifts = Shifts::new(file);
        for (i, line) in text.lines().enumerate().take(limits::UNIT_LINES) {
            let no = i as u32 + 1;
            while touched.peek().is_some_and(|(n, _)| *n < no) {
                touched.next();
            }
            let hunk_line = touched.next_if(|(n, _)| *n == no).map(|(_, l)| l);
            let (changed, peer) = match hunk_line {
                Some(l) if l.kind != LineKind::Context => (true, 0),
                Some(l) => {
                    shift = i64::from(l.new_line) - i64::from(l.old_line);
                    (false, l.new_line)
                }
                None if side == Side::New => (false, no),
                None => {
                    shift = shifts.at(no).unwrap_or(shift);
                    (false, u32::try_from(i64::from(no) + shift).unwrap_or(0))
                }
            };
            view.lines.push(ViewLine {
                no,
                text: bounded(line),
                changed,
                peer,
                chunk: 0,
            });
        }
        view
    }

    /// Index of the line numbered `no`, if the view shows it.
    pub fn index_of(&self, no: u32) -> Option<usize> {
        self.lines.binary_search_by_key(&no, |l| l.no).ok()
    }
}

/// How far the new side is ahead of the old one behind each hunk.
struct Shifts {
    ends: Vec<(u32, i64)>,
    next: usize,
    current: Option<i64>,
}

impl Shifts {
    fn new(file: &FileChange) -> Shifts {
        let mut shift = 0i64;
        let mut ends = Vec::with_capacity(file.hunks.len());
        for hunk in &file.hunks {
            let mut last_old = 0;
            for line in &hunk.lines {
                match line.kind {
                    LineKind::Added => shift += 1,
                    LineKind::Removed => shift -= 1,
                    LineKind::Context => {}
                }
                last_old = last_old.max(line.old_line);
            }
            ends.push((last_old, shift));
        }
        Shifts {
            ends,
            next: 0,
            current: None,
        }
    }

    /// The shift for the old line `no`; `no` must not decrease between calls.
    fn at(&mut self, no: u32) -> Option<i64> {
        while self.next < self.ends.len() && self.ends[self.next].0 < no {
            self.current = Some(self.ends[self.next].1);
            self.next += 1;
        }
        self.current
    }
}
