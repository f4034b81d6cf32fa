//! Assertions that were awaited or returned and no longer are: the test ends before they speak.

use std::collections::HashSet;

use crate::lang::Lang;
use crate::model::{FileChange, Finding, Hunk, LineKind, Severity, Side};
use crate::text::{evidence, has_any};
use crate::torn::Torn;

/// Finds lines of a test file that lost their `await` or `return`.
pub fn find(file: &FileChange, torn: &mut Torn, out: &mut Vec<Finding>) {
    let lang = Lang::of(file.path());
    if !matches!(lang, Lang::Js | Lang::CSharp | Lang::Python) {
        return;
    }
    for (at, hunk) in file.hunks.iter().enumerate() {
        let waited: HashSet<&str> = waited(hunk).collect();
        let above = torn.waited.said(at).filter(|above| !above.is_empty());
        if waited.is_empty() && above.is_none() {
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
            if waited.contains(now) || above.is_some_and(|above| above.contains_key(now)) {
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
    torn.waited.keep(file, |hunk| {
        waited(hunk)
            .map(|text| (text.to_owned(), ()))
            .collect::<Vec<_>>()
    });
}

/// What removed lines waited for, without the word that said so.
fn waited(hunk: &Hunk) -> impl Iterator<Item = &str> {
    let removed = hunk.lines.iter().filter(|l| l.kind == LineKind::Removed);
    removed.flat_map(|l| {
        let text = l.text.trim();
        ["return await ", "await ", "return "]
            .into_iter()
            .filter_map(move |p| text.strip_prefix(p))
    })
}
