//! What the rules know about the change as a whole: which names went away, which literals came, what the docs say.

use std::collections::{HashMap, HashSet};

use crate::facts::{FileFacts, SideFacts, Unit};
use crate::marks::{Cond, MarkKind};
use crate::model::{ChangeKind, FileChange, Finding, LineKind, Severity, Side};
use crate::pairing::Pairs;
use crate::role::Role;
use crate::source::SourceFacts;
use crate::text::{bare_name, evidence, hash};
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

/// Everything the rules look things up in.
pub struct Context<'a> {
    /// The files in the order of the diff.
    pub files: &'a [FileFacts],
    /// Matched and unmatched units.
    pub pairs: &'a Pairs,
    /// What the source files tell.
    pub source: &'a SourceFacts,
    /// Literals in added lines of tests.
    pub added_lits: HashSet<u64>,
    /// Literals in removed and kept lines of tests, before the change.
    pub old_lits: HashSet<u64>,
    /// Names defined by removed source lines and nowhere after.
    pub removed_defs: HashSet<u64>,
    /// Bare names of source files that went away.
    pub removed_stems: HashSet<String>,
    /// Contents of added assertions, with how many there are of each.
    pub added_asserts: HashMap<u64, usize>,
    /// Contents of all assertions after the change.
    pub all_asserts: HashSet<u64>,
    /// Helpers by name hash, after the change.
    pub helpers: HashMap<u64, HelperFacts>,
    /// Names of helpers that skip: before, after.
    pub skippers: [HashSet<u64>; 2],
    /// Names mentioned by tests after the change.
    pub used_names: HashSet<u64>,
    /// Whether prose of the project changed as well.
    pub docs_changed: bool,
    /// Added lines of harness files.
    pub harness_added: String,
    /// What was found.
    pub findings: Vec<Finding>,
}

impl<'a> Context<'a> {
    /// Gathers what the rules will look up.
    pub fn new(files: &'a [FileFacts], pairs: &'a Pairs, source: &'a SourceFacts) -> Context<'a> {
        let mut ctx = Context {
            files,
            pairs,
            source,
            added_lits: HashSet::new(),
            old_lits: HashSet::new(),
            removed_defs: HashSet::new(),
            removed_stems: HashSet::new(),
            added_asserts: HashMap::new(),
            all_asserts: HashSet::new(),
            helpers: HashMap::new(),
            skippers: [HashSet::new(), HashSet::new()],
            used_names: HashSet::new(),
            docs_changed: source.docs_changed,
            harness_added: source.harness_added.clone(),
            findings: Vec::new(),
        };
        let mut defined_after: HashSet<u64> = HashSet::new();
        for (f, file) in files.iter().enumerate() {
            if file.role == Role::Source {
                defined_after.extend(file.new.units.iter().map(|u| hash(&u.name)));
            }
            if is_test_code(file) {
                ctx.added_lits.extend(file.new.changed_lits.iter().copied());
                ctx.old_lits.extend(file.old.all_lits.iter().copied());
                ctx.gather_tests(f, file);
            }
            if file.kind == ChangeKind::Deleted && file.role == Role::Source {
                ctx.removed_stems.insert(stem(&file.old_path));
            }
        }
        for file in files.iter().filter(|f| f.role == Role::Source) {
            for unit in &file.old.units {
                let h = hash(&unit.name);
                if unit.kind != UnitKind::Loose
                    && unit.kind != UnitKind::Test
                    && unit.decl_changed
                    && !defined_after.contains(&h)
                    && unit.name.len() > 2
                {
                    ctx.removed_defs.insert(h);
                }
            }
        }
        ctx.removed_defs.extend(
            source
                .removed_defs
                .iter()
                .filter(|h| !defined_after.contains(h)),
        );
        ctx
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
            if matches!(
                unit.kind,
                UnitKind::Test | UnitKind::Loose | UnitKind::Helper | UnitKind::Container
            ) {
                self.used_names.extend(unit.idents.iter().copied());
            }
            self.all_asserts.extend(
                unit.asserts
                    .iter()
                    .filter(|a| a.strength > 0)
                    .map(|a| content_hash(&a.content)),
            );
            for a in unit.asserts.iter().filter(|a| a.changed && a.strength > 0) {
                *self
                    .added_asserts
                    .entry(content_hash(&a.content))
                    .or_default() += 1;
            }
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
        self.findings.push(Finding {
            rule,
            severity,
            path: path.to_string(),
            line: line.max(1),
            side,
            message: message.into(),
            evidence: evidence(text),
        });
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
        let skippers = &self.skippers[usize::from(side == Side::New)];
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
        unit.idents.iter().any(|h| self.removed_defs.contains(h))
            || self.removed_stems.contains(&stem(&file.old_path))
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

/// Whether the file has tests or helps them.
pub fn is_test_code(file: &FileFacts) -> bool {
    file.role == Role::Test
        || file.role == Role::Harness && file.lang != crate::lang::Lang::Other
        || file.role == Role::Source
            && [&file.old, &file.new]
                .iter()
                .any(|s| s.units.iter().any(|u| u.kind == UnitKind::Test))
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
