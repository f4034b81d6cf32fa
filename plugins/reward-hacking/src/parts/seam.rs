//! Where a change that is too large for one part is cut.

use super::Room;
use crate::model::{Hunk, Line, LineKind};
use crate::text::{bounded, indent};

/// Cuts `hunks`, which hold more than a part does: what comes behind the part, and what stands around its first
/// line when a hunk is torn. `section` is that of the first hunk, if it was torn already.
pub(super) fn cut(
    hunks: &mut Vec<Hunk>,
    room: Room,
    section: Option<&str>,
) -> (Vec<Hunk>, Option<Box<str>>) {
    let (hunk, end) = first_beyond(hunks, room);
    // The second half of what fits is where to look. Between two hunks nothing is torn.
    let before: usize = hunks[..hunk].iter().map(|h| h.lines.len()).sum();
    if hunk > 0 && 2 * before >= before + end {
        return (hunks.split_off(hunk), None);
    }
    let from = (before + end).div_ceil(2) - before;
    let lines = &hunks[hunk].lines;
    let at = (from.max(1)..=end.max(1))
        .filter_map(|i| Some((torn(lines, i)?, i)))
        .min_by_key(|&(torn, i)| (torn, usize::MAX - i))
        .map_or(end.max(1), |(_, i)| i);
    let own = section.filter(|_| hunk == 0);
    let around = around(lines, at).unwrap_or(own.unwrap_or(&hunks[hunk].section));
    let around: Box<str> = bounded(around).into();
    let tail = Hunk {
        section: hunks[hunk].section.clone(),
        lines: hunks[hunk].lines.split_off(at),
    };
    let mut rest = vec![tail];
    rest.extend(hunks.drain(hunk + 1..));
    (rest, Some(around))
}

/// The first line that a part has no room for: its hunk, and its index there.
fn first_beyond(hunks: &[Hunk], room: Room) -> (usize, usize) {
    let (mut lines, mut bytes) = (0, 0);
    for (h, hunk) in hunks.iter().enumerate() {
        for (l, line) in hunk.lines.iter().enumerate() {
            lines += 1;
            bytes += line.text.len();
            if lines > 1 && (lines > room.lines || bytes > room.bytes) {
                return (h, l);
            }
        }
    }
    let last = hunks.len().saturating_sub(1);
    (last, hunks.last().map_or(0, |h| h.lines.len()))
}

/// How much a cut in front of line `i` tears apart, as far as one can see; none where nothing begins.
fn torn(lines: &[Line], i: usize) -> Option<(usize, bool, bool)> {
    const GO_ON: [&str; 9] = [
        "end", "else", "elif", "elsif", "except", "finally", "rescue", "ensure", "catch",
    ];
    let (before, line) = (&lines[i - 1], lines.get(i)?);
    let text = line.text.trim_start();
    let word = text
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .next()
        .unwrap_or("");
    if text.is_empty() || text.starts_with(['}', ')', ']', '{', '.']) || GO_ON.contains(&word) {
        return None;
    }
    let level = indent(&line.text);
    let above = before.text.trim_start();
    // An attribute or a comment belongs to what is below it.
    let free = above.is_empty()
        || above.starts_with(['}', ')', ']'])
        || above.starts_with("end")
        || indent(&before.text) > level;
    // Within a run of lines of one kind both sides may go on behind it.
    let run = match (before.kind, line.kind) {
        (_, LineKind::Context) | (LineKind::Added, LineKind::Removed) => false,
        (LineKind::Context, _) => false,
        (LineKind::Removed, LineKind::Added) => return None,
        (LineKind::Added, LineKind::Added) | (LineKind::Removed, LineKind::Removed) => true,
    };
    Some((level, !free, run))
}

/// The line that stands around line `at`: the nearest above with less indentation, an empty one where nothing
/// can be, none when it is out of sight.
fn around(lines: &[Line], at: usize) -> Option<&str> {
    let level = indent(&lines.get(at)?.text);
    if level == 0 {
        return Some("");
    }
    let above = lines[..at].iter().rev();
    above
        .filter(|l| !l.text.trim_start().is_empty())
        .find(|l| indent(&l.text) < level)
        .map(|l| l.text.trim())
}
