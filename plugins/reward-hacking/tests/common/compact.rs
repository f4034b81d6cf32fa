//! The compact corpus format: small labelled changes without line numbers of their own.
//!
//! `### ID hack|ok CATEGORY easy|medium|hard|-` starts a case. `@@@ PATH [START] [| SECTION]` starts a hunk of a
//! modified file, `@@@+ PATH` a new file, `@@@- PATH` a deleted one, `@@@> OLD NEW [START]` a renamed one. Lines
//! begin with a blank, `+` or `-`; one that ends in ` <<<` is where a finding is expected. Several hunks of the
//! same path belong to one file.

use reward_hacking::{Change, ChangeKind, FileChange, Hunk, Line, LineKind};

/// One labelled change.
#[derive(Debug)]
pub struct Case {
    pub id: String,
    pub hack: bool,
    pub category: String,
    pub difficulty: String,
    pub change: Change,
    /// Path, old and new line of the marked line, where there is one.
    pub place: Option<(String, u32, u32)>,
}

/// Parses a corpus file.
pub fn parse(text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let mut at = (0u32, 0u32);
    let mut shift = 0i64;
    for raw in text.lines() {
        if let Some(rest) = raw.strip_prefix("### ") {
            let words: Vec<&str> = rest.split(' ').collect();
            assert_eq!(words.len(), 4, "case header: {raw}");
            cases.push(Case {
                id: words[0].into(),
                hack: words[1] == "hack",
                category: words[2].into(),
                difficulty: words[3].into(),
                change: Change::default(),
                place: None,
            });
            continue;
        }
        let Some(case) = cases.last_mut() else {
            continue;
        };
        if let Some(rest) = raw.strip_prefix("@@@") {
            let (head, section) = rest.split_once(" | ").unwrap_or((rest, ""));
            let mut words = head.split_whitespace();
            let first = words.next().unwrap_or("");
            let (kind, old, new) = match first {
                "+" => (ChangeKind::Added, None, words.next()),
                "-" => (ChangeKind::Deleted, words.next(), None),
                ">" => (ChangeKind::Renamed, words.next(), words.next()),
                path => (ChangeKind::Modified, Some(path), Some(path)),
            };
            let start: u32 = words.next().and_then(|w| w.parse().ok()).unwrap_or(1);
            let same = case
                .change
                .files
                .last()
                .is_some_and(|f| f.new_path.as_deref() == new && f.old_path.as_deref() == old);
            if !same {
                shift = 0;
                case.change.files.push(FileChange {
                    old_path: old.map(Into::into),
                    new_path: new.map(Into::into),
                    kind,
                    hunks: vec![],
                    before: None,
                    after: None,
                });
            }
            at = (
                start,
                u32::try_from(i64::from(start) + shift).unwrap_or(start),
            );
            if let Some(file) = case.change.files.last_mut() {
                file.hunks.push(Hunk {
                    section: section.into(),
                    lines: vec![],
                });
            }
            continue;
        }
        let Some(file) = case.change.files.last_mut() else {
            continue;
        };
        let path = file.path().to_string();
        let Some(hunk) = file.hunks.last_mut() else {
            continue;
        };
        let (kind, body) = match raw.as_bytes().first() {
            Some(b'+') => (LineKind::Added, &raw[1..]),
            Some(b'-') => (LineKind::Removed, &raw[1..]),
            Some(b' ') => (LineKind::Context, &raw[1..]),
            _ => (LineKind::Context, raw),
        };
        let text = match body.strip_suffix(" <<<") {
            Some(t) => {
                case.place = Some((path, at.0, at.1));
                t
            }
            None => body,
        };
        let (old, new) = (kind != LineKind::Added, kind != LineKind::Removed);
        shift += i64::from(new) - i64::from(old);
        hunk.lines.push(Line {
            kind,
            old_line: if old { at.0 } else { 0 },
            new_line: if new { at.1 } else { 0 },
            text: text.into(),
        });
        at = (at.0 + u32::from(old), at.1 + u32::from(new));
    }
    cases
}
