//! Reads unified diffs as git prints them. For tests and scoring only: in production the host parses diffs.

use reward_hacking::{Change, ChangeKind, FileChange, Hunk, Line, LineKind};

/// Parses a diff.
pub fn parse(text: &str) -> Change {
    let mut change = Change::default();
    let mut left = (0u32, 0u32);
    let mut at = (0u32, 0u32);
    for raw in text.split('\n') {
        if left != (0, 0) {
            let Some(file) = change.files.last_mut() else {
                continue;
            };
            let Some(hunk) = file.hunks.last_mut() else {
                continue;
            };
            let (kind, body) = match raw.as_bytes().first() {
                Some(b'+') => (LineKind::Added, &raw[1..]),
                Some(b'-') => (LineKind::Removed, &raw[1..]),
                Some(b'\\') => continue,
                Some(b' ') => (LineKind::Context, &raw[1..]),
                _ => (LineKind::Context, raw),
            };
            let (old, new) = (kind != LineKind::Added, kind != LineKind::Removed);
            hunk.lines.push(Line {
                kind,
                old_line: if old { at.0 } else { 0 },
                new_line: if new { at.1 } else { 0 },
                text: body.trim_end_matches('\r').to_string(),
            });
            at = (at.0 + u32::from(old), at.1 + u32::from(new));
            left = (
                left.0 - u32::from(old).min(left.0),
                left.1 - u32::from(new).min(left.1),
            );
            continue;
        }
        if let Some(rest) = raw.strip_prefix("diff --git a/") {
            let (old, new) = rest.split_once(" b/").unwrap_or((rest, rest));
            change.files.push(FileChange {
                old_path: Some(old.into()),
                new_path: Some(new.into()),
                kind: if old == new {
                    ChangeKind::Modified
                } else {
                    ChangeKind::Renamed
                },
                hunks: vec![],
                before: None,
                after: None,
            });
        } else if let Some(file) = change.files.last_mut() {
            if raw.starts_with("new file mode") {
                file.kind = ChangeKind::Added;
                file.old_path = None;
            } else if raw.starts_with("deleted file mode") {
                file.kind = ChangeKind::Deleted;
                file.new_path = None;
            } else if let Some(rest) = raw.strip_prefix("@@ -") {
                let Some((ranges, section)) = rest.split_once(" @@") else {
                    continue;
                };
                let Some((old, new)) = ranges.split_once(" +") else {
                    continue;
                };
                let range = |r: &str| {
                    let (start, count) = r.split_once(',').unwrap_or((r, "1"));
                    (
                        start.parse::<u32>().unwrap_or(1),
                        count.parse::<u32>().unwrap_or(1),
                    )
                };
                at = (range(old).0, range(new).0);
                left = (range(old).1, range(new).1);
                file.hunks.push(Hunk {
                    section: section.trim().to_string(),
                    lines: vec![],
                });
            }
        }
    }
    change
}
