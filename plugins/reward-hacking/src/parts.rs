//! Cuts a file whose change is large into parts, which are judged one after the other: no more than one of
//! them is held as text, and no more than a few as facts.
//!
//! A part is a run of lines that are next to each other in the diff, cut where a hunk ends or, within a long
//! hunk, where the least seems to be torn. It knows where it stands, so that it can be read again.

mod seam;

use crate::limits;
use crate::model::Hunk;

/// What a line costs in a page beside its text, and a hunk beside its section: the WIT has the number.
const PAGE_LINE_BYTES: usize = 64;

/// Where a part of a file stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// The file's place in the change.
    pub file: u32,
    /// How many lines of its hunks come before the part.
    pub start: u32,
    /// How many lines it has.
    pub lines: u32,
    /// What the page that has just these lines costs.
    pub page_bytes: u32,
    /// What stands around its first line, when a hunk is cut there.
    pub section: Option<Box<str>>,
    /// Whether more of the file follows.
    pub more: bool,
}

impl Part {
    /// The file at `file` of the change as a whole.
    pub fn whole(file: u32) -> Part {
        Part {
            file,
            ..Part::default()
        }
    }

    /// Whether it is all of the file.
    pub fn is_whole(&self) -> bool {
        self.start == 0 && !self.more
    }

    /// Whether it is where the file begins.
    pub fn is_first(&self) -> bool {
        self.start == 0
    }

    /// The part of that many lines out of what was read from its start on.
    pub fn of(&self, mut hunks: Vec<Hunk>) -> Vec<Hunk> {
        let mut left = self.lines as usize;
        for hunk in &mut hunks {
            hunk.lines.truncate(left);
            left -= hunk.lines.len();
        }
        hunks.retain(|h| !h.lines.is_empty());
        if let (Some(section), Some(first)) = (&self.section, hunks.first_mut()) {
            first.section = section.to_string();
        }
        hunks
    }
}

/// Reads the hunks of one file from the front to the end.
pub trait Pages {
    /// Adds the lines from `start` on that fit into a page to those that end in front of it; returns how many.
    /// None are left when there are none.
    fn read(&mut self, start: u32, hunks: &mut Vec<Hunk>) -> u32;
}

/// How large a part may be.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// Its lines.
    pub lines: usize,
    /// The bytes of its text.
    pub bytes: usize,
}

impl Default for Room {
    fn default() -> Room {
        Room {
            lines: limits::PART_LINES,
            bytes: limits::PART_BYTES,
        }
    }
}

/// The parts of a file.
#[derive(Debug)]
pub struct Parts<P> {
    pages: P,
    room: Room,
    file: u32,
    /// What was read and is in no part yet.
    held: Vec<Hunk>,
    /// How many lines were read.
    read: u32,
    /// Where the next part begins, and what stands around it.
    start: u32,
    section: Option<Box<str>>,
    done: bool,
}

impl<P: Pages> Parts<P> {
    pub fn new(file: u32, room: Room, pages: P) -> Parts<P> {
        Parts {
            pages,
            room,
            file,
            held: Vec::new(),
            read: 0,
            start: 0,
            section: None,
            done: false,
        }
    }

    /// Fills up what is held, and says whether it is more than a part holds.
    fn fill(&mut self) -> bool {
        let lines = self.held.iter().flat_map(|h| &h.lines);
        let (mut count, mut bytes) = (0, 0);
        for line in lines {
            count += 1;
            bytes += line.text.len();
        }
        loop {
            // A part has at least one line, however long.
            if count > 1 && (count > self.room.lines || bytes > self.room.bytes) {
                return true;
            }
            let got = self.pages.read(self.read, &mut self.held) as usize;
            if got == 0 {
                return false;
            }
            self.read += got as u32;
            count += got;
            let mut fresh = got;
            for hunk in self.held.iter().rev() {
                let from = hunk.lines.len().saturating_sub(fresh);
                let lines = &hunk.lines[from..];
                bytes += lines.iter().map(|l| l.text.len()).sum::<usize>();
                fresh -= lines.len();
                if fresh == 0 {
                    break;
                }
            }
        }
    }
}

impl<P: Pages> Iterator for Parts<P> {
    type Item = (Part, Vec<Hunk>);

