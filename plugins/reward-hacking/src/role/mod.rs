//! What part a file plays: test, source, expected output, harness, or none of the scanner's business.
//!
//! Decided from the path, and for generated files from their first lines. Rust keeps tests inside
//! source files, so a source file may still hold test units.

mod harness;

use crate::lang::Lang;
use crate::text::has_any;

pub use harness::{is_ci, is_harness};

/// The part a file plays in a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Code that tests.
    Test,
    /// Code that is tested.
    Source,
    /// Recorded output that tests compare with: snapshots, golden files.
    Golden,
    /// Input data of tests.
    Fixture,
    /// Configuration and scripts that decide which tests run and what their result means.
    Harness,
    /// Documentation.
    Docs,
    /// Vendored, generated, lock files, everything else.
    Ignored,
}

/// The role of the file at `path`; `head` is some of its text, in which generators sign.
pub fn role(path: &str, head: &str) -> Role {
    let lower = path.to_lowercase();
    let name = lower.rsplit('/').next().unwrap_or(&lower);
    if is_vendored(&lower) || is_lock(name) || is_generated(name, head) {
        return Role::Ignored;
    }
    if is_golden(&lower, name) {
        return Role::Golden;
    }
    if is_harness(&lower, name) {
        return Role::Harness;
    }
    let lang = Lang::of(path);
    if lang == Lang::Other {
        if name.ends_with(".md")
            || name.ends_with(".rst")
            || name.ends_with(".adoc")
            || lower.starts_with("docs/")
        {
            return Role::Docs;
        }
        return if in_test_dir(&lower) {
            Role::Fixture
        } else {
            Role::Ignored
        };
    }
    if is_test_path(path) {
        return Role::Test;
    }
    if has_any(
        &format!("/{lower}"),
        &["/testdata/", "/fixtures/", "/__fixtures__/"],
    ) {
        return Role::Fixture;
    }
    Role::Source
}

/// Whether the path itself says that this is code that tests.
pub fn is_test_path(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let lower = path.to_lowercase();
    let slashed = format!("/{lower}");
    if has_any(&slashed, &["/testdata/", "/fixtures/", "/__fixtures__/"]) {
        return false;
    }
    let stem = name.split('.').next().unwrap_or(name);
    let low_name = name.to_lowercase();
    let low_stem = stem.to_lowercase();
    match Lang::of(path) {
        Lang::Other => return false,
        Lang::Go => return low_name.ends_with("_test.go"),
        Lang::Java | Lang::Kotlin => {
            if ["Test", "Tests", "TestCase", "Spec", "IT", "Specs"]
                .iter()
                .any(|s| stem.ends_with(s))
                || stem.starts_with("Test")
            {
                return true;
            }
            return has_any(
                &slashed,
                &[
                    "/src/test/",
                    "/androidtest/",
                    "/src/integrationtest/",
                    "/src/it/",
                    "/commontest/",
                ],
            ) || in_test_dir(&lower);
        }
        Lang::CSharp
            if ["Test", "Tests", "Specs", "Spec", "Fixture"]
                .iter()
                .any(|s| stem.ends_with(s)) =>
        {
            return true;
        }
        Lang::Js
            if has_any(
                &low_name,
                &[".test.", ".spec.", "-test.", "_test.", ".e2e.", ".cy."],
            ) =>
        {
            return true;
        }
        _ => {}
    }
    let by_name = low_stem.starts_with("test_")
        || low_stem.ends_with("_test")
        || low_stem.ends_with("_tests")
        || low_stem.ends_with("_spec")
        || low_stem.ends_with("_unittest")
        || low_stem.ends_with("-test")
        || low_stem == "tests"
        || low_stem == "conftest"
        || stem.ends_with("Test")
        || stem.ends_with("Tests");
    by_name || in_test_dir(&lower)
}

/// Whether the file name itself is one that a test runner looks for.
pub fn is_collected_name(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    match Lang::of(path) {
        Lang::Go => name.ends_with("_test.go"),
        Lang::Python => name.starts_with("test_") || name.ends_with("_test.py"),
        Lang::Js => has_any(name, &[".test.", ".spec."]),
        Lang::Ruby => name.ends_with("_spec.rb") || name.ends_with("_test.rb"),
        Lang::Java | Lang::Kotlin => {
            ["Test.", "Tests.", "Spec.", "IT."]
                .iter()
                .any(|s| name.contains(s))
                || name.starts_with("Test")
        }
        Lang::CSharp => ["Test.cs", "Tests.cs"].iter().any(|s| name.ends_with(s)),
        Lang::Cpp => has_any(name, &["_test.", "_tests.", "Test.", "_unittest."]),
        Lang::Rust | Lang::Other => false,
    }
}

