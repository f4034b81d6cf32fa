//! How tests ended, and how that is shown. Decides nothing but whether what
//! came is what was expected.

use crate::exit::CliError;
use crate::out::{Out, Tone};
use crate::project::cases::{Expected, Mismatch};
use crate::render::plain;
use serde::Serialize;
use serde_json::Value;
use sortie_conformance::{Check, Verdict};
use sortie_model::finding::Side;
use sortie_model::surface::Surface;
use std::path::Path;

/// How one test ended.
#[derive(Serialize)]
pub(super) struct Outcome {
    /// `case` or `conformance`.
    kind: &'static str,
    surface: Surface,
    name: String,
    passed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) problem: Option<String>,
    /// Why there was nothing to try it with.
    #[serde(skip_serializing_if = "Option::is_none")]
    untried: Option<String>,
    #[serde(flatten)]
    pub(super) mismatch: Mismatch,
    pub(super) findings: Vec<Expected>,
    /// What should have come of an event or a delivery, when it did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) expected: Option<Value>,
    /// What came of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) came: Option<Value>,
    pub(super) log: Vec<String>,
    /// The case's file that what came was written to as expected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) wrote: Option<String>,
}

impl Outcome {
    pub(super) fn case(surface: Surface, name: &str) -> Self {
        Self {
            kind: "case",
            surface,
            name: name.to_owned(),
            passed: false,
            problem: None,
            untried: None,
            mismatch: Mismatch::default(),
            findings: Vec::new(),
            expected: None,
            came: None,
            log: Vec::new(),
            wrote: None,
        }
    }

    pub(super) fn conformance(surface: Surface, check: Check) -> Self {
        let (problem, untried) = match check.verdict {
            Verdict::Holds => (None, None),
            Verdict::Fails(problem) => (Some(problem), None),
            Verdict::Untried(why) => (None, Some(why)),
        };
        let outcome = Self {
            kind: "conformance",
            problem,
            untried,
            ..Self::case(surface, &check.name)
        };
        outcome.judged()
    }

    /// Nobody said what to expect.
    pub(super) fn unsaid(&mut self) {
        self.problem = Some(format!(
            "nothing says what to expect; `--update` writes tests/{}.json",
            self.name
        ));
    }

    /// What came is what to expect from now on.
    pub(super) fn accepted(&mut self, answers: &Path) {
        let name = answers.file_name().unwrap_or_default();
        self.wrote = Some(format!("tests/{}", name.to_string_lossy()));
    }

    pub(super) fn judged(mut self) -> Self {
        self.passed = self.problem.is_none() && !self.differs();
        self
    }

    fn differs(&self) -> bool {
        !self.mismatch.is_empty() || self.expected.is_some()
    }
}

/// How all of them ended.
#[derive(Serialize)]
pub(super) struct Report {
    plugin: String,
    pub(super) ok: bool,
    tests: Vec<Outcome>,
}

impl Report {
    pub(super) fn new(plugin: String, tests: Vec<Outcome>) -> Self {
        Self {
            plugin,
            ok: tests.iter().all(|test| test.passed),
            tests,
        }
    }
}

pub(super) fn show(report: &Report, out: &Out) -> Result<(), CliError> {
    if out.is_json() {
        return out.json(report);
    }
    let several = report
        .tests
        .windows(2)
        .any(|pair| pair[0].surface != pair[1].surface);
    let mut last = None;
    for test in &report.tests {
        if several && last.replace(test.surface) != Some(test.surface) {
            out.line(format!("{}:", test.surface.name()))?;
        }
        one(test, out)?;
    }
    let count = |of: fn(&Outcome) -> bool| report.tests.iter().filter(|test| of(test)).count();
    let failed = count(|test| !test.passed);
    let untried = count(|test| test.untried.is_some());
    let passed = report.tests.len() - failed - untried;
    let untried = match untried {
        0 => String::new(),
        n => format!(", {n} not tried"),
    };
    out.line(format!(
        "{}: {passed} passed, {failed} failed{untried}",
        report.plugin
    ))?;
    if report.tests.iter().any(Outcome::differs) {
        out.progress("- was expected and + came; `--update` takes what came for right");
    }
    Ok(())
}

fn one(test: &Outcome, out: &Out) -> Result<(), CliError> {
    let (tone, word) = match (test.passed, &test.untried) {
        (true, None) => (Tone::Good, "ok  "),
        (true, Some(_)) => (Tone::Dim, "skip"),
        (false, _) => (Tone::Bad, "fail"),
    };
    let count = match (test.kind, test.surface, test.findings.len()) {
        ("case", Surface::Scanner, 1) => ": 1 finding".to_owned(),
        ("case", Surface::Scanner, n) => format!(": {n} findings"),
        _ => String::new(),
    };
    out.line(format!("{}  {}{count}", out.paint(tone, word), test.name))?;
    if let Some(problem) = test.problem.as_ref().or(test.untried.as_ref()) {
        out.line(format!("        {}", plain(problem)))?;
    }
    if test.passed {
        for finding in &test.findings {
            out.line(format!("        {}", line(finding)))?;
        }
        if let Some(file) = &test.wrote {
            out.line(out.paint(Tone::Dim, &format!("        wrote {file}")))?;
        }
        return Ok(());
    }
    let missing = test.mismatch.missing.iter().map(line);
    let unexpected = test.mismatch.unexpected.iter().map(line);
    let (less, more) = match (&test.expected, &test.came) {
        (Some(expected), Some(came)) => apart(expected, came),
        _ => (Vec::new(), Vec::new()),
    };
    for text in missing.chain(less) {
        out.line(out.paint(Tone::Bad, &format!("      - {text}")))?;
    }
    for text in unexpected.chain(more) {
        out.line(out.paint(Tone::Good, &format!("      + {text}")))?;
    }
    for said in &test.log {
        out.line(out.paint(Tone::Dim, &format!("        log {}", plain(said))))?;
    }
    Ok(())
}

/// The lines in which two values differ: without those that both begin and
/// end with.
fn apart(expected: &Value, came: &Value) -> (Vec<String>, Vec<String>) {
    let lines = |value: &Value| -> Vec<String> {
        let text = serde_json::to_string_pretty(value).unwrap_or_default();
        text.lines().map(|line| plain(line).into_owned()).collect()
    };
    let (mut less, mut more) = (lines(expected), lines(came));
    while less.last().is_some_and(|last| Some(last) == more.last()) {
        less.pop();
        more.pop();
    }
    let pairs = less.iter().zip(&more);
    let same = pairs.take_while(|(one, other)| one == other).count();
    (less.split_off(same), more.split_off(same))
}

/// A finding in one line.
fn line(finding: &Expected) -> String {
    let place = match (&finding.path, finding.line, finding.side) {
        (Some(path), Some(line), Some(Side::Old)) => format!("{path}:{line} (before the change)"),
        (Some(path), Some(line), _) => format!("{path}:{line}"),
        _ => "the change as a whole".to_owned(),
    };
    let evidence = match finding.evidence.lines().next() {
        Some(first) => format!(" | {first}"),
        None => String::new(),
    };
    plain(&format!(
        "{:5} {place}  {}  {}{evidence}",
        finding.severity.as_str(),
        finding.rule,
        finding.message
    ))
    .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_the_lines_that_differ_are_told() {
        let (less, more) = apart(&json!({"a": 1, "b": 2, "c": 3}), &json!({"a": 1, "c": 3}));
        assert_eq!((less, more), (vec!["  \"b\": 2,".to_owned()], vec![]));
        let same = json!([1]);
        assert_eq!(apart(&same, &same), (vec![], vec![]));
    }
}
