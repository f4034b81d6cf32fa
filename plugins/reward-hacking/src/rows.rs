//! Rows of test tables: parametrised cases, `InlineData`, struct literals in a slice, lines of an `each`.
//!
//! Only rows that the change touched, told by their shape and by what they stand in.

use crate::assertion::Assertion;
use crate::lang::Lang;
use crate::lexer::{Kind, Lexed, Tok};
use crate::text::{canonical_number, has_any, hash, indent};
use crate::view::View;

/// One row.
#[derive(Clone, Debug)]
pub struct Row {
    /// 1-based line.
    pub line: u32,
    /// Chunk of the view.
    pub chunk: u32,
    /// Hashes of its literals and names, in order.
    pub atoms: Vec<u64>,
    /// Hashes of its literals alone, in order.
    pub lits: Vec<u64>,
    /// Its tokens, for comparing rows.
    pub words: Vec<String>,
    /// Whether the row carries a skip of its own.
    pub skipped: bool,
    /// Its first source line.
    pub text: String,
}

/// What a table is called.
const TABLE_WORDS: [&str; 40] = [
    "parametrize",
    "each",
    "cases",
    "tests",
    "table",
    "rows",
    "inlinedata",
    "values(",
    "instantiate_",
    "[]struct",
    "dataprovider",
    "examples",
    "where",
    "stream.of",
    "valuesource",
    "testcasesource",
    "scenarios",
    "csvsource",
    "describetable",
    "memberdata",
    "testdata",
    "fixtures",
    "subtests",
    "inputs",
    "expectations",
    "vectors",
    "tc",
    "case",
    "samples",
    "[]testcase",
    "params",
    "listof",
    "arguments",
    "combine",
    "test_data",
    "data",
    "generate(",
    "withdata",
    "theorydata",
    "golden",
];

/// The changed rows of the view.
pub fn rows(view: &View, lexed: &Lexed, lang: Lang, asserts: &[Assertion]) -> Vec<Row> {
    let mut out = Vec::new();
    let mut asserted = vec![false; view.lines.len()];
    for a in asserts {
        let last = a.last.min(view.lines.len() - 1);
        asserted[a.at..=last.max(a.at)].fill(true);
    }
    let mut shapes = Shapes::default();
    let mut at = 0;
    while at < view.lines.len() {
        let line = &view.lines[at];
        if !line.changed || asserted[at] || line.text.trim().is_empty() {
            at += 1;
            continue;
        }
        let text = line.text.trim();
        let level = indent(line.text);
        let annotation = is_row_annotation(lang, text);
        // Other attributes only look like rows.
        let attribute = lang == Lang::CSharp
            && text.starts_with('[')
            && text[1..].starts_with(char::is_alphabetic)
            && text.ends_with(']');
        if attribute && !annotation {
            at += 1;
            continue;
        }
        let mut last = at;
        if !annotation && opens_block(text) {
            let found = (at + 1..view.lines.len()).take(40).find(|&j| {
                let l = &view.lines[j];
                l.chunk == line.chunk
                    && indent(l.text) == level
                    && l.text.trim_start().starts_with(['}', ')', ']'])
            });
            match found {
                Some(j)
                    if view.lines[at..=j].iter().all(|l| l.changed)
                        && closes_row(view.lines[j].text.trim()) =>
                {
                    last = j
                }
                _ => {
                    at += 1;
                    continue;
                }
            }
        } else if !annotation && !single_row(text) {
            at += 1;
            continue;
        }
        let toks = lexed.lines(at, last + 1);
        let literal = toks.iter().any(|t| {
            matches!(t.kind, Kind::Str | Kind::Number)
                || matches!(
                    t.text,
                    "true" | "false" | "True" | "False" | "None" | "nil" | "null"
                )
        });
        let call = toks.windows(2).any(|w| {
            w[0].is("=>")
                || w[0].is_ident("return")
                || w[0].is_ident("func")
                    && w[1].is("(")
                    && last == at
                    && toks.iter().any(|t| t.is("{"))
        });
        if literal && !call && (annotation || in_table(view, &mut shapes, at, level, text)) {
            out.push(row(view, at, toks));
        }
        at = last + 1;
    }
    out
}

fn row(view: &View, at: usize, toks: &[Tok]) -> Row {
    let canonical = |t: &Tok| {
        if t.kind == Kind::Number {
            canonical_number(t.text).into_owned()
        } else {
            t.text.to_string()
        }
    };
    Row {
        line: view.lines[at].no,
        chunk: view.lines[at].chunk,
        atoms: toks
            .iter()
            .filter(|t| t.kind != Kind::Punct)
            .map(|t| hash(&canonical(t)))
            .collect(),
        lits: toks
            .iter()
            .filter(|t| matches!(t.kind, Kind::Str | Kind::Number))
            .map(|t| hash(&canonical(t)))
            .collect(),
        words: toks.iter().take(200).map(canonical).collect(),
        skipped: toks
            .windows(3)
            .any(|w| w[0].is_ident("mark") && matches!(w[2].text, "skip" | "xfail" | "skipif"))
            || toks
                .windows(2)
                .any(|w| w[0].is_ident("skip") && (w[1].is(":") || w[1].is("=")))
            || toks
                .windows(2)
                .any(|w| matches!(w[0].text, "Skip" | "Ignore") && w[1].is("=")),
        text: view.lines[at].text.trim().to_string(),
    }
}

