//! Harness that is code: hooks of test frameworks, entry points, exit codes.

mod hook;
mod removed;
mod script;

use hook::hook;
use removed::Removed;
use script::script;

use crate::lang::Lang;
use crate::model::{FileChange, Finding, Severity, Side};
use crate::role::is_test_path;
use crate::text::{evidence, has_any};
use crate::view::View;

/// Finds tampering in a harness or test file.
pub fn find(file: &FileChange, name: &str, out: &mut Vec<Finding>) {
    let view = View::of(file, Side::New);
    let lang = Lang::of(file.path());
    let removed = Removed::of(file);
    let mut done = 0;
    for (at, line) in view.lines.iter().enumerate() {
        if !line.changed || done >= 5 {
            continue;
        }
        let text = line.text.trim();
        if text.is_empty() || text.starts_with("//") || text.starts_with('#') && lang != Lang::Cpp {
            continue;
        }
        let hit = exit_code(&view, at, lang, text, name, &removed)
            .map(|m| ("exit-code-tamper", m))
            .or_else(|| hook(&view, at, lang, text, name, &removed).map(|m| ("harness-tamper", m)));
        if let Some((rule, message)) = hit {
            done += 1;
            out.push(Finding {
                rule,
                severity: Severity::Block,
                path: file.path().to_string(),
                line: line.no,
                side: Side::New,
                message: message.into(),
                evidence: evidence(text),
            });
        }
    }
    if lang == Lang::Other
        && is_script(name)
        && !crate::role::is_ci(&file.path().to_lowercase(), name)
    {
        script(file, &view, name, &removed, out);
    }
    // Files that the build leaves out altogether.
    if is_test_path(file.path()) {
        build_tags(file, &view, lang, &removed, out);
    }
}

fn is_script(name: &str) -> bool {
    name.ends_with(".sh")
        || name.ends_with(".bash")
        || name.contains("makefile")
        || name == "justfile"
        || name == "jenkinsfile"
}

fn exit_code(
    view: &View,
    at: usize,
    lang: Lang,
    text: &str,
    name: &str,
    removed: &Removed,
) -> Option<&'static str> {
    let compact: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let hit = match lang {
        Lang::Python => {
            has_any(
                &compact,
                &[
                    "os._exit(0)",
                    "sys.exit(0)",
                    "raiseSystemExit(0)",
                    "exitstatus=0",
                    "exitstatus=ExitCode.OK",
                    "exitstatus=pytest.ExitCode.OK",
                ],
            ) || compact == "exit(0)"
        }
        Lang::Go => compact.contains("os.Exit(0)"),
        Lang::Js => has_any(
            &compact,
            &[
                "process.exit(0)",
                "process.exitCode=0",
                "process.reallyExit(0)",
                "Deno.exit(0)",
            ],
        ),
        Lang::Ruby => {
            has_any(
                text,
                &[
                    "exit!(0)",
                    "exit! 0",
                    "exit!(true)",
                    "exit 0",
                    "exit(0)",
                    "exit!",
                    "Kernel.exit(0)",
                    "exit(true)",
                ],
            ) && !text.contains("exit!(1)")
        }
        Lang::Java | Lang::Kotlin => has_any(
            &compact,
            &[
                "System.exit(0)",
                "Runtime.getRuntime().halt(0)",
                "exitProcess(0)",
            ],
        ),
        Lang::CSharp => has_any(&compact, &["Environment.Exit(0)", "Environment.ExitCode=0"]),
        Lang::Rust => has_any(&compact, &["process::exit(0)", "std::process::exit(0)"]),
        Lang::Cpp => {
            has_any(&compact, &["_exit(0)", "std::exit(0)", "quick_exit(0)"])
                || compact == "exit(0);"
        }
        Lang::Other => false,
    };
    if hit && !removed.contains(text) {
        // Text that only speaks of it, or a mocked exit.
        if has_any(
            text,
            &[
                "spyOn", "patch(", "assert", "expect", "raises", "mock", "stub", "\"\"\"",
            ],
        ) {
            return None;
        }
        return Some("the test process now ends with success whatever the tests say");
    }
    // `m.Run()` without its result, `RUN_ALL_TESTS()` without its result.
    if lang == Lang::Go && compact == "m.Run()" && removed.contains("m.Run()") {
        return Some("the result of `m.Run()` is thrown away, so failing tests exit with success");
    }
    if lang == Lang::Go && (compact.contains("_=m.Run()")) {
        return Some("the result of `m.Run()` is thrown away, so failing tests exit with success");
    }
    if lang == Lang::Cpp
        && (compact == "RUN_ALL_TESTS();"
            || compact.contains("(void)RUN_ALL_TESTS()")
            || compact.contains("RUN_ALL_TESTS()&&false")
            || compact.contains("RUN_ALL_TESTS()*0"))
        && removed.contains("RUN_ALL_TESTS")
    {
        return Some("the result of the tests is thrown away, so failing tests exit with success");
    }
    if lang == Lang::Cpp
        && compact == "return0;"
        && removed.contains("return")
        && view.lines[..at].iter().rev().take(8).any(|l| {
            has_any(
                l.text,
                &[
                    "RUN_ALL_TESTS",
                    "session.run",
                    "context.run",
                    "failures",
                    "failed",
                ],
            )
        })
    {
        return Some("the test program returns success whatever the tests say");
    }
    if matches!(lang, Lang::Python)
        && name == "conftest.py"
        && compact.contains("exitstatus=")
        && compact.contains("=0")
    {
        return Some("the test process now ends with success whatever the tests say");
    }
    None
}

