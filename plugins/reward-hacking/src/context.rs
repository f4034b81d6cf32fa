//! What the rules know about the change as a whole: which names went away, which literals came, what the docs say.

use std::collections::{HashMap, HashSet};
use std::hash::BuildHasherDefault;
use std::rc::Rc;

use crate::checks::gone::Lost;
use crate::facts::{FileFacts, SideFacts, Unit, Whole};
use crate::limits;
use crate::marks::{Cond, MarkKind};
use crate::model::{ChangeKind, FileChange, Finding, LineKind, Severity, Side};
use crate::pairing::{Pairs, UnitRef, Unmatched};
use crate::role::Role;
use crate::source::SourceFacts;
use crate::text::{AsIs, Hashes, bare_name, evidence, hash};
use crate::unit::UnitKind;

/// A helper of the tests: what it checks and what it ignores.
#[derive(Clone, Debug)]
pub struct HelperFacts {
    /// File index.
    pub file: usize,
    /// Line of its declaration.
    pub line: u32,
    /// Assertions that can fail.
    pub checks: usize,
    /// Parameters it never uses.
    pub unused: Vec<String>,
    /// Whether the change brought it.
    pub fresh: bool,
    /// Its declaration line.
    pub header: String,
}

/// A fresh test, as far as it matters when others are gone.
#[derive(Clone, Debug)]
pub struct StandIn {
    /// Where it stands.
    pub at: UnitRef,
    /// The strengths of its assertions together.
    pub offers: u32,
    /// Hashes of the names in it, sorted.
    pub idents: Vec<u64>,
    /// Hashes of the names in the tests and helpers around it.
    pub calls: Vec<u64>,
}

impl StandIn {
    /// What there is to know of a test of file `f`; nothing when it is skipped.
    fn of(f: usize, units: &[Rc<Unit>], index: usize) -> Option<StandIn> {
        let mut calls = Vec::new();
        let mut at = Some(index);
        while let Some(i) = at {
            let unit = &units[i];
            if unit.marks.iter().any(|m| m.kind == MarkKind::Skip) {
                return None;
            }
            if i != index && unit.kind != UnitKind::Container {
                calls.extend(&unit.idents);
            }
            at = unit.parent;
        }
        let unit = &units[index];
        Some(StandIn {
            at: (f, index),
            offers: unit.asserts.iter().map(|a| u32::from(a.strength)).sum(),
            idents: unit.idents.clone(),
            calls,
        })
    }
}

/// What the files of a change tell about each other, gathered file by file.
#[derive(Debug, Default)]
pub struct Known {
    /// Literals in added lines of tests.
    pub added_lits: Hashes,
    /// Literals in removed and kept lines of tests, before the change.
    pub old_lits: Hashes,
    /// Names defined by removed source lines and nowhere after.
    pub removed_defs: Hashes,
    /// Bare names of source files that went away.
    pub removed_stems: HashSet<String>,
    /// Contents of added assertions.
    pub added_asserts: Hashes,
    /// Contents of all assertions after the change.
    pub all_asserts: Hashes,
    /// Helpers by name hash, after the change.
    pub helpers: HashMap<u64, HelperFacts, BuildHasherDefault<AsIs>>,
    /// Names of helpers that skip: before, after.
    pub skippers: [Hashes; 2],
    /// Fresh tests.
    pub stand_ins: Vec<StandIn>,
    /// Names that the source defines after the change.
    defined_after: Hashes,
}

impl Known {
    /// Takes in file `f`.
    pub fn add(&mut self, f: usize, file: &FileFacts) {
        if file.role == Role::Source {
            self.defined_after
                .extend(file.new.units.iter().map(|u| hash(&u.name)));
            self.removed_defs.extend(
                file.old
                    .units
                    .iter()
                    .filter(|u| {
                        !matches!(u.kind, UnitKind::Loose | UnitKind::Test)
                            && u.decl_changed
                            && u.name.len() > 2
                    })
                    .map(|u| hash(&u.name)),
            );
        }
        if file.is_test_code {
            self.added_lits
                .extend(file.new.changed_lits.iter().copied());
            self.old_lits.extend(file.old.all_lits.iter().copied());
            self.gather_tests(f, file);
        }
        if file.kind == ChangeKind::Deleted && file.role == Role::Source {
            self.removed_stems.insert(stem(&file.old_path));
        }
    }

