//! Equality that always holds, which makes every assertion on the type vacuous.

use crate::lang::Lang;
use crate::lexer::{Kind, Lexed, Tok};
use crate::model::{FileChange, Finding, Severity, Side};
use crate::text::evidence;
use crate::unit::chunk_end;
use crate::view::View;

/// Finds equality functions that the change made trivial.
pub fn find(file: &FileChange, view: &View, lexed: &Lexed, lang: Lang, out: &mut Vec<Finding>) {
    let toks = &lexed.toks;
    for i in 0..toks.len() {
        let line = toks[i].line as usize;
        if !defines_equality(toks, i, lang) {
            continue;
        }
        let stop = chunk_end(view, line);
        let limit = lexed.range(line, stop).1;
        let (from, to) = match lang {
            Lang::Python | Lang::Ruby => {
                let level = crate::text::indent(view.lines[line].text);
                let end = (line + 1..stop)
                    .find(|&j| {
                        !view.lines[j].text.trim().is_empty()
                            && crate::text::indent(view.lines[j].text) <= level
                    })
                    .unwrap_or(stop);
                let head_end = lexed.range(line, line + 1).1;
                let body = lexed.range(line + 1, end);
                if body.0 >= body.1 {
                    (i, head_end)
                } else {
                    body
                }
            }
            _ => {
                let Some(open) = (i..limit.min(i + 60)).find(|&j| {
                    toks[j].is("{")
                        || toks[j].is("=>")
                        || toks[j].is(";")
                        || toks[j].is("=") && lang == Lang::Kotlin
                }) else {
                    continue;
                };
                if toks[open].is(";") {
                    continue;
                }
                if toks[open].is("{") {
                    (open + 1, lexed.closing(open, limit).unwrap_or(limit))
                } else {
                    (
                        open + 1,
                        (open..limit)
                            .find(|&j| toks[j].is(";") || toks[j].line > toks[open].line + 1)
                            .unwrap_or(limit),
                    )
                }
            }
        };
        let last_line = toks
            .get(to.saturating_sub(1))
            .map_or(line, |t| t.line as usize)
            .max(line);
        let touched = view.lines[line..=last_line.min(view.lines.len() - 1)]
            .iter()
            .any(|l| l.changed);
        if !touched || !trivial(&toks[from.min(to)..to], lang) {
            continue;
        }
        let at = (line..=last_line)
            .find(|&l| view.lines[l].changed)
            .unwrap_or(line);
        out.push(Finding {
            rule: "equality-override",
            severity: Severity::Block,
            path: file.path().to_string(),
            line: view.lines[at].no,
            side: Side::New,
            message: "equality of this type now holds for values that differ, so comparisons in tests prove nothing".into(),
            evidence: evidence(view.lines[at].text),
        });
    }
}

fn defines_equality(toks: &[Tok], i: usize, lang: Lang) -> bool {
    let next = |n: usize, s: &str| {
        toks.get(i + n)
            .is_some_and(|t| t.text == s && t.kind != Kind::Str)
    };
    let t = &toks[i];
    if t.kind != Kind::Ident {
        return false;
    }
    match lang {
        Lang::Python => {
            t.text == "def"
                && toks.get(i + 1).is_some_and(|n| {
                    matches!(n.text, "__eq__" | "__ne__" | "__contains__" | "__lt__")
                })
        }
        Lang::Ruby => {
            t.text == "def"
                && (next(1, "==") || next(1, "===") || next(1, "eql?") || next(1, "equal?"))
                || t.text == "def" && next(1, "=") && next(2, "=")
        }
        Lang::Rust => t.text == "fn" && (next(1, "eq") || next(1, "ne")) && next(2, "("),
        Lang::Java => {
            t.text == "equals" && next(1, "(") && i > 0 && toks[i - 1].is_ident("boolean")
        }
        Lang::Kotlin => t.text == "fun" && next(1, "equals"),
        Lang::CSharp => {
            t.text == "Equals" && next(1, "(") && i > 0 && toks[i - 1].is_ident("bool")
                || t.text == "operator" && (next(1, "==") || next(1, "!="))
        }
        Lang::Cpp => t.text == "operator" && (next(1, "==") || next(1, "!=")),
        Lang::Go => {
            t.text == "func"
                && toks[i..toks.len().min(i + 10)]
                    .iter()
                    .any(|t| matches!(t.text, "Equal" | "Equals" | "Eq"))
                && toks[i..toks.len().min(i + 22)]
                    .iter()
                    .any(|t| t.is_ident("bool"))
        }
        Lang::Js => {
            matches!(
                t.text,
                "equals" | "isEqual" | "asymmetricMatch" | "deepEqual"
            ) && next(1, "(")
                && !(i > 0 && toks[i - 1].is("."))
        }
        Lang::Other => false,
    }
}

/// Whether the body says yes to everything.
fn trivial(body: &[Tok], lang: Lang) -> bool {
    let code: Vec<&Tok> = body
        .iter()
        .filter(|t| !matches!(t.text, "return" | ";" | "{" | "}" | "end"))
        .collect();
    let words: Vec<&str> = code.iter().map(|t| t.text).collect();
    match words[..] {
        ["true"] | ["True"] | ["1"] => return true,
        ["false"] | ["False"] => {
            // `!=` that never holds.
            return false;
        }
        _ => {}
    }
    // `return True` behind a type check.
    if words.ends_with(&["true"]) || words.ends_with(&["True"]) {
        let compares = words
            .iter()
            .any(|w| matches!(*w, "==" | "===" | "equals" | "Equals" | "eq" | "!=" | "!=="));
        if !compares {
            return true;
        }
    }
    // `isinstance(other, X)` alone.
    if lang == Lang::Python && words.len() <= 8 && words.first() == Some(&"isinstance") {
        return true;
    }
    if matches!(lang, Lang::Java) && words.contains(&"instanceof") && words.len() <= 3
        || matches!(lang, Lang::CSharp | Lang::Kotlin) && words.len() <= 3 && words.contains(&"is")
    {
        return true;
    }
    // Fields of one side only: `l.a < l.a`, `self.x == self.x`.
    let asks_type = words
        .iter()
        .any(|w| matches!(*w, "is_a?" | "kind_of?" | "instance_of?" | "instanceof"));
    if asks_type
        && !words
            .iter()
            .any(|w| matches!(*w, "==" | "===" | "&&" | "and" | "eql?" | "equals"))
    {
        return true;
    }
    let joined = words.join(" ");
    let parts: Vec<&str> = joined
        .split(" && ")
        .flat_map(|p| p.split(" and "))
        .collect();
    let same = |p: &str| {
        p.split_once(" == ")
            .or_else(|| p.split_once(" === "))
            .is_some_and(|(a, b)| a.trim() == b.trim())
    };
    if parts.iter().all(|p| same(p)) {
        return true;
    }
    for op in ["==", "==="] {
        if let Some((a, b)) = joined.split_once(&format!(" {op} "))
            && a.trim() == b.trim()
        {
            return true;
        }
    }
    contradiction(&words)
}

/// `!(a < b && a > b)`: two bounds that exclude each other, negated.
fn contradiction(words: &[&str]) -> bool {
    if words.first() != Some(&"!") {
        return false;
    }
    let joined = words[1..].join(" ");
    let inner = joined.trim_start_matches("( ").trim_end_matches(" )");
    let Some((left, right)) = inner.split_once(" && ") else {
        return false;
    };
    let (Some((a, b)), Some((c, d))) = (left.split_once(" < "), right.split_once(" > ")) else {
        return false;
    };
    a == c && b == d
}