/// Attributes that each stand for one case.
pub fn is_row_annotation(lang: Lang, text: &str) -> bool {
    match lang {
        Lang::CSharp => {
            has_any(
                text,
                &["[InlineData(", "[TestCase(", "[DataRow(", "[Arguments("],
            ) && text.starts_with('[')
        }
        Lang::Rust => {
            text.starts_with("#[case")
                || text.starts_with("#[test_case")
                || text.starts_with("#[values")
        }
        _ => false,
    }
}

fn opens_block(text: &str) -> bool {
    matches!(text, "{" | "(" | "[" | "[(" | "({")
        || text.ends_with('{')
            && text.len() < 60
            && !text.contains([';', '='])
            && !text.starts_with('}')
            && !text.contains("func")
            && !text.contains("fn ")
            && !text.contains("if ")
        || text.ends_with('(')
            && (text.starts_with("pytest.param")
                || text.starts_with("Arguments")
                || text.starts_with("arguments")
                || text.starts_with("Entry")
                || text.starts_with("TestCase"))
}

fn closes_row(text: &str) -> bool {
    matches!(text, "}," | ")," | "]," | "}" | ")" | "]" | "}),")
}

fn single_row(text: &str) -> bool {
    let body = text.strip_suffix(',').unwrap_or(text);
    if text.starts_with('|') && text.ends_with('|') && text.len() > 4 {
        return true;
    }
    let bracketed = body.starts_with(['(', '{', '[']) && body.ends_with([')', '}', ']']);
    let named = [
        "pytest.param(",
        "Arguments.of(",
        "arguments(",
        "Entry(",
        "std::make_tuple(",
        "std::pair",
        "std::make_pair(",
        "std::tuple",
        "Row(",
        "row(",
        "of(",
        "TestCase(",
        "case(",
        "Case(",
        "Arguments.arguments(",
        "param(",
        "new object[]",
        "new TestCaseData(",
        "yield return",
        "vec![",
        "new[] {",
        "Triple(",
        "Pair(",
        "new Object[]",
        "Case {",
        "TestCase {",
        "TestCase{",
        "Case{",
        "testcase{",
        "testCase{",
    ]
    .iter()
    .any(|p| body.starts_with(p));
    let keyed = body
        .find(": {")
        .or_else(|| body.find(" => "))
        .or_else(|| body.find(": "))
        .is_some_and(|p| body[..p].starts_with(['"', '\'']));
    let plain = text.ends_with(',')
        && body.starts_with(['"', '\''])
        && body.ends_with(['"', '\''])
        && body.len() > 1;
    let infix = body.contains(" to ") && body.starts_with(['"', '\'']);
    bracketed
        || named
        || keyed
        || plain
        || infix
        || text.starts_with("{\"")
        || text.starts_with("{ name:")
        || text.starts_with("{name:")
}

/// What a row asks of the lines around it: found out once for each line, although many rows look at it.
#[derive(Clone, Copy)]
struct Shape {
    indent: usize,
    blank: bool,
    single: bool,
    closes: bool,
    /// Opens something that is no row.
    opens: bool,
}

#[derive(Default)]
struct Shapes(Vec<Option<Shape>>);

impl Shapes {
    fn of(&mut self, view: &View, at: usize) -> Shape {
        if self.0.is_empty() {
            self.0 = vec![None; view.lines.len()];
        }
        *self.0[at].get_or_insert_with(|| {
            let text = view.lines[at].text.trim();
            Shape {
                indent: indent(view.lines[at].text),
                blank: text.is_empty(),
                single: single_row(text),
                closes: closes_row(text),
                opens: text.ends_with(['[', '(', '{']) && !opens_block(text),
            }
        })
    }
}

/// Whether the line stands in something that looks like a table of cases.
fn in_table(view: &View, shapes: &mut Shapes, at: usize, level: usize, text: &str) -> bool {
    let chunk = view.lines[at].chunk;
    let mut hops = 0;
    let mut current = level;
    let mut siblings = 0;
    for j in (0..at).rev().take(120) {
        let l = &view.lines[j];
        if l.chunk != chunk {
            break;
        }
        let shape = shapes.of(view, j);
        if shape.blank {
            continue;
        }
        let here = shape.indent;
        if here == level && (shape.single || shape.closes) {
            siblings += 1;
        }
        if here < current || here == current && shape.opens {
            let trimmed = l.text.trim();
            let lower = trimmed.to_lowercase();
            if has_any(&lower, &TABLE_WORDS)
                || lower.starts_with("for ") && has_any(&lower, &["[", "("])
            {
                return true;
            }
            if !matches!(trimmed, "[" | "(" | "{" | "}{" | "[(" | ")" | "])") && hops > 0 {
                return false;
            }
            current = here;
            hops += 1;
            if hops > 3 {
                return false;
            }
        }
    }
    // The head is out of sight: neighbours that look alike make a table.
    let after = (at + 1..view.lines.len())
        .take(40)
        .take_while(|&j| view.lines[j].chunk == chunk)
        .filter(|&j| {
            let shape = shapes.of(view, j);
            shape.indent == level && shape.single
        })
        .count();
    let structured = text.starts_with(['(', '{', '[', '|']) || text.contains('(');
    siblings + after >= 1 && structured
}
