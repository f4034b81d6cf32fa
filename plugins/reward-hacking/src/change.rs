//! A change that is at hand as a whole, as tests and tools have it.

use crate::engine::Analysis;
use crate::limits;
use crate::model::{Change, FileChange, Finding, Hunk};
use crate::parts::{Pages, Part, Parts, Room};

/// The findings on a whole change.
pub fn analyze(change: &Change) -> Vec<Finding> {
    analyze_within(change, limits::WHOLE_BYTES, Room::default())
}

/// The same, with the facts of no more than `whole` bytes of text kept, and files larger than `part` in parts.
pub fn analyze_within(change: &Change, whole: usize, part: Room) -> Vec<Finding> {
    let mut analysis = Analysis::with_room(whole);
    for (place, file) in (0..).zip(&change.files) {
        let lines = file.hunks.iter().flat_map(|h| &h.lines);
        let bytes = lines.clone().map(|l| l.text.len()).sum::<usize>();
        let whole_text = file.before.is_some() || file.after.is_some();
        if whole_text || lines.count() <= part.lines && bytes <= part.bytes {
            analysis.push(Part::whole(place), file);
            continue;
        }
        for (at, hunks) in Parts::new(place, part, Memory(&file.hunks)) {
            if !analysis.push(at, &with(file, hunks)) {
                break;
            }
        }
    }
    analysis.finish(|part| {
        let file = &change.files[part.file as usize];
        if part.is_whole() {
            return file.clone();
        }
        let mut hunks = Vec::new();
        let mut pages = Memory(&file.hunks);
        let mut read = 0;
        while read < part.lines {
            match pages.read(part.start + read, &mut hunks) {
                0 => break,
                got => read += got,
            }
        }
        with(file, part.of(hunks))
    })
}

fn with(file: &FileChange, hunks: Vec<Hunk>) -> FileChange {
    FileChange {
        hunks,
        old_path: file.old_path.clone(),
        new_path: file.new_path.clone(),
        kind: file.kind,
        before: None,
        after: None,
    }
}

/// Lines of a page.
const PAGE_LINES: usize = 1_000;

/// Reads hunks that are at hand.
struct Memory<'a>(&'a [Hunk]);

impl Pages for Memory<'_> {
    fn read(&mut self, start: u32, hunks: &mut Vec<Hunk>) -> u32 {
        let mut skip = start as usize;
        let mut left = PAGE_LINES;
        for hunk in self.0 {
            if skip >= hunk.lines.len() && !hunk.lines.is_empty() {
                skip -= hunk.lines.len();
                continue;
            }
            if left == 0 {
                break;
            }
            let to = hunk.lines.len().min(skip + left);
            let lines = hunk.lines[skip..to].iter().cloned();
            left -= lines.len();
            match hunks.last_mut() {
                Some(begun) if skip > 0 => begun.lines.extend(lines),
                _ => hunks.push(Hunk {
                    section: hunk.section.clone(),
                    lines: lines.collect(),
                }),
            }
            skip = 0;
        }
        (PAGE_LINES - left) as u32
    }
}
