//! How much a condition would notice.

use super::Word;
use crate::lang::Lang;
use crate::lexer::{Kind, Tok};

/// Names of calls that measure: comparing them with zero the wrong way round always holds.
const MEASURES: [&str; 9] = [
    "len",
    "length",
    "size",
    "count",
    "Length",
    "Count",
    "Len",
    "size_hint",
    "Size",
];

/// Values that mean "nothing".
const NOTHING: [&str; 8] = [
    "None",
    "null",
    "nil",
    "nullptr",
    "undefined",
    "NULL",
    "NotNull",
    "Nil",
];

/// Strength of a condition that must be true, and why it always is, if so.
pub fn truth(toks: &[Tok], lang: Lang) -> (u8, Option<&'static str>) {
    let toks = strip_parens(toks);
    if toks.is_empty() {
        return (2, None);
    }
    if let Some(why) = always_true(toks, lang) {
        return (0, Some(why));
    }
    if let Some(parts) = split(toks, &["||", "or"]) {
        if parts
            .iter()
            .any(|p| always_true(strip_parens(p), lang).is_some())
            || complementary(&parts)
        {
            return (0, Some("one side of the `or` always holds"));
        }
        return (2, None);
    }
    if let Some(parts) = split(toks, &["&&", "and"]) {
        return (
            parts.iter().map(|p| truth(p, lang).0).max().unwrap_or(2),
            None,
        );
    }
    if toks.iter().any(|t| {
        t.kind == Kind::Ident
            && matches!(
                t.text,
                "equals"
                    | "Equals"
                    | "DeepEqual"
                    | "equalsIgnoreCase"
                    | "array_equal"
                    | "Equal"
                    | "SequenceEqual"
                    | "eql"
                    | "memcmp"
                    | "strcmp"
                    | "is_deeply"
            )
    }) {
        return (3, None);
    }
    if let Some(at) = top_level(toks, &["==", "==="]) {
        if same(&toks[..at], &toks[at + 1..]) {
            return (0, Some("both sides are the same expression"));
        }
        return (3, None);
    }
    if let Some(at) = top_level(toks, &["!=", "!=="]) {
        return (
            if is_nothing(&toks[at + 1..]) || is_nothing(&toks[..at]) {
                1
            } else {
                2
            },
            None,
        );
    }
    if let Some(at) = top_level(toks, &[">=", "<=", "<", ">"]) {
        let (left, right) = (&toks[..at], &toks[at + 1..]);
        if toks[at].text == ">=" && is_zero(right) && measures(left)
            || toks[at].text == "<=" && is_zero(left) && measures(right)
        {
            return (0, Some("a size is never negative"));
        }
        if toks[at].text == ">" && right.len() == 2 && right[0].is("-") && measures(left) {
            return (0, Some("a size is never negative"));
        }
        return (2, None);
    }
    if let Some(at) = top_level(toks, &["is"]) {
        let right = &toks[at + 1..];
        if same(&toks[..at], right) {
            return (0, Some("both sides are the same expression"));
        }
        return if right.first().is_some_and(|t| t.is_ident("not")) {
            (1, None)
        } else {
            (3, None)
        };
    }
    if top_level(toks, &["in"]).is_some() {
        return (2, None);
    }
    let has = |names: &[&str]| {
        toks.iter()
            .any(|t| t.kind == Kind::Ident && names.contains(&t.text))
    };
    if has(&[
        "isinstance",
        "instanceof",
        "typeof",
        "is_some",
        "is_ok",
        "hasattr",
        "callable",
        "is_a",
        "has_value",
        "isPresent",
        "nonNull",
        "notNull",
    ]) {
        return (1, None);
    }
    if toks.first().is_some_and(|t| t.is_ident("matches")) {
        let wild = toks.iter().any(|t| t.is_ident("_"))
            && !toks
                .iter()
                .any(|t| matches!(t.kind, Kind::Str | Kind::Number));
        return (if wild { 2 } else { 3 }, None);
    }
    let plain = toks.iter().all(|t| t.kind == Kind::Ident || t.is("."));
    let truthy = matches!(lang, Lang::Python | Lang::Js | Lang::Ruby | Lang::Cpp);
    (if plain && truthy { 1 } else { 2 }, None)
}

/// Strength of a condition that must be false, as in `if got != want { t.Fatal() }`.
pub fn failure(toks: &[Tok]) -> (u8, Option<&'static str>) {
    let toks = strip_parens(toks);
    if toks.len() == 1 && toks[0].is_ident("false") {
        return (0, Some("the failing branch is never taken"));
    }
    if let Some(parts) = split(toks, &["&&"]) {
        if parts.iter().any(|p| p.len() == 1 && p[0].is_ident("false")) {
            return (0, Some("the failing branch is never taken"));
        }
        // Fails only when all hold, so it notices less than its strongest part; the usual nil guard aside.
        return (
            parts.iter().map(|p| failure(p).0).max().unwrap_or(2).min(3),
            None,
        );
    }
    if let Some(parts) = split(toks, &["||"]) {
        return (parts.iter().map(|p| failure(p).0).max().unwrap_or(2), None);
    }
    if let Some(at) = top_level(toks, &["!=", "!=="]) {
        if same(&toks[..at], &toks[at + 1..]) {
            return (0, Some("both sides are the same expression"));
        }
        let error = toks[..at]
            .iter()
            .any(|t| t.kind == Kind::Ident && t.text.to_lowercase().contains("err"));
        return if is_nothing(&toks[at + 1..]) {
            (if error { 2 } else { 3 }, None)
        } else {
            (3, None)
        };
    }
    if let Some(at) = top_level(toks, &["=="]) {
        let error = toks[..at]
            .iter()
            .any(|t| t.kind == Kind::Ident && t.text.to_lowercase().contains("err"));
        return (
            if is_nothing(&toks[at + 1..]) {
                if error { 2 } else { 1 }
            } else {
                2
            },
            None,
        );
    }
    if toks.first().is_some_and(|t| t.is("!")) {
        let exact = toks.iter().any(|t| {
            t.kind == Kind::Ident && matches!(t.text, "DeepEqual" | "Equal" | "Is" | "As")
        });
        return (if exact { 3 } else { 2 }, None);
    }
    if let Some(at) = top_level(toks, &["<", ">", "<=", ">="]) {
        if toks[at].text == "<" && is_zero(&toks[at + 1..]) && measures(&toks[..at]) {
            return (0, Some("a size is never negative"));
        }
        return (2, None);
    }
    (2, None)
}