    /// Takes in the fresh units of a file.
    pub fn add_fresh(&mut self, file: &FileFacts, fresh: &[Unmatched]) {
        let tests = fresh.iter().filter(|u| u.kind == UnitKind::Test);
        let room = limits::STAND_INS.saturating_sub(self.stand_ins.len());
        let known = tests.filter_map(|u| StandIn::of(u.at.0, &file.new.units, u.at.1));
        self.stand_ins.extend(known.take(room));
    }

    /// Once every file is in.
    pub fn finish(&mut self, source: &SourceFacts) {
        self.removed_defs.extend(&source.removed_defs);
        let defined_after = std::mem::take(&mut self.defined_after);
        self.removed_defs.retain(|h| !defined_after.contains(h));
    }

    fn gather_tests(&mut self, f: usize, file: &FileFacts) {
        for (s, side) in [&file.old, &file.new].into_iter().enumerate() {
            for unit in &side.units {
                if unit.kind == UnitKind::Helper
                    && unit.marks.iter().any(|m| m.kind == MarkKind::Skip)
                {
                    self.skippers[s].insert(hash(&unit.name));
                }
            }
        }
        for unit in &file.new.units {
            self.all_asserts.extend(
                unit.asserts
                    .iter()
                    .filter(|a| a.strength > 0)
                    .map(|a| content_hash(&a.content)),
            );
            self.added_asserts.extend(
                unit.asserts
                    .iter()
                    .filter(|a| a.changed && a.strength > 0)
                    .map(|a| content_hash(&a.content)),
            );
            if unit.kind == UnitKind::Helper {
                self.helpers.insert(
                    hash(&unit.name),
                    HelperFacts {
                        file: f,
                        line: unit.line,
                        checks: unit.checks(),
                        unused: unit.unused.clone(),
                        fresh: unit.decl_changed,
                        header: unit.header.clone(),
                    },
                );
            }
        }
    }
}

/// Findings in the order of the rules, whatever order the files were judged in.
#[derive(Debug, Default)]
pub struct Report {
    /// The rule at work.
    pub pass: Pass,
    /// Findings, each with the pass it came from.
    pub findings: Vec<(Pass, Finding)>,
    /// Lines whose skip was reported, per file.
    pub skips: HashSet<(usize, u32)>,
    /// Files whose new name was reported.
    pub renamed: Vec<usize>,
    /// Fresh tests that stand in for none yet.
    pub stand_ins: Vec<StandIn>,
    /// Tests that the parts so far of the file at work lost.
    pub lost: Lost,
    /// Tests in the parts before of a file: which file, and for each name in its scope whether the change
    /// brought it.
    pub named: (usize, HashMap<u64, bool>),
}

/// The rules on units and rows, in the order in which their findings stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pass {
    /// Tests that are skipped.
    #[default]
    Skipped,
    /// Skips in lines that match nothing before.
    FreshSkips,
    /// Tests that are singled out.
    Focused,
    /// Tests that are none any more.
    Uncollected,
    /// Tests that a second one of the name hides.
    Hidden,
    /// Tests that are gone.
    Gone,
    /// Assertions and control flow.
    Compared,
    /// Rows of tables.
    Cases,
    /// Answers in the source.
    Special,
}

/// Everything the rules look things up in.
pub struct Context<'a> {
    /// The files in the order of the diff. Of slim ones no units are there.
    pub files: &'a [FileFacts],
    /// What counts for files as a whole.
    pub wholes: &'a [Whole],
    /// Matched units.
    pub pairs: &'a Pairs,
    /// Unmatched units.
    pub unmatched: &'a Pairs,
    /// What the source files tell.
    pub source: &'a SourceFacts,
    /// What the files tell about each other.
    pub known: &'a Known,
    /// What was found.
    pub report: Report,
}

