//! pytest, tox and the JavaScript runners.

use super::{Scan, section};
use crate::model::ChangeKind;
use crate::text::has_any;
use crate::view::View;

/// Paths that every project leaves out.
const USUAL_EXCLUDES: [&str; 14] = [
    "node_modules",
    "dist",
    "build/",
    "/build",
    "target",
    "coverage",
    ".next",
    "vendor",
    "e2e",
    "cypress",
    "playwright",
    ".git",
    "out/",
    ".venv",
];

fn unusual_exclude(text: &str) -> bool {
    let quoted: Vec<&str> = text.split(['"', '\'', '`']).skip(1).step_by(2).collect();
    let mut values = quoted
        .iter()
        .filter(|q| !has_any(q, &["gnore", "xclude"]))
        .peekable();
    if values.peek().is_none() {
        return false;
    }
    values.any(|q| !USUAL_EXCLUDES.iter().any(|u| q.contains(u)) && q.len() > 1)
}

pub(super) fn python(
    scan: &Scan,
    view: &View,
    at: usize,
    text: &str,
    compact: &str,
    was: &dyn Fn(&str) -> bool,
) -> Option<&'static str> {
    let in_addopts = compact.starts_with("addopts")
        || text.starts_with('-')
        || text.starts_with('"') && text.contains("\"-");
    if in_addopts {
        let options = [
            " -k ",
            "-k ",
            "--deselect",
            "--ignore=",
            "--ignore ",
            "--ignore-glob",
            "--co",
            "--collect-only",
            "\"-k",
            "--suppress-no-test-exit-code",
            "-p no:",
            "--lf",
            "--last-failed",
            "-m 'not",
            "-m \"not",
            "-m not",
            "-m \\\"not",
            "-m smoke",
            "-m 'smoke",
            "\"not ",
            "-k=",
        ];
        if let Some(hit) = options.iter().find(|o| text.contains(**o)) {
            let head = hit.trim().trim_matches(['"', '\\']);
            let usual = head == "-p no:"
                && has_any(
                    text,
                    &[
                        "no:cacheprovider",
                        "no:warnings",
                        "no:logging",
                        "no:randomly",
                    ],
                )
                || head == "--co"
                    && !has_any(text, &["--co ", "--co\"", "--collect-only"])
                    && !text.ends_with("--co");
            let marks_only = hit.contains("not ")
                && section(view, at, &["["]).is_some_and(|(s, _)| !has_any(s, &["pytest", "tool"]));
            // A marker that this change introduces leaves out nothing that ran before.
            let marker = text.split("not ").nth(1).map_or("", |m| {
                m.split(|c: char| !c.is_alphanumeric() && c != '_')
                    .next()
                    .unwrap_or("")
            });
            let introduced = marker.len() > 2
                && view.lines.iter().any(|l| {
                    l.changed
                        && !l.text.contains("addopts")
                        && l.text.contains(&format!("{marker}:"))
                });
            if !introduced && !usual && !scan.removed.contains(head) && !marks_only {
                return Some("pytest now leaves tests out");
            }
        }
    }
    let head = section(view, at, &["["]).map_or("", |(s, _)| s);
    let ours = head.is_empty() || has_any(head, &["pytest", "tox", "testenv", "coverage"]);
    if !ours {
        return None;
    }
    if compact.starts_with("testpaths") && was("testpaths") {
        let value = |t: &str| {
            t.split('=')
                .nth(1)
                .unwrap_or("")
                .split([',', ' ', '"', '\'', '[', ']'])
                .filter(|w| !w.is_empty())
                .map(str::to_string)
                .collect::<Vec<_>>()
        };
        let before = scan
            .removed
            .lines()
            .find(|l| l.trim().starts_with("testpaths"))
            .map(value)
            .unwrap_or_default();
        let now = value(text);
        // Several directories below the old one are the old one spelt out.
        let lost = before.iter().any(|b| {
            !now.iter().any(|n| b.starts_with(n.as_str()))
                && now.iter().filter(|n| n.starts_with(b.as_str())).count() < 2
        });
        return (lost && !now.is_empty()).then_some("pytest no longer looks where tests are");
    }
    if has_any(
        compact,
        &["python_files=", "python_functions=", "python_classes="],
    ) && (was("python_files=")
        || was("python_functions=")
        || was("python_classes=")
        || !has_any(compact, &["test_*", "test*", "*_test"]))
    {
        let kept = has_any(
            compact,
            &["test_*.py", "=test_*", "=test*", "[\"test_*", "=\"test"],
        ) && !was("*_test")
            || compact.matches('*').count() > scan.removed.matches('*').count();
        return (!kept).then_some("pytest no longer collects the tests by their names");
    }
    if compact.starts_with("norecursedirs") && has_any(text, &["test", "integration", "slow"])
        || compact.starts_with("collect_ignore")
    {
        return Some("pytest no longer looks where tests are");
    }
    if has_any(compact, &["ignore_outcome=true", "ignore_errors=true"])
        && has_any(head, &["tox", "testenv", ""])
    {
        return Some("tox now accepts failing commands");
    }
    if compact.starts_with("xfail_strict=false") && was("xfail_strict=true") {
        return Some("tests that are expected to fail may now pass unseen");
    }
    if compact.starts_with("skip_install=true") || compact.starts_with("skipsdist") {
        return None;
    }
    None
}

