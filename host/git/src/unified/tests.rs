//! Tests of the parser on texts that tools really write, on broken ones, and
//! on arbitrary ones.

use proptest::prelude::*;
use sortie_model::diff::{Line, LineKind};

use super::*;

fn parse(text: &str) -> UnifiedDiff {
    UnifiedDiff::parse(text.as_bytes().to_vec()).unwrap_or_else(|e| panic!("{e}\n{text}"))
}

fn error_line(text: &str) -> u64 {
    match UnifiedDiff::parse(text.as_bytes().to_vec()) {
        Err(DiffError::Malformed { line, .. }) => line,
        other => panic!("it should be malformed, but is {other:?}"),
    }
}

const MODIFIED: &str = "diff --git a/src/a.rs b/src/a.rs\nindex 1111111..2222222 100755\n--- a/src/a.rs\n+++ b/src/a.rs\n@@ -1,3 +1,3 @@ fn main() {\n one\n-two\n+zwei\n three\n@@ -9 +9,2 @@\n-nine\n\\ No newline at end of file\n+nine\n+ten\n\\ No newline at end of file\n";

#[test]
fn a_modified_file() {
    let diff = parse(MODIFIED);
    let file = &diff.files()[0];
    assert_eq!(file.path(), "src/a.rs");
    assert_eq!((file.kind, file.binary), (ChangeKind::Modified, false));
    assert_eq!((file.old_mode, file.new_mode), (0o100_755, 0o100_755));
    assert_eq!((file.additions, file.deletions), (3, 2));
    let hunks = diff.hunks(0).expect("they parse");
    assert_eq!(hunks[0].section, "fn main() {");
    assert_eq!(
        hunks[0].lines[1],
        Line {
            kind: LineKind::Removed,
            old_line: Some(2),
            new_line: None,
            text: "two".into(),
            no_newline: false
        }
    );
    let flags: Vec<bool> = hunks[1].lines.iter().map(|l| l.no_newline).collect();
    assert_eq!(flags, [true, false, true]);
    assert_eq!(hunks[1].lines[2].new_line, Some(10));
    assert!(diff.before(0).expect("a file").is_none());
    assert!(matches!(
        diff.hunks(1),
        Err(DiffError::NoSuchFile { index: 1, files: 1 })
    ));
    assert_eq!(diff.file_text(0), Some(MODIFIED.as_bytes()));
}

#[test]
fn added_deleted_renamed_copied_and_chmod() {
    let diff = parse(concat!(
        "diff --git a/new b/new\nnew file mode 100644\nindex 0000000..e69de29\n",
        "diff --git a/old b/old\ndeleted file mode 100644\nindex 1..0\n--- a/old\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n",
        "diff --git a/x y b/z y\nsimilarity index 100%\nrename from x y\nrename to z y\n",
        "diff --git a/c b/d\nsimilarity index 90%\ncopy from c\ncopy to d\nindex 1..2 100644\n--- a/c\n+++ b/d\n@@ -1 +1 @@\n-1\n+2\n",
        "diff --git a/run b/run\nold mode 100644\nnew mode 100755\n",
        "diff --git \"a/\\303\\274\\n.txt\" \"b/\\303\\274\\n.txt\"\nindex 1..2 100644\n--- \"a/\\303\\274\\n.txt\"\n+++ \"b/\\303\\274\\n.txt\"\n@@ -1 +1 @@\n-1\n+2\n",
        "diff --git a/img.png b/img.png\nindex 1..2 100644\nBinary files a/img.png and b/img.png differ\n",
        "diff --git a/sub b/sub\nindex 1..2 160000\n--- a/sub\n+++ b/sub\n@@ -1 +1 @@\n-Subproject commit 1\n+Subproject commit 2\n",
    ));
    let seen: Vec<_> = diff
        .files()
        .iter()
        .map(|f| (f.kind, f.old_path.as_deref(), f.new_path.as_deref()))
        .collect();
    use ChangeKind::{Added, Copied, Deleted, Modified, Renamed};
    assert_eq!(
        seen,
        [
            (Added, None, Some("new")),
            (Deleted, Some("old"), None),
            (Renamed, Some("x y"), Some("z y")),
            (Copied, Some("c"), Some("d")),
            (Modified, Some("run"), Some("run")),
            (Modified, Some("ü\n.txt"), Some("ü\n.txt")),
            (Modified, Some("img.png"), Some("img.png")),
            (Modified, Some("sub"), Some("sub")),
        ]
    );
    assert_eq!(diff.files()[4].new_mode, 0o100_755);
    assert!(diff.files()[6].binary);
    assert!(diff.hunks(6).expect("none").is_empty());
}

