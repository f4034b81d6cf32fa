//! Assertions that were awaited or returned and no longer are: the test ends before they speak.

use std::collections::HashSet;

use crate::lang::Lang;
use crate::model::{FileChange, Finding, LineKind, Severity, Side};
use crate::text::{evidence, has_any};

/// Finds lines of a test file that lost their `await` or `return`.
pub fn find(file: &FileChange, out: &mut Vec<Finding>) {
    let lang = Lang::of(file.path());
    if !matches!(lang, Lang::Js | Lang::CSharp | Lang::Python) {
        return;
    }
    for hunk in &file.hunks {
        // What was waited for, without the word that said so.
        let removed = hunk.lines.iter().filter(|l| l.kind == LineKind::Removed);
        let waited: HashSet<&str> = removed
            .flat_map(|l| {
                let text = l.text.trim();
                ["return await ", "await ", "return "]
                    .into_iter()
                    .filter_map(move |p| text.strip_prefix(p))
            })
            .collect();
        if waited.is_empty() {
            continue;
        }
        let added = || hunk.lines.iter().filter(|l| l.kind == LineKind::Added);
        let signals = added().any(|l| {
            has_any(
                &l.text,
                &[
                    "done)",
                    "done(",
                    "resolve(",
                    "Promise.all",
                    "Task.WaitAll",
                    "gather(",
                ],
            )
        });
        for line in added() {
            let now = line.text.trim();
            let speaks = match lang {
                Lang::Js => has_any(
                    now,
                    &[
                        ".then(",
                        ".rejects",
                        ".resolves",
                        "assert.rejects",
                        "assert.doesNotReject",
                        ".eventually",
                        "expect(page",
                        "expect(locator",
                        "Promise.",
                    ],
                ),
                Lang::CSharp => has_any(
                    now,
                    &["ThrowsAsync", "Assert.", "Should().ThrowAsync", "Verify("],
                ),
                _ => has_any(now, &["assert_awaited", "assert", "gather"]),
            };
            if now.is_empty() || !speaks || signals {
                continue;
            }
            // `await expect(locator)` of browser tests lost its await as well; a plain value never had one.
            if waited.contains(now) {
                out.push(Finding {
                    rule: "unreachable-assertion",
                    severity: Severity::Block,
                    path: file.path().to_string(),
                    line: line.new_line,
                    side: Side::New,
                    message: "nothing waits for this assertion any more, so the test passes before it can fail".into(),
                    evidence: evidence(now),
                });
            }
        }
    }
}
