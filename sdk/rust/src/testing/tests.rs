//! The harness refuses what the host refuses, and reads what git prints.

use super::{Outcome, patch, scan, scan_with};
use crate::{Change, ChangeKind, Finding, LineKind, Place, Rule, Scanner, Severity, Side};

const MIXED: &str = r#"From: someone
diff --git a/kept b/kept
index 1111111..2222222 100755
--- a/kept
+++ b/kept
@@ -3,3 +3,3 @@ fn enclosing()
 same
-old
+new
 end
\ No newline at end of file
diff --git a/here b/there b/here b/there
old mode 100644
new mode 100755
diff --git a/from.rs b/to.rs
similarity index 100%
rename from from.rs
rename to to.rs
diff --git "a/\303\251.txt" "b/\303\251.txt"
new file mode 100644
--- /dev/null
+++ "b/\303\251.txt"
@@ -0,0 +1 @@
+-- dashes
diff --git a/gone b/gone
deleted file mode 100644
--- a/gone
+++ /dev/null
@@ -1 +0,0 @@
-last
diff --git a/b.bin b/b.bin
index 1111111..2222222 100644
Binary files a/b.bin and b/b.bin differ
"#;

#[test]
fn a_diff_is_read_as_git_means_it() {
    let patch = patch::parse(MIXED).expect("a diff");
    let files: Vec<_> = patch
        .files()
        .iter()
        .map(|f| (f.old_path.as_deref(), f.new_path.as_deref(), f.kind))
        .collect();
    assert_eq!(
        files,
        [
            (Some("kept"), Some("kept"), ChangeKind::Modified),
            (
                Some("here b/there"),
                Some("here b/there"),
                ChangeKind::Modified
            ),
            (Some("from.rs"), Some("to.rs"), ChangeKind::Renamed),
            (None, Some("é.txt"), ChangeKind::Added),
            (Some("gone"), None, ChangeKind::Deleted),
            (Some("b.bin"), Some("b.bin"), ChangeKind::Modified),
        ]
    );
    let [kept, moved_mode, .., binary] = patch.files() else {
        panic!("files")
    };
    assert_eq!(
        (kept.additions, kept.deletions, kept.new_mode),
        (1, 1, 0o100_755)
    );
    assert_eq!(
        (moved_mode.old_mode, moved_mode.new_mode),
        (0o100_644, 0o100_755)
    );
    assert!(binary.binary && patch.hunks(5).is_empty());

    let hunk = &patch.hunks(0)[0];
    assert_eq!(hunk.section, "fn enclosing()");
    let lines: Vec<_> = hunk
        .lines
        .iter()
        .map(|l| (l.kind, l.old_line, l.new_line, l.text.as_str()))
        .collect();
    assert_eq!(
        lines,
        [
            (LineKind::Context, 3, 3, "same"),
            (LineKind::Removed, 4, 0, "old"),
            (LineKind::Added, 0, 4, "new"),
            (LineKind::Context, 5, 5, "end"),
        ]
    );
    assert_eq!(patch.hunks(3)[0].lines[0].text, "-- dashes");
}

#[test]
fn half_a_diff_is_refused() {
    for (text, line) in [
        ("diff --git a/x b/x\n@@ -1,2 +1,2 @@\n same\n", 4),
        ("diff --git a/x b/x\n@@ -1 +1 @@\n-a\n+b\n+c\n", 5),
        ("diff --git a/x b/x\n@@ -1 +4294967295,2 @@\n", 2),
        ("diff --git a/x b/x\n@@ -0,0 +1 @@\n*c\n", 3),
        ("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n", 1),
        ("diff --git x x\n", 2),
        ("nothing of the kind\n", 1),
    ] {
        let error = patch::parse(text).err().expect(text);
        assert_eq!(error.line, line, "{text}: {error}");
    }
    assert!(
        patch::parse("")
            .expect("an empty change")
            .files()
            .is_empty()
    );
}

/// Reports what it is told to.
struct Says(Vec<Finding>);

impl Scanner for Says {
    fn rules(&self) -> Vec<Rule> {
        vec![Rule::new("known", "Known", "", Severity::Info)]
    }

    fn scan(&self, change: &Change<'_>) -> Vec<Finding> {
        crate::info!("{} files", change.files().len());
        self.0.clone()
    }
}

#[test]
fn lines_of_the_log_are_those_of_this_scan() {
    for _ in 0..2 {
        let Outcome { findings, log } = scan_with(&Says(Vec::new()), MIXED, "{}");
        assert!(findings.is_empty());
        assert_eq!(log, [(crate::log::Level::Info, "6 files".to_owned())]);
    }
}

#[test]
#[should_panic(expected = "which is none of the rules")]
fn an_unknown_rule_is_refused() {
    scan(
        &Says(vec![Finding::new("other", Severity::Info, "")]),
        MIXED,
    );
}

#[test]
#[should_panic(expected = "which is not in the change")]
fn a_place_on_the_wrong_side_is_refused() {
    let mut finding = Finding::new("known", Severity::Info, "");
    finding.place = Some(Place {
        path: "from.rs".into(),
        line: 1,
        side: Side::New,
    });
    scan(&Says(vec![finding]), MIXED);
}

#[test]
#[should_panic(expected = "1001 findings")]
fn a_flood_is_refused() {
    scan(
        &Says(vec![Finding::new("known", Severity::Info, ""); 1_001]),
        MIXED,
    );
}