#[test]
fn a_file_that_becomes_a_symlink_is_one_change() {
    let diff = parse(concat!(
        "diff --git a/f b/f\ndeleted file mode 100644\nindex 1..0\n--- a/f\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n",
        "diff --git a/f b/f\nnew file mode 120000\nindex 0..1\n--- /dev/null\n+++ b/f\n@@ -0,0 +1 @@\n+x.py\n\\ No newline at end of file\n",
    ));
    assert_eq!(diff.files().len(), 1);
    let file = &diff.files()[0];
    assert_eq!(
        (file.kind, file.new_mode),
        (ChangeKind::TypeChanged, 0o120_000)
    );
    assert_eq!(diff.hunks(0).expect("both").len(), 2);
}

#[test]
fn plain_diffs() {
    let diff = parse(concat!(
        "Only in b: other\ndiff -ruN a/x y.c b/x y.c\n",
        "--- a/x y.c\t2026-01-01 10:00:00.000000000 +0100\n+++ b/x y.c\t2026-01-02 10:00:00.000000000 +0100\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n",
        "--- a/new\t1970-01-01 01:00:00.000000000 +0100\n+++ b/new\t2026-01-02 10:00:00.000000000 +0100\n@@ -0,0 +1 @@\n+c\n",
        "--- x.orig\n+++ x\n@@ -1 +1 @@\n--- y\n+++ y\n",
        "Binary files a/i.png and b/i.png differ\n",
        "--- /dev/null\n+++ b/n2\n@@ -0,0 +1 @@\n+1\n",
    ));
    let seen: Vec<_> = diff.files().iter().map(|f| (f.kind, f.path())).collect();
    assert_eq!(
        seen,
        [
            (ChangeKind::Modified, "x y.c"),
            (ChangeKind::Added, "new"),
            (ChangeKind::Modified, "x"),
            (ChangeKind::Modified, "i.png"),
            (ChangeKind::Added, "n2"),
        ]
    );
    // Lines that look like a head are content while the hunk lasts.
    let hunks = diff.hunks(2).expect("they parse");
    assert_eq!(
        (
            hunks[0].lines[0].text.as_str(),
            hunks[0].lines[1].text.as_str()
        ),
        ("-- y", "++ y")
    );
}

#[test]
fn mails_logs_and_binary_patches() {
    let diff = parse(concat!(
        "From 1234 Mon Sep 17 00:00:00 2001\nSubject: [PATCH] x\n\n---\n a | 2 +-\n\n",
        "diff --git a/a b/a\nindex 1..2 100644\n--- a/a\n+++ b/a\n@@ -1 +1 @@\n-1\n+2\n-- \n2.39.5\n\n",
        "commit 5678\nAuthor: x\n\n    message\n    --- like a head\n\n",
        "diff --git a/i b/i\nindex 1..2 100644\nGIT binary patch\nliteral 5\nMcmZQzWMT#Y01f~L\n\nliteral 3\nKcmYdEWMp6f1ONZ\n\n",
        "diff --git a/z b/z\nindex 1..2 100644\n--- a/z\n+++ b/z\n@@ -1 +1 @@\n-1\n+2\n",
    ));
    let seen: Vec<_> = diff.files().iter().map(|f| (f.path(), f.binary)).collect();
    assert_eq!(seen, [("a", false), ("i", true), ("z", false)]);
}

#[test]
fn windows_line_ends_in_files_and_in_the_whole_text() {
    let file = parse(
        "diff --git a/a b/a\nindex 1..2 100644\n--- a/a\n+++ b/a\n@@ -1,2 +1,2 @@\n one\r\n-two\r\n+2\n",
    );
    let text: Vec<String> = file.hunks(0).expect("ok")[0]
        .lines
        .iter()
        .map(|l| l.text.clone())
        .collect();
    assert_eq!(text, ["one", "two", "2"]);
    let whole = parse(&MODIFIED.replace('\n', "\r\n"));
    assert_eq!(whole.files()[0].path(), "src/a.rs");
    assert_eq!(whole.hunks(0).expect("ok").len(), 2);
}

#[test]
fn not_utf8_is_replaced() {
    let mut text = b"--- a/x\n+++ b/x\n@@ -0,0 +1 @@\n+caf\xe9\n".to_vec();
    let diff = UnifiedDiff::parse(text.clone()).expect("ok");
    assert_eq!(diff.hunks(0).expect("ok")[0].lines[0].text, "caf\u{fffd}");
    text.truncate(0);
    assert!(
        UnifiedDiff::parse(text)
            .expect("an empty diff")
            .files()
            .is_empty()
    );
}

