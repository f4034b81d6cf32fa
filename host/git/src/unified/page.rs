//! Reading a file's hunks page by page: what is made into lines is bounded by
//! the page, and a reader that goes on starts where the last page ended.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use sortie_model::diff::{DiffError, Hunk, LINE_BYTES, Line, LineKind};

use super::cursor::Cursor;
use super::hunk::{self, Left, Met, Walk};

/// Places kept for readers to go on from. A scanner reads one file at a time,
/// or a few side by side; whoever is forgotten walks from the file's start.
const MAX_BOOKMARKS: usize = 16;

/// A run of hunks in the text, and the number of its first line there.
pub(super) type Run = (Range<usize>, u64);

/// Where readers stopped.
#[derive(Debug, Default)]
pub(super) struct Bookmarks(Mutex<VecDeque<Bookmark>>);

#[derive(Debug)]
struct Bookmark {
    file: usize,
    /// Lines of the file before this place.
    line: u32,
    place: Place,
}

/// A place among the hunks of a file.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    run: usize,
    /// Offset in the text and number of the line there; none at the start.
    at: Option<(usize, u64)>,
    /// The hunk that the place is in.
    within: Option<Left>,
}

impl Bookmarks {
    /// Takes out the last known place of a file at or before `line`.
    fn take(&self, file: usize, line: u32) -> Option<Bookmark> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (index, _) = all
            .iter()
            .enumerate()
            .filter(|(_, mark)| mark.file == file && mark.line <= line)
            .max_by_key(|(_, mark)| mark.line)?;
        all.remove(index)
    }

    fn keep(&self, mark: Bookmark) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() == MAX_BOOKMARKS {
            all.pop_front();
        }
        all.push_back(mark);
    }

    /// The page of a file that begins with its line `start`.
    pub(super) fn page(
        &self,
        (text, runs): (&[u8], &[Run]),
        file: usize,
        start: u32,
        limit: usize,
    ) -> Result<Vec<Hunk>, DiffError> {
        let mark = self.take(file, start);
        let (mut line, place) = mark.map_or_else(Default::default, |mark| (mark.line, mark.place));
        let mut lines = Lines::resume(text, runs, place)?;
        let mut page = Page::new(limit);
        loop {
            let before = lines;
            match lines.step()? {
                None => break,
                Some((_, Met::NoNewline)) => page.no_newline(),
                Some((_, Met::Line(..))) if line < start => line += 1,
                Some((walk, Met::Line(kind, text))) => {
                    if !page.push(&walk, kind, text) {
                        lines = before;
                        break;
                    }
                    line += 1;
                }
            }
        }
        self.keep(Bookmark {
            file,
            line,
            place: lines.place(),
        });
        Ok(page.hunks)
    }
}

/// Steps through all hunks of a file.
#[derive(Clone, Copy)]
struct Lines<'t> {
    text: &'t [u8],
    runs: &'t [Run],
    run: usize,
    cursor: Cursor<'t>,
    walk: Option<Walk<'t>>,
}

impl<'t> Lines<'t> {
    fn resume(text: &'t [u8], runs: &'t [Run], place: Place) -> Result<Self, DiffError> {
        let mut lines = Self {
            text,
            runs,
            run: place.run,
            cursor: cursor(text, runs, place.run),
            walk: None,
        };
        if let Some(left) = place.within {
            let mut at_head = lines.cursor.moved(left.head, 0);
            lines.walk = hunk::head(&mut at_head)?.map(|head| Walk { head, left });
        }
        if let Some((offset, line)) = place.at {
            lines.cursor = lines.cursor.moved(offset, line);
        }
        Ok(lines)
    }

    fn place(&self) -> Place {
        Place {
            run: self.run,
            at: Some((self.cursor.offset(), self.cursor.line())),
            within: self.walk.map(|walk| walk.left),
        }
    }

    /// What comes next, with the walk as it stood before it.
    fn step(&mut self) -> Result<Option<(Walk<'t>, Met<'t>)>, DiffError> {
        loop {
            if let Some(walk) = &mut self.walk {
                let before = *walk;
                if let Some(met) = walk.step(&mut self.cursor)? {
                    return Ok(Some((before, met)));
                }
            }
            self.walk = Walk::start(&mut self.cursor)?;
            if self.walk.is_none() {
                if self.run + 1 >= self.runs.len() {
                    return Ok(None);
                }
                self.run += 1;
                self.cursor = cursor(self.text, self.runs, self.run);
            }
        }
    }
}

/// A cursor at the start of a run that ends where the run does.
fn cursor<'t>(text: &'t [u8], runs: &[Run], run: usize) -> Cursor<'t> {
    let (range, line) = runs.get(run).cloned().unwrap_or_default();
    Cursor::new(text.get(..range.end).unwrap_or_default(), range.start, line)
}

