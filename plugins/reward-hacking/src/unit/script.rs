//! Units of JavaScript and TypeScript: `describe`, `it`, `test` and their kin, and plain functions.

use super::{Attr, RawUnit, UnitKind, chunk_end, span_text};
use crate::lexer::{Kind, Lexed};
use crate::view::View;

const TESTS: [&str; 14] = [
    "it",
    "test",
    "specify",
    "xit",
    "fit",
    "xtest",
    "ftest",
    "xspecify",
    "fspecify",
    "benchmark",
    "bench",
    "prop",
    "scenario",
    "testWith",
];
const SUITES: [&str; 11] = [
    "describe",
    "context",
    "suite",
    "xdescribe",
    "fdescribe",
    "xcontext",
    "fcontext",
    "xsuite",
    "Feature",
    "describeWith",
    "feature",
];

/// What may stand between the name of a test function and its arguments.
const MODIFIERS: [&str; 26] = [
    "only",
    "skip",
    "todo",
    "each",
    "concurrent",
    "failing",
    "fails",
    "serial",
    "sequential",
    "skipIf",
    "runIf",
    "for",
    "step",
    "shuffle",
    "fixme",
    "slow",
    "fail",
    "parallel",
    "test",
    "it",
    "extend",
    "prop",
    "cb",
    "ignore",
    "effect",
    "scoped",
];

/// The suites, tests and functions of the view.
pub fn units(view: &View, lexed: &Lexed) -> Vec<RawUnit> {
    let toks = &lexed.toks;
    let mut out = Vec::new();
    let mut i = 0;
    let (mut line, mut limit) = (usize::MAX, 0);
    while i < toks.len() {
        let here = toks[i].line as usize;
        if here != line {
            (line, limit) = (here, lexed.range(here, chunk_end(view, here)).1);
        }
        if let Some((unit, resume)) =
            suite_or_test(view, lexed, i, limit).or_else(|| function(view, lexed, i, limit))
        {
            out.push(unit);
            i = resume.max(i + 1);
            continue;
        }
        i += 1;
    }
    out
}

fn suite_or_test(view: &View, lexed: &Lexed, i: usize, limit: usize) -> Option<(RawUnit, usize)> {
    let toks = &lexed.toks;
    let t = &toks[i];
    if t.kind != Kind::Ident {
        return None;
    }
    let is_test = TESTS.contains(&t.text);
    let is_suite = SUITES.contains(&t.text);
    if !is_test && !is_suite {
        return None;
    }
    if i > 0
        && toks[i - 1].is(".")
        && !(i >= 2
            && matches!(
                toks[i - 2].text,
                "t" | "Deno" | "QUnit" | "test" | "ctx" | "context"
            ))
    {
        return None;
    }
    if i > 0
        && (toks[i - 1].is_ident("function")
            || toks[i - 1].is_ident("const")
            || toks[i - 1].is_ident("import"))
    {
        return None;
    }
    let here = t.line as usize;
    let mut attrs = Vec::new();
    if t.text.starts_with('x') || t.text.starts_with('f') && t.text != "feature" {
        attrs.push(Attr {
            name: t.text.into(),
            text: view.lines[here].text.trim().into(),
            line: here,
        });
    }
    let mut is_suite = is_suite;
    let mut at = i + 1;
    let mut open = None;
    while at < limit {
        if toks[at].is(".") && at + 1 < limit && toks[at + 1].kind == Kind::Ident {
            let name = toks[at + 1].text;
            if !MODIFIERS.contains(&name) && !SUITES.contains(&name) {
                return None;
            }
            is_suite |= SUITES.contains(&name);
            attrs.push(Attr {
                name: name.into(),
                text: view.lines[toks[at + 1].line as usize].text.trim().into(),
                line: toks[at + 1].line as usize,
            });
            at += 2;
            // `skipIf(cond)`, `each([...])`: an argument list before the real one.
            if at < limit && toks[at].is("(") && matches!(name, "each" | "skipIf" | "runIf" | "for")
            {
                let close = lexed.closing(at, limit)?;
                if let Some(last) = attrs.last_mut() {
                    last.text = span_text(view, toks[at].line as usize, toks[close].line as usize);
                }
                at = close + 1;
            } else if matches!(name, "each" | "for") {
                while at < limit && toks[at].kind == Kind::Str {
                    at += 1;
                }
            }
        } else if toks[at].is("(") {
            open = Some(at);
            break;
        } else {
            return None;
        }
    }
    let open = open?;
    let title = toks.get(open + 1).filter(|_| open + 1 < limit)?;
    // `test(` of something that is no test: the first argument of a test is its title.
    let named = title.kind == Kind::Str
        || title.kind == Kind::Ident
            && (is_suite || toks.get(open + 2).is_some_and(|t| t.is(".") || t.is(",")));
    if !named {
        return None;
    }
    if title.kind != Kind::Str
        && is_test
        && !attrs.is_empty()
        && !toks[open..limit]
            .iter()
            .take(40)
            .any(|t| t.is("=>") || t.is_ident("function"))
    {
        return None;
    }
    let close = lexed.closing(open, limit);
    // Mocha and Jest take a title without a body for a test still to be written.
    if let Some(c) = close
        && c == open + 2
        && !is_suite
        && !attrs.iter().any(|a| a.name == "todo")
    {
        attrs.push(Attr {
            name: "todo".into(),
            text: view.lines[here].text.trim().into(),
            line: here,
        });
    }
    for k in open + 2..limit.min(open + 24) {
        if toks[k].is("=>") || toks[k].is_ident("function") {
            break;
        }
        let value = toks.get(k + 2).map(|t| t.text);
        if toks[k].kind == Kind::Ident
            && matches!(toks[k].text, "skip" | "only" | "todo")
            && toks.get(k + 1).is_some_and(|t| t.is(":"))
            && value != Some("false")
        {
            attrs.push(Attr {
                name: toks[k].text.into(),
                text: view.lines[toks[k].line as usize].text.trim().into(),
                line: toks[k].line as usize,
            });
        }
    }
    let (end, complete) = close.map_or((chunk_end(view, here), false), |c| {
        (toks[c].line as usize + 1, true)
    });
    let unit = RawUnit {
        kind: if is_suite {
            UnitKind::Container
        } else {
            UnitKind::Test
        },
        name: title.text.into(),
        start: here,
        decl: here,
        end,
        complete,
        attrs,
        params: vec![],
        parent: None,
    };
    Some((unit, open + 2))
}

