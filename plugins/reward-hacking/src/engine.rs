//! Takes a change file by file, keeps only what the rules need, and judges it at the end.

use std::collections::{HashMap, HashSet};

use crate::context::Context;
use crate::facts::{FileFacts, facts};
use crate::harness::HarnessFacts;
use crate::limits;
use crate::model::{Change, ChangeKind, FileChange, Finding, Severity, Side};
use crate::role::{Role, is_collected_name, role};
use crate::sides::Code;
use crate::snapshot::Recording;
use crate::source::SourceFacts;
use crate::{awaited, checks, constants, doctests, fixtures, mock, pairing, snapshot};

/// An analysis under way.
#[derive(Debug, Default)]
pub struct Analysis {
    files: Vec<FileFacts>,
    source: SourceFacts,
    harness: HarnessFacts,
    recordings: Vec<Recording>,
    fixtures: fixtures::Fixtures,
    findings: Vec<Finding>,
    /// New path to old path of renamed files.
    renamed: HashMap<String, String>,
}

impl Analysis {
    /// The role of a file, so that a caller can decide whether its whole text is worth fetching.
    pub fn role(file: &FileChange) -> Role {
        let head: String = file.hunks.first().map_or(String::new(), |h| {
            h.lines
                .iter()
                .take(6)
                .map(|l| l.text.as_str())
                .collect::<Vec<_>>()
                .join("\n")
        });
        // Generators sign the top of a file, which a later hunk does not show.
        let top = file
            .hunks
            .first()
            .and_then(|h| h.lines.first())
            .is_some_and(|l| l.old_line.max(l.new_line) <= 5);
        let head = match (&file.before, &file.after) {
            (_, Some(text)) | (Some(text), None) => {
                text.lines().take(6).collect::<Vec<_>>().join("\n")
            }
            (None, None) if top => head,
            (None, None) => String::new(),
        };
        role(file.path(), &head)
    }

    /// Takes in one file.
    pub fn push(&mut self, file: &FileChange) {
        let role = Self::role(file);
        if let (Some(old), Some(new)) = (&file.old_path, &file.new_path)
            && old != new
        {
            self.renamed.insert(new.clone(), old.clone());
            self.findings.extend(lost_its_name(file, old, new));
        }
        if role == Role::Ignored || file.hunks.is_empty() && file.kind == ChangeKind::Modified {
            return;
        }
        let code = Code::of(file, role);
        self.source.add(file, role, code.as_ref());
        if let Some(code) = &code {
            self.files.push(facts(file, role, code));
        }
        match role {
            Role::Test | Role::Source => {
                doctests::find(file, &mut self.findings);
                if role == Role::Test {
                    if let Some(code) = &code {
                        mock::find(file, code, &mut self.findings);
                    }
                    constants::find(file, &mut self.findings);
                    awaited::find(file, &mut self.findings);
                    self.harness.add_test(file);
                }
            }
            Role::Harness => self.harness.add(file),
            Role::Golden => {
                self.recordings.extend(Recording::of(file));
                self.fixtures.add(file);
            }
            Role::Fixture => self.fixtures.add(file),
            Role::Docs | Role::Ignored => {}
        }
    }

    /// Judges what was taken in. The order of the findings depends on nothing but the change.
    pub fn finish(mut self) -> Vec<Finding> {
        self.source.finish();
        self.harness.finish();
        let pairs = pairing::pair(&self.files);
        let mut ctx = Context::new(&self.files, &pairs, &self.source);
        checks::run(&mut ctx);
        let mut found = std::mem::take(&mut ctx.findings);
        snapshot::run(&self.recordings, &self.source, &mut found);
        self.fixtures.judge(&self.source, &self.files, &mut found);
        found.append(&mut self.findings);
        found.extend(self.harness.findings.iter().cloned());
        found.extend(self.source.findings.iter().cloned());
        // A place on the old side is named by the old path.
        for finding in found.iter_mut().filter(|f| f.side == Side::Old) {
            if let Some(old) = self.renamed.get(&finding.path) {
                finding.path.clone_from(old);
            }
        }
        rewritten_format(&mut found);
        tidy(found)
    }
}

/// Many expectations that change with the source are a new format, not a cover.
fn rewritten_format(found: &mut Vec<Finding>) {
    let weak =
        |f: &Finding| f.rule == "expected-value-changed" && f.message.ends_with("would explain it");
    if found.iter().filter(|f| weak(f)).count() > FORMAT_CHANGES {
        found.retain(|f| !weak(f));
    }
}

/// Unexplained expectations from which on they count as one change of format.
const FORMAT_CHANGES: usize = 4;

/// A test file that was renamed to a name by which its runner does not collect it.
fn lost_its_name(file: &FileChange, old: &str, new: &str) -> Option<Finding> {
    let collected =
        is_collected_name(old) && role(old, "") == Role::Test && !is_collected_name(new);
    let line = file
        .hunks
        .first()
        .and_then(|h| h.lines.first())
        .map_or(1, |l| l.new_line.max(1));
    let holds_tests = file.hunks.iter().flat_map(|h| &h.lines).any(|l| {
        crate::text::has_any(
            &l.text,
            &[
                "describe",
                "def test_",
                " it ",
                "it(",
                "func Test",
                "test(",
                "@Test",
                "[Fact",
                "TEST(",
            ],
        )
    });
    (collected && (holds_tests || !crate::role::is_test_path(new))).then(|| Finding {
        rule: "disabled-test",
        severity: Severity::Block,
        path: new.to_string(),
        line,
        side: Side::New,
        message: format!("the test file `{old}` was renamed so that no test runner collects it"),
        evidence: new.to_string(),
    })
}

/// The findings on a whole change.
pub fn analyze(change: &Change) -> Vec<Finding> {
    let mut analysis = Analysis::default();
    for file in &change.files {
        analysis.push(file);
    }
    analysis.finish()
}

/// One finding per rule and place, clear ones first within a file, bounded.
fn tidy(mut found: Vec<Finding>) -> Vec<Finding> {
    found.sort_by(|a, b| {
        (
            &a.path,
            a.line,
            std::cmp::Reverse(a.severity),
            a.rule,
            a.side,
        )
            .cmp(&(
                &b.path,
                b.line,
                std::cmp::Reverse(b.severity),
                b.rule,
                b.side,
            ))
    });
    let mut seen: HashSet<(String, u32, &'static str, Side)> = HashSet::new();
    found.retain(|f| seen.insert((f.path.clone(), f.line, f.rule, f.side)));
    if found.len() > limits::FINDINGS {
        // The clear ones stay.
        found.sort_by_key(|f| std::cmp::Reverse(f.severity == Severity::Block));
        found.truncate(limits::FINDINGS);
        found.sort_by(|a, b| (&a.path, a.line, a.rule).cmp(&(&b.path, b.line, b.rule)));
    }
    found
}
