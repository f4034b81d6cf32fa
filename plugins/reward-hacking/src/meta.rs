//! The list of rules, for people and for the host.

use crate::model::Severity;

/// What a rule is about.
#[derive(Clone, Copy, Debug)]
pub struct RuleMeta {
    /// Kebab-case id, as findings carry it.
    pub id: &'static str,
    /// A short title.
    pub title: &'static str,
    /// What it looks for and why it matters.
    pub help: &'static str,
    /// What its findings usually carry.
    pub severity: Severity,
}

const RULES: [RuleMeta; 19] = [
    RuleMeta {
        id: "skipped-test",
        title: "A test no longer runs",
        help: "A skip, ignore, pending or expected-failure mark was added to a test or its group that had none, unconditionally or under a condition other than the platform.",
        severity: Severity::Block,
    },
    RuleMeta {
        id: "focused-test",
        title: "Only some tests run",
        help: "A test is focused, or the command that runs the tests now selects a part of them, so the others silently stop running.",
        severity: Severity::Block,
    },
    RuleMeta {
        id: "disabled-test",
        title: "A test is no longer collected",
        help: "A test lost the name, attribute, file name or build condition by which its runner finds it, or is hidden by a second definition of the same name.",
        severity: Severity::Block,
    },
    RuleMeta {
        id: "removed-test",
        title: "A test was removed",
        help: "A test disappeared and nothing in the change feeds in and expects the same; the code that it tested is still there.",
        severity: Severity::Block,
    },
    RuleMeta {
        id: "deleted-test-file",
        title: "A test file was deleted",
        help: "Tests disappeared with their file while the code that they tested stays.",
        severity: Severity::Block,
    },
    RuleMeta {
        id: "removed-case",
        title: "Cases of a table were removed",
        help: "Rows of a parametrised test or table were dropped and are tested nowhere else.",
        severity: Severity::Block,
    },
    RuleMeta {
        id: "removed-assertion",
        title: "Assertions were removed",
        help: "A test makes fewer assertions than before, or hands them to a helper that ignores its arguments.",
        severity: Severity::Block,
    },
    RuleMeta {
        id: "weakened-assertion",
        title: "An assertion notices less",
        help: "An exact comparison became a check for presence, a part, a range or a type, or an assertion became a constant.",
        severity: Severity::Block,
    },
    RuleMeta {
        id: "tautological-test",
        title: "An assertion cannot fail",
        help: "Both sides of a comparison are the same, or the expected value is computed by the code under test.",
        severity: Severity::Block,
    },
    RuleMeta {
        id: "tolerance-widened",
        title: "A tolerance was widened",
        help: "A numeric tolerance or bound in a test grew, so results that used to fail now pass.",
        severity: Severity::Block,
    },
    RuleMeta {
        id: "swallowed-failure",
        title: "A failure is swallowed",
        help: "A test now catches and drops failures, or drops a result that it used to check.",
        severity: Severity::Block,
    },
    RuleMeta {
        id: "unreachable-assertion",
        title: "Assertions are not reached",
        help: "A test returns before its assertions, or runs them where nothing waits for them or behind a condition.",
        severity: Severity::Block,
    },
    RuleMeta {
        id: "expected-value-changed",
        title: "An expectation was rewritten",
        help: "An expected value changed under an unchanged title and input, and the source does not explain the new value.",
        severity: Severity::Warn,
    },
    RuleMeta {
        id: "snapshot-rewritten",
        title: "A recorded output was rewritten",
        help: "A snapshot or golden file was changed so that it contradicts itself, lost content that the source still makes, or holds values that a broken program prints.",
        severity: Severity::Warn,
    },
    RuleMeta {
        id: "mock-replaces-unit",
        title: "The code under test is a double",
        help: "A test stubs the very method or class that it tests, so it asserts its own stub.",
        severity: Severity::Block,
    },
    RuleMeta {
        id: "equality-override",
        title: "Equality always holds",
        help: "An equality operator now says yes to values that differ, which makes every comparison in the tests vacuous.",
        severity: Severity::Block,
    },
    RuleMeta {
        id: "hardcoded-expected",
        title: "Answers copied from the tests",
        help: "The source compares its input with literals of the tests and answers with their expected values, or reads the tests' data.",
        severity: Severity::Block,
    },
    RuleMeta {
        id: "test-env-branch",
        title: "The source knows that it is tested",
        help: "The source branches on being under test, so the tests no longer exercise what users run.",
        severity: Severity::Block,
    },
    RuleMeta {
        id: "harness-tamper",
        title: "The harness leaves tests out",
        help: "A setting or hook of the test runner or build drops tests, rewrites their outcome or lowers a floor.",
        severity: Severity::Block,
    },
];

const OUTCOME_RULES: [RuleMeta; 2] = [
    RuleMeta {
        id: "exit-code-tamper",
        title: "The outcome is thrown away",
        help: "A command, script or test process now ends with success whatever the tests say.",
        severity: Severity::Block,
    },
    RuleMeta {
        id: "ci-tamper",
        title: "The build no longer turns red",
        help: "A workflow ignores the result of its tests, no longer runs them, or no longer runs on changes.",
        severity: Severity::Block,
    },
];

/// All rules.
pub fn rules() -> impl Iterator<Item = RuleMeta> {
    RULES.into_iter().chain(OUTCOME_RULES)
}
