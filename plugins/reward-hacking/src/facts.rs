//! What is kept of a file once its views are gone: units, rows and literals, before and after.

use std::rc::Rc;

use crate::assertion::{Assertion, assertions};
use crate::lang::Lang;
use crate::lexer::{Kind, Lexed};
use crate::marks::{Mark, flow_marks, skip_marks};
use crate::model::{ChangeKind, FileChange};
use crate::role::Role;
use crate::rows::{Row, rows};
use crate::sides::{Code, CodeSide};
use crate::text::{bare_name, canonical_number, hash, squeezed_hash};
use crate::unit::{RawUnit, UnitKind};
use crate::view::View;

/// A unit with everything the rules ask about it.
#[derive(Clone, Debug, Default)]
pub struct Unit {
    /// What it is.
    pub kind: UnitKind,
    /// Function name or title.
    pub name: String,
    /// The name without what decides whether it is collected.
    pub bare: String,
    /// Names of the units around it, outermost first.
    pub within: String,
    /// 1-based line of the declaration.
    pub line: u32,
    /// The declaration line.
    pub header: String,
    /// Whether the declaration line changed.
    pub decl_changed: bool,
    /// Whether that line has no indentation.
    pub top: bool,
    /// Whether any line of it changed.
    pub any_changed: bool,
    /// Index of the unit around it.
    pub parent: Option<usize>,
    /// Skips, focus, swallowed failures and the like.
    pub marks: Vec<Mark>,
    /// Its assertions.
    pub asserts: Vec<Assertion>,
    /// Hashes of the names it calls or mentions, sorted and without repeats.
    pub idents: Vec<u64>,
    /// Hashes of its literals, title excluded, sorted and without repeats.
    pub lits: Vec<u64>,
    /// Its strings, of a unit that is wholly new or gone.
    pub texts: Vec<String>,
    /// New-side numbers of the telling lines it shares with the other side.
    pub peers: Vec<u32>,
    /// Hashes of its telling lines without blanks, sorted.
    pub lines: Vec<u64>,
    /// Parameters that its body never mentions.
    pub unused: Vec<String>,
    /// Chunk of its first line.
    pub chunk: u32,
    /// 1-based first and last line.
    pub span: (u32, u32),
}

impl Unit {
    /// The number of assertions that can fail.
    pub fn checks(&self) -> usize {
        self.asserts.iter().filter(|a| a.strength > 0).count()
    }
}

/// One side of a file.
#[derive(Debug, Default)]
pub struct SideFacts {
    /// Units in order, loose lines last.
    pub units: Vec<Rc<Unit>>,
    /// Rows of tables.
    pub rows: Vec<Row>,
    /// How many rows there are, also when they are not kept.
    pub row_count: usize,
    /// Hashes of literals in changed lines, with repeats.
    pub changed_lits: Vec<u64>,
    /// Hashes of all literals the view shows.
    pub all_lits: Vec<u64>,
}

/// A file.
#[derive(Debug)]
pub struct FileFacts {
    /// Path before, or the only one.
    pub old_path: String,
    /// Path after, or the only one.
    pub new_path: String,
    /// What happened to it.
    pub kind: ChangeKind,
    /// What part it plays.
    pub role: Role,
    /// Its language.
    pub lang: Lang,
    /// Whether it has tests or helps them.
    pub is_test_code: bool,
    /// Which file of those judged this is a part of.
    pub whole: usize,
    /// Whether the file has other parts.
    pub torn: bool,
    /// Tests before.
    pub old_tests: usize,
    /// Whether the change touched one of these.
    pub old_test_changed: bool,
    /// Whether only a part of its units is kept.
    pub slim: bool,
    /// Before.
    pub old: SideFacts,
    /// After.
    pub new: SideFacts,
}

/// What counts for a file as a whole, however many parts it is judged in.
#[derive(Debug, Default)]
pub struct Whole {
    /// The part that it begins with.
    pub first: usize,
    /// Tests before.
    pub old_tests: usize,
    /// Rows of tables after the change, less those before.
    pub more_rows: isize,
}

impl Whole {
    /// Of a file that begins with the part `first`.
    pub fn beginning_with(first: usize) -> Whole {
        Whole {
            first,
            ..Whole::default()
        }
    }

