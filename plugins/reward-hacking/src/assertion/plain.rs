//! Assertions that are calls, statements, attributes or failures under a condition.

use super::names::{self, Form};
use super::{Found, cond, split_args};
use crate::lang::Lang;
use crate::lexer::{Kind, Lexed};
use crate::text::{flat, indent};
use crate::view::View;

/// Attributes that are assertions: `[ExpectedException(typeof(X))]`, `@Test(expected = X.class)`, `#[should_panic]`.
pub(super) fn attribute_form(
    view: &View,
    lexed: &Lexed,
    lang: Lang,
    i: usize,
    limit: usize,
) -> Option<Found> {
    let toks = &lexed.toks;
    let t = &toks[i];
    let line = view.lines[t.line as usize].text.trim_start();
    let found = |last: usize| Found {
        form: Form::Throws,
        strength: 3,
        vacuous: None,
        api: "expectedexception".into(),
        args: vec![(i, last + 1)],
        last,
    };
    match lang {
        Lang::CSharp if t.text == "ExpectedException" && line.starts_with('[') => {
            let close = if toks.get(i + 1)?.is("(") {
                lexed.closing(i + 1, limit)?
            } else {
                i
            };
            Some(found(close))
        }
        Lang::Java
            if t.text == "expected" && line.starts_with("@Test") && toks.get(i + 1)?.is("=") =>
        {
            Some(found((i + 4).min(limit - 1)))
        }
        Lang::Rust if t.text == "should_panic" && line.starts_with("#[") => {
            let close = if toks.get(i + 1)?.is("(") {
                lexed.closing(i + 1, limit)?
            } else {
                i
            };
            Some(found(close))
        }
        _ => None,
    }
}

/// `t.Errorf` and its kin: the check is the condition of the `if` around it.
pub(super) fn go_failure(view: &View, lexed: &Lexed, i: usize, limit: usize) -> Option<Found> {
    let toks = &lexed.toks;
    if !matches!(
        toks[i].text,
        "Error" | "Errorf" | "Fatal" | "Fatalf" | "Fail" | "FailNow"
    ) || i < 2
        || !toks[i - 1].is(".")
    {
        return None;
    }
    if !(matches!(toks[i - 2].text, "t" | "tb" | "b" | "f" | "tt")
        || toks[i - 2].is(")") && i >= 4 && toks[i - 4].is_ident("T"))
        || !toks.get(i + 1)?.is("(")
    {
        return None;
    }
    let last = lexed.closing(i + 1, limit).unwrap_or(i + 1);
    let line = toks[i].line as usize;
    let level = indent(view.lines[line].text);
    let mut at = line;
    while at > 0 && view.lines[at - 1].chunk == view.lines[line].chunk && line - at < 6 {
        at -= 1;
        let text = view.lines[at].text;
        if !text.trim().is_empty() && indent(text) < level {
            break;
        }
    }
    let (a, b) = lexed.range(at, at + 1);
    let head = if at < line {
        toks[a..b]
            .iter()
            .position(|t| t.is_ident("if"))
            .map(|p| a + p)
    } else {
        None
    };
    let Some(head) = head else {
        // Unconditional: reached means failed.
        return Some(Found {
            form: Form::Fail,
            strength: 3,
            vacuous: None,
            api: "fail".into(),
            args: split_args(lexed, i + 1, last),
            last,
        });
    };
    let brace = (head..line_end(lexed, line))
        .rfind(|&j| toks[j].is("{") && (toks[j].line as usize) < line)
        .unwrap_or(b.saturating_sub(1))
        .max(head + 1);
    let from = (head + 1..brace)
        .rfind(|&j| toks[j].is(";"))
        .map_or(head + 1, |j| j + 1);
    let (mut strength, vacuous) = cond::failure(&toks[from..brace]);
    if vacuous.is_some() {
        strength = 0;
    }
    let mut args = vec![(from, brace)];
    if from > head + 1 {
        args.push((head + 1, from - 1));
    }
    Some(Found {
        form: Form::Fail,
        strength,
        vacuous,
        api: "fail".into(),
        args,
        last,
    })
}

fn line_end(lexed: &Lexed, line: usize) -> usize {
    lexed.range(line, line + 1).1
}

