//! Settings that went away: registrations of tests, strictness.

use super::Scan;
use crate::context::changed_lines;
use crate::model::{LineKind, Side};
use crate::text::has_any;
use crate::view::View;

/// Settings that went away: registrations of tests, strictness.
pub(super) fn removed_settings(scan: &mut Scan, view: &View, name: &str) {
    let file = scan.file;
    let after: String = view
        .lines
        .iter()
        .map(|l| l.text)
        .collect::<Vec<_>>()
        .join("\n");
    let added: String = changed_lines(file, LineKind::Added)
        .map(|(_, t)| t)
        .collect::<Vec<_>>()
        .join("\n");
    let removed: Vec<(u32, String)> = changed_lines(file, LineKind::Removed)
        .map(|(n, t)| (n, t.trim().to_string()))
        .collect();
    let mut found: Vec<(u32, &'static str, String)> = Vec::new();
    for (line, text) in &removed {
        let compact: String = text
            .chars()
            .filter(|c| !c.is_whitespace())
            .collect::<String>()
            .to_lowercase();
        match name {
            "cmakelists.txt" => {
                let registers = [
                    "add_test(",
                    "gtest_discover_tests(",
                    "catch_discover_tests(",
                    "gtest_add_tests(",
                    "enable_testing(",
                    "doctest_discover_tests(",
                    "add_subdirectory(test",
                    "include(ctest)",
                    "add_subdirectory(unittest",
                    "boost_discover_tests(",
                ];
                if registers.iter().any(|r| compact.starts_with(r)) {
                    let discovered = has_any(
                        &added.to_lowercase(),
                        &[
                            "add_test",
                            "discover_tests",
                            "gtest_add_tests",
                            "enable_testing",
                            "include(ctest)",
                            "add_subdirectory(test",
                            "_test(",
                        ],
                    );
                    if !discovered {
                        found.push((
                            *line,
                            "a test is no longer registered with ctest, so it never runs",
                            text.clone(),
                        ));
                    }
                } else if has_any(
                    &compact,
                    &[
                        "_test.cpp",
                        "_test.cc",
                        "test.cpp",
                        "tests.cpp",
                        "_unittest.cc",
                    ],
                ) && !compact.starts_with('#')
                {
                    let source = compact
                        .split(['(', ')', ','])
                        .find(|w| has_any(w, &["test"]))
                        .unwrap_or("");
                    let gone = !source.is_empty()
                        && !source.split("test").next().is_some_and(|stem| {
                            stem.len() > 2 && added.contains(stem.trim_end_matches('_'))
                        })
                        && !added
                            .to_lowercase()
                            .contains(text.trim().to_lowercase().as_str())
                        && !has_any(&added, &["GLOB"]);
                    let sources = |t: &str| t.matches("test").count();
                    let replaced =
                        sources(&added.to_lowercase()) >= sources(&scan.removed.to_lowercase());
                    if gone && !replaced && !text.contains("add_executable") {
                        found.push((
                            *line,
                            "a test source is no longer compiled into the tests",
                            text.clone(),
                        ));
                    }
                }
            }
            _ if name.ends_with(".csproj")
                && text.contains("Microsoft.NET.Test.Sdk")
                && !after.contains("Microsoft.NET.Test.Sdk")
                && !has_any(&after, &["MSTest.Sdk", "TUnit", "xunit.v3"]) =>
            {
                found.push((
                    *line,
                    "without the test SDK `dotnet test` finds no tests in the project",
                    text.clone(),
                ));
            }
            _ if (name.starts_with(".mocharc")
                || name == "package.json"
                || name.starts_with("playwright.config"))
                && has_any(&compact, &["forbid-only", "forbidonly"])
                && !has_any(&added.to_lowercase(), &["forbid-only", "forbidonly"])
                && !has_any(&compact, &["false"]) =>
            {
                found.push((*line, "focused tests are no longer refused", text.clone()));
            }
            "pom.xml"
                if (compact.contains("maven-surefire-plugin") && !added.contains("surefire")
                    || compact.contains("maven-failsafe-plugin")
                        && !added.contains("failsafe")) =>
            {
                found.push((
                    *line,
                    "the plugin that runs the tests is gone from the build",
                    text.clone(),
                ));
            }
            _ if (name.ends_with(".gradle") || name.ends_with(".gradle.kts"))
                && compact.starts_with("usejunitplatform()")
                && !has_any(&added, &["useJUnit", "useTestNG"]) =>
            {
                found.push((
                    *line,
                    "without `useJUnitPlatform()` gradle finds no JUnit 5 tests",
                    text.clone(),
                ));
            }
            "cargo.toml" => {
                let member = text.starts_with('"') && text.contains("tests");
                if member && !added.contains(text.trim_matches([',', '"'])) {
                    found.push((
                        *line,
                        "a member left the workspace, and its tests with it",
                        text.clone(),
                    ));
                }
            }
            "meson.build" if compact.starts_with("test(") && !added.contains("test(") => {
                found.push((
                    *line,
                    "a test is no longer registered with meson",
                    text.clone(),
                ));
            }
            _ => {}
        }
    }
    for (line, message, text) in found {
        scan.out.push((line, Side::Old, message.to_string(), text));
    }
}