    fn next(&mut self) -> Option<(Part, Vec<Hunk>)> {
        if self.done {
            return None;
        }
        let more = self.fill();
        self.done = !more;
        let (rest, around) = if more {
            seam::cut(&mut self.held, self.room, self.section.as_deref())
        } else {
            (Vec::new(), None)
        };
        let hunks = std::mem::replace(&mut self.held, rest);
        let lines = hunks.iter().map(|h| h.lines.len()).sum::<usize>();
        let part = Part {
            file: self.file,
            start: self.start,
            lines: lines as u32,
            page_bytes: page_bytes(&hunks).try_into().unwrap_or(u32::MAX),
            section: std::mem::replace(&mut self.section, around),
            more,
        };
        self.start += part.lines;
        Some((part.clone(), part.of(hunks)))
    }
}

fn page_bytes(hunks: &[Hunk]) -> usize {
    let hunk = |h: &Hunk| {
        let lines = h.lines.iter().map(|l| l.text.len() + PAGE_LINE_BYTES);
        h.section.len() + PAGE_LINE_BYTES + lines.sum::<usize>()
    };
    hunks.iter().map(hunk).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Line, LineKind};

    fn hunk(section: &str, lines: &[&str]) -> Hunk {
        let line = |text: &&str| Line {
            kind: LineKind::Added,
            old_line: 0,
            new_line: 1,
            text: (*text).into(),
        };
        Hunk {
            section: section.into(),
            lines: lines.iter().map(line).collect(),
        }
    }

    /// Reads a line at a time.
    struct OneByOne(Vec<Hunk>);

    impl Pages for OneByOne {
        fn read(&mut self, start: u32, hunks: &mut Vec<Hunk>) -> u32 {
            let mut at = start as usize;
            for hunk in &self.0 {
                let Some(line) = hunk.lines.get(at) else {
                    at -= hunk.lines.len();
                    continue;
                };
                if at == 0 || hunks.is_empty() {
                    hunks.push(Hunk {
                        section: hunk.section.clone(),
                        lines: Vec::new(),
                    });
                }
                let last = hunks.last_mut().expect("one was added");
                last.lines.push(line.clone());
                return 1;
            }
            0
        }
    }

    fn parts(hunks: Vec<Hunk>, lines: usize) -> Vec<(Part, Vec<Vec<String>>)> {
        let bytes = usize::MAX;
        let texts = |h: Hunk| h.lines.into_iter().map(|l| l.text).collect();
        Parts::new(3, Room { lines, bytes }, OneByOne(hunks))
            .map(|(part, hunks)| (part, hunks.into_iter().map(texts).collect()))
            .collect()
    }

    #[test]
    fn a_small_file_is_one_part() {
        let parts = parts(vec![hunk("", &["a", "b"]), hunk("", &["c"])], 3);
        assert_eq!(parts.len(), 1);
        assert!(parts[0].0.is_whole());
        assert_eq!(parts[0].1, [vec!["a", "b"], vec!["c"]]);
    }

    #[test]
    fn between_two_hunks_nothing_is_torn() {
        let hunks = vec![
            hunk("x", &["a", "b", "c"]),
            hunk("y", &["d", "e", "f"]),
            hunk("z", &["g"]),
        ];
        let parts = parts(hunks, 4);
        assert_eq!(parts.len(), 2);
        assert_eq!(parts[0].1, [["a", "b", "c"]]);
        assert!(parts[0].0.more && !parts[1].0.more);
        assert_eq!((parts[1].0.start, parts[1].0.lines), (3, 4));
        assert_eq!(parts[1].0.section, None);
    }

    #[test]
    fn a_long_hunk_is_cut_where_a_test_begins_and_knows_what_is_around() {
        let lines = [
            "class TestA:",
            "    def test_a(self):",
            "        one()",
            "",
            "    @skip",
            "    def test_b(self):",
            "        two()",
            "        three()",
            "class TestB:",
            "    x = 1",
        ];
        let parts = parts(vec![hunk("", &lines)], 7);
        let counts: Vec<u32> = parts.iter().map(|(part, _)| part.lines).collect();
        assert_eq!(counts, [4, 6]);
        assert_eq!(parts[1].0.section.as_deref(), Some("class TestA:"));
        let all: Vec<String> = parts.into_iter().flat_map(|(_, h)| h.concat()).collect();
        assert_eq!(all, lines);
    }

    #[test]
    fn a_line_longer_than_a_part_is_a_part() {
        let long = "x".repeat(100);
        let room = Room {
            lines: 10,
            bytes: 50,
        };
        let pages = OneByOne(vec![hunk("", &[&long, &long, "y"])]);
        let lines: Vec<u32> = Parts::new(0, room, pages).map(|(p, _)| p.lines).collect();
        assert_eq!(lines, [1, 1, 1]);
    }
}
