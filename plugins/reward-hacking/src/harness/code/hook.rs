//! Hooks of test frameworks that drop tests or rewrite their outcome.

use super::removed::Removed;
use crate::lang::Lang;
use crate::text::{has_any, indent};
use crate::view::View;

pub(super) fn hook(
    view: &View,
    at: usize,
    lang: Lang,
    text: &str,
    name: &str,
    removed: &Removed,
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
                let before = removed
                    .lines()
                    .find(|l| l.contains("collect_ignore"))
                    .map_or(0, str::len);
                return (!platform && text.len() > before)
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
            let framework = || {
                view.lines.iter().any(|l| {
                    has_any(
                        l.text,
                        &[
                            "gtest",
                            "catch2",
                            "catch.hpp",
                            "doctest",
                            "<cassert>",
                            "boost/test",
                        ],
                    ) || l.text.trim().strip_prefix("#undef ") == Some(macro_name)
                })
            };
            if checks && own && framework() {
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