#[test]
fn malformed_texts_are_refused_with_the_line() {
    assert_eq!(error_line("hello\nworld\n"), 1);
    assert_eq!(error_line("\n\nhello\n"), 3);
    assert_eq!(error_line("@@ -1 +1 @@\n-a\n+b\n"), 1);
    let head = "--- a/x\n+++ b/x\n";
    assert_eq!(error_line(&format!("{head}@@ -1,3 +1 @@\n-a\n")), 5);
    assert_eq!(error_line(&format!("{head}@@ -1 +1 @@\n-a\n+b\n+c\n")), 6);
    assert_eq!(
        error_line(&format!("{head}@@ -1,1 +1,1 @@\n-a\n-b\n+c\n")),
        5
    );
    assert_eq!(error_line(&format!("{head}@@ -1 +1 @@\nxa\n")), 4);
    assert_eq!(error_line(&format!("{head}@@ -1 +x @@\n-a\n")), 3);
    assert_eq!(error_line(&format!("{head}@@ -99999999999 +1 @@\n-a\n")), 3);
    assert_eq!(
        error_line(&format!("{head}@@ -4294967295,2 +1,2 @@\n a\n b\n")),
        3
    );
    assert_eq!(error_line(&format!("{head}@@@ -1 -1 +1 @@@\n  a\n")), 3);
    assert_eq!(error_line("diff --cc x\nindex 1,2..3\n"), 1);
    assert_eq!(error_line("diff --git a b c\nindex 1..2\n"), 1);
    assert_eq!(error_line("diff --git a/a b/a\nnew file mode xyz\n"), 2);
    assert_eq!(error_line("--- /dev/null\n+++ /dev/null\n"), 1);
    assert_eq!(error_line("--- \"a\n+++ b\n"), 1);
}

#[test]
fn reading_is_bounded() {
    let long = format!("--- a/x\n+++ b/x\n@@ -0,0 +1 @@\n+{}\n", "x".repeat(1000));
    assert!(UnifiedDiff::read(long.as_bytes(), 10, 2000).is_ok());
    assert!(matches!(
        UnifiedDiff::read(long.as_bytes(), u64::MAX, 100),
        Err(DiffError::TooLarge { .. })
    ));
}

#[test]
fn twenty_megabytes_take_less_than_twice_their_size() {
    let mut text = String::new();
    for file in 0..2000 {
        text.push_str(&format!("diff --git a/src/module_{file}.rs b/src/module_{file}.rs\nindex 1111111..2222222 100644\n--- a/src/module_{file}.rs\n+++ b/src/module_{file}.rs\n"));
        for hunk in 0..10 {
            text.push_str(&format!("@@ -{0},12 +{0},12 @@ fn name()\n", hunk * 40 + 1));
            for _ in 0..6 {
                text.push_str("-    let before = compute(the, old, way, of, things);\n+    let after = compute(the, new, way, of, things, too);\n");
            }
            for _ in 0..6 {
                text.push_str("     unchanged();\n");
            }
        }
    }
    let bytes = text.len();
    let diff = UnifiedDiff::parse(text.into_bytes()).expect("it parses");
    assert!(bytes > 14_000_000, "{bytes}");
    assert!(
        diff.memory_bytes() < bytes + bytes / 2,
        "{} of {bytes}",
        diff.memory_bytes()
    );
    assert_eq!(diff.hunks(1999).expect("the last").len(), 10);
}

/// A hunk as a list of (kind, text).
fn lines() -> impl Strategy<Value = Vec<(LineKind, String)>> {
    let kind = prop_oneof![
        Just(LineKind::Context),
        Just(LineKind::Added),
        Just(LineKind::Removed)
    ];
    proptest::collection::vec((kind, "[^\r\n]{0,20}"), 1..30)
}

fn write_hunk(out: &mut String, start: u32, lines: &[(LineKind, String)]) {
    let count = |not: LineKind| lines.iter().filter(|(k, _)| *k != not).count();
    let (old, new) = (count(LineKind::Added), count(LineKind::Removed));
    out.push_str(&format!("@@ -{start},{old} +{start},{new} @@\n"));
    for (kind, text) in lines {
        out.push(match kind {
            LineKind::Context => ' ',
            LineKind::Added => '+',
            LineKind::Removed => '-',
        });
        out.push_str(text);
        out.push('\n');
    }
}

/// The hunks of a file put together again from its pages.
fn by_pages(diff: &UnifiedDiff, index: usize, limit: usize) -> Vec<Hunk> {
    let mut whole: Vec<Hunk> = Vec::new();
    let mut start = 0;
    loop {
        let page = diff
            .page(index, start, limit)
            .expect("it was parsed before");
        if page.is_empty() {
            return whole;
        }
        let lines = page.iter().map(|h| h.lines.len()).sum::<usize>();
        start += u32::try_from(lines).expect("few");
        for hunk in page {
            match whole.last_mut() {
                Some(last)
                    if (last.old_start, last.new_start) == (hunk.old_start, hunk.new_start) =>
                {
                    last.lines.extend(hunk.lines);
                }
                _ => whole.push(hunk),
            }
        }
    }
}

