//! Settings of test runners and build tools that leave tests out or accept their failure.

use crate::context::changed_lines;
use crate::model::{ChangeKind, FileChange, Finding, LineKind, Severity, Side};
use crate::text::{evidence, has_any};
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
            dotnet(name, text, compact, &was)
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

fn cargo(
    view: &View,
    at: usize,
    text: &str,
    compact: &str,
    was: &dyn Fn(&str) -> bool,
) -> Option<&'static str> {
    let head = section(view, at, &["["]).map_or("", |(s, _)| s);
    let code = head.starts_with("[lib]") || head.starts_with("[[test]]") || head.is_empty();
    match compact {
        "test=false" if code || head.starts_with("[[bin]]") => {
            Some("cargo no longer tests this target")
        }
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

fn maven(
    view: &View,
    at: usize,
    compact: &str,
    was: &dyn Fn(&str) -> bool,
) -> Option<&'static str> {
    let plugin = || {
        let chunk = view.lines[at].chunk;
        view.lines[..at]
            .iter()
            .rev()
            .take(40)
            .take_while(|l| l.chunk == chunk)
            .find(|l| l.text.contains("<artifactId>"))
            .map_or(String::new(), |l| l.text.to_lowercase())
    };
    let testing = |p: &str| has_any(p, &["surefire", "failsafe"]) || p.is_empty();
    if has_any(
        compact,
        &[
            "<skiptests>true",
            "<maven.test.skip>true",
            "<skipits>true",
            "<skipunittests>true",
            "<skiptests>${",
            "<surefire.skip>true",
            "<maven.test.failure.ignore>true",
            "<testfailureignore>true",
        ],
    ) && !compact.contains("<skiptests>${skip")
    {
        return Some("maven now skips the tests or accepts their failure");
    }
    if compact.contains("<skip>true") && has_any(&plugin(), &["surefire", "failsafe"]) {
        return Some("the plugin that runs the tests is switched off");
    }
    if has_any(
        compact,
        &[
            "<exclude>",
            "<excludedgroups>",
            "<excludesfile>",
            "<excludejunit5engines>",
        ],
    ) && testing(&plugin())
        && !has_any(
            &plugin(),
            &["jacoco", "jar-", "shade", "spotless", "license"],
        )
        && has_any(compact, &["test", "it.java", "spec", "group", "engine"])
        && !was(compact)
    {
        return Some("surefire now leaves tests out");
    }
    if has_any(
        compact,
        &[
            "<haltonfailure>false",
            "<failifnotests>false",
            "<phase>none",
        ],
    ) && testing(&plugin())
        && (was("haltonfailure") || was("failifnotests") || compact.contains("phase"))
    {
        return Some("the build no longer stops at failing or missing tests");
    }
    if has_any(
        compact,
        &[
            "haltonfailure=\"no\"",
            "haltonfailure=\"false\"",
            "failonerror=\"false\"",
        ],
    ) {
        return Some("the build no longer stops at failing tests");
    }
    if has_any(compact, &["<groups>", "<test>"]) && testing(&plugin()) && !plugin().is_empty() {
        return Some("surefire now runs only part of the tests");
    }
    None
}

