//! Source that behaves differently when it is being tested.

use crate::lang::Lang;
use crate::model::{FileChange, Finding, Severity, Side};
use crate::text::{evidence, has_any};
use crate::view::View;

/// How programs ask whether they are under test.
const PROBES: [&str; 58] = [
    "pytest_current_test",
    "\"pytest\" in sys.modules",
    "'pytest' in sys.modules",
    "\"unittest\" in sys.modules",
    "'unittest' in sys.modules",
    "sys.modules.get(\"pytest",
    "_pytest",
    "node_env === 'test'",
    "node_env === \"test\"",
    "node_env == 'test'",
    "node_env == \"test\"",
    "node_env !== 'test'",
    "node_env !== \"test\"",
    "node_env != 'test'",
    "node_env != \"test\"",
    "jest_worker_id",
    "process.env.vitest",
    "import.meta.vitest",
    "typeof jest",
    "typeof vi ",
    "typeof describe",
    "typeof it ",
    "globalthis.jest",
    "global.jest",
    "rails.env.test?",
    "rails_env\"] == \"test",
    "rails_env'] == 'test",
    "rack_env\"] == \"test",
    "rack_env'] == 'test",
    "rack_env') == 'test",
    "rack_env\") == \"test",
    "rails_env\") == \"test",
    "defined?(rspec)",
    "defined?(minitest)",
    "cfg!(test)",
    "cfg(not(test))",
    "testing.testing()",
    "flag.lookup(\"test.v\")",
    "hassuffix(os.args[0], \".test\")",
    "contains(os.args[0], \".test\")",
    "contains(os.args[0], \"/_test/\")",
    "\"surefire",
    "org.junit",
    "junit.framework",
    "spring.profiles.active\").equals(\"test",
    "xunit.runner",
    "\"xunit",
    "\"nunit",
    "testhost",
    "unit_test",
    "gtest_",
    "running_tests",
    "under_test",
    "cargo_target_tmpdir",
    "rust_test_threads",
    "_test.go",
    "mocha_",
    "profiles.of(\"test\")",
];

/// Further probes that need a comparison on the same line.
const COMPARED: [&str; 14] = [
    "\"testing\"",
    "'testing'",
    "is_test",
    "istest",
    "is_testing",
    "istesting",
    "in_test",
    "test_mode",
    "testmode",
    "env == \"test\"",
    "env == 'test'",
    "environment.isenvironment(\"test",
    "\"ci\"",
    "is_unit_test",
];

/// Statements whose absence in tests takes nothing from what is tested.
const HARMLESS: [&str; 45] = [
    "config.from",
    "settings.",
    "from_object",
    "database",
    "sqlite",
    "delivery_method",
    "dotenv",
    "#define",
    "#include",
    "friend ",
    "log_level",
    "listen(",
    "logger",
    "log.",
    "log(",
    "logging",
    "console.",
    "morgan",
    "print",
    "debug",
    "silent",
    "banner",
    "metrics",
    "sentry",
    "telemetry",
    "analytics",
    "newrelic",
    "rotate",
    "addhandler",
    "stderr",
    "stdout",
    "warn(",
    "warning",
    "app.run",
    "server.start",
    "connectdb",
    "sleep",
    "tracing",
    "tracer",
    "livereload",
    "basicconfig",
    "spinner",
    "progress",
    "puts ",
    "subscriber",
];

/// Finds added probes.
pub fn find(file: &FileChange, view: &View, lang: Lang, tests: &[bool], out: &mut Vec<Finding>) {
    let path = file.path().to_lowercase();
    if has_any(
        &format!("/{path}"),
        &[
            "/config/",
            "config.",
            "settings",
            "webpack",
            "babel",
            ".eslintrc",
            "/scripts/",
            "/support/",
            "/mocks/",
            "setup.",
        ],
    ) && !path.contains("src/")
    {
        return;
    }
    let mut found = 0;
    for (at, line) in view.lines.iter().enumerate() {
        if !line.changed || tests[at] || found >= 5 {
            continue;
        }
        let text = line.text.trim();
        if text.starts_with("//")
            || text.starts_with('#') && !text.starts_with("#[") && !text.starts_with("#if")
            || text.starts_with("* ")
        {
            continue;
        }
        let lower = text.to_lowercase();
        let conditional = has_any(
            &lower,
            &[
                "if ", "if(", "?", "&&", "||", " and ", " or ", "unless", "==", "!=", "#if", "cfg",
                "case ", " in ", "when",
            ],
        );
        let probed = has_any(&lower, &PROBES);
        let compared = conditional
            && has_any(&lower, &COMPARED)
            && has_any(
                &lower,
                &[
                    "env", "os.", "mode", "is_test", "istest", "config", "in_test", "profile",
                ],
            )
            && !lower.contains("def ")
            && !lower.contains("fn ");
        let stack = has_any(
            &lower,
            &[
                "inspect.stack",
                "getstacktrace",
                "caller(",
                "runtime.caller",
                ".stack",
                "caller_locations",
                "stacktrace",
                "sys._getframe",
            ],
        ) && has_any(&lower, &["test", "spec"]);
        let define = lower.starts_with("#if")
            && has_any(&lower, &["unit_test", "testing", "gtest", "_test"]);
        if !(probed || compared || stack || define) {
            continue;
        }
        if lang == Lang::Rust && lower.contains("cfg(not(test))") && !replaced_in_tests(view, at) {
            continue;
        }
        if lang == Lang::Go
            && lower.contains("_test.go")
            && !has_any(&lower, &["caller", "file", "stack", "suffix"])
        {
            continue;
        }
        // Look at what the branch does: nothing is lost when tests only log or listen less.
        let branch: String = view.lines[at..(at + 3).min(view.lines.len())]
            .iter()
            .map(|l| l.text.to_lowercase())
            .collect::<Vec<_>>()
            .join("\n");
        let harmless = has_any(&branch, &HARMLESS)
            && !has_any(
                &branch,
                &[
                    "return true",
                    "return false",
                    "return none",
                    "return null",
                    "return nil",
                    "return 0",
                ],
            );
        if harmless || picks_a_name(&lower) {
            continue;
        }
        found += 1;
        out.push(Finding {
            rule: "test-env-branch",
            severity: Severity::Block,
            path: file.path().to_string(),
            line: line.no,
            side: Side::New,
            message: "the source now behaves differently under test, so the tests no longer exercise what users run".into(),
            evidence: evidence(text),
        });
    }
}

/// `env === 'test' ? 'app_test' : 'app'` names a resource of the tests' own.
fn picks_a_name(lower: &str) -> bool {
    let Some((_, rest)) = lower.split_once(" ? ") else {
        return false;
    };
    let first = rest
        .split(" : ")
        .next()
        .unwrap_or("")
        .trim()
        .trim_matches([' ', ';', ')', '(']);
    let literal = first.starts_with(['"', '\'', '`', ':']);
    literal
        && has_any(
            first,
            &[
                "test", "memory", "silent", "local", "null", "none", "fake", "off", "error",
            ],
        )
}

/// `#[cfg(not(test))]` on one of two versions of the same thing means that tests see the other one.
fn replaced_in_tests(view: &View, at: usize) -> bool {
    view.lines.iter().enumerate().any(|(i, l)| {
        i != at
            && l.text.replace(' ', "").contains("#[cfg(test)]")
            && !view
                .lines
                .get(i + 1)
                .is_some_and(|n| n.text.contains("mod "))
    })
}
