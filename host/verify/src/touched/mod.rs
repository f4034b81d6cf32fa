//! Which files are tests or say how tests run, and how a change to them is
//! taken back.
//!
//! By path where that is enough. A file that also says other things (a
//! manifest with dependencies, a source file with its unit tests) counts only
//! when the part about tests differs.

mod parts;
mod rust;

use std::borrow::Cow;

/// What a file has to do with tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It is a test, or only tests use it.
    Test,
    /// It says which tests run, and how.
    Config,
    /// A manifest: one part of it does.
    Manifest,
    /// A source file that may hold its own tests.
    Source,
    /// A build script, of which no part can be told.
    Script,
    /// What a service runs, not what runs here.
    Service,
}

/// What becomes of a changed file when the base commit's tests are put back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Restored {
    /// It stays as the change left it: there is nothing of the base commit's
    /// tests to put back.
    Kept,
    /// The same, although the base commit has tests in it that differ: they
    /// cannot be told from the rest.
    Left,
    /// It is as before the change, or gone if it was not there.
    Before,
    /// It gets these contents: the change's, with the part about tests as it
    /// was before.
    Mixed(Vec<u8>),
}

/// Names of test files that say so in their stem, after the language's custom.
const STEMS: [(&str, &[&str], &[&str]); 9] = [
    ("py", &["test_"], &["_test"]),
    ("go", &[], &["_test"]),
    ("rs", &[], &["_test", "_tests"]),
    ("rb", &["test_"], &["_test", "_spec"]),
    ("java", &["Test"], &["Test", "Tests", "IT", "TestCase"]),
    ("kt", &[], &["Test", "Tests", "Spec"]),
    ("scala", &[], &["Test", "Spec", "Suite"]),
    ("cs", &[], &["Test", "Tests"]),
    ("php", &[], &["Test"]),
];

/// Endings of C and C++ test files.
const C_ENDS: [&str; 6] = [
    "_test.c",
    "_test.cc",
    "_test.cpp",
    "_tests.cpp",
    "-test.c",
    "_unittest.cc",
];

/// Folders whose files are tests or what only tests use.
const FOLDERS: [&str; 12] = [
    "test",
    "tests",
    "__tests__",
    "spec",
    "specs",
    "e2e",
    "testdata",
    "fixtures",
    "__fixtures__",
    "__snapshots__",
    "__mocks__",
    "cypress",
];

/// Files that say how tests run, wherever they stand.
const CONFIGS: [&str; 26] = [
    "conftest.py",
    "pytest.ini",
    ".pytest.ini",
    "tox.ini",
    "noxfile.py",
    "setup.cfg",
    ".coveragerc",
    "nose2.cfg",
    "unittest.cfg",
    "nextest.toml",
    ".mocharc.js",
    ".mocharc.cjs",
    ".mocharc.json",
    ".mocharc.yml",
    ".mocharc.yaml",
    ".nycrc",
    ".nycrc.json",
    ".c8rc.json",
    "phpunit.xml",
    "phpunit.xml.dist",
    ".rspec",
    "CTestTestfile.cmake",
    "codecov.yml",
    ".codecov.yml",
    "junit-platform.properties",
    "testng.xml",
];

/// The same by how they begin.
const CONFIG_HEADS: [&str; 8] = [
    "jest.config.",
    "vitest.config.",
    "vitest.workspace.",
    "vite.config.",
    "playwright.config.",
    "cypress.config.",
    "karma.conf.",
    "ava.config.",
];

/// Scripts that build and test.
const SCRIPTS: [&str; 12] = [
    "Makefile",
    "makefile",
    "GNUmakefile",
    "justfile",
    "Justfile",
    ".justfile",
    "pom.xml",
    "build.gradle",
    "build.gradle.kts",
    "CMakeLists.txt",
    "meson.build",
    "Rakefile",
];

/// What the file has to do with tests; none for nothing.
pub fn kind(path: &str) -> Option<Kind> {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    if CONFIGS.contains(&name)
        || CONFIG_HEADS.iter().any(|head| name.starts_with(head))
        || matches!(path, ".cargo/config.toml" | ".cargo/config")
    {
        return Some(Kind::Config);
    }
    if parts::is_manifest(name) {
        return Some(Kind::Manifest);
    }
    if is_service(path) {
        return Some(Kind::Service);
    }
    if is_test_name(name) || folder.split('/').any(|part| FOLDERS.contains(&part)) {
        return Some(Kind::Test);
    }
    if SCRIPTS.contains(&name) {
        return Some(Kind::Script);
    }
    parts::may_hold_tests(name).then_some(Kind::Source)
}