/// Whether a directory of the (lower-case) path is one where tests live.
pub fn in_test_dir(lower: &str) -> bool {
    let Some((dirs, _)) = lower.rsplit_once('/') else {
        return false;
    };
    dirs.split('/').any(|d| {
        matches!(
            d,
            "test"
                | "tests"
                | "spec"
                | "specs"
                | "__tests__"
                | "e2e"
                | "testing"
                | "t"
                | "unittests"
                | "testsuite"
                | "integration-tests"
                | "integration_tests"
                | "unit-tests"
                | "unit_tests"
                | "testdata"
        ) || d.ends_with(".tests")
            || d.ends_with(".test")
            || d.ends_with(".specs")
            || d.ends_with(".unittests")
            || d.ends_with(".integrationtests")
            || d.ends_with("_test")
            || d.ends_with("_tests")
            || d.ends_with("-tests")
    })
}

fn is_vendored(lower: &str) -> bool {
    has_any(
        &format!("/{lower}"),
        &[
            "/vendor/",
            "/node_modules/",
            "/third_party/",
            "/third-party/",
            "/thirdparty/",
            "/external/",
            "/extern/",
            "/dist/",
            "/.yarn/",
        ],
    ) || lower.ends_with(".min.js")
}

fn is_lock(name: &str) -> bool {
    name.ends_with(".lock")
        || name.ends_with("lock.json")
        || name.ends_with("-lock.yaml")
        || matches!(
            name,
            "go.sum" | "go.mod" | "npm-shrinkwrap.json" | "gemfile" | "packages.lock.json"
        )
}

fn is_generated(name: &str, head: &str) -> bool {
    if has_any(
        name,
        &[
            ".pb.go",
            "_pb2.py",
            ".pb.cc",
            ".pb.h",
            ".g.cs",
            ".designer.cs",
            ".generated.",
            "_generated.",
            ".gen.",
        ],
    ) {
        return true;
    }
    let lower = head.to_lowercase();
    has_any(
        &lower,
        &[
            "code generated",
            "automatically generated",
            "auto-generated",
            "autogenerated",
            "@generated",
            "do not edit",
            "generated by ",
        ],
    ) && lower.lines().take(6).any(|l| {
        let l = l.trim_start();
        (l.starts_with("//")
            || l.starts_with('#')
            || l.starts_with("/*")
            || l.starts_with('*')
            || l.starts_with("<!--"))
            && has_any(l, &["generated", "do not edit"])
    })
}

fn is_golden(lower: &str, name: &str) -> bool {
    let slashed = format!("/{lower}");
    has_any(
        &slashed,
        &[
            "/__snapshots__/",
            "/snapshots/",
            "/golden/",
            "/goldens/",
            "/approvals/",
            "/expected/",
            "/__image_snapshots__/",
        ],
    ) && Lang::of(lower) == Lang::Other
        || has_any(
            name,
            &[".snap", ".golden", ".approved.", ".verified.", ".expected"],
        )
        || (name.contains("golden") || name.contains("expected") || name.contains("snapshot"))
            && (in_test_dir(lower) || slashed.contains("/fixtures/"))
            && Lang::of(lower) == Lang::Other
        || name.ends_with(".stderr") && in_test_dir(lower)
        || name.ends_with(".stdout") && in_test_dir(lower)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_by_path() {
        for (path, want) in [
            ("auth/claims_test.go", Role::Test),
            ("crates/x/src/model/profile_tests.rs", Role::Test),
            ("pkg/it/Foo.java", Role::Source),
            ("src/test/java/a/B.java", Role::Test),
            ("test/Orders.Tests/OrderMapperTests.cs", Role::Test),
            ("spec/rails_helper.rb", Role::Test),
            ("report/testdata/monthly.golden", Role::Golden),
            ("web/src/__snapshots__/a.test.js.snap", Role::Golden),
            (".github/workflows/ci.yml", Role::Harness),
            ("tests/conftest.py", Role::Harness),
            ("vendor/x/y_test.go", Role::Ignored),
            ("src/latest.rs", Role::Source),
            ("src/contest/mod.rs", Role::Source),
            ("README.md", Role::Docs),
        ] {
            assert_eq!(role(path, ""), want, "{path}");
        }
    }

    #[test]
    fn generators_sign_in_a_comment() {
        assert_eq!(
            role(
                "src/bindings.rs",
                "/* automatically generated by rust-bindgen */\n"
            ),
            Role::Ignored
        );
        assert_eq!(
            role(
                "src/report.rs",
                "fn a() {\n    print(\"report generated by us\");\n"
            ),
            Role::Source
        );
    }
}
