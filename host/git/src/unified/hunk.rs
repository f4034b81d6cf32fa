//! Hunks: counted in the first pass, made into lines in the second, by one
//! and the same walk, so that both always agree.

use sortie_model::diff::{DiffError, Hunk, Line, LineKind};

use super::cursor::{Cursor, without_cr};

/// The four numbers and the section of an `@@` line.
struct Head<'t> {
    old_start: u32,
    old_count: u32,
    new_start: u32,
    new_count: u32,
    section: &'t [u8],
}

/// What the walk meets.
enum Met<'t> {
    Line(LineKind, &'t [u8]),
    NoNewline,
}

/// Walks over one hunk; returns added and removed lines, or none when the
/// position is at no hunk.
pub(super) fn count(cursor: &mut Cursor<'_>) -> Result<Option<(u32, u32)>, DiffError> {
    let Some(head) = head(cursor)? else {
        return Ok(None);
    };
    let (mut added, mut removed) = (0, 0);
    walk(cursor, &head, |met| match met {
        Met::Line(LineKind::Added, _) => added += 1,
        Met::Line(LineKind::Removed, _) => removed += 1,
        _ => {}
    })?;
    Ok(Some((added, removed)))
}

/// Parses one hunk, or none when the position is at no hunk.
pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Option<Hunk>, DiffError> {
    let Some(head) = head(cursor)? else {
        return Ok(None);
    };
    let mut lines: Vec<Line> = Vec::new();
    let (mut old, mut new) = (head.old_start, head.new_start);
    walk(cursor, &head, |met| match met {
        Met::NoNewline => {
            if let Some(last) = lines.last_mut() {
                last.no_newline = true;
            }
        }
        Met::Line(kind, text) => {
            let on_old = kind != LineKind::Added;
            let on_new = kind != LineKind::Removed;
            lines.push(Line {
                kind,
                old_line: on_old.then_some(old),
                new_line: on_new.then_some(new),
                text: String::from_utf8_lossy(text).into_owned(),
                no_newline: false,
            });
            // The head was checked not to lead past the last number.
            old += u32::from(on_old);
            new += u32::from(on_new);
        }
    })?;
    Ok(Some(Hunk {
        old_start: head.old_start,
        old_count: head.old_count,
        new_start: head.new_start,
        new_count: head.new_count,
        section: String::from_utf8_lossy(head.section).into_owned(),
        lines,
    }))
}

fn walk<'t>(
    cursor: &mut Cursor<'t>,
    head: &Head<'_>,
    mut met: impl FnMut(Met<'t>),
) -> Result<(), DiffError> {
    let (mut old, mut new) = (head.old_count, head.new_count);
    while old > 0 || new > 0 {
        let Some(line) = cursor.peek() else {
            return Err(cursor.malformed("the diff ends within a hunk"));
        };
        let (kind, text) = match line.split_first() {
            Some((b' ', text)) => (LineKind::Context, text),
            Some((b'+', text)) => (LineKind::Added, text),
            Some((b'-', text)) => (LineKind::Removed, text),
            Some((b'\\', _)) => {
                met(Met::NoNewline);
                cursor.next();
                continue;
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
        let (Some(o), Some(n)) = (old.checked_sub(from_old), new.checked_sub(from_new)) else {
            return Err(cursor.malformed("more lines than the hunk's head announces"));
        };
        (old, new) = (o, n);
        met(Met::Line(kind, without_cr(text)));
        cursor.next();
    }
    while cursor.peek().is_some_and(|line| line.starts_with(b"\\")) {
        met(Met::NoNewline);
        cursor.next();
    }
    Ok(())
}

fn head<'t>(cursor: &mut Cursor<'t>) -> Result<Option<Head<'t>>, DiffError> {
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
