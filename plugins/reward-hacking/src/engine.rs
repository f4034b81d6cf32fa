//! Takes a change file by file, keeps only what the rules need, and judges it at the end.

use std::collections::{HashMap, HashSet};

use crate::context::{Context, Known, Report};
use crate::facts::{FileFacts, Whole, facts};
use crate::harness::HarnessFacts;
use crate::limits;
use crate::model::{ChangeKind, FileChange, Finding, Severity, Side};
use crate::pairing::Pairs;
use crate::parts::Part;
use crate::role::{Role, is_collected_name, role};
use crate::sides::Code;
use crate::snapshot::Recording;
use crate::source::SourceFacts;
use crate::torn::Torn;
use crate::{awaited, checks, constants, doctests, fixtures, mock, pairing, snapshot};

/// An analysis under way.
#[derive(Debug, Default)]
pub struct Analysis {
    files: Vec<FileFacts>,
    /// Where each of these stands in the change.
    parts: Vec<Part>,
    /// What counts for files as a whole.
    wholes: Vec<Whole>,
    /// The file whose next part is to come.
    torn: Option<Torn>,
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

    /// Takes in a file, or the next part of one. Says whether its further parts, if there are any, matter.
    pub fn push(&mut self, part: Part, file: &FileChange) -> bool {
        let mut torn = match self.torn.take() {
            Some(torn) if !part.is_first() => torn,
            _ => Torn::new(
                Self::role(file),
                self.findings.len(),
                self.harness.findings.len(),
            ),
        };
        let role = torn.role;
        if let (Some(old), Some(new)) = (&file.old_path, &file.new_path)
            && old != new
            && !torn.lost_its_name
        {
            let lost = lost_its_name(file, old, new);
            self.renamed.insert(new.clone(), old.clone());
            torn.lost_its_name = lost.is_some();
            self.findings.extend(lost);
        }
        if role == Role::Ignored || file.hunks.is_empty() && file.kind == ChangeKind::Modified {
            return false;
        }
        torn.add(&part, file);
        let code = Code::of(file, role);
        self.source.add(file, role, code.as_ref());
        if let Some(code) = &code {
            self.keep(&part, file, facts(file, role, code));
        }
        match role {
            Role::Test | Role::Source => {
                doctests::find(file, &mut self.findings);
                if role == Role::Test {
                    if let Some(code) = &code {
                        mock::find(file, code, &mut self.findings);
                    }
                    constants::find(file, &mut torn, &mut self.findings);
                    awaited::find(file, &mut torn, &mut self.findings);
                    self.harness.add_test(file);
                }
            }
            Role::Harness => self.harness.add(file),
            Role::Golden => {
                if !part.more {
                    self.recordings
                        .extend(Recording::of(part.file, file, torn.lines));
                }
                if part.is_first() {
                    self.fixtures.add(file);
                }
            }
            Role::Fixture => self.fixtures.add(file),
            Role::Docs | Role::Ignored => {}
        }
        if part.more {
            let matters = torn.matters();
            self.torn = Some(torn);
            return matters;
        }
        if !part.is_first() {
            torn.settle(&mut self.findings, &mut self.harness.findings);
        }
        false
    }

    fn keep(&mut self, part: &Part, file: &FileChange, mut facts: FileFacts) {
        let f = self.files.len();
        if part.is_first() {
            self.wholes.push(Whole::beginning_with(f));
        }
        facts.whole = self.wholes.len().saturating_sub(1);
        facts.torn = !part.is_whole();
        if let Some(whole) = self.wholes.last_mut() {
            whole.add(&facts);
        }
        self.known.add(f, &facts);
        let bytes = file
            .hunks
            .iter()
            .flat_map(|h| &h.lines)
            .map(|l| l.text.len());
        self.whole_bytes += bytes.sum::<usize>();
        let mut pairs = pairing::pair_file(f, &facts);
        self.known.add_fresh(&facts, &pairs.fresh);
        if self.whole_bytes > self.room {
            facts.slim();
            pairs.matched.clear();
        }
        self.pairs.append(pairs, &facts);
        self.files.push(facts);
        self.parts.push(part.clone());
    }

