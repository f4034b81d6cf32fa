//! Settings of test runners and build tools that leave tests out or accept their failure.

mod jvm;
mod native;
mod removed;
mod script;

use jvm::{gradle, maven};
use native::{cargo, cmake, dotnet};
use removed::removed_settings;
use script::{javascript, python};

use crate::context::changed_lines;
use crate::model::{FileChange, Finding, LineKind, Severity, Side};
use crate::text::{evidence, has_any};
use crate::view::View;

struct Scan<'f> {
    file: &'f FileChange,
    removed: String,
    out: Vec<(u32, Side, String, String)>,
}

/// Finds them in one harness file.
pub fn find(file: &FileChange, name: &str, out: &mut Vec<Finding>) {
    let view = View::of(file, Side::New);
    let removed: String = changed_lines(file, LineKind::Removed)
        .map(|(_, t)| t)
        .collect::<Vec<_>>()
        .join("\n");
    let mut scan = Scan {
        file,
        removed,
        out: Vec::new(),
    };
    for (at, line) in view.lines.iter().enumerate() {
        if !line.changed {
            continue;
        }
        let text = line.text.trim();
        let compact: String = text
            .chars()
            .filter(|c| !c.is_whitespace())
            .collect::<String>()
            .to_lowercase();
        if compact.starts_with('#') && !name.ends_with(".rb")
            || compact.starts_with("//")
            || compact.starts_with("<!--")
            || compact.is_empty()
        {
            continue;
        }
        if let Some(message) = setting(&scan, &view, at, name, text, &compact) {
            scan.out
                .push((line.no, Side::New, message.to_string(), text.to_string()));
        }
    }
    removed_settings(&mut scan, &view, name);
    for (line, side, message, text) in scan.out {
        out.push(Finding {
            rule: "harness-tamper",
            severity: Severity::Block,
            path: file.path().to_string(),
            line,
            side,
            message,
            evidence: evidence(&text),
        });
    }
}

/// The nearest line above that starts a section, in lower case.
fn section<'v>(view: &'v View, at: usize, starts: &[&str]) -> Option<(&'v str, bool)> {
    let chunk = view.lines[at].chunk;
    for j in (0..at).rev() {
        let l = &view.lines[j];
        if l.chunk != chunk {
            break;
        }
        let t = l.text.trim();
        if starts.iter().any(|s| t.starts_with(s)) {
            return Some((t, l.changed));
        }
    }
    view.sections
        .get(chunk as usize)
        .filter(|s| starts.iter().any(|p| s.trim().starts_with(p)))
        .map(|s| (*s, false))
}

fn setting(
    scan: &Scan,
    view: &View,
    at: usize,
    name: &str,
    text: &str,
    compact: &str,
) -> Option<&'static str> {
    let was = |needle: &str| {
        scan.removed
            .chars()
            .filter(|c| !c.is_whitespace())
            .collect::<String>()
            .to_lowercase()
            .contains(needle)
    };
    match name {
        "cargo.toml" => cargo(view, at, text, compact, &was),
        "pom.xml" | "build.xml" => maven(view, at, compact, &was),
        _ if name.ends_with(".gradle") || name.ends_with(".gradle.kts") => {
            gradle(view, at, text, compact)
        }
        "pytest.ini" | ".pytest.ini" | "tox.ini" | "setup.cfg" | "pyproject.toml" => {
            python(scan, view, at, text, compact, &was)
        }
        "package.json" => javascript(view, at, text, compact, true, scan.file.kind),
        _ if name.starts_with("jest.")
            || name.starts_with("vitest.")
            || name.starts_with("vite.config")
            || name.starts_with(".mocharc")
            || name.starts_with("karma.conf")
            || name.starts_with("playwright.config")
            || name.starts_with("ava.config")
            || name.starts_with("cypress.config") =>
        {
            javascript(view, at, text, compact, false, scan.file.kind)
        }
        ".rspec" => has_any(
            text,
            &[
                "--tag ~",
                "--exclude-pattern",
                "--dry-run",
                "--failure-exit-code 0",
                "--example ",
                "-e ",
                "--only-failures",
            ],
        )
        .then_some("rspec now leaves examples out or accepts their failure")
        .or_else(|| {
            (text.starts_with("--pattern")
                || text.starts_with("-P ")
                || text.starts_with("--tag ")
                || text.starts_with("-t "))
            .then_some("rspec now runs only part of the examples")
        }),
        _ if name.ends_with(".csproj")
            || name.ends_with(".props")
            || name.ends_with(".targets")
            || name.ends_with(".runsettings")
            || name.ends_with(".fsproj") =>
        {
            dotnet(text, compact, &was)
        }
        "cmakelists.txt" | "ctestcustom.cmake" | "meson.build" => cmake(text, compact, &was),
        _ if name.ends_with(".cmake") => cmake(text, compact, &was),
        "config.toml" => (has_any(
            compact,
            &[
                "test=\"check",
                "test=\"build",
                "test=\"--version",
                "runner=\"true\"",
                "runner=[\"true\"",
                "runner=\"echo",
                "runner=\"/bin/true",
            ],
        ))
        .then_some("`cargo test` no longer runs the tests"),
        "nextest.toml" => has_any(
            compact,
            &["default-filter", "default-run-filter", "ignore-default"],
        )
        .then_some("nextest now leaves tests out"),
        "makefile" | "gnumakefile" => (compact.starts_with(".ignore")
            || compact.starts_with("makeflags") && has_any(text, &["-i", "--ignore-errors"]))
        .then_some("make now ignores failing commands"),
        "xunit.runner.json" => compact
            .contains("\"failskips\":false")
            .then_some("skipped tests no longer fail the run"),
        "junit-platform.properties" => has_any(
            compact,
            &[
                "deactivate=*",
                "conditions.deactivate",
                "testinstance.exclude",
            ],
        )
        .then_some("JUnit conditions are switched off"),
        "rakefile" => has_any(
            text,
            &[
                "fail_on_error = false",
                "exclude_pattern",
                "t.pattern = \"\"",
            ],
        )
        .then_some("the test task leaves tests out or accepts their failure"),
        "build.sbt" => has_any(
            compact,
            &[
                "testoptions+=tests.filter",
                "testoptions+=tests.exclude",
                "skipintest:=true",
                "test/skip:=true",
                "test:={}",
            ],
        )
        .then_some("sbt now leaves tests out"),
        _ => None,
    }
}
