//! Special cases in the source: a comparison with one particular input, answered with one particular output.
//!
//! Only collected here. A special case becomes a finding when the tests use the very same literals.

mod heads;
mod literal;

use std::cell::OnceCell;

use crate::lang::Lang;
use crate::lexer::{Kind, Lexed, Tok};
use crate::text::{canonical_number, evidence, hash, indent};
use crate::unit::chunk_end;
use crate::view::View;
use heads::Heads;
use literal::{computed_like, instance_like};

/// A special case.
#[derive(Clone, Debug)]
pub struct Special {
    /// 1-based line of the comparison or entry.
    pub line: u32,
    /// The line.
    pub text: String,
    /// Hashes of the literals that are compared with.
    pub inputs: Vec<u64>,
    /// Hashes of the literals that are answered.
    pub outputs: Vec<u64>,
    /// Whether the inputs look like an instance rather than a kind.
    pub telling_input: bool,
    /// Whether the outputs look computed.
    pub telling_output: bool,
    /// Number of comparisons.
    pub comparisons: usize,
    /// A path into the tests' own data.
    pub reads_tests: bool,
    /// Stands in a list of answers (match arms, cases, table entries) whose head has this line; 0 when out of sight.
    pub list: Option<u32>,
    /// The list is new and stands in code that is not.
    pub fresh_list: bool,
    /// Parts of composite inputs (`"1,2"`), hashed.
    pub parts: Vec<u64>,
}

/// Finds special cases in added lines.
pub fn find(view: &View, lexed: &Lexed, lang: Lang, tests: &[bool]) -> Vec<Special> {
    let mut out = Vec::new();
    let place = Place {
        view,
        heads: OnceCell::new(),
    };
    for (at, line) in view.lines.iter().enumerate() {
        if !line.changed || tests[at] {
            continue;
        }
        let toks = lexed.lines(at, at + 1);
        if toks.is_empty() {
            continue;
        }
        if toks
            .iter()
            .any(|t| t.kind == Kind::Str && reads_tests(t.text))
            && !toks
                .iter()
                .any(|t| matches!(t.text, "import" | "require" | "use" | "exclude" | "ignore"))
        {
            out.push(Special {
                line: line.no,
                text: evidence(line.text),
                inputs: vec![],
                outputs: vec![],
                telling_input: true,
                telling_output: true,
                comparisons: 0,
                reads_tests: true,
                list: None,
                fresh_list: false,
                parts: vec![],
            });
            continue;
        }
        if let Some(special) = branch(&place, lexed, lang, at, toks)
            .or_else(|| arm(&place, at, toks))
            .or_else(|| entry(&place, at, toks))
        {
            out.push(special);
        }
    }
    out
}

fn reads_tests(text: &str) -> bool {
    let lower = text.to_lowercase();
    lower.len() < 120
        && (lower.contains("testdata/")
            || lower.contains("tests/")
            || lower.contains("test/") && lower.contains("expected")
            || lower.contains("spec/fixtures")
            || lower.contains("__snapshots__")
            || lower.contains(".golden")
            || lower.contains("test/resources"))
        && !lower.contains('*')
}

/// `if sku == "X" && qty == 137 { return 1084.28 }`, on one line or the next.
fn branch(place: &Place, lexed: &Lexed, lang: Lang, at: usize, toks: &[Tok]) -> Option<Special> {
    let view = place.view;
    let head = toks.iter().position(|t| {
        t.kind == Kind::Ident
            && matches!(
                t.text,
                "if" | "elif" | "elsif" | "when" | "case" | "unless" | "else"
            )
            || t.is("?")
    })?;
    let mut inputs: Vec<&Tok> = Vec::new();
    let mut comparisons = 0;
    let ternary = toks[head].is("?");
    let condition: &[Tok] = if ternary {
        &toks[..head]
    } else {
        &toks[head..]
    };
    let mut split = condition.len();
    for (i, t) in condition.iter().enumerate() {
        if matches!(t.text, "return" | "then") && t.kind == Kind::Ident
            || t.is("=>") && i > 0 && matches!(toks[head].text, "when")
        {
            split = i;
            break;
        }
        let equality = t.kind == Kind::Punct && matches!(t.text, "==" | "===")
            || t.kind == Kind::Ident
                && matches!(
                    t.text,
                    "equals" | "Equals" | "eq" | "EqualFold" | "eql" | "is" | "in"
                );
        if equality {
            let mut near: Vec<&Tok> = condition[i + 1..]
                .iter()
                .take_while(|t| {
                    !matches!(
                        t.text,
                        "&&" | "||" | "and" | "or" | ":" | "{" | "return" | ";"
                    )
                })
                .filter(|t| matches!(t.kind, Kind::Str | Kind::Number))
                .take(12)
                .collect();
            if near.is_empty() {
                near = condition[..i]
                    .iter()
                    .rev()
                    .take(2)
                    .filter(|t| matches!(t.kind, Kind::Str | Kind::Number))
                    .collect();
            }
            if !near.is_empty() {
                comparisons += 1;
                inputs.extend(near);
            }
        }
    }
    if matches!(toks[head].text, "case" | "when") && inputs.is_empty() {
        let list: Vec<&Tok> = condition[1..]
            .iter()
            .take_while(|t| !matches!(t.text, ":" | "then" | "->" | "=>"))
            .filter(|t| matches!(t.kind, Kind::Str | Kind::Number))
            .collect();
        if !list.is_empty() {
            comparisons = 1;
            inputs = list;
        }
    }
    if inputs.is_empty() {
        return None;
    }
    let own: Vec<&Tok> = if ternary {
        toks[head..].iter().collect()
    } else {
        condition[split.min(condition.len())..].iter().collect()
    };
    let mut outputs: Vec<&Tok> = own
        .into_iter()
        .filter(|t| matches!(t.kind, Kind::Str | Kind::Number) || is_value(t))
        .collect();
    if outputs.is_empty() {
        let level = indent(view.lines[at].text);
        let stop = chunk_end(view, at);
        for j in at + 1..stop.min(at + 6) {
            let text = view.lines[j].text;
            if text.trim().is_empty() {
                continue;
            }
            if indent(text) <= level && !matches!(text.trim(), "{") {
                break;
            }
            let body = lexed.lines(j, j + 1);
            let answers = body
                .iter()
                .any(|t| matches!(t.text, "return" | "=") && t.kind != Kind::Str)
                || matches!(lang, Lang::Rust | Lang::Ruby | Lang::Kotlin);
            if answers && view.lines[j].changed {
                outputs.extend(
                    body.iter()
                        .filter(|t| matches!(t.kind, Kind::Str | Kind::Number) || is_value(t)),
                );
            }
        }
    }
    // `return X if input == Y` answers in front.
    if outputs.is_empty() && head > 0 && toks[..head].iter().any(|t| t.is_ident("return")) {
        outputs.extend(
            toks[..head]
                .iter()
                .filter(|t| matches!(t.kind, Kind::Str | Kind::Number)),
        );
    }
    let listed = matches!(toks[head].text, "case" | "when") && comparisons <= 1;
    special(place, at, &inputs, &outputs, comparisons, listed)
}

