//! Assertions that were awaited or returned and no longer are: the test ends before they speak.

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
        let removed: Vec<&str> = hunk
            .lines
            .iter()
            .filter(|l| l.kind == LineKind::Removed)
            .map(|l| l.text.trim())
            .collect();
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
            let lost = removed.iter().any(|r| {
                ["return await ", "await ", "return "]
                    .iter()
                    .any(|p| r.strip_prefix(p).is_some_and(|rest| rest == now))
            });
            // `await expect(locator)` of browser tests lost its await as well; a plain value never had one.
            if lost {
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