/// `assert x == y` as a statement of Python, Java, Kotlin or minitest.
pub(super) fn statement(lexed: &Lexed, lang: Lang, i: usize, limit: usize) -> Option<Found> {
    let toks = &lexed.toks;
    let t = &toks[i];
    if !matches!(lang, Lang::Python | Lang::Java | Lang::Ruby)
        || i > 0 && (toks[i - 1].is(".") || toks[i - 1].is_ident("def"))
    {
        return None;
    }
    if !(t.is_ident("assert") || lang == Lang::Ruby && t.kind == Kind::Ident && is_minitest(t.text))
    {
        return None;
    }
    if i > 0
        && toks[i - 1].line == t.line
        && !matches!(
            toks[i - 1].text,
            ":" | ";" | "{" | "}" | ")" | "|" | "->" | "else" | "then"
        )
    {
        return None;
    }
    let next = toks
        .get(i + 1)
        .filter(|n| i + 1 < limit && (n.line == t.line))?;
    if lang != Lang::Python && next.is("(") || next.is("=") || next.is(".") {
        return None;
    }
    let mut end = i + 1;
    let mut depth = 0i32;
    let mut comma = None;
    let mut commas = Vec::new();
    while end < limit {
        let e = &toks[end];
        if depth <= 0
            && (e.line > toks[end - 1].line && !(lang == Lang::Java)
                || e.is(";")
                || (lang == Lang::Java && e.is("}")))
        {
            break;
        }
        match e.text {
            "(" | "[" | "{" if e.kind == Kind::Punct => depth += 1,
            ")" | "]" | "}" if e.kind == Kind::Punct => depth -= 1,
            "," | ":" if e.kind == Kind::Punct && depth == 0 => {
                comma = comma.or(Some(end));
                commas.push(end);
            }
            _ => {}
        }
        end += 1;
    }
    if t.text != "assert" {
        let mut args = Vec::new();
        let mut from = i + 1;
        for c in commas {
            args.push((from, c));
            from = c + 1;
        }
        args.push((from, end));
        let form = names::form(&flat(t.text), lang, None)?;
        return Some(names::judge(
            lexed,
            lang,
            form,
            &flat(t.text),
            args,
            end - 1,
        ));
    }
    let cond_end = comma.unwrap_or(end);
    let (strength, vacuous) = cond::truth(&toks[i + 1..cond_end], lang);
    Some(Found {
        form: Form::True,
        strength,
        vacuous,
        api: "assert".into(),
        args: vec![(i + 1, cond_end)],
        last: end - 1,
    })
}

fn is_minitest(name: &str) -> bool {
    name.starts_with("assert_") || name.starts_with("refute") || name == "flunk"
}

/// A call or macro named like an assertion.
pub(super) fn call(lexed: &Lexed, lang: Lang, i: usize, limit: usize) -> Option<Found> {
    let toks = &lexed.toks;
    let t = &toks[i];
    let mut open = i + 1;
    if lang == Lang::Rust && toks.get(open)?.is("!") {
        open += 1;
    }
    // Type arguments: `Assert.Throws<T>(`, `assertFailsWith<T> {`.
    let mut type_args = None;
    if matches!(lang, Lang::CSharp | Lang::Kotlin | Lang::Js) && toks.get(open)?.is("<") {
        let close = (open..limit.min(open + 16)).find(|&j| toks[j].is(">"))?;
        type_args = Some((open + 1, close));
        open = close + 1;
    }
    let opener = toks.get(open).filter(|_| open < limit)?;
    if !(opener.is("(")
        || lang == Lang::Kotlin && opener.is("{")
        || lang == Lang::Rust && opener.is("["))
    {
        return None;
    }
    if i > 0
        && (toks[i - 1].is_ident("fn")
            || toks[i - 1].is_ident("def")
            || toks[i - 1].is_ident("func")
            || toks[i - 1].is_ident("function")
            || toks[i - 1].is_ident("void")
            || toks[i - 1].is_ident("fun"))
    {
        return None;
    }
    let chained = lang == Lang::Js && name_is(toks, i, "expect") && i >= 1 && toks[i - 1].is(".");
    let receiver = if chained {
        Some("chain")
    } else if i >= 2 && (toks[i - 1].is(".") || toks[i - 1].is("::")) {
        Some(toks[i - 2].text)
    } else {
        None
    };
    let name = flat(t.text);
    let form = names::form(&name, lang, receiver)?;
    if lang == Lang::Rust && !toks[i + 1].is("!") && !matches!(form, Form::Helper) {
        return None;
    }
    let close = lexed
        .closing(open, limit)
        .unwrap_or(limit.saturating_sub(1));
    if form == Form::Helper && !chained && !helper_position(lexed, i, receiver) {
        return None;
    }
    let mut args = split_args(lexed, open, close);
    if lang == Lang::Go
        && args
            .first()
            .is_some_and(|&(a, b)| b == a + 1 && matches!(toks[a].text, "t" | "tb" | "b"))
    {
        args.remove(0);
    }
    if let Some(types) = type_args {
        args.insert(0, types);
    }
    Some(names::judge(lexed, lang, form, &name, args, close))
}

fn name_is(toks: &[crate::lexer::Tok], i: usize, name: &str) -> bool {
    toks[i].text == name
}

/// A custom check stands as a statement of its own, not inside an expression.
fn helper_position(lexed: &Lexed, i: usize, receiver: Option<&str>) -> bool {
    let toks = &lexed.toks;
    let start = if receiver.is_some() { i - 2 } else { i };
    start == 0
        || toks[start - 1].line != toks[start].line
        || matches!(
            toks[start - 1].text,
            ";" | "{" | "}" | "await" | "=>" | ":" | "return" | ")"
        )
}
