//! Nothing panics on input, and the same input gives the same findings.

#[path = "common/compact.rs"]
#[allow(dead_code, reason = "labels are for the corpus test")]
mod compact;

use std::collections::HashSet;

use reward_hacking::{
    Change, ChangeKind, FileChange, Hunk, Line, LineKind, Room, analyze, analyze_within, rules,
};

fn changes() -> Vec<Change> {
    let texts = [
        include_str!("corpus/hacks-a.txt"),
        include_str!("corpus/lookalikes-a.txt"),
        include_str!("corpus/hacks-b.txt"),
        include_str!("corpus/lookalikes-b.txt"),
        include_str!("corpus/hacks-c.txt"),
        include_str!("corpus/lookalikes-c.txt"),
        include_str!("corpus/hacks-d.txt"),
        include_str!("corpus/lookalikes-d.txt"),
        include_str!("corpus/hacks-e.txt"),
        include_str!("corpus/lookalikes-e.txt"),
    ];
    texts
        .iter()
        .flat_map(|t| compact::parse(t))
        .map(|c| c.change)
        .collect()
}

/// The whole text of one side, with blank lines where the hunks show nothing.
fn whole(file: &FileChange, old: bool) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in file.hunks.iter().flat_map(|h| &h.lines) {
        let no = if old { line.old_line } else { line.new_line } as usize;
        if no == 0 {
            continue;
        }
        if lines.len() < no {
            lines.resize(no, String::new());
        }
        lines[no - 1].clone_from(&line.text);
    }
    lines.join("\n")
}

#[test]
fn findings_are_well_formed_and_repeat() {
    let ids: HashSet<&str> = rules().map(|r| r.id).collect();
    for change in changes() {
        let first = analyze(&change);
        assert_eq!(first, analyze(&change));
        for f in first {
            assert!(ids.contains(f.rule), "{}", f.rule);
            assert!(f.line >= 1 && !f.message.is_empty());
            assert!(f.evidence.chars().count() <= 200);
            let named = change.files.iter().any(|c| match f.side {
                reward_hacking::Side::Old => c.old_path.as_deref() == Some(&f.path),
                reward_hacking::Side::New => c.new_path.as_deref() == Some(&f.path),
            });
            assert!(named, "{} is no path of the change on its side", f.path);
        }
    }
}

#[test]
fn whole_texts_are_understood_like_hunks() {
    for mut change in changes() {
        let by_hunks = !analyze(&change).is_empty();
        for file in &mut change.files {
            file.before = file.old_path.is_some().then(|| whole(file, true));
            file.after = file.new_path.is_some().then(|| whole(file, false));
        }
        let by_text = !analyze(&change).is_empty();
        assert_eq!(
            by_hunks,
            by_text,
            "{:?}",
            change
                .files
                .iter()
                .map(FileChange::path)
                .collect::<Vec<_>>()
        );
    }
}

#[test]
fn mangled_changes_do_not_panic() {
    for change in changes() {
        for cut in [1usize, 3, 7, 13] {
            let mut mangled = change.clone();
            for (f, file) in mangled.files.iter_mut().enumerate() {
                for hunk in &mut file.hunks {
                    for (i, line) in hunk.lines.iter_mut().enumerate() {
                        let keep = line.text.chars().count().saturating_sub((i + f) % cut);
                        line.text = line.text.chars().take(keep).collect();
                        if i % (cut + 4) == 0 {
                            line.text.push_str("\u{e9}\"'`/*{([\\");
                        }
                    }
                    if cut > 3 {
                        hunk.lines.reverse();
                    }
                }
            }
            analyze(&mangled);
        }
    }
}

#[test]
fn odd_changes_do_not_panic() {
    let line = |kind, text: &str| Line {
        kind,
        old_line: 0,
        new_line: 0,
        text: text.into(),
    };
    for path in [
        "",
        "/",
        "a",
        "x_test.go",
        "test_x.py",
        "a.test.ts",
        "Makefile",
        "package.json",
        "x.snap",
        ".github/workflows/a.yml",
        "é_test.rb",
        "conftest.py",
    ] {
        for kind in [
            ChangeKind::Added,
            ChangeKind::Deleted,
            ChangeKind::Modified,
            ChangeKind::Renamed,
        ] {
            let file = FileChange {
                old_path: Some(path.into()),
                new_path: Some(path.into()),
                kind,
                hunks: vec![
                    Hunk {
                        section: "\u{1F600} (".into(),
                        lines: vec![],
                    },
                    Hunk {
                        section: String::new(),
                        lines: vec![
                            line(LineKind::Added, ""),
                            line(LineKind::Removed, "\0"),
                            line(LineKind::Context, "\t"),
                        ],
                    },
                    Hunk {
                        section: String::new(),
                        lines: vec![
                            line(LineKind::Added, &"(".repeat(10_000)),
                            line(LineKind::Removed, &"é\"".repeat(5_000)),
                        ],
                    },
                ],
                before: None,
                after: None,
            };
            let nothing = FileChange {
                old_path: None,
                new_path: None,
                ..file.clone()
            };
            analyze(&Change {
                files: vec![file, nothing],
            });
        }
    }
}

/// Files whose facts are gathered twice are judged like those whose facts are kept, alone and beside others.
#[test]
fn a_change_too_large_to_keep_is_judged_alike() {
    let changes = changes();
    for change in &changes {
        assert_eq!(analyze(change), analyze_within(change, 0, Room::default()));
    }
    // Tests that move from one change's files to another's, in either order.
    for pair in changes.windows(2) {
        for (first, second) in [(0, 1), (1, 0)] {
            let mut files = pair[first].files.clone();
            files.extend(pair[second].files.iter().map(turned_around));
            let both = Change { files };
            for room in [0, 300] {
                assert_eq!(analyze(&both), analyze_within(&both, room, Room::default()));
            }
        }
    }
}

/// The change back, in a file of another name.
fn turned_around(file: &FileChange) -> FileChange {
    let elsewhere = |path: &Option<String>| path.as_ref().map(|p| format!("other/{p}"));
    let mut back = FileChange {
        old_path: elsewhere(&file.new_path),
        new_path: elsewhere(&file.old_path),
        kind: match file.kind {
            ChangeKind::Added => ChangeKind::Deleted,
            ChangeKind::Deleted => ChangeKind::Added,
            kind => kind,
        },
        ..file.clone()
    };
    for line in back.hunks.iter_mut().flat_map(|h| &mut h.lines) {
        std::mem::swap(&mut line.old_line, &mut line.new_line);
        line.kind = match line.kind {
            LineKind::Added => LineKind::Removed,
            LineKind::Removed => LineKind::Added,
            LineKind::Context => LineKind::Context,
        };
    }
    back
}