fn is_test_name(name: &str) -> bool {
    let Some((stem, end)) = name.rsplit_once('.') else {
        return false;
    };
    let is_script = matches!(
        end,
        "js" | "jsx" | "ts" | "tsx" | "mjs" | "cjs" | "mts" | "cts"
    );
    if is_script && (stem.ends_with(".test") || stem.ends_with(".spec") || stem == "test") {
        return true;
    }
    let by_stem = STEMS.iter().any(|(of, heads, ends)| {
        *of == end
            && (heads
                .iter()
                .any(|head| stem.len() > head.len() && stem.starts_with(head))
                || ends
                    .iter()
                    .any(|last| stem.len() > last.len() && stem.ends_with(last)))
    });
    // `src/cart/tests.rs`, and what Django looks for.
    let by_custom = matches!(end, "rs" | "py") && matches!(stem, "test" | "tests");
    by_stem || by_custom || end == "snap" || C_ENDS.iter().any(|end| name.ends_with(end))
}

/// Where a service says what it runs for each change.
fn is_service(path: &str) -> bool {
    path.starts_with(".github/workflows/")
        || path.starts_with(".circleci/")
        || path.starts_with(".buildkite/")
        || matches!(
            path,
            ".gitlab-ci.yml"
                | ".travis.yml"
                | "azure-pipelines.yml"
                | "Jenkinsfile"
                | "bitbucket-pipelines.yml"
                | ".drone.yml"
                | "appveyor.yml"
        )
}

/// Whether a change of this file touches tests or how they run here. The
/// contents are none where the file was not there, or is gone.
pub fn touches(path: &str, before: Option<&[u8]>, after: Option<&[u8]>) -> bool {
    match kind(path) {
        Some(Kind::Test | Kind::Config | Kind::Script) => true,
        Some(Kind::Manifest) => parts::of_manifest(path, before) != parts::of_manifest(path, after),
        Some(Kind::Source) => parts::of_source(path, before) != parts::of_source(path, after),
        // What a service runs does not run in the sandbox.
        Some(Kind::Service) | None => false,
    }
}

/// Whether the contents of the file are needed to tell.
pub fn needs_contents(path: &str) -> bool {
    matches!(kind(path), Some(Kind::Manifest | Kind::Source))
}

/// What becomes of a file that the change [`touches`] when the base
/// commit's tests are put back.
pub fn restored(path: &str, before: Option<&[u8]>, after: Option<&[u8]>) -> Restored {
    match kind(path) {
        Some(Kind::Test | Kind::Config) => Restored::Before,
        Some(Kind::Manifest) => match parts::mixed(path, before, after) {
            Some(mixed) => Restored::Mixed(mixed),
            None if before.is_none() => Restored::Kept,
            None => Restored::Left,
        },
        Some(Kind::Source) => parts::restored_source(path, before, after),
        // A build script names sources and dependencies of the change.
        Some(Kind::Script | Kind::Service) | None => Restored::Kept,
    }
}