    /// Takes in a part.
    pub fn add(&mut self, facts: &FileFacts) {
        self.old_tests += facts.old_tests;
        self.more_rows += facts.new.row_count as isize - facts.old.row_count as isize;
    }
}

impl FileFacts {
    /// Drops what can be gathered again when the file is judged.
    pub fn slim(&mut self) {
        self.slim = true;
        self.old = SideFacts::default();
        self.new = SideFacts::default();
    }
}

/// Both sides of a file.
pub fn facts(file: &FileChange, role: Role, code: &Code) -> FileFacts {
    let path = file.path().to_string();
    // What nobody tests with, nobody asks about assertions, rows and literals.
    let is_test_code = matches!(role, Role::Test | Role::Harness)
        || [&code.old, &code.new]
            .iter()
            .any(|side| side.raw.iter().any(|u| u.kind == UnitKind::Test));
    let old = side(&code.old, code.lang, is_test_code);
    let new = side(&code.new, code.lang, is_test_code);
    let is_test = |u: &Rc<Unit>| u.kind == UnitKind::Test;
    FileFacts {
        old_path: file.old_path.clone().unwrap_or_else(|| path.clone()),
        new_path: path,
        kind: file.kind,
        role,
        lang: code.lang,
        is_test_code,
        whole: 0,
        torn: false,
        old_tests: old.units.iter().filter(|u| is_test(u)).count(),
        old_test_changed: old.units.iter().any(|u| is_test(u) && u.any_changed),
        slim: false,
        old,
        new,
    }
}

fn side(code: &CodeSide, lang: Lang, is_test_code: bool) -> SideFacts {
    let CodeSide { view, lexed, raw } = code;
    if view.lines.is_empty() {
        return SideFacts::default();
    }
    let owners = owners(view, raw);
    let mut out = SideFacts::default();
    let mut asserts = Vec::new();
    if is_test_code {
        asserts = assertions(view, lexed, lang);
        out.rows = rows(view, lexed, lang, &asserts);
    }
    let mut bodies: Vec<Vec<usize>> = vec![Vec::new(); raw.len()];
    for (i, t) in lexed.toks.iter().enumerate() {
        if let Some(owner) = owners[t.line as usize] {
            bodies[owner].push(i);
        }
        match t.kind {
            Kind::Str | Kind::Number if is_test_code => {
                let h = if t.kind == Kind::Number {
                    hash(&canonical_number(t.text))
                } else {
                    hash(t.text)
                };
                out.all_lits.push(h);
                if view.lines[t.line as usize].changed {
                    out.changed_lits.push(h);
                    // `"90, A"` in a table of text holds the cells of a row.
                    if t.kind == Kind::Str && t.text.contains([',', '|']) {
                        out.changed_lits.extend(
                            t.text
                                .split([',', '|'])
                                .map(str::trim)
                                .filter(|p| !p.is_empty())
                                .take(20)
                                .map(|p| {
                                    if p.starts_with(|c: char| c.is_ascii_digit()) {
                                        hash(&canonical_number(p))
                                    } else {
                                        hash(p)
                                    }
                                }),
                        );
                    }
                }
            }
            _ => {}
        }
    }
    out.all_lits.sort_unstable();
    out.all_lits.dedup();
    let mut own: Vec<Vec<Assertion>> = vec![Vec::new(); raw.len()];
    for a in asserts {
        if let Some(owner) = owners[a.at] {
            own[owner].push(a);
        }
    }
    out.units = own
        .into_iter()
        .enumerate()
        .map(|(i, asserts)| Rc::new(unit_facts(code, lang, i, &owners, &bodies[i], asserts)))
        .collect();
    out.row_count = out.rows.len();
    out
}

/// For each line the unit it belongs to: the innermost one, but a test rather than a function inside it.
fn owners(view: &View, raw: &[RawUnit]) -> Vec<Option<usize>> {
    let mut owners: Vec<Option<usize>> = vec![None; view.lines.len()];
    for (i, unit) in raw.iter().enumerate() {
        let mut owner = i;
        if unit.kind == UnitKind::Helper {
            let mut up = unit.parent;
            while let Some(p) = up {
                if raw[p].kind == UnitKind::Test {
                    owner = p;
                    break;
                }
                up = raw[p].parent;
            }
        }
        let end = unit.end.min(owners.len());
        owners[unit.start.min(end)..end].fill(Some(owner));
    }
    owners
}