/// A match arm: `"X" => "Y",`.
fn arm(place: &Place, at: usize, toks: &[Tok]) -> Option<Special> {
    let arrow = toks.iter().position(|t| t.is("=>") || t.is("->"))?;
    let inputs: Vec<&Tok> = toks[..arrow]
        .iter()
        .filter(|t| matches!(t.kind, Kind::Str | Kind::Number))
        .collect();
    let outputs: Vec<&Tok> = toks[arrow..]
        .iter()
        .filter(|t| matches!(t.kind, Kind::Str | Kind::Number))
        .collect();
    if inputs.is_empty()
        || toks[..arrow].iter().any(|t| {
            t.kind == Kind::Ident && !matches!(t.text, "Some" | "Ok" | "if" | "case" | "when")
        })
    {
        return None;
    }
    let count = inputs.len();
    special(place, at, &inputs, &outputs, count, true)
}

/// An entry of a table: `"X": 42,`.
fn entry(place: &Place, at: usize, toks: &[Tok]) -> Option<Special> {
    let text = place.view.lines[at].text.trim();
    let pair = toks.len() >= 3
        && matches!(toks[0].kind, Kind::Str | Kind::Number)
        && matches!(toks[1].text, ":" | "=>" | ",")
        || toks[0].is("(")
        || toks[0].is("{")
        || toks[0].is("[");
    if !pair || !text.ends_with(',') && !text.ends_with('}') && !text.ends_with(')') {
        return None;
    }
    let literals: Vec<&Tok> = toks
        .iter()
        .filter(|t| matches!(t.kind, Kind::Str | Kind::Number))
        .collect();
    if literals.len() < 2
        || toks.iter().any(|t| t.is("(") && t.kind == Kind::Punct)
            && !toks[0].is("(")
            && toks.iter().filter(|t| t.is("(")).count() > 1
    {
        return None;
    }
    let (last, inputs) = literals.split_last()?;
    special(place, at, inputs, &[last], inputs.len(), true)
}

fn is_value(t: &Tok) -> bool {
    t.kind == Kind::Ident && matches!(t.text, "True" | "False" | "true" | "false")
}

/// The view that special cases are looked for in.
struct Place<'v, 'a> {
    view: &'v View<'a>,
    /// Most views have no list of answers.
    heads: OnceCell<Heads>,
}

fn special(
    place: &Place,
    at: usize,
    inputs: &[&Tok],
    outputs: &[&Tok],
    comparisons: usize,
    listed: bool,
) -> Option<Special> {
    if outputs.is_empty() {
        return None;
    }
    // Yes and no are no literals to look for, but they are answers.
    let outputs: Vec<&&Tok> = outputs.iter().filter(|t| t.kind != Kind::Ident).collect();
    let view = place.view;
    let (list, fresh_list) = if listed {
        let heads = place.heads.get_or_init(|| Heads::of(view));
        let (head, fresh) = heads.list(view, at);
        (Some(head), fresh)
    } else {
        (None, false)
    };
    let h = |t: &Tok| {
        if t.kind == Kind::Number {
            hash(&canonical_number(t.text))
        } else {
            hash(t.text)
        }
    };
    Some(Special {
        line: view.lines[at].no,
        text: evidence(view.lines[at].text),
        inputs: inputs.iter().map(|t| h(t)).collect(),
        outputs: outputs.iter().map(|t| h(t)).collect(),
        telling_input: if outputs.is_empty() {
            inputs.iter().all(|t| instance_like(t))
        } else {
            inputs.iter().any(|t| instance_like(t))
        },
        telling_output: outputs.iter().any(|t| computed_like(t)),
        comparisons,
        reads_tests: false,
        list,
        fresh_list,
        parts: inputs
            .iter()
            .filter(|t| t.kind == Kind::Str)
            .flat_map(|t| t.text.split([',', ' ', ';', '|', ':']))
            .filter(|p| !p.is_empty())
            .map(|p| {
                if p.starts_with(|c: char| c.is_ascii_digit()) {
                    hash(&canonical_number(p))
                } else {
                    hash(p)
                }
            })
            .collect(),
    })
}