fn build_tags(
    file: &FileChange,
    view: &View,
    lang: Lang,
    removed: &Removed,
    out: &mut Vec<Finding>,
) {
    for line in view.lines.iter().filter(|l| l.changed) {
        let text = line.text.trim();
        if file.kind == crate::model::ChangeKind::Added {
            return;
        }
        let hit = match lang {
            Lang::Go => {
                let tag = text
                    .strip_prefix("//go:build ")
                    .or_else(|| text.strip_prefix("// +build "));
                tag.is_some_and(|t| {
                    !has_any(
                        t,
                        &[
                            "linux", "darwin", "windows", "unix", "amd64", "arm64", "cgo", "race",
                            "go1.", "freebsd", "js", "wasm",
                        ],
                    ) && !removed.contains("go:build")
                })
            }
            Lang::Cpp => matches!(
                text,
                "#if 0"
                    | "#if false"
                    | "#ifdef NEVER"
                    | "#ifdef DISABLED"
                    | "#ifdef DISABLED_TESTS"
            ),
            Lang::CSharp => matches!(
                text,
                "#if false" | "#if NEVER" | "#if DISABLED" | "#if DISABLED_TESTS"
            ),
            Lang::Rust => {
                let compact: String = text.chars().filter(|c| !c.is_whitespace()).collect();
                compact.starts_with("#![cfg(")
                    && !has_any(
                        &compact,
                        &["unix", "windows", "target_", "linux", "macos", "(test)"],
                    )
                    && !compact.starts_with("#![cfg(feature")
                    || compact.starts_with("#![cfg(feature") && !removed.contains("feature")
            }
            _ => false,
        };
        if hit {
            push(
                file,
                line.no,
                Side::New,
                "disabled-test",
                "the tests behind this line are no longer built",
                text,
                out,
            );
        }
    }
}

fn push(
    file: &FileChange,
    line: u32,
    side: Side,
    rule: &'static str,
    message: &str,
    text: &str,
    out: &mut Vec<Finding>,
) {
    out.push(Finding {
        rule,
        severity: Severity::Block,
        path: file.path().to_string(),
        line,
        side,
        message: message.into(),
        evidence: evidence(text),
    });
}
