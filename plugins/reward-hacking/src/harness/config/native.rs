//! Cargo, .NET and CMake.

use super::section;
use crate::text::has_any;
use crate::view::View;

pub(super) fn cargo(
    view: &View,
    at: usize,
    text: &str,
    compact: &str,
    was: &dyn Fn(&str) -> bool,
) -> Option<&'static str> {
    let head = section(view, at, &["["]).map_or("", |(s, _)| s);
    let code = head.starts_with("[lib]") || head.starts_with("[[test]]") || head.is_empty();
    match compact {
        "test=false" if code => Some("cargo no longer tests this target"),
        "autotests=false" => Some("cargo no longer finds the integration tests"),
        "doctest=false" if head.starts_with("[lib]") || head.is_empty() => {
            Some("the documentation tests no longer run")
        }
        "harness=false" if code && !own_harness(view) => {
            Some("without the test harness no `#[test]` function runs")
        }
        _ => {
            if head.starts_with("[profile.test]") || head.starts_with("[profile.dev]") {
                return has_any(
                    compact,
                    &["debug-assertions=false", "overflow-checks=false"],
                )
                .then_some("debug assertions no longer run under test");
            }
            if compact.starts_with("exclude=")
                && head.starts_with("[workspace")
                && has_any(text, &["test", "crates/"])
                && !was("exclude=")
            {
                return Some("a member left the workspace, and its tests with it");
            }
            None
        }
    }
}

/// A target that brings its own harness declares one.
fn own_harness(view: &View) -> bool {
    view.lines.iter().any(|l| {
        has_any(
            l.text,
            &[
                "libtest-mimic",
                "cucumber",
                "trycmd",
                "datatest",
                "rstest_reuse",
                "criterion",
                "divan",
                "[[bench]]",
                "custom_test",
                "test-harness",
                "ui_test",
                "goldentests",
                "trybuild",
            ],
        )
    })
}

pub(super) fn dotnet(
    text: &str,
    compact: &str,
    was: &dyn Fn(&str) -> bool,
) -> Option<&'static str> {
    if compact.contains("<istestproject>false") {
        return Some(
            "the project no longer counts as a test project, so `dotnet test` passes it by",
        );
    }
    if (compact.starts_with("<compileremove=")
        || compact.contains("<noneremove=")
        || compact.starts_with("<compileexclude="))
        && has_any(text, &["Test", "Spec", "test"])
        && !has_any(compact, &["obj/", "bin/", "obj\\", "bin\\"])
    {
        return Some("test sources are left out of the build");
    }
    if has_any(
        compact,
        &[
            "<vstesttestcasefilter>",
            "<testcasefilter>",
            "<vstestskip",
            "<runtests>false",
            "<treatnotestsaserror>false",
            "<skiptests>true",
        ],
    ) {
        return Some("`dotnet test` now leaves tests out");
    }
    if compact.contains("<continueonerror>true")
        || compact.contains("continueonerror=\"true\"") && (was("exec") || compact.contains("test"))
    {
        return Some("a failing test step no longer fails the build");
    }
    None
}

pub(super) fn cmake(text: &str, compact: &str, was: &dyn Fn(&str) -> bool) -> Option<&'static str> {
    let upper = text.to_uppercase();
    if has_any(
        &upper,
        &[
            "WILL_FAIL",
            "DISABLED TRUE",
            "DISABLED ON",
            "DISABLED 1",
            "CTEST_CUSTOM_TESTS_IGNORE",
            "SKIP_RETURN_CODE",
            "SKIP_REGULAR_EXPRESSION",
            "SHOULD_FAIL: TRUE",
            "SHOULD_FAIL : TRUE",
        ],
    ) && !has_any(&upper, &["WILL_FAIL FALSE", "WILL_FAIL OFF"])
    {
        return Some("ctest no longer fails with this test");
    }
    if (was("add_test") || was("command") || was("discover"))
        && (compact.contains("gtest_filter")
            || upper.contains("TEST_FILTER")
            || upper.contains("--GTEST_FILTER")
            || compact.contains("test_spec~"))
    {
        return Some("the test binary now runs only part of its tests");
    }
    if has_any(
        compact,
        &[
            "-dndebug",
            "ndebug)",
            "add_definitions(-dndebug",
            "ndebug=1",
        ],
    ) && !was("ndebug")
    {
        return Some("`assert` compiles to nothing with NDEBUG");
    }
    if has_any(
        compact,
        &[
            "build_testingoff",
            "buildtestingoff",
            "enable_testsoff",
            "build_testsoff",
        ],
    ) || compact
        .split_once("option(")
        .is_some_and(|(_, o)| o.split('"').next().unwrap_or("").contains("test"))
        && compact.ends_with("off)")
        && was("on)")
    {
        return Some("the tests are no longer built");
    }
    if compact.starts_with("if(false") || compact.starts_with("if(0)") {
        return Some("a part of the build never runs");
    }
    if compact.contains("exclude_from_all") && compact.contains("test") {
        return Some("the tests are no longer built by default");
    }
    if compact.contains("pass_regular_expression") && !was("pass_regular_expression") {
        return Some("ctest now judges by output instead of the exit code");
    }
    None
}
