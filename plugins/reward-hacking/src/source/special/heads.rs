//! The lists that entries, arms and cases stand in, told by indentation.

use std::collections::HashSet;

use crate::text::indent;
use crate::view::View;

/// For each line of a view what opens the block around it, found in one pass.
pub(super) struct Heads {
    /// The nearest line above with less indentation.
    above: Vec<Option<usize>>,
    /// The nearest `switch` above on the same level: `case` of Go stands there.
    switch: Vec<Option<usize>>,
    /// Chunk and indentation of lines with a literal that the change kept.
    kept: HashSet<(u32, usize)>,
}

/// A level of indentation that is open.
struct Level {
    indent: usize,
    above: Option<usize>,
    switch: Option<usize>,
    /// The last line on it.
    last: usize,
}

impl Heads {
    pub fn of(view: &View) -> Heads {
        let mut heads = Heads {
            above: vec![None; view.lines.len()],
            switch: vec![None; view.lines.len()],
            kept: HashSet::new(),
        };
        let mut open: Vec<Level> = Vec::new();
        let mut chunk = None;
        for (i, line) in view.lines.iter().enumerate() {
            if chunk != Some(line.chunk) {
                chunk = Some(line.chunk);
                open.clear();
            }
            let text = line.text.trim_start();
            if text.is_empty() {
                continue;
            }
            let indent = indent(line.text);
            while open.last().is_some_and(|l| l.indent > indent) {
                open.pop();
            }
            if open.last().is_none_or(|l| l.indent < indent) {
                open.push(Level {
                    indent,
                    above: open.last().map(|l| l.last),
                    switch: None,
                    last: i,
                });
            }
            if let Some(level) = open.last_mut() {
                (heads.above[i], heads.switch[i]) = (level.above, level.switch);
                level.last = i;
                if text.starts_with("switch") {
                    level.switch = Some(i);
                }
            }
            if !line.changed
                && text.contains(['"', '\'', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9'])
            {
                heads.kept.insert((line.chunk, indent));
            }
        }
        heads
    }

    /// The line that opens the list around `at`, 0 when it is out of sight, and whether the list is new in
    /// code that is not.
    pub fn list(&self, view: &View, at: usize) -> (u32, bool) {
        let Some(head) = self.switch[at].or(self.above[at]) else {
            let line = &view.lines[at];
            return (0, !self.kept.contains(&(line.chunk, indent(line.text))));
        };
        let line = &view.lines[head];
        // Inside a new function nothing was there to be bypassed.
        let around = self.above[head].is_none_or(|a| !view.lines[a].changed);
        (line.no, line.changed && around)
    }
}
