//! Examples in documentation that run as tests, and what stops them.

use crate::lang::Lang;
use crate::model::{FileChange, Finding, LineKind, Severity, Side};
use crate::text::{evidence, has_any};

/// Finds examples that no longer run or no longer compare.
pub fn find(file: &FileChange, out: &mut Vec<Finding>) {
    let lang = Lang::of(file.path());
    for hunk in &file.hunks {
        let removed = || hunk.lines.iter().filter(|l| l.kind == LineKind::Removed);
        for line in hunk.lines.iter().filter(|l| l.kind == LineKind::Added) {
            let text = line.text.trim();
            let hit = match lang {
                Lang::Rust => {
                    let fence = |t: &str| {
                        t.trim_start_matches(['/', '!', ' ', '*'])
                            .strip_prefix("```")
                            .map(str::to_string)
                    };
                    fence(text).is_some_and(|f| {
                        has_any(&f, &["ignore", "no_run", "text", "compile_fail", "plain"])
                    }) && removed().any(|r| {
                        fence(r.text.trim())
                            .is_some_and(|f| f.is_empty() || f == "rust" || f == "should_panic")
                    })
                }
                Lang::Python => {
                    text.contains("doctest: +SKIP") && !removed().any(|r| r.text.contains("+SKIP"))
                }
                _ => false,
            };
            if hit {
                push(file, line.new_line, Side::New, text, out);
            }
        }
        if lang == Lang::Go && file.path().ends_with("_test.go") {
            let kept = hunk.lines.iter().any(|l| {
                l.kind != LineKind::Removed
                    && has_any(&l.text, &["// Output:", "// Unordered output:"])
            });
            let gone =
                removed().find(|l| has_any(&l.text, &["// Output:", "// Unordered output:"]));
            let still_there = hunk
                .lines
                .iter()
                .any(|l| l.kind != LineKind::Removed && l.text.contains("func Example"))
                || hunk.section.contains("func Example");
            if let Some(line) = gone.filter(|_| !kept && still_there) {
                push(file, line.old_line, Side::Old, line.text.trim(), out);
            }
        }
    }
}

fn push(file: &FileChange, line: u32, side: Side, text: &str, out: &mut Vec<Finding>) {
    out.push(Finding {
        rule: "disabled-test",
        severity: Severity::Block,
        path: file.path().to_string(),
        line,
        side,
        message: "an example of the documentation no longer runs as a test".into(),
        evidence: evidence(text),
    });
}