pub(super) fn javascript(
    view: &View,
    at: usize,
    text: &str,
    compact: &str,
    package: bool,
    kind: ChangeKind,
) -> Option<&'static str> {
    if kind == ChangeKind::Added {
        return None;
    }
    let compact = compact.replace(['"', '\''], "");
    if has_any(
        &compact,
        &[
            "passwithnotests:true",
            "allowonly:true",
            "forbidonly:false",
            "dangerouslyignoreunhandlederrors:true",
            "failzero:false",
            "testnamepattern:",
            "onlychanged:true",
            "lastcommit:true",
            "updatesnapshot:all",
            "update:true",
            "updatesnapshots:all",
            "bail:false,exit",
        ],
    ) && !(compact.contains("forbidonly:false") && package)
    {
        return Some("the runner now accepts what it used to fail, or runs only part of the tests");
    }
    let listing = |names: &[&str]| {
        if names.iter().any(|n| compact.starts_with(n)) {
            return true;
        }
        // An entry in a list whose head stands above.
        if !text.starts_with(['"', '\'', '`', '/']) && !text.starts_with("...") {
            return false;
        }
        let chunk = view.lines[at].chunk;
        view.lines[..at]
            .iter()
            .rev()
            .take(12)
            .take_while(|l| l.chunk == chunk)
            .find(|l| l.text.contains('['))
            .is_some_and(|l| {
                let c: String = l
                    .text
                    .chars()
                    .filter(|c| !c.is_whitespace() && *c != '"')
                    .collect::<String>()
                    .to_lowercase();
                names.iter().any(|n| c.starts_with(n)) && !c.ends_with("],")
            })
    };
    if listing(&["testpathignorepatterns", "modulepathignorepatterns"]) && unusual_exclude(text) {
        return Some("the runner no longer looks at some of the tests");
    }
    if listing(&["exclude", "ignore", "specignore", "testignore"])
        && unusual_exclude(text)
        && has_any(text, &["test", "spec"])
    {
        return Some("the runner no longer looks at some of the tests");
    }
    if has_any(&compact, &["grep:", "fgrep:", "invert:true", "testignore:"]) && !package {
        return Some("the runner now runs only part of the tests");
    }
    // Patterns that match one place instead of all.
    let patterns = [
        "testmatch",
        "testregex",
        "include",
        "spec:",
        "specpattern",
        "files:",
    ];
    if patterns.iter().any(|p| compact.starts_with(p)) {
        let quoted: Vec<&str> = text
            .split(['"', '\'', '`'])
            .skip(1)
            .step_by(2)
            .filter(|q| q.contains("test") || q.contains("spec"))
            .collect();
        let narrow = !quoted.is_empty()
            && quoted
                .iter()
                .all(|q| !q.contains("**") && !q.contains(".*"));
        if narrow && has_any(text, &["smoke", ".js", ".ts", "unit"]) {
            return Some("the runner now collects only part of the tests");
        }
    }
    None
}