    /// Judges what was taken in; `again` reads a part of the change once more. The order of the
    /// findings depends on nothing but the change.
    pub fn finish(&mut self, mut again: impl FnMut(&Part) -> FileChange) -> Vec<Finding> {
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
    fn judge(&mut self, again: &mut impl FnMut(&Part) -> FileChange) -> Vec<Finding> {
        let mut report = Report::default();
        let ctx = self.context(None, Report::default());
        report.stand_ins = checks::gone::stand_ins(&ctx, &self.known.stand_ins);
        for f in 0..self.files.len() {
            report = self.judge_file(f, report, again);
            let next = self.files.get(f + 1);
            if next.is_none_or(|g| g.whole != self.files[f].whole) {
                let mut ctx = self.context(None, report);
                checks::gone::report(&mut ctx, f);
                report = ctx.report;
            }
        }
        let mut ctx = self.context(None, report);
        checks::whole(&mut ctx);
        let mut found = ctx.report.findings;
        found.sort_by_key(|(pass, _)| *pass);
        found.into_iter().map(|(_, finding)| finding).collect()
    }

    fn judge_file(
        &mut self,
        f: usize,
        mut report: Report,
        again: &mut impl FnMut(&Part) -> FileChange,
    ) -> Report {
        let moved = self.pairs.matched_in(f).iter().map(|(_, n)| n.0);
        let mut beside: Vec<usize> = moved.filter(|&g| g != f).collect();
        beside.sort_unstable();
        beside.dedup();
        let asked = |g: &usize| self.files[*g].is_test_code;
        if !asked(&f) && !beside.iter().any(asked) {
            return report;
        }
        let own = self.unfold(f, again);
        let pairs = own.as_ref().map(|_| self.pairs_of(f));
        let mut ctx = self.context(pairs.as_ref(), report);
        checks::file(&mut ctx, f);
        report = ctx.report;
        // Units that moved are judged with the file that they came from. Those that need no slim one come first.
        beside.retain(|&g| self.files[g].slim);
        let mut batches: Vec<&[usize]> = vec![&[]];
        batches.extend(beside.chunks(limits::PARTS_BESIDE));
        for batch in batches {
            let unfolded: Vec<_> = batch.iter().map(|&g| (g, self.unfold(g, again))).collect();
            let mut ctx = self.context(pairs.as_ref(), report);
            let here = |g: usize| match batch {
                [] => beside.binary_search(&g).is_err(),
                _ => batch.contains(&g),
            };
            checks::pairs(&mut ctx, f, here);
            report = ctx.report;
            for (g, slim) in unfolded {
                self.fold(g, slim);
            }
        }
        self.fold(f, own);
        report
    }

    fn context<'a>(&'a self, pairs: Option<&'a Pairs>, report: Report) -> Context<'a> {
        Context {
            files: &self.files,
            wholes: &self.wholes,
            pairs: pairs.unwrap_or(&self.pairs),
            unmatched: &self.pairs,
            source: &self.source,
            known: &self.known,
            report,
        }
    }

    /// Gathers the facts of a slim file once more, and returns the slim ones.
    fn unfold(
        &mut self,
        f: usize,
        again: &mut impl FnMut(&Part) -> FileChange,
    ) -> Option<FileFacts> {
        if !self.files[f].slim {
            return None;
        }
        let file = again(&self.parts[f]);
        let role = self.files[f].role;
        let code = Code::of(&file, role)?;
        let full = FileFacts {
            whole: self.files[f].whole,
            torn: self.files[f].torn,
            ..facts(&file, role, &code)
        };
        Some(std::mem::replace(&mut self.files[f], full))
    }

    fn fold(&mut self, f: usize, slim: Option<FileFacts>) {
        if let Some(slim) = slim {
            self.files[f] = slim;
        }
    }

    /// The pairs of a file that was slim: those within it were not kept.
    fn pairs_of(&self, f: usize) -> Pairs {
        let mut pairs = Pairs::default();
        pairs.matched = pairing::pair_file(f, &self.files[f]).matched;
        pairs.matched.extend(self.pairs.matched_in(f));
        pairs.matched.sort_unstable();
        pairs
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

/// One finding per rule and place, clear ones first within a file, bounded.
fn tidy(mut found: Vec<Finding>) -> Vec<Finding> {
    if found.is_empty() {
        return found;
    }
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