impl<'a> Context<'a> {
    /// Adds a finding.
    #[allow(clippy::too_many_arguments)]
    pub fn add(
        &mut self,
        rule: &'static str,
        severity: Severity,
        path: &str,
        side: Side,
        line: u32,
        message: impl Into<String>,
        text: &str,
    ) {
        let finding = Finding {
            rule,
            severity,
            path: path.to_string(),
            line: line.max(1),
            side,
            message: message.into(),
            evidence: evidence(text),
        };
        self.report.findings.push((self.report.pass, finding));
    }

    /// The unit before the change.
    pub fn old_unit(&self, r: (usize, usize)) -> &'a Unit {
        &self.files[r.0].old.units[r.1]
    }

    /// The unit after the change.
    pub fn new_unit(&self, r: (usize, usize)) -> &'a Unit {
        &self.files[r.0].new.units[r.1]
    }

    /// What keeps the unit from running: a mark of its own, of a unit around it, or of a helper it calls.
    pub fn skip_of(&self, r: (usize, usize), side: Side) -> Option<(Cond, u32, String)> {
        let units = &self.side(r.0, side).units;
        let skippers = &self.known.skippers[usize::from(side == Side::New)];
        let mut at = Some(r.1);
        let mut weakest: Option<(Cond, u32, String)> = None;
        while let Some(i) = at {
            let unit = &units[i];
            for m in unit.marks.iter().filter(|m| m.kind == MarkKind::Skip) {
                let stronger = weakest
                    .as_ref()
                    .is_none_or(|(c, _, _)| rank(m.cond) > rank(*c));
                if stronger {
                    weakest = Some((m.cond, m.line, m.text.clone()));
                }
            }
            if weakest.is_none()
                && unit.kind != UnitKind::Container
                && unit.idents.iter().any(|h| skippers.contains(h))
            {
                weakest = Some((Cond::Other, unit.line, unit.header.clone()));
            }
            at = unit.parent;
        }
        weakest
    }

    /// One side of a file.
    pub fn side(&self, file: usize, side: Side) -> &'a SideFacts {
        match side {
            Side::Old => &self.files[file].old,
            Side::New => &self.files[file].new,
        }
    }

    /// Whether what the unit tests went away with it.
    pub fn feature_removed(&self, unit: &Unit, file: &FileFacts) -> bool {
        unit.idents
            .iter()
            .any(|h| self.known.removed_defs.contains(h))
            || self.known.removed_stems.contains(&stem(&file.old_path))
            || unit.texts.iter().any(|t| self.source.lost_text_in(t))
            || unit
                .lits
                .iter()
                .any(|h| self.source.removed_texts.contains(h))
    }
}

/// How much a skip keeps from running.
pub fn rank(cond: Cond) -> u8 {
    match cond {
        Cond::Platform => 0,
        Cond::Other => 1,
        Cond::Always => 2,
    }
}

/// One hash for the content of an assertion.
pub fn content_hash(content: &[u64]) -> u64 {
    content.iter().fold(0x9e37_79b9_7f4a_7c15, |h, c| {
        (h ^ c).wrapping_mul(0x0100_0000_01b3).rotate_left(17)
    })
}

/// A file's name without directories, extension and what marks it as a test.
pub fn stem(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    let base = name.split('.').next().unwrap_or(name);
    let spec = base
        .strip_suffix("_spec")
        .or_else(|| base.strip_suffix("Spec"))
        .or_else(|| base.strip_suffix("Specs"))
        .or_else(|| base.strip_suffix("IT"))
        .unwrap_or(base);
    bare_name(spec)
}

/// The changed lines of a file on one side.
pub fn changed_lines(file: &FileChange, kind: LineKind) -> impl Iterator<Item = (u32, &str)> {
    file.hunks
        .iter()
        .flat_map(|h| &h.lines)
        .filter(move |l| l.kind == kind)
        .map(move |l| {
            (
                if kind == LineKind::Removed {
                    l.old_line
                } else {
                    l.new_line
                },
                l.text.as_str(),
            )
        })
}