/// Why two operands of an equality are bound to be equal.
pub fn same_on_both_sides(a: &[Word], b: &[Word]) -> Option<&'static str> {
    if a.is_empty() || a != b {
        return None;
    }
    if a.len() == 1 && a[0].kind != Kind::Ident {
        return Some("both sides are the same literal");
    }
    Some("both sides are the same expression")
}

/// A condition that holds whatever the code under test does.
fn always_true(toks: &[Tok], lang: Lang) -> Option<&'static str> {
    match toks {
        [t] if t.kind == Kind::Ident && matches!(t.text, "true" | "True" | "TRUE") => {
            Some("it asserts a constant")
        }
        [t] if t.kind == Kind::Number && t.text != "0" => Some("it asserts a constant"),
        [t] if t.kind == Kind::Str && !t.text.is_empty() => Some("it asserts a constant"),
        [n, t]
            if (n.is("!") || n.is_ident("not"))
                && t.kind == Kind::Ident
                && matches!(t.text, "false" | "False") =>
        {
            Some("it asserts a constant")
        }
        [a, op, b]
            if matches!(op.text, "==" | "===")
                && a.kind != Kind::Ident
                && a.kind == b.kind
                && a.text == b.text =>
        {
            Some("it compares a constant with itself")
        }
        [open, .., close]
            if open.is("(")
                && close.is(")")
                && lang == Lang::Python
                && toks.iter().any(|t| t.is(","))
                && toks
                    .iter()
                    .rev()
                    .nth(1)
                    .is_some_and(|t| t.kind == Kind::Str) =>
        {
            Some("a non-empty tuple is always true")
        }
        [f, open, rest @ ..]
            if f.is_ident("isinstance")
                && open.is("(")
                && rest
                    .iter()
                    .rev()
                    .nth(1)
                    .is_some_and(|t| t.is_ident("object")) =>
        {
            Some("everything is an object")
        }
        _ => None,
    }
}

fn complementary(parts: &[&[Tok]]) -> bool {
    parts.iter().any(|a| {
        parts.iter().any(|b| {
            let b = strip_parens(b);
            b.first().is_some_and(|t| t.is("!") || t.is_ident("not"))
                && same(strip_parens(a), &b[1..])
        })
    })
}

fn is_nothing(toks: &[Tok]) -> bool {
    toks.len() == 1 && NOTHING.contains(&toks[0].text)
}

fn is_zero(toks: &[Tok]) -> bool {
    toks.len() == 1 && matches!(toks[0].text, "0" | "0u" | "0usize" | "0L")
}

fn measures(toks: &[Tok]) -> bool {
    toks.iter()
        .any(|t| t.kind == Kind::Ident && MEASURES.contains(&t.text))
}

/// Whether both token runs read the same.
pub fn same(a: &[Tok], b: &[Tok]) -> bool {
    let (a, b) = (strip_parens(a), strip_parens(b));
    !a.is_empty()
        && a.len() == b.len()
        && a.iter()
            .zip(b)
            .all(|(x, y)| x.kind == y.kind && x.text == y.text)
}

/// The tokens without a pair of parentheses around all of them.
pub fn strip_parens<'a, 't>(mut toks: &'a [Tok<'t>]) -> &'a [Tok<'t>] {
    while toks.len() >= 2 && toks[0].is("(") && toks[toks.len() - 1].is(")") {
        let mut depth = 0i32;
        let closes_early = toks[..toks.len() - 1].iter().any(|t| {
            match t.text {
                "(" if t.kind == Kind::Punct => depth += 1,
                ")" if t.kind == Kind::Punct => depth -= 1,
                _ => {}
            }
            depth == 0
        });
        let tuple = top_level(&toks[1..toks.len() - 1], &[","]).is_some();
        if closes_early || tuple {
            break;
        }
        toks = &toks[1..toks.len() - 1];
    }
    toks
}

/// Index of the first of `ops` outside brackets.
pub fn top_level(toks: &[Tok], ops: &[&str]) -> Option<usize> {
    let mut depth = 0i32;
    for (i, t) in toks.iter().enumerate() {
        if t.kind == Kind::Punct {
            match t.text {
                "(" | "[" | "{" => depth += 1,
                ")" | "]" | "}" => depth -= 1,
                _ => {}
            }
        }
        if depth == 0 && t.kind != Kind::Str && ops.contains(&t.text) {
            return Some(i);
        }
    }
    None
}

fn split<'a, 't>(toks: &'a [Tok<'t>], ops: &[&str]) -> Option<Vec<&'a [Tok<'t>]>> {
    let mut out = Vec::new();
    let mut rest = toks;
    while let Some(at) = top_level(rest, ops) {
        out.push(&rest[..at]);
        rest = &rest[at + 1..];
    }
    if out.is_empty() {
        return None;
    }
    out.push(rest);
    Some(out)
}