fn gradle(view: &View, at: usize, text: &str, compact: &str) -> Option<&'static str> {
    let chunk = view.lines[at].chunk;
    let around: String = view.lines[..at]
        .iter()
        .rev()
        .take(12)
        .take_while(|l| l.chunk == chunk)
        .map(|l| l.text.to_lowercase())
        .collect::<Vec<_>>()
        .join("\n");
    let section = view
        .sections
        .get(chunk as usize)
        .copied()
        .unwrap_or("")
        .to_lowercase();
    let in_test = has_any(
        &around,
        &[
            "test {",
            "test>",
            "test)",
            "tests",
            "test\")",
            "integrationtest",
        ],
    ) || section.contains("test");
    if has_any(
        compact,
        &[
            "ignorefailures=true",
            "ignorefailurestrue",
            "ignorefailures.set(true)",
            "setignorefailures(true)",
        ],
    ) && !has_any(
        &around,
        &["checkstyle", "pmd", "spotbugs", "detekt", "ktlint"],
    ) {
        return Some("gradle now accepts failing tests");
    }
    if in_test
        && has_any(
            compact,
            &[
                "enabled=false",
                "isenabled=false",
                "onlyif{false}",
                "enabled.set(false)",
                "onlyif{!",
                "onlyif{project.hasproperty",
            ],
        )
        || has_any(
            compact,
            &[
                "test.enabled=false",
                "tasks.test{enabled=false",
                "test.onlyif{false}",
                "named(\"test\"){enabled=false",
                "gradle.startparameter.excludedtasknames",
            ],
        )
    {
        return Some("the test task no longer runs");
    }
    if has_any(
        compact,
        &[
            "excludetestsmatching",
            "includetestsmatching",
            "excludetags",
            "includetags",
            "excludecategories",
            "isfailonnomatchingtests=false",
            "failonnomatchingtests=false",
        ],
    ) || in_test
        && compact.starts_with("exclude")
        && has_any(text, &["Test", "test", "**"])
        && !has_any(text, &["group", "module"])
        || compact.contains("-xtest")
    {
        return Some("gradle now leaves tests out");
    }
    None
}

fn python(
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
            if !usual && !scan.removed.contains(head) && !marks_only {
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

fn javascript(
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
        let before: Vec<&str> = view
            .lines
            .iter()
            .filter(|_| false)
            .map(|l| l.text)
            .collect();
        let _ = before;
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

fn dotnet(
    name: &str,
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
    let _ = name;
    None
}

fn cmake(text: &str, compact: &str, was: &dyn Fn(&str) -> bool) -> Option<&'static str> {
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
    ) || compact.contains("option(")
        && has_any(compact, &["test"])
        && compact.contains("off)")
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

/// Settings that went away: registrations of tests, strictness.
fn removed_settings(scan: &mut Scan, view: &View, name: &str) {
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
            _ if name.ends_with(".csproj") => {
                if text.contains("Microsoft.NET.Test.Sdk")
                    && !after.contains("Microsoft.NET.Test.Sdk")
                    && !has_any(&after, &["MSTest.Sdk", "TUnit", "xunit.v3"])
                {
                    found.push((
                        *line,
                        "without the test SDK `dotnet test` finds no tests in the project",
                        text.clone(),
                    ));
                }
            }
            _ if name.starts_with(".mocharc")
                || name == "package.json"
                || name.starts_with("playwright.config") =>
            {
                if has_any(&compact, &["forbid-only", "forbidonly"])
                    && !has_any(&added.to_lowercase(), &["forbid-only", "forbidonly"])
                    && !has_any(&compact, &["false"])
                {
                    found.push((*line, "focused tests are no longer refused", text.clone()));
                }
            }
            "pom.xml" => {
                if compact.contains("maven-surefire-plugin") && !added.contains("surefire")
                    || compact.contains("maven-failsafe-plugin") && !added.contains("failsafe")
                {
                    found.push((
                        *line,
                        "the plugin that runs the tests is gone from the build",
                        text.clone(),
                    ));
                }
            }
            _ if name.ends_with(".gradle") || name.ends_with(".gradle.kts") => {
                if compact.starts_with("usejunitplatform()")
                    && !has_any(&added, &["useJUnit", "useTestNG"])
                {
                    found.push((
                        *line,
                        "without `useJUnitPlatform()` gradle finds no JUnit 5 tests",
                        text.clone(),
                    ));
                }
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
            "meson.build" => {
                if compact.starts_with("test(") && !added.contains("test(") {
                    found.push((
                        *line,
                        "a test is no longer registered with meson",
                        text.clone(),
                    ));
                }
            }
            _ => {}
        }
    }
    for (line, message, text) in found {
        scan.out.push((line, Side::Old, message.to_string(), text));
    }
}
