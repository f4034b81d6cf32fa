//! A file that is judged in parts is judged like one that is judged at once.

use reward_hacking::{
    Change, ChangeKind, FileChange, Finding, Hunk, Line, LineKind, Room, analyze_within,
};

/// So that a file of a few hundred lines has several parts.
const SMALL: Room = Room {
    lines: 60,
    bytes: usize::MAX,
};

const ALL: Room = Room {
    lines: usize::MAX,
    bytes: usize::MAX,
};

type Numbered = (LineKind, String);

fn change(path: &str, kind: ChangeKind, hunks: Vec<Vec<Numbered>>) -> Change {
    let (mut old, mut new) = (0, 0);
    let mut line = |(kind, text)| {
        old += u32::from(kind != LineKind::Added);
        new += u32::from(kind != LineKind::Removed);
        Line {
            kind,
            old_line: if kind == LineKind::Added { 0 } else { old },
            new_line: if kind == LineKind::Removed { 0 } else { new },
            text,
        }
    };
    let mut hunk = |lines: Vec<Numbered>| Hunk {
        section: String::new(),
        lines: lines.into_iter().map(&mut line).collect(),
    };
    let file = FileChange {
        old_path: (kind != ChangeKind::Added).then(|| path.into()),
        new_path: (kind != ChangeKind::Deleted).then(|| path.into()),
        kind,
        hunks: hunks.into_iter().map(&mut hunk).collect(),
        before: None,
        after: None,
    };
    Change { files: vec![file] }
}

fn lines(kind: LineKind, text: &str) -> impl Iterator<Item = Numbered> {
    text.lines().map(move |l| (kind, l.to_owned()))
}

/// A test as it was, and as an agent that cheats on some leaves it.
fn test(i: usize) -> (String, String) {
    let head = format!("def test_{i}():\n    order = make({i}, \"key-{i}\")");
    let old = format!("{head}\n    assert total(order, {i}) == {}\n\n", i * 3);
    let new = match i {
        // Early, in the middle and late.
        7 | 131 => format!("{head}\n    assert total(order, {i}) is not None\n\n"),
        50 | 90 => format!("@pytest.mark.skip\n{old}"),
        71 => String::new(),
        199 => format!(
            "{head}\n    return\n    assert total(order, {i}) == {}\n\n",
            i * 3
        ),
        _ => old.replace("order =", "cart =").replace("(order", "(cart"),
    };
    (old, new)
}

/// The file before and after.
fn texts() -> (String, String) {
    let (mut old, mut new) = (
        String::from("import pytest\n\nEPSILON = 0.001\n\n"),
        String::from("import pytest\n\nEPSILON = 0.5\n\n"),
    );
    for i in 0..200 {
        let (before, after) = test(i);
        old.push_str(&before);
        new.push_str(&after);
    }
    (old, new)
}

/// What the rules say, where.
fn told(findings: Vec<Finding>) -> Vec<(&'static str, u32)> {
    findings.into_iter().map(|f| (f.rule, f.line)).collect()
}

const PATH: &str = "tests/test_orders.py";

#[test]
fn hunks_side_by_side() {
    let hunks = (0..200).map(|i| {
        let (old, new) = test(i);
        lines(LineKind::Removed, &old)
            .chain(lines(LineKind::Added, &new))
            .chain(lines(LineKind::Context, "# the end\n"))
            .collect()
    });
    let change = change(PATH, ChangeKind::Modified, hunks.collect());
    let whole = told(analyze_within(&change, usize::MAX, ALL));
    assert_eq!(whole.len(), 6, "{whole:?}");
    for kept in [0, usize::MAX] {
        assert_eq!(told(analyze_within(&change, kept, SMALL)), whole);
    }
}

#[test]
fn a_file_that_was_written_anew() {
    let (old, new) = texts();
    let lines = lines(LineKind::Removed, &old).chain(lines(LineKind::Added, &new));
    let change = change(PATH, ChangeKind::Modified, vec![lines.collect()]);
    let whole = told(analyze_within(&change, usize::MAX, ALL));
    assert_eq!(whole.len(), 7, "{whole:?}");
    for kept in [0, usize::MAX] {
        assert_eq!(told(analyze_within(&change, kept, SMALL)), whole);
    }
}

#[test]
fn a_file_that_is_gone_is_counted_as_a_whole() {
    let lines = lines(LineKind::Removed, &texts().0).collect();
    let change = change(PATH, ChangeKind::Deleted, vec![lines]);
    let found = analyze_within(&change, 0, SMALL);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].message.contains("200 of its 200 tests"),
        "{found:?}"
    );
}

#[test]
fn a_second_test_of_a_name_is_found_far_behind_the_first() {
    let (old, _) = texts();
    let lines = lines(LineKind::Added, &old).chain(lines(
        LineKind::Added,
        "def test_3():\n    assert True is not None\n",
    ));
    let change = change(PATH, ChangeKind::Added, vec![lines.collect()]);
    let whole = told(analyze_within(&change, usize::MAX, ALL));
    assert!(whole.contains(&("disabled-test", 805)), "{whole:?}");
    assert_eq!(told(analyze_within(&change, 0, SMALL)), whole);
}

#[test]
fn a_helper_that_checks_less_is_found_in_another_part() {
    let (old, _) = texts();
    let helper = |checks: &str| format!("def check_order(order):\n    {checks}\n\n");
    let before = helper("assert order.total == 12 and order.paid") + &old;
    let after = old.clone() + &helper("assert order is not None");
    let lines = lines(LineKind::Removed, &before).chain(lines(LineKind::Added, &after));
    let change = change(PATH, ChangeKind::Modified, vec![lines.collect()]);
    let whole = told(analyze_within(&change, usize::MAX, ALL));
    assert_eq!(whole.len(), 1, "{whole:?}");
    assert_eq!(told(analyze_within(&change, 0, SMALL)), whole);
}

#[test]
fn a_stub_that_only_moved_is_none_that_came() {
    let (old, _) = texts();
    let stub = "def test_stub(monkeypatch):\n    monkeypatch.setattr(orders, \"total\", lambda: 3)\n    assert total() == 3\n";
    let before = format!("{stub}\n{old}");
    let after = format!("{old}\n{stub}");
    let moved = lines(LineKind::Removed, &before).chain(lines(LineKind::Added, &after));
    let moved = change(PATH, ChangeKind::Modified, vec![moved.collect()]);
    assert_eq!(told(analyze_within(&moved, 0, SMALL)), []);
    let came = lines(LineKind::Removed, &old).chain(lines(LineKind::Added, &after));
    let came = change(PATH, ChangeKind::Modified, vec![came.collect()]);
    let found = told(analyze_within(&came, 0, SMALL));
    assert_eq!(found, told(analyze_within(&came, 0, ALL)));
    assert_eq!(found, [("mock-replaces-unit", 807)]);
}