fn unit_facts(
    code: &CodeSide,
    lang: Lang,
    index: usize,
    owners: &[Option<usize>],
    body: &[usize],
    asserts: Vec<Assertion>,
) -> Unit {
    let CodeSide { view, lexed, raw } = code;
    let unit = &raw[index];
    let end = unit.end.min(view.lines.len());
    let all = &view.lines[unit.start..end];
    let mut peers = Vec::new();
    let mut line_hashes = Vec::new();
    for (i, l) in all.iter().enumerate() {
        if owners[unit.start + i] != Some(index) {
            continue;
        }
        let (squeezed, length) = squeezed_hash(l.text);
        if length < 4 {
            continue;
        }
        if !l.changed {
            peers.push(l.peer);
        }
        if unit.start + i != unit.decl {
            line_hashes.push(squeezed);
        }
    }
    line_hashes.sort_unstable();
    let whole = all.iter().all(|l| l.changed || l.text.trim().is_empty());
    let mut texts: Vec<String> = Vec::new();
    let mut idents = Vec::new();
    let mut lits = Vec::new();
    for &i in body {
        if whole
            && texts.len() < 24
            && lexed.toks[i].kind == Kind::Str
            && lexed.toks[i].text.len() < 120
        {
            texts.push(lexed.toks[i].text.to_lowercase());
        }
        let t = &lexed.toks[i];
        match t.kind {
            Kind::Ident => idents.push(hash(t.text)),
            Kind::Number => lits.push(hash(&canonical_number(t.text))),
            Kind::Str if t.text != unit.name => lits.push(hash(t.text)),
            _ => {}
        }
    }
    for list in [&mut idents, &mut lits] {
        list.sort_unstable();
        list.dedup();
    }
    let mut marks = skip_marks(view, lexed, lang, unit, body);
    if unit.kind != UnitKind::Container {
        marks.extend(flow_marks(view, lexed, lang, unit, body, &asserts));
    }
    marks.sort_by_key(|m| (m.at, m.kind));
    let unused = if unit.kind == UnitKind::Helper && unit.complete {
        unused(lexed, unit)
    } else {
        Vec::new()
    };
    let mut within = Vec::new();
    let mut up = unit.parent;
    while let Some(p) = up {
        within.push(raw[p].name.as_str());
        up = raw[p].parent;
    }
    within.reverse();
    Unit {
        kind: unit.kind,
        name: unit.name.clone(),
        bare: bare_name(&unit.name),
        within: within.join("/"),
        line: view.lines[unit.decl].no,
        header: view.lines[unit.decl].text.trim().to_string(),
        decl_changed: view.lines[unit.decl].changed,
        top: !view.lines[unit.decl].text.starts_with(char::is_whitespace),
        any_changed: all.iter().any(|l| l.changed),
        parent: unit.parent,
        marks,
        asserts,
        idents,
        lits,
        texts,
        peers,
        lines: line_hashes,
        unused,
        chunk: view.lines[unit.start].chunk,
        span: (view.lines[unit.start].no, view.lines[end - 1].no),
    }
}

/// Parameters that appear nowhere but in the signature.
fn unused(lexed: &Lexed, unit: &RawUnit) -> Vec<String> {
    let toks = lexed.lines(unit.decl, unit.end);
    unit.params
        .iter()
        .filter(|p| {
            !p.starts_with('_')
                && !matches!(
                    p.as_str(),
                    "self" | "cls" | "this" | "t" | "tb" | "args" | "kwargs"
                )
        })
        .filter(|p| {
            let plain = toks
                .iter()
                .filter(|t| t.kind == Kind::Ident && t.text == p.as_str())
                .count();
            let inside = toks
                .iter()
                .any(|t| t.kind == Kind::Str && crate::text::has_word(t.text, p));
            plain <= 1 && !inside
        })
        .cloned()
        .collect()
}
