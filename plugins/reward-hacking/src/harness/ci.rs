//! Workflow files: steps that may fail, jobs that do not run, shells that do not stop.

use crate::model::{FileChange, Finding, LineKind, Severity, Side};
use crate::text::{evidence, has_any, indent};
use crate::view::View;

/// Words of steps and jobs that are not about the tests.
const OTHER_WORK: [&str; 30] = [
    "codecov",
    "coverage",
    "upload",
    "deploy",
    "publish",
    "docs",
    "doc ",
    "benchmark",
    "bench",
    "lint",
    "nightly",
    "audit",
    "cache",
    "release",
    "notify",
    "slack",
    "comment",
    "artifact",
    "typo",
    "spell",
    "label",
    "stale",
    "canary",
    "experimental",
    "format",
    "sonar",
    "preview",
    "docker build",
    "dependency-review",
    "beta",
];

/// Finds settings that keep a red test from turning the build red.
pub fn find(file: &FileChange, out: &mut Vec<Finding>) {
    let view = View::of(file, Side::New);
    let mut push = |line: u32, side: Side, message: &str, text: &str| {
        out.push(Finding {
            rule: "ci-tamper",
            severity: Severity::Block,
            path: file.path().to_string(),
            line,
            side,
            message: message.to_string(),
            evidence: evidence(text),
        });
    };
    let removed: Vec<(u32, String)> = file
        .hunks
        .iter()
        .flat_map(|h| &h.lines)
        .filter(|l| l.kind == LineKind::Removed)
        .map(|l| (l.old_line, l.text.trim().to_string()))
        .collect();
    let old_had = |needle: &str| removed.iter().any(|(_, r)| r.contains(needle));
    for (at, line) in view.lines.iter().enumerate() {
        if !line.changed {
            continue;
        }
        let text = line.text.trim().trim_start_matches("- ").trim();
        let (key, value) = text.split_once(':').map_or((text, ""), |(k, v)| {
            (k.trim(), v.trim().trim_matches(['"', '\'']))
        });
        let matrix = value.contains("matrix.");
        let message = match key {
            "continue-on-error" | "continueOnError" if value != "false" && !matrix => {
                Some("a failing step no longer fails the build")
            }
            "allow_failure" if value == "true" => Some("a failing job no longer fails the build"),
            "soft_fail" if value == "true" => Some("a failing step no longer fails the build"),
            "if" if never(value) => Some("the step never runs"),
            "when" if matches!(value, "manual" | "never") => {
                Some("the job no longer runs by itself")
            }
            "shell" if has_any(value, &["{0}"]) && !has_any(value, &["-e", "pipefail"]) => {
                Some("the shell no longer stops at the first failing command")
            }
            "fail_ci_if_error" if value == "false" && old_had("fail_ci_if_error: true") => {
                Some("a failing upload of coverage no longer fails the build")
            }
            "enabled" | "condition" if matches!(value, "false" | "false()") => {
                Some("the step never runs")
            }
            "skip" if value == "true" => Some("the step is skipped"),
            _ if text == "set +e" => {
                Some("the script no longer stops at the first failing command")
            }
            _ if text.contains("set +o pipefail") => {
                Some("a failure in front of a pipe goes unnoticed")
            }
            _ => None,
        };
        let Some(message) = message else { continue };
        let (block, changed, whole_new) = block_of(&view, at);
        // A step or job that is new takes nothing away.
        if whole_new && !replaces_tests(&removed) {
            continue;
        }
        let lower = block.to_lowercase();
        let tests = has_any(
            &lower,
            &["test", "check", "verify", "pytest", "rspec", "spec"],
        );
        let other = has_any(&lower, &OTHER_WORK);
        if other && !tests_run(&lower) {
            continue;
        }
        if !tests && key == "if" && !changed {
            continue;
        }
        push(line.no, Side::New, message, line.text);
    }
    // Triggers that went away.
    for (no, text) in &removed {
        let key = text.trim_end_matches(':').trim_start_matches("- ").trim();
        let is_trigger = matches!(
            key,
            "pull_request" | "push" | "merge_request_event" | "merge_group"
        ) || text.starts_with("on:") && has_any(text, &["pull_request", "push"]);
        if !is_trigger {
            continue;
        }
        let name = if text.contains("pull_request") {
            "pull_request"
        } else {
            "push"
        };
        let kept = view.lines.iter().any(|l| l.text.contains(name));
        let touched_tests = view
            .lines
            .iter()
            .any(|l| l.text.to_lowercase().contains("test"))
            || file.path().to_lowercase().contains("test")
            || file.path().to_lowercase().contains("ci");
        if !kept
            && touched_tests
            && view.lines.iter().any(|l| {
                l.changed
                    && has_any(
                        l.text,
                        &["workflow_dispatch", "schedule", "workflow_call", "tags"],
                    )
            })
        {
            push(
                *no,
                Side::Old,
                "the workflow no longer runs on changes",
                text,
            );
        }
    }
}

fn never(value: &str) -> bool {
    let inner = value
        .trim_start_matches("${{")
        .trim_end_matches("}}")
        .trim();
    matches!(inner, "false" | "'false'" | "0" | "never()")
        || inner.contains("&& false")
        || inner.contains("false &&")
}

fn replaces_tests(removed: &[(u32, String)]) -> bool {
    removed
        .iter()
        .any(|(_, r)| super::command::parse(r, "x.yml").is_some())
}

fn tests_run(lower: &str) -> bool {
    lower
        .lines()
        .any(|l| super::command::parse(l, "x.yml").is_some())
}

/// The text of the step or job around line `at`, whether parts of it stood before, whether all of it is new.
fn block_of(view: &View, at: usize) -> (String, bool, bool) {
    let level = indent(view.lines[at].text)
        + if view.lines[at].text.trim_start().starts_with("- ") {
            2
        } else {
            0
        };
    let chunk = view.lines[at].chunk;
    let mut from = at;
    if !view.lines[at].text.trim_start().starts_with("- ") {
        while from > 0 && view.lines[from - 1].chunk == chunk {
            let prev = view.lines[from - 1].text;
            let i = indent(prev);
            if !prev.trim().is_empty() && i < level {
                // The list marker or key that opens the block belongs to it.
                from -= 1;
                break;
            }
            from -= 1;
        }
    }
    let base = indent(view.lines[from].text);
    let mut to = at + 1;
    while to < view.lines.len() && view.lines[to].chunk == chunk {
        let next = view.lines[to].text;
        if !next.trim().is_empty() && indent(next) <= base {
            break;
        }
        to += 1;
    }
    let lines = &view.lines[from..to];
    let text = lines.iter().map(|l| l.text).collect::<Vec<_>>().join("\n");
    let kept = lines
        .iter()
        .any(|l| !l.changed && !l.text.trim().is_empty());
    (text, kept, !kept)
}
