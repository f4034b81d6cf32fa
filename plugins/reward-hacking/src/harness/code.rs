//! Harness that is code: hooks of test frameworks, entry points, exit codes.

use crate::lang::Lang;
use crate::model::{FileChange, Finding, LineKind, Severity, Side};
use crate::role::is_test_path;
use crate::text::{evidence, has_any, indent};
use crate::view::View;

/// Finds tampering in a harness or test file.
pub fn find(file: &FileChange, name: &str, out: &mut Vec<Finding>) {
    let view = View::of(file, Side::New);
    let lang = Lang::of(file.path());
    let removed: String = file
        .hunks
        .iter()
        .flat_map(|h| &h.lines)
        .filter(|l| l.kind == LineKind::Removed)
        .map(|l| l.text.as_str())
        .collect::<Vec<_>>()
        .join("\n");
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
    removed: &str,
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

fn hook(
    view: &View,
    at: usize,
    lang: Lang,
    text: &str,
    name: &str,
    removed: &str,
) -> Option<&'static str> {
    let body = || -> String {
        let level = indent(view.lines[at].text);
        let chunk = view.lines[at].chunk;
        view.lines[at + 1..]
            .iter()
            .take(30)
            .take_while(|l| {
                l.chunk == chunk && (l.text.trim().is_empty() || indent(l.text) > level)
            })
            .map(|l| l.text.trim())
            .collect::<Vec<_>>()
            .join("\n")
    };
    match lang {
        Lang::Python => {
            if text.starts_with("collect_ignore") && text.contains('=') {
                let platform = view.lines[at.saturating_sub(2)..at].iter().any(|l| {
                    l.text.trim().starts_with("if ")
                        && has_any(l.text, &["platform", "version_info", "os.name"])
                });
                return (!platform && !removed.contains("collect_ignore")
                    || !platform
                        && text.len()
                            > removed
                                .lines()
                                .find(|l| l.contains("collect_ignore"))
                                .map_or(0, |l| l.trim().len()))
                .then_some("pytest no longer collects these tests");
            }
            if text.starts_with("collect_ignore.")
                || text.starts_with("collect_ignore +=")
                || text.starts_with("collect_ignore_glob.")
            {
                let platform = view.lines[at.saturating_sub(2)..at].iter().any(|l| {
                    l.text.trim().starts_with("if ")
                        && has_any(l.text, &["platform", "version_info", "os.name"])
                });
                return (!platform).then_some("pytest no longer collects these tests");
            }
            if text.starts_with("__test__") && text.contains("False") {
                return Some("pytest no longer collects these tests");
            }
            let head = text
                .strip_prefix("def ")
                .or_else(|| text.strip_prefix("async def "));
            if let Some(head) = head {
                let body = body();
                if head.starts_with("pytest_ignore_collect")
                    && has_any(
                        &body,
                        &[
                            "return True",
                            "return any",
                            "return \"",
                            "in str(",
                            "== \"",
                            "endswith",
                            "return collection_path",
                            "return path",
                        ],
                    )
                {
                    return Some("pytest no longer collects some of the tests");
                }
                if head.starts_with("pytest_collection_modifyitems")
                    && has_any(
                        &body,
                        &[
                            "skip",
                            "items[:]",
                            "items.clear",
                            "items.remove",
                            "xfail",
                            ".pop(",
                            "deselected",
                            "del items",
                        ],
                    )
                    && !has_any(&body, &["getoption", "config.option", "platform"])
                {
                    return Some("a hook now drops or skips collected tests");
                }
                if (head.starts_with("pytest_runtest_makereport")
                    || head.starts_with("pytest_runtest_logreport")
                    || head.starts_with("pytest_report_teststatus"))
                    && has_any(
                        &body,
                        &[
                            "outcome = ",
                            "passed",
                            "longrepr = None",
                            "wasxfail",
                            "force_result",
                        ],
                    )
                    && !has_any(&body, &["screenshot", "setattr(item", "attach", "extra"])
                {
                    return Some("a hook now rewrites the outcome of tests");
                }
                if head.starts_with("pytest_sessionfinish")
                    && has_any(&body, &["exitstatus", "_exit", "sys.exit"])
                    && has_any(&body, &["= 0", "OK", "(0)"])
                {
                    return Some("a hook now rewrites the exit status");
                }
                if (head.starts_with("pytest_runtest_call")
                    || head.starts_with("pytest_pyfunc_call")
                    || head.starts_with("pytest_runtest_protocol")
                    || head.starts_with("pytest_assertrepr"))
                    && (has_any(
                        &body,
                        &["except", "return True", "force_result", "suppress"],
                    ) || !body.contains("yield"))
                {
                    return Some("a hook now stands between pytest and the failure of a test");
                }
            }
            if name == "conftest.py"
                && has_any(text, &["builtins.", "AssertionError ="])
                && has_any(text, &["=", "setattr"])
            {
                return Some("a built-in is replaced for all tests");
            }
            None
        }
        Lang::Cpp => {
            let macro_name = text
                .strip_prefix("#define ")
                .map_or("", |r| r.split(['(', ' ']).next().unwrap_or(""));
            let checks = [
                "EXPECT_",
                "ASSERT_",
                "REQUIRE",
                "CHECK",
                "BOOST_CHECK",
                "BOOST_REQUIRE",
                "BOOST_TEST",
            ]
            .iter()
            .any(|p| macro_name.starts_with(p))
                || macro_name == "assert";
            let own = [
                "EXPECT_EQ",
                "EXPECT_TRUE",
                "EXPECT_FALSE",
                "EXPECT_NE",
                "ASSERT_EQ",
                "ASSERT_TRUE",
                "EXPECT_NEAR",
                "EXPECT_THROW",
                "REQUIRE",
                "CHECK",
                "assert",
                "ASSERT_FALSE",
                "EXPECT_STREQ",
                "EXPECT_DOUBLE_EQ",
                "BOOST_CHECK",
                "BOOST_TEST",
            ]
            .contains(&macro_name);
            if checks && own {
                return Some("an assertion macro of the framework is replaced");
            }
            (macro_name == "NDEBUG").then_some("`assert` compiles to nothing with NDEBUG")
        }
        Lang::Rust => {
            let name = text
                .strip_prefix("macro_rules! ")
                .map_or("", |r| r.split([' ', '{']).next().unwrap_or(""));
            matches!(name, "assert" | "assert_eq" | "assert_ne")
                .then_some("an assertion macro of the language is replaced")
        }
        Lang::Ruby => {
            if has_any(
                text,
                &[
                    "filter_run_excluding",
                    "dry_run = true",
                    "failure_exit_code = 0",
                    "exclude_pattern",
                    "fail_if_no_examples = false",
                    "error_exit_code = 0",
                ],
            ) || has_any(
                text,
                &[
                    "filter_run ",
                    "filter_run_including",
                    "inclusion_filter",
                    "exclusion_filter",
                ],
            ) && !text.contains("when_matching")
                && !has_any(text, &["focus: true", ":focus"])
            {
                return (!removed.contains(text))
                    .then_some("rspec now leaves examples out or accepts their failure");
            }
            if has_any(text, &["around", "around(:each)"])
                && has_any(&body(), &["rescue"])
                && !has_any(&body(), &["raise", "retry"])
            {
                return Some("a hook now swallows the failures of examples");
            }
            None
        }
        Lang::Js => {
            let compact: String = text.chars().filter(|c| !c.is_whitespace()).collect();
            if has_any(
                &compact,
                &[
                    "global.expect=",
                    "globalThis.expect=",
                    "global.it=",
                    "global.test=",
                    "globalThis.it=",
                    "globalThis.test=it.skip",
                    "it=it.skip",
                    "test=test.skip",
                    "describe=describe.skip",
                    "global.describe=",
                    "globalThis.describe=",
                ],
            ) {
                return Some("the test functions themselves are replaced");
            }
            if compact.contains("pass:true")
                && !compact.contains("?")
                && (view.lines[at.saturating_sub(4)..at].iter().any(|l| {
                    has_any(
                        l.text,
                        &[
                            "expect.extend",
                            "toBe",
                            "toEqual",
                            "toMatch",
                            "toHave",
                            "received",
                        ],
                    )
                }))
                && removed.contains("pass")
            {
                return Some("a custom matcher now always passes");
            }
            if has_any(
                &compact,
                &[
                    "process.on('unhandledRejection',()=>{})",
                    "process.on(\"unhandledRejection\",()=>{})",
                    "process.on('uncaughtException',()=>{})",
                    "process.on(\"uncaughtException\",()=>{})",
                    "on(\"unhandledRejection\",()=>",
                    "on('unhandledRejection',()=>",
                ],
            ) && !compact.contains("throw")
            {
                return Some("failures outside of a test are now dropped");
            }
            None
        }
        _ => None,
    }
}

