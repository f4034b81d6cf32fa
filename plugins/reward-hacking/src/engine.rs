//! Takes a change file by file, keeps only what the rules need, and judges it at the end.

use std::collections::{HashMap, HashSet};

use crate::context::{Context, Known, Report};
use crate::facts::{FileFacts, facts};
use crate::harness::HarnessFacts;
use crate::limits;
use crate::model::{Change, ChangeKind, FileChange, Finding, Severity, Side};
use crate::pairing::Pairs;
use crate::role::{Role, is_collected_name, role};
use crate::sides::Code;
use crate::snapshot::Recording;
use crate::source::SourceFacts;
use crate::{awaited, checks, constants, doctests, fixtures, mock, pairing, snapshot};

/// An analysis under way.
#[derive(Debug, Default)]
pub struct Analysis {
    files: Vec<FileFacts>,
    /// Where each of these stands in the change.
    places: Vec<u32>,
    /// Bytes of text whose facts are kept whole.
    whole_bytes: usize,
    pairs: Pairs,
    known: Known,
    source: SourceFacts,
    harness: HarnessFacts,
    recordings: Vec<Recording>,
    fixtures: fixtures::Fixtures,
    findings: Vec<Finding>,
    /// New path to old path of renamed files.
    renamed: HashMap<String, String>,
    /// Bytes of text from which on facts are not kept whole.
    room: usize,
}

impl Analysis {
    /// Keeps the facts of up to `room` bytes of text; those of further files are gathered a second time
    /// when they are judged. The findings are the same.
    pub fn with_room(room: usize) -> Analysis {
        Analysis {
            room,
            ..Analysis::default()
        }
    }

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

    /// Takes in the file at `place` of the change.
    pub fn push(&mut self, place: u32, file: &FileChange) {
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
            self.keep(place, file, facts(file, role, code));
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
                self.recordings.extend(Recording::of(place, file));
                self.fixtures.add(file);
            }
            Role::Fixture => self.fixtures.add(file),
            Role::Docs | Role::Ignored => {}
        }
    }

    fn keep(&mut self, place: u32, file: &FileChange, mut facts: FileFacts) {
        let f = self.files.len();
        self.known.add(f, &facts);
        let bytes = file
            .hunks
            .iter()
            .flat_map(|h| &h.lines)
            .map(|l| l.text.len());
        self.whole_bytes += bytes.sum::<usize>();
        let mut pairs = Pairs::default();
        pairing::pair_file(f, &facts, &mut pairs);
        if self.whole_bytes > self.room {
            facts.slim(&pairs.gone, &pairs.fresh);
            pairs.matched.clear();
        }
        self.pairs.append(pairs);
        self.files.push(facts);
        self.places.push(place);
    }

    /// Judges what was taken in; `again` reads the file at a place of the change once more. The order of the
    /// findings depends on nothing but the change.
    pub fn finish(mut self, mut again: impl FnMut(u32) -> FileChange) -> Vec<Finding> {
        self.source.finish();
        self.harness.finish();
        self.known.finish(&self.source);
        self.pairs.finish(&self.files);
        let mut found = self.judge(&mut again);
        snapshot::run(&self.recordings, &self.source, &mut again, &mut found);
        self.fixtures.judge(&self.source, &self.files, &mut found);
        found.append(&mut self.findings);
        found.append(&mut self.harness.findings);
        found.append(&mut self.source.findings);
        // A place on the old side is named by the old path.
        for finding in found.iter_mut().filter(|f| f.side == Side::Old) {
            if let Some(old) = self.renamed.get(&finding.path) {
                finding.path.clone_from(old);
            }
        }
        rewritten_format(&mut found);
        tidy(found)
    }

    /// Runs the rules on units and rows, with never more than a few files' facts whole.
    fn judge(&mut self, again: &mut impl FnMut(u32) -> FileChange) -> Vec<Finding> {
        let mut report = Report::default();
        for f in 0..self.files.len() {
            // Units that moved are judged with the file that they came from.
            let mut whole = vec![f];
            whole.extend(self.pairs.matched_in(f).iter().map(|(_, n)| n.0));
            whole.sort_unstable();
            whole.dedup();
            whole.retain(|&g| self.files[g].slim);
            let mut slim = Vec::new();
            for &g in &whole {
                let file = again(self.places[g]);
                let role = self.files[g].role;
                if let Some(code) = Code::of(&file, role) {
                    let full = facts(&file, role, &code);
                    slim.push((g, std::mem::replace(&mut self.files[g], full)));
                }
            }
            let own;
            let pairs = if slim.iter().any(|(g, _)| *g == f) {
                let mut pairs = Pairs::default();
                pairing::pair_file(f, &self.files[f], &mut pairs);
                pairs.matched.extend(self.pairs.matched_in(f));
                pairs.matched.sort_unstable();
                pairs.gone = self.pairs.gone_in(f).to_vec();
                own = pairs;
                &own
            } else {
                &self.pairs
            };
            let mut ctx = Context {
                files: &self.files,
                pairs,
                source: &self.source,
                known: &self.known,
                report,
            };
            checks::file(&mut ctx, f);
            report = ctx.report;
            for (g, facts) in slim {
                self.files[g] = facts;
            }
        }
        let mut ctx = Context {
            files: &self.files,
            pairs: &self.pairs,
            source: &self.source,
            known: &self.known,
            report,
        };
        checks::whole(&mut ctx);
        let mut found = ctx.report.findings;
        found.sort_by_key(|(pass, _)| *pass);
        found.into_iter().map(|(_, finding)| finding).collect()
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
    analyze_within(change, limits::WHOLE_BYTES)
}

/// The same, with the facts of no more than `room` bytes of text kept whole.
pub fn analyze_within(change: &Change, room: usize) -> Vec<Finding> {
    let mut analysis = Analysis::with_room(room);
    for (place, file) in (0..).zip(&change.files) {
        analysis.push(place, file);
    }
    analysis.finish(|place| change.files[place as usize].clone())
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
