//! Large files are scanned in a time that grows with their size. Each change here would take minutes if any
//! line were held against every other one.

use reward_hacking::{Change, ChangeKind, FileChange, Hunk, Line, LineKind, Room, analyze_within};

/// Lines of each side.
const LINES: usize = 9_999;

fn change(path: &str, lines: impl Iterator<Item = (LineKind, String)>) -> Change {
    let (mut old, mut new) = (0, 0);
    let line = |(kind, text)| {
        old += u32::from(kind != LineKind::Added);
        new += u32::from(kind != LineKind::Removed);
        Line {
            kind,
            old_line: if kind == LineKind::Added { 0 } else { old },
            new_line: if kind == LineKind::Removed { 0 } else { new },
            text,
        }
    };
    let hunk = Hunk {
        section: String::new(),
        lines: lines.map(line).collect(),
    };
    let file = FileChange {
        old_path: Some(path.into()),
        new_path: Some(path.into()),
        kind: ChangeKind::Modified,
        hunks: vec![hunk],
        before: None,
        after: None,
    };
    Change { files: vec![file] }
}

/// All lines before, then all lines after.
fn rewritten(
    path: &str,
    head: &str,
    old: impl Fn(usize) -> String,
    new: impl Fn(usize) -> String,
) -> Change {
    let kept = std::iter::once((LineKind::Context, head.to_owned()));
    let old = (0..LINES).map(|i| (LineKind::Removed, old(i)));
    let new = (0..LINES).map(|i| (LineKind::Added, new(i)));
    change(path, kept.chain(old).chain(new))
}

fn rules(change: &Change) -> Vec<&'static str> {
    // Not in parts: those would bound what a line is held against.
    let all = Room {
        lines: usize::MAX,
        bytes: usize::MAX,
    };
    let found = analyze_within(change, usize::MAX, all);
    let mut rules: Vec<_> = found.iter().map(|f| f.rule).collect();
    rules.dedup();
    rules
}

const PATH: &str = "tests/test_all.py";

#[test]
fn a_test_of_many_equal_assertions_that_moved() {
    let line = |indent: &str| format!("{indent}assert total(order) == 7");
    let change = rewritten(
        PATH,
        "def test_all():",
        |_| line("    "),
        |_| line("        "),
    );
    assert!(rules(&change).is_empty());
}

#[test]
fn a_test_whose_many_assertions_all_became_weaker() {
    let change = rewritten(
        PATH,
        "def test_all():",
        |i| format!("    assert total(order_{i}) == {i}"),
        |i| format!("    assert total(order_{i}) is not None"),
    );
    assert_eq!(rules(&change), ["weakened-assertion"]);
}

#[test]
fn a_test_whose_many_assertions_gave_way_to_others() {
    let change = rewritten(
        PATH,
        "def test_all():",
        |i| format!("    assert total(order) == f{i}(3)"),
        |i| format!("    assert total(g{i}(4)) == order"),
    );
    assert!(rules(&change).is_empty());
}

#[test]
fn many_tests_in_another_order() {
    let test = |i: usize| match i % 3 {
        0 => format!("def test_{}():", i / 3),
        1 => format!("    order = make({})", i / 3),
        _ => format!("    assert total(order) == {}", i / 3),
    };
    let backwards = |i: usize| test((LINES / 3 - 1 - i / 3) * 3 + i % 3);
    let change = rewritten(PATH, "import shop", test, backwards);
    assert!(rules(&change).is_empty());
}

#[test]
fn many_tests_that_are_gone() {
    let test = |i: usize| match i % 2 {
        0 => (LineKind::Removed, format!("def test_{i}():")),
        _ => (LineKind::Removed, format!("    assert total({i}) == {i}")),
    };
    assert_eq!(rules(&change(PATH, (0..LINES).map(test))), ["removed-test"]);
}

#[test]
fn a_table_whose_rows_all_changed() {
    let row = |i: usize, value: usize| format!("    ({i}, \"a{i}\", {}),", i * 3 + value);
    let change = rewritten(PATH, "CASES = [", |i| row(i, 0), |i| row(i, 1));
    assert!(rules(&change).is_empty());
}

#[test]
fn many_constants_that_became_laxer() {
    let change = rewritten(
        PATH,
        "import shop",
        |i| format!("EPSILON_{i} = 0.1"),
        |i| format!("EPSILON_{i} = 0.2"),
    );
    assert_eq!(rules(&change), ["tolerance-widened"]);
}

#[test]
fn many_stubs_in_place_of_others() {
    let change = rewritten(
        PATH,
        "import shop",
        |i| format!("    monkeypatch.setattr(shop, \"old_{i}\", 1)"),
        |i| format!("    monkeypatch.setattr(shop, \"new_{i}\", 1)"),
    );
    assert!(rules(&change).is_empty());
}

#[test]
fn answers_in_a_long_table_of_the_source() {
    let change = rewritten(
        "src/prices.py",
        "PRICES = {",
        |i| format!("    \"key {i}\": \"value {i}\","),
        |i| format!("    \"key {i}\": \"worth {i}\","),
    );
    assert!(rules(&change).is_empty());
}

#[test]
fn brackets_that_nothing_closes() {
    let line = |i: usize| {
        (
            LineKind::Added,
            format!("it('a{i}', () => {{ function g{i}( {{"),
        )
    };
    let change = change("web/all.test.js", (0..LINES).map(line));
    assert!(rules(&change).is_empty());
}