fn script(file: &FileChange, view: &View, name: &str, removed: &str, out: &mut Vec<Finding>) {
    for (at, line) in view.lines.iter().enumerate() {
        if !line.changed {
            continue;
        }
        let text = line.text.trim();
        let about_tests = view
            .lines
            .iter()
            .any(|l| super::command::parse(l.text, name).is_some())
            || file.path().to_lowercase().contains("test");
        if !about_tests {
            continue;
        }
        let message = match text {
            "set +e" => "the script no longer stops at the first failing command",
            "exit 0"
                if view.lines[at + 1..]
                    .iter()
                    .all(|l| l.text.trim().is_empty() || l.text.trim() == "fi")
                    || view.lines[at + 1..]
                        .iter()
                        .any(|l| super::command::parse(l.text, name).is_some()) =>
            {
                "the script now ends with success whatever the tests say"
            }
            "trap 'exit 0' EXIT" | "trap \"exit 0\" EXIT" => {
                "the script now ends with success whatever the tests say"
            }
            _ => continue,
        };
        if removed.lines().any(|r| r.trim() == text) || guarded_exit(view, at) {
            continue;
        }
        push(
            file,
            line.no,
            Side::New,
            "exit-code-tamper",
            message,
            text,
            out,
        );
    }
    let strict = |t: &str| {
        t.trim_start().starts_with("set -")
            && (t.contains('e') && !t.contains("-x ") || t.contains("pipefail"))
    };
    let old: Vec<(u32, &str)> = file
        .hunks
        .iter()
        .flat_map(|h| &h.lines)
        .filter(|l| l.kind == LineKind::Removed && strict(&l.text))
        .map(|l| (l.old_line, l.text.as_str()))
        .collect();
    let kept = view.lines.iter().any(|l| strict(l.text));
    if let Some((no, text)) = old.first() {
        let weaker = !kept
            || text.contains("pipefail") && !view.lines.iter().any(|l| l.text.contains("pipefail"));
        if weaker
            && !view
                .lines
                .iter()
                .any(|l| l.changed && l.text.trim() == "set +e")
        {
            push(
                file,
                *no,
                Side::Old,
                "exit-code-tamper",
                "the script no longer stops at the first failing command",
                text,
                out,
            );
        }
    }
}

/// `if …; then exit 0; fi` is an early way out under a condition.
fn guarded_exit(view: &View, at: usize) -> bool {
    indent(view.lines[at].text) > 0
        && view.lines[..at]
            .iter()
            .rev()
            .take(4)
            .any(|l| has_any(l.text, &["help", "usage", "--version", "-h)", "*)"]))
}

fn build_tags(file: &FileChange, view: &View, lang: Lang, removed: &str, out: &mut Vec<Finding>) {
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
                        && !(t.contains("integration") && false)
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