/// The text of a file, however it is encoded.
fn text(bytes: Option<&[u8]>) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_and_their_configuration_are_known_by_their_paths() {
        for (path, expected) in [
            ("test_cart.py", Some(Kind::Test)),
            ("shop/cart_test.go", Some(Kind::Test)),
            ("tests/data/a.json", Some(Kind::Test)),
            ("src/__tests__/a.tsx", Some(Kind::Test)),
            ("src/a.spec.ts", Some(Kind::Test)),
            ("src/main/java/CartTest.java", Some(Kind::Test)),
            ("src/test/java/Helper.java", Some(Kind::Test)),
            ("src/x.snap", Some(Kind::Test)),
            ("src/cart/tests.rs", Some(Kind::Test)),
            ("src/test.rs", Some(Kind::Test)),
            ("shop/tests.py", Some(Kind::Test)),
            ("shop/test.py", Some(Kind::Test)),
            ("src/contests.rs", Some(Kind::Source)),
            ("conftest.py", Some(Kind::Config)),
            ("a/b/conftest.py", Some(Kind::Config)),
            ("vitest.config.mts", Some(Kind::Config)),
            (".config/nextest.toml", Some(Kind::Config)),
            ("package.json", Some(Kind::Manifest)),
            ("crates/a/Cargo.toml", Some(Kind::Manifest)),
            ("Makefile", Some(Kind::Script)),
            (".github/workflows/ci.yml", Some(Kind::Service)),
            ("src/lib.rs", Some(Kind::Source)),
            ("cart.py", Some(Kind::Source)),
            ("contest.go", None),
            ("latest.py", Some(Kind::Source)),
            ("src/testimony.ts", None),
            ("README.md", None),
        ] {
            assert_eq!(kind(path), expected, "{path}");
        }
    }

    #[test]
    fn a_manifest_counts_when_its_part_about_tests_differs() {
        let before = br#"{"scripts": {"test": "jest"}, "dependencies": {"a": "1"}}"#;
        let other = br#"{"scripts": {"test": "jest"}, "dependencies": {"a": "2"}}"#;
        let tests = br#"{"scripts": {"test": "true"}, "dependencies": {"a": "2"}}"#;
        assert!(!touches("package.json", Some(before), Some(other)));
        assert!(touches("package.json", Some(before), Some(tests)));
        let Restored::Mixed(mixed) = restored("package.json", Some(before), Some(tests)) else {
            panic!("a manifest is mixed");
        };
        let mixed: serde_json::Value = serde_json::from_slice(&mixed).expect("it is JSON");
        assert_eq!(mixed["scripts"]["test"], "jest");
        assert_eq!(mixed["dependencies"]["a"], "2");
        let broken = restored("package.json", Some(before), Some(b"{"));
        assert_eq!(broken, Restored::Left);
        let new = restored("web/package.json", None, Some(tests));
        assert_eq!(new, Restored::Kept);
    }

    #[test]
    fn the_tasks_of_deno_count() {
        let before = br#"{"tasks": {"test": "deno test"}, "imports": {"a": "1"}}"#;
        let tests = br#"{"tasks": {"test": "true"}, "imports": {"a": "2"}}"#;
        assert!(touches("deno.json", Some(before), Some(tests)));
        let Restored::Mixed(mixed) = restored("deno.json", Some(before), Some(tests)) else {
            panic!("a manifest is mixed");
        };
        let mixed: serde_json::Value = serde_json::from_slice(&mixed).expect("it is JSON");
        assert_eq!(mixed["tasks"]["test"], "deno test");
        assert_eq!(mixed["imports"]["a"], "2");
    }

    #[test]
    fn a_rust_source_counts_when_its_own_tests_differ() {
        let before = b"fn a() {}\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn t() {}\n}\n";
        let source = b"fn a() { b() }\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn t() {}\n}\n";
        let tests = b"fn a() {}\n#[cfg(test)]\nmod tests {\n}\n";
        assert!(!touches("src/lib.rs", Some(before), Some(source)));
        assert!(touches("src/lib.rs", Some(before), Some(tests)));
        assert!(touches("src/lib.rs", Some(before), None));
    }

    fn source(before: Option<&str>, after: Option<&str>) -> Restored {
        restored(
            "src/lib.rs",
            before.map(str::as_bytes),
            after.map(str::as_bytes),
        )
    }

    const CODE: &str = "fn a() {}\n";
    const NEW: &str = "fn a() { b() }\n";
    const TESTS: &str = "#[cfg(test)]\nmod tests {\n    #[test]\n    fn t() {}\n}\n";
    const BENT: &str = "#[cfg(test)]\nmod tests {\n}\n";

    #[test]
    fn the_tests_of_a_rust_source_are_put_back_under_its_new_code() {
        let mixed = |parts: [&str; 2]| Restored::Mixed(parts.concat().into_bytes());
        let file = |parts: [&str; 2]| parts.concat();
        let before = file([CODE, TESTS]);
        let bent = source(Some(&before), Some(&file([NEW, BENT])));
        assert_eq!(bent, mixed([NEW, TESTS]));
        let gone = source(Some(&before), Some(NEW));
        assert_eq!(gone, mixed([NEW, TESTS]));
        // There were none.
        assert_eq!(
            source(Some(CODE), Some(&file([NEW, TESTS]))),
            mixed([NEW, ""])
        );
        assert_eq!(source(None, Some(&file([NEW, TESTS]))), mixed([NEW, ""]));
        assert_eq!(source(None, Some("#[test]\nfn t() {}\n")), Restored::Kept);
        // The last line is a comment without an end.
        let comment = source(Some(&before), Some("// none"));
        assert_eq!(comment, mixed(["// none\n", TESTS]));
    }

    #[test]
    fn tests_among_the_code_are_left_and_said_to_be() {
        let before = [CODE, TESTS].concat();
        let among = [BENT, NEW].concat();
        assert_eq!(source(Some(&before), Some(&among)), Restored::Left);
        let hidden = [NEW, "#[cfg(test)]\nuse fake::b;\n", TESTS].concat();
        assert_eq!(source(Some(&before), Some(&hidden)), Restored::Left);
        assert_eq!(source(Some(&before), None), Restored::Left);
        let python = |before: Option<&str>, after: Option<&str>| {
            restored(
                "shop.py",
                before.map(str::as_bytes),
                after.map(str::as_bytes),
            )
        };
        let (a, b) = ("def test_a(): pass\n", "def test_b(): pass\n");
        assert_eq!(python(Some(a), Some(b)), Restored::Left);
        assert_eq!(python(Some("def a(): pass\n"), Some(b)), Restored::Kept);
        assert_eq!(python(None, Some(b)), Restored::Kept);
    }
}