#[test]
fn a_page_holds_what_its_limit_says() {
    let diff = parse(
        "--- a/x\n+++ b/x\n@@ -1,3 +1,2 @@ f()\n-aaaa\n bbbb\n-cc\n\\ No newline at end of file\n\
         +dddddddd\n@@ -9 +8 @@\n-e\n+f\n\\ No newline at end of file\n",
    );
    let page = |start, limit| {
        let page = diff.page(0, start, limit).expect("parsed");
        let shown = page.iter().map(|hunk| {
            let numbers = (
                hunk.old_start,
                hunk.old_count,
                hunk.new_start,
                hunk.new_count,
            );
            let lines = hunk.lines.iter().map(|l| {
                let mark = if l.no_newline { "!" } else { "" };
                format!("{:?} {:?} {}{mark}", l.old_line, l.new_line, l.text)
            });
            (
                numbers,
                hunk.section.clone(),
                lines.collect::<Vec<_>>().join(", "),
            )
        });
        shown.collect::<Vec<_>>()
    };
    let first = |lines: &str| ((1, 3, 1, 2), "f()".to_owned(), lines.to_owned());
    let second = |lines: &str| ((9, 1, 8, 1), String::new(), lines.to_owned());
    let (a, b) = ("Some(1) None aaaa", "Some(2) Some(1) bbbb");
    let (c, d) = ("Some(3) None cc!", "None Some(2) dddddddd");
    let (e, f) = ("Some(9) None e", "None Some(8) f!");
    assert_eq!(page(0, 0), [first(a)]);
    // The hunk's head counts 67, the two lines 68 each.
    assert_eq!(page(0, 202), [first(a)]);
    assert_eq!(page(0, 203), [first(&format!("{a}, {b}"))]);
    assert_eq!(page(2, 0), [first(c)]);
    assert_eq!(page(3, 0), [first(d)]);
    assert_eq!(page(3, 1000), [first(d), second(&format!("{e}, {f}"))]);
    assert_eq!(page(5, 1000), [second(f)]);
    for beyond in [6, 7, u32::MAX] {
        assert_eq!(page(beyond, 1000), []);
    }
    assert!(matches!(
        diff.page(1, 0, 1000),
        Err(DiffError::NoSuchFile { index: 1, files: 1 })
    ));
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        if let Ok(diff) = UnifiedDiff::parse(bytes) {
            for index in 0..diff.files().len() {
                diff.hunks(index).expect("what the first pass took, the second takes");
            }
        }
    }

    #[test]
    fn damaged_diffs_never_panic(at in 0..MODIFIED.len(), byte in any::<u8>(), cut in 0..MODIFIED.len()) {
        let mut bytes = MODIFIED.repeat(2).into_bytes();
        bytes[at] = byte;
        bytes.drain(cut..MODIFIED.len());
        if let Ok(diff) = UnifiedDiff::parse(bytes) {
            for index in 0..diff.files().len() {
                diff.hunks(index).expect("what the first pass took, the second takes");
            }
        }
    }

    #[test]
    fn what_is_written_is_read(files in proptest::collection::vec(proptest::collection::vec(lines(), 1..4), 1..5), git in any::<bool>(), limit in 0_usize..1000, start in 0_u32..60) {
        let mut text = String::new();
        for (i, hunks) in files.iter().enumerate() {
            if git {
                text.push_str(&format!("diff --git a/f {i} b/f {i}\nindex 1..2 100644\n"));
            }
            text.push_str(&format!("--- a/f {i}\t\n+++ b/f {i}\t\n"));
            for (n, hunk) in hunks.iter().enumerate() {
                write_hunk(&mut text, n as u32 * 100 + 1, hunk);
            }
        }
        let diff = UnifiedDiff::parse(text.into_bytes()).expect("it is well formed");
        prop_assert_eq!(diff.files().len(), files.len());
        for (i, hunks) in files.iter().enumerate() {
            let file = &diff.files()[i];
            let expected_name = format!("f {i}");
            prop_assert_eq!(file.path(), expected_name.as_str());
            let added = hunks.iter().flatten().filter(|(k, _)| *k == LineKind::Added).count();
            prop_assert_eq!(file.additions as usize, added);
            let read = diff.hunks(i).expect("they parse");
            prop_assert_eq!(&by_pages(&diff, i, limit), &read);
            let from_anywhere = diff.page(i, start, usize::MAX).expect("they parse");
            let all = read.iter().flat_map(|h| &h.lines).skip(start as usize);
            prop_assert!(from_anywhere.iter().flat_map(|h| &h.lines).eq(all));
            prop_assert_eq!(read.len(), hunks.len());
            for (r, w) in read.iter().zip(hunks) {
                let same = r.lines.iter().map(|l| (l.kind, l.text.clone())).collect::<Vec<_>>();
                prop_assert_eq!(&same, w);
            }
        }
    }
}
