//! Which lines of an output matter.

/// The lines of an output and a mark on some of them.
pub(crate) struct Marks<'a> {
    lines: &'a [&'a str],
    marked: Vec<bool>,
}

impl<'a> Marks<'a> {
    pub(crate) fn new(lines: &'a [&'a str]) -> Self {
        Self {
            lines,
            marked: vec![false; lines.len()],
        }
    }

    /// All lines, marked or not.
    pub(crate) fn all(&self) -> &'a [&'a str] {
        self.lines
    }

    pub(crate) fn is_empty(&self) -> bool {
        !self.marked.contains(&true)
    }

    /// The line, if there is one.
    pub(crate) fn line(&self, at: usize) -> Option<&'a str> {
        self.lines.get(at).copied()
    }

    /// Marks a line.
    pub(crate) fn mark(&mut self, at: usize) {
        if let Some(mark) = self.marked.get_mut(at) {
            *mark = true;
        }
    }

    /// Marks from `at` on while `more` holds, at most `most` lines; returns
    /// where it stopped.
    pub(crate) fn mark_while(
        &mut self,
        at: usize,
        most: usize,
        more: impl Fn(&str) -> bool,
    ) -> usize {
        let mut next = at;
        while next < self.lines.len() && next - at < most && (next == at || more(self.lines[next]))
        {
            self.mark(next);
            next += 1;
        }
        next
    }

    /// The marked lines in order, without blank ones at the ends of a block.
    pub(crate) fn lines(&self) -> Vec<&'a str> {
        let marked = self.lines.iter().zip(&self.marked);
        let mut lines: Vec<&str> = Vec::new();
        for (line, marked) in marked {
            let blank = line.trim().is_empty();
            if *marked && !(blank && lines.last().is_none_or(|last| last.trim().is_empty())) {
                lines.push(line);
            }
        }
        while lines.last().is_some_and(|line| line.trim().is_empty()) {
            lines.pop();
        }
        lines
    }
}
