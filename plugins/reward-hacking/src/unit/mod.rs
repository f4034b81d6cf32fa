//! Tests as units: finds tests, their containers and the helpers beside them in one side of a file.
//!
//! Only finds them. Whether a unit runs is decided in [`crate::marks`], what it asserts in
//! [`crate::assertion`].

mod brace;
mod indent;
mod script;

use crate::lang::Lang;
use crate::lexer::Lexed;
use crate::limits;
use crate::view::View;

/// What a unit is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnitKind {
    /// Something the test runner would run.
    Test,
    /// A class, module, suite or `describe` that holds tests.
    Container,
    /// A function that is no test.
    Helper,
    /// Lines outside every unit that the view shows.
    #[default]
    Loose,
}

/// An attribute, annotation, decorator or call modifier in front of a unit.
#[derive(Clone, Debug)]
pub struct Attr {
    /// Its path without arguments: `tokio::test`, `pytest.mark.skip`, `Disabled`, `only`.
    pub name: String,
    /// The source lines it spans.
    pub text: String,
    /// Index of its first line in the view.
    pub line: usize,
}

/// A unit as line and token ranges of a view.
#[derive(Clone, Debug)]
pub struct RawUnit {
    /// What it is.
    pub kind: UnitKind,
    /// Function name or title.
    pub name: String,
    /// First line index, attributes included.
    pub start: usize,
    /// Line index of the declaration.
    pub decl: usize,
    /// Line index behind the last one.
    pub end: usize,
    /// Whether the view shows the end of it.
    pub complete: bool,
    /// What stands in front of it.
    pub attrs: Vec<Attr>,
    /// Parameter names.
    pub params: Vec<String>,
    /// Index of the innermost unit around it.
    pub parent: Option<usize>,
}

/// The units of a view in order of their declarations, outer ones first; then the loose lines.
pub fn units(view: &View, lexed: &Lexed, lang: Lang, is_test_file: bool) -> Vec<RawUnit> {
    let mut found = match lang {
        Lang::Python | Lang::Ruby => indent::units(view, lexed, lang, is_test_file),
        Lang::Js => script::units(view, lexed),
        Lang::Other => Vec::new(),
        _ => brace::units(view, lexed, lang, is_test_file),
    };
    found.truncate(limits::UNITS);
    found.sort_by_key(|u| (u.start, usize::MAX - u.end));
    let mut found = nest(found);
    let loose = loose(view, &found, lang, is_test_file);
    found.extend(loose);
    found
}

/// Tells each unit what is around it. What stands deeper than anybody nests belongs to what is around it:
/// there, one unit after the other lacks its end.
fn nest(units: Vec<RawUnit>) -> Vec<RawUnit> {
    let mut nested: Vec<RawUnit> = Vec::with_capacity(units.len());
    let mut stack: Vec<usize> = Vec::new();
    for mut unit in units {
        while stack.last().is_some_and(|&s| nested[s].end <= unit.start) {
            stack.pop();
        }
        if stack.len() < limits::NESTING {
            unit.parent = stack.last().copied();
            stack.push(nested.len());
            nested.push(unit);
        }
    }
    nested
}

/// Runs of lines that no unit covers. The first run of a chunk carries the name that git printed for it.
fn loose(view: &View, units: &[RawUnit], lang: Lang, is_test_file: bool) -> Vec<RawUnit> {
    let mut covered = vec![false; view.lines.len()];
    for unit in units {
        covered[unit.start..unit.end.min(view.lines.len())].fill(true);
    }
    let mut out: Vec<RawUnit> = Vec::new();
    let mut i = 0;
    while i < view.lines.len() {
        if covered[i] {
            i += 1;
            continue;
        }
        let chunk = view.lines[i].chunk;
        let start = i;
        while i < view.lines.len() && !covered[i] && view.lines[i].chunk == chunk {
            i += 1;
        }
        let leading = start == 0 || view.lines[start - 1].chunk != chunk;
        let section = if leading {
            view.sections.get(chunk as usize).copied().unwrap_or("")
        } else {
            ""
        };
        let (kind, name) = section_unit(section, lang, is_test_file);
        out.push(RawUnit {
            kind,
            name,
            start,
            decl: start,
            end: i,
            complete: false,
            attrs: Vec::new(),
            params: Vec::new(),
            parent: None,
        });
        if out.len() >= limits::UNITS {
            break;
        }
    }
    out
}

/// What the text behind `@@` says about the lines that follow.
fn section_unit(section: &str, lang: Lang, is_test_file: bool) -> (UnitKind, String) {
    use crate::view::ViewLine;
    if section.is_empty() {
        return (UnitKind::Loose, String::new());
    }
    let view = View {
        lines: vec![ViewLine {
            no: 1,
            text: section,
            changed: false,
            peer: 0,
            chunk: 0,
        }],
        sections: vec![""],
    };
    let lexed = crate::lexer::lex(&view, lang);
    let units = match lang {
        Lang::Python | Lang::Ruby => indent::units(&view, &lexed, lang, is_test_file),
        Lang::Js => script::units(&view, &lexed),
        Lang::Other => Vec::new(),
        _ => brace::units(&view, &lexed, lang, is_test_file),
    };
    match units.into_iter().next() {
        // A container only says where we are; inside it any test may stand.
        Some(u) if u.kind == UnitKind::Test => (UnitKind::Loose, u.name),
        _ => (UnitKind::Loose, String::new()),
    }
}

/// Line index behind the last line of the chunk that `line` is in.
pub(crate) fn chunk_end(view: &View, line: usize) -> usize {
    let chunk = view.lines[line].chunk;
    line + view.lines[line..].partition_point(|l| l.chunk == chunk)
}

/// The source text of the lines `from..=to`, joined.
pub(crate) fn span_text(view: &View, from: usize, to: usize) -> String {
    let to = to.min(view.lines.len().saturating_sub(1)).min(from + 8);
    view.lines[from..=to]
        .iter()
        .map(|l| l.text.trim())
        .collect::<Vec<_>>()
        .join(" ")
}