/// Hunks while they are put together.
struct Page {
    hunks: Vec<Hunk>,
    /// Where the head of the last hunk is.
    last: Option<usize>,
    room: usize,
}

impl Page {
    fn new(limit: usize) -> Self {
        Self {
            hunks: Vec::new(),
            last: None,
            room: limit,
        }
    }

    /// Adds a line, unless there is no room for it. The first always fits.
    fn push(&mut self, walk: &Walk<'_>, kind: LineKind, text: &[u8]) -> bool {
        let is_new = self.last != Some(walk.left.head);
        let mut bytes = text.len() + LINE_BYTES;
        if is_new {
            bytes += walk.head.section.len() + LINE_BYTES;
        }
        match self.room.checked_sub(bytes) {
            Some(room) => self.room = room,
            None if self.hunks.is_empty() => self.room = 0,
            None => return false,
        }
        if is_new {
            self.last = Some(walk.left.head);
            self.hunks.push(begin(walk, self.room));
        }
        let (old, new) = walk.numbers();
        if let Some(hunk) = self.hunks.last_mut() {
            hunk.lines.push(Line {
                kind,
                old_line: (kind != LineKind::Added).then_some(old),
                new_line: (kind != LineKind::Removed).then_some(new),
                text: String::from_utf8_lossy(text).into_owned(),
                no_newline: false,
            });
        }
        true
    }

    /// The last line ends without a newline.
    fn no_newline(&mut self) {
        if let Some(line) = self.hunks.last_mut().and_then(|hunk| hunk.lines.last_mut()) {
            line.no_newline = true;
        }
    }
}

/// A hunk without its lines yet; they are at most as many as are left, and as
/// there is room for.
fn begin(walk: &Walk<'_>, room: usize) -> Hunk {
    let left = u64::from(walk.left.old) + u64::from(walk.left.new);
    let lines = usize::try_from(left).unwrap_or(usize::MAX);
    Hunk {
        old_start: walk.head.old_start,
        old_count: walk.head.old_count,
        new_start: walk.head.new_start,
        new_count: walk.head.new_count,
        section: String::from_utf8_lossy(walk.head.section).into_owned(),
        lines: Vec::with_capacity(lines.min(room / LINE_BYTES + 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A hunk of `lines` added lines as the text of a file, and its run.
    fn text(lines: u32) -> (Vec<u8>, [Run; 1]) {
        let mut text = format!("@@ -0,0 +1,{lines} @@\n");
        for line in 0..lines {
            text.push_str(&format!("+line {line}\n"));
        }
        let run = (0..text.len(), 1);
        (text.into_bytes(), [run])
    }

    #[test]
    fn a_page_starts_where_one_ended_and_no_line_is_walked_twice() {
        let (mut text, runs) = text(100);
        let marks = Bookmarks::default();
        let mut start = 0;
        while start < 100 {
            // What was read is spoilt: whoever walks over it again fails.
            let mark = marks.take(0, start);
            if let Some(Bookmark { place, line, .. }) = &mark {
                assert_eq!(*line, start);
                let (offset, _) = place.at.expect("it was walked");
                let head = place.within.expect("it is in the hunk").head;
                let walked = text[head..offset].iter().position(|b| *b == b'\n');
                text[head + walked.expect("a head") + 1..offset].fill(b'?');
            }
            marks.0.lock().expect("no panic").extend(mark);
            let hunks = marks
                .page((&text, &runs), 0, start, 500)
                .expect("not spoilt");
            assert_eq!(hunks[0].lines[0].text, format!("line {start}"));
            start += u32::try_from(hunks[0].lines.len()).expect("few");
        }
        assert_eq!(
            marks.page((&text, &runs), 0, 100, 500).expect("the end"),
            []
        );
        assert!(
            marks.page((&text, &runs), 0, 0, 500).is_err(),
            "from the start"
        );
    }

    #[test]
    fn files_side_by_side_each_have_a_mark_and_marks_are_few() {
        let (text, runs) = text(100);
        let marks = Bookmarks::default();
        for start in 0..10 {
            for file in 0..MAX_BOOKMARKS {
                if start > 0 {
                    let mark = marks.take(file, start).expect("it was read");
                    assert_eq!(mark.line, start);
                    marks.keep(mark);
                }
                let page = marks.page((&text, &runs), file, start, 0);
                assert_eq!(page.expect("parsed")[0].lines.len(), 1);
            }
        }
        for file in 0..2 * MAX_BOOKMARKS {
            marks.page((&text, &runs), file, 0, 0).expect("parsed");
        }
        assert_eq!(marks.0.lock().expect("no panic").len(), MAX_BOOKMARKS);
    }
}
