//! The walk over one hunk: its head, then its lines one by one. Counting in
//! the first pass and reading later take the same steps, so that both always
//! agree.

use sortie_model::diff::{DiffError, LineKind};

use super::cursor::{Cursor, without_cr};

/// The four numbers and the section of an `@@` line.
#[derive(Clone, Copy)]
pub(super) struct Head<'t> {
    pub(super) old_start: u32,
    pub(super) old_count: u32,
    pub(super) new_start: u32,
    pub(super) new_count: u32,
    pub(super) section: &'t [u8],
}

/// What the walk meets.
pub(super) enum Met<'t> {
    Line(LineKind, &'t [u8]),
    NoNewline,
}

/// Stands before a line of a hunk, or after its last one.
#[derive(Clone, Copy)]
pub(super) struct Walk<'t> {
    pub(super) head: Head<'t>,
    pub(super) left: Left,
}

/// What the head of a hunk announces and the walk has not met yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Left {
    /// Where in the text the head is.
    pub(super) head: usize,
    pub(super) old: u32,
    pub(super) new: u32,
}

/// Walks over one hunk; returns added and removed lines, or none when the
/// position is at no hunk.
pub(super) fn count(cursor: &mut Cursor<'_>) -> Result<Option<(u32, u32)>, DiffError> {
    let Some(mut walk) = Walk::start(cursor)? else {
        return Ok(None);
    };
    let (mut added, mut removed) = (0, 0);
    while let Some(met) = walk.step(cursor)? {
        match met {
            Met::Line(LineKind::Added, _) => added += 1,
            Met::Line(LineKind::Removed, _) => removed += 1,
            _ => {}
        }
    }
    Ok(Some((added, removed)))
}

impl<'t> Walk<'t> {
    /// Takes the head of a hunk, or none when the position is at no hunk.
    pub(super) fn start(cursor: &mut Cursor<'t>) -> Result<Option<Self>, DiffError> {
        let at = cursor.offset();
        Ok(head(cursor)?.map(|head| Self {
            head,
            left: Left {
                head: at,
                old: head.old_count,
                new: head.new_count,
            },
        }))
    }

    /// The number of the next line before and after.
    pub(super) fn numbers(&self) -> (u32, u32) {
        let Self { head, left } = self;
        // The head was checked not to lead past the last number.
        (
            head.old_start + (head.old_count - left.old),
            head.new_start + (head.new_count - left.new),
        )
    }

    /// Takes the next line of the hunk, or none when it is over.
    pub(super) fn step(&mut self, cursor: &mut Cursor<'t>) -> Result<Option<Met<'t>>, DiffError> {
        let line = cursor.peek();
        if self.left.old == 0 && self.left.new == 0 {
            let marker = line.is_some_and(|line| line.starts_with(b"\\"));
            return Ok(marker.then(|| {
                cursor.next();
                Met::NoNewline
            }));
        }
        let Some(line) = line else {
            return Err(cursor.malformed("the diff ends within a hunk"));
        };
        let (kind, text) = match line.split_first() {
            Some((b' ', text)) => (LineKind::Context, text),
            Some((b'+', text)) => (LineKind::Added, text),
            Some((b'-', text)) => (LineKind::Removed, text),
            Some((b'\\', _)) => {
                cursor.next();
                return Ok(Some(Met::NoNewline));
            }
            // Some mailers cut the space off an empty line of context.
            None | Some((b'\r', [])) => (LineKind::Context, line),
            Some(_) => return Err(cursor.malformed("a line of a hunk starts with none of ' +-\\'")),
        };
        let (from_old, from_new) = match kind {
            LineKind::Context => (1, 1),
            LineKind::Added => (0, 1),
            LineKind::Removed => (1, 0),
        };
        let left = &mut self.left;
        let (Some(old), Some(new)) = (
            left.old.checked_sub(from_old),
            left.new.checked_sub(from_new),
        ) else {
            return Err(cursor.malformed("more lines than the hunk's head announces"));
        };
        (left.old, left.new) = (old, new);
        cursor.next();
        Ok(Some(Met::Line(kind, without_cr(text))))
    }
}

pub(super) fn head<'t>(cursor: &mut Cursor<'t>) -> Result<Option<Head<'t>>, DiffError> {
    let Some(line) = cursor.peek().filter(|l| l.starts_with(b"@@")) else {
        return Ok(None);
    };
    if line.starts_with(b"@@@") {
        return Err(cursor.malformed("combined diffs of merges are not supported"));
    }
    let head = parse_head(without_cr(line));
    let head = head.ok_or_else(|| cursor.malformed("the head of a hunk is malformed"))?;
    cursor.next();
    Ok(Some(head))
}

/// `@@ -1,2 +3,4 @@ section`, where a count of 1 may be left out.
fn parse_head(line: &[u8]) -> Option<Head<'_>> {
    let rest = line.strip_prefix(b"@@ -")?;
    let (old_start, rest) = number(rest)?;
    let (old_count, rest) = optional_count(rest)?;
    let (new_start, rest) = number(rest.strip_prefix(b" +")?)?;
    let (new_count, rest) = optional_count(rest)?;
    let section = rest.strip_prefix(b" @@")?;
    // So that no line number can overflow later.
    old_start.checked_add(old_count)?;
    new_start.checked_add(new_count)?;
    Some(Head {
        old_start,
        old_count,
        new_start,
        new_count,
        section: section.strip_prefix(b" ").unwrap_or(section),
    })
}

fn optional_count(text: &[u8]) -> Option<(u32, &[u8])> {
    match text.strip_prefix(b",") {
        Some(rest) => number(rest),
        None => Some((1, text)),
    }
}

fn number(text: &[u8]) -> Option<(u32, &[u8])> {
    let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
    let (number, rest) = text.split_at(digits);
    Some((std::str::from_utf8(number).ok()?.parse().ok()?, rest))
}