fn function(view: &View, lexed: &Lexed, i: usize, limit: usize) -> Option<(RawUnit, usize)> {
    let toks = &lexed.toks;
    let (name, open_paren) = if toks[i].is_ident("function") {
        let name = toks.get(i + 1).filter(|t| t.kind == Kind::Ident)?;
        (
            name.text,
            (i + 2..limit.min(i + 20)).find(|&j| toks[j].is("("))?,
        )
    } else if matches!(toks[i].text, "const" | "let" | "var")
        && toks[i].kind == Kind::Ident
        && toks.get(i + 2)?.is("=")
    {
        let mut at = i + 3;
        if toks.get(at)?.is_ident("async") {
            at += 1;
        }
        if !toks.get(at)?.is("(") {
            return None;
        }
        let close = lexed.closing(at, limit)?;
        if !(close + 1..limit.min(close + 12))
            .any(|j| toks[j].is("=>") && toks[close].line == toks[j].line)
        {
            return None;
        }
        (toks[i + 1].text, at)
    } else {
        return None;
    };
    let close = lexed.closing(open_paren, limit)?;
    let mut params = Vec::new();
    let mut depth = 0i32;
    let mut in_type = false;
    for t in &toks[open_paren + 1..close] {
        match t.text {
            "(" | "<" if t.kind == Kind::Punct => depth += 1,
            ")" | ">" if t.kind == Kind::Punct => depth -= 1,
            "," if depth == 0 => in_type = false,
            ":" | "=" if depth == 0 => in_type = true,
            _ if t.kind == Kind::Ident && depth == 0 && !in_type => params.push(t.text.to_string()),
            _ => {}
        }
    }
    let body =
        (close + 1..limit.min(close + 30)).find(|&j| toks[j].is("{") && !toks[j - 1].is(":"));
    let here = toks[i].line as usize;
    let (end, complete, resume) = match body {
        Some(b) => match lexed.closing(b, limit) {
            Some(c) => (toks[c].line as usize + 1, true, b),
            None => (chunk_end(view, here), false, b),
        },
        None => (here + 1, true, close),
    };
    let unit = RawUnit {
        kind: UnitKind::Helper,
        name: name.into(),
        start: here,
        decl: here,
        end,
        complete,
        attrs: vec![],
        params,
        parent: None,
    };
    Some((unit, resume + 1))
}
