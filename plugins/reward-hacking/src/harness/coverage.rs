//! Coverage floors that were lowered.

use crate::model::{FileChange, Finding, LineKind, Severity, Side};
use crate::text::{evidence, first_number, has_any};

/// Keys that hold a floor. The bare ones count only in files or blocks about coverage.
const FLOORS: [&str; 16] = [
    "fail_under",
    "cov-fail-under",
    "fail-under",
    "minimum_coverage",
    "coveragethreshold",
    "minimum",
    "branches",
    "lines",
    "statements",
    "functions",
    "target",
    "threshold",
    "min_coverage",
    "coverage_threshold",
    "mincoverage",
    "check-coverage",
];

/// Pairs removed and added lines of the same key.
pub fn find(file: &FileChange, name: &str, out: &mut Vec<Finding>) {
    let codecov = name.contains("codecov");
    for hunk in &file.hunks {
        let about = hunk.lines.iter().any(|l| {
            has_any(
                &l.text.to_lowercase(),
                &["cov", "jacoco", "threshold", "fail_under", "minimum"],
            )
        }) || codecov
            || name.contains("nyc")
            || name.contains("c8")
            || hunk.section.to_lowercase().contains("cov");
        if !about {
            continue;
        }
        let removed: Vec<_> = hunk
            .lines
            .iter()
            .filter(|l| l.kind == LineKind::Removed)
            .collect();
        let added: Vec<_> = hunk
            .lines
            .iter()
            .filter(|l| l.kind == LineKind::Added)
            .collect();
        for r in &removed {
            let Some((key, was)) = floor(&r.text) else {
                continue;
            };
            let same = added.iter().find_map(|a| {
                floor(&a.text)
                    .filter(|(k, _)| *k == key)
                    .map(|(_, now)| (a, now))
            });
            let lax = |was: f64, now: f64| {
                if codecov && key == "threshold" {
                    now > was
                } else {
                    now < was
                }
            };
            match same {
                Some((a, now)) if lax(was, now) => push(
                    file,
                    a.new_line,
                    Side::New,
                    &format!("the coverage floor went from {was} to {now}"),
                    &a.text,
                    out,
                ),
                Some(_) => {}
                None if (key.contains("fail")
                    || key.contains("minimum_cov")
                    || key == "coveragethreshold")
                    && !added.iter().any(|a| floor(&a.text).is_some()) =>
                {
                    push(
                        file,
                        r.old_line,
                        Side::Old,
                        "the coverage floor is gone",
                        &r.text,
                        out,
                    );
                }
                None => {}
            }
        }
        for a in &added {
            if codecov && a.text.trim() == "informational: true" {
                push(
                    file,
                    a.new_line,
                    Side::New,
                    "coverage is only informational now",
                    &a.text,
                    out,
                );
            }
        }
    }
}

fn floor(text: &str) -> Option<(String, f64)> {
    let lower = text.to_lowercase();
    if lower.trim_start().starts_with(['#', '/']) {
        return None;
    }
    // All keys of a line count; the first with a number decides.
    let key = FLOORS.iter().find(|k| lower.contains(**k))?;
    let at = lower.find(key)? + key.len();
    let rest = &lower[at..];
    let value = first_number(rest)?;
    Some(((*key).to_string(), value))
}

fn push(
    file: &FileChange,
    line: u32,
    side: Side,
    message: &str,
    text: &str,
    out: &mut Vec<Finding>,
) {
    out.push(Finding {
        rule: "harness-tamper",
        severity: Severity::Warn,
        path: file.path().to_string(),
        line,
        side,
        message: format!("{message}, so untested code goes through"),
        evidence: evidence(text),
    });
}
