//! Control flow that keeps assertions from having their say.

mod detached;

use detached::{detached, unawaited};

use crate::assertion::{Assertion, names::Form};
use crate::lang::Lang;
use crate::lexer::{Kind, Lexed, Tok};
use crate::marks::{Cond, Mark, MarkKind, condition};
use crate::text::{has_any, indent};
use crate::unit::{RawUnit, chunk_end};
use crate::view::View;

/// The flow marks of a unit; `body` are its own token indices, `asserts` the assertions in it.
pub fn flow_marks(
    view: &View,
    lexed: &Lexed,
    lang: Lang,
    unit: &RawUnit,
    body: &[usize],
    asserts: &[&Assertion],
) -> Vec<Mark> {
    let mut marks = Marks {
        view,
        out: Vec::new(),
    };
    let end = unit.end.min(view.lines.len());
    for line in unit.start..end {
        lines(&mut marks, lexed, lang, unit, line, end, asserts);
    }
    for &i in body {
        let t = &lexed.toks[i];
        if t.kind != Kind::Ident {
            continue;
        }
        let line = t.line as usize;
        let limit = lexed.range(line, chunk_end(view, line)).1;
        swallow(&mut marks, lexed, lang, i, limit);
        detached(&mut marks, lexed, lang, unit, i, limit, asserts);
    }
    for a in asserts {
        if lang == Lang::Js && a.changed && unawaited(view, lexed, a) {
            marks.push(MarkKind::Detached, a.at, Cond::Always);
        }
    }
    marks.out
}

struct Marks<'v, 'a> {
    view: &'v View<'a>,
    out: Vec<Mark>,
}

impl Marks<'_, '_> {
    fn push(&mut self, kind: MarkKind, at: usize, cond: Cond) {
        let l = &self.view.lines[at];
        if self.out.iter().any(|m| m.kind == kind && m.at == at) {
            return;
        }
        self.out.push(Mark {
            kind,
            at,
            line: l.no,
            changed: l.changed,
            cond,
            text: l.text.trim().to_string(),
        });
    }
}

/// Words of which each form that [`lines`] knows has one.
const FLOW_WORDS: [&str; 8] = [
    "if", "while", "for", "return", "next", "continue", "done", "rescue",
];

fn lines(
    marks: &mut Marks,
    lexed: &Lexed,
    lang: Lang,
    unit: &RawUnit,
    line: usize,
    end: usize,
    asserts: &[&Assertion],
) {
    let view = marks.view;
    let text = view.lines[line].text.trim();
    let code = lexed.lines(line, line + 1);
    if code.is_empty() {
        return;
    }
    // Without one of these no form below fits, and the line need not be put together.
    let compact = if has_any(text, &FLOW_WORDS) {
        code.iter().map(|t| t.text).collect::<Vec<_>>().join(" ")
    } else {
        String::new()
    };
    let always_false = matches!(
        compact.as_str(),
        "if ( false ) {"
            | "if false {"
            | "if False :"
            | "if 0 :"
            | "if ( 0 ) {"
            | "if false"
            | "while False :"
            | "while ( false ) {"
            | "if ( 0 )"
            | "if ( false )"
            | "if ( ! true ) {"
            | "if not True :"
            | "if cfg ! ( any ( ) ) {"
            | "if constexpr ( false ) {"
    ) || has_any(
        &compact,
        &[
            "in range ( 0 ) :",
            "in [ ] :",
            "in [ ] {",
            "in 0 .. 0 {",
            "of [ ] )",
            ": [ ] )",
            "< 0 ; ",
        ],
    ) && matches!(code[0].text, "for");
    if always_false {
        marks.push(MarkKind::FalseGuard, line, Cond::Always);
    }
    // A bare return with assertions, or an unseen rest, behind it.
    let bare = match lang {
        Lang::Python => matches!(compact.as_str(), "return" | "return None"),
        Lang::Ruby => matches!(compact.as_str(), "return" | "next"),
        Lang::Go => compact == "return",
        _ => matches!(
            compact.as_str(),
            "return ;" | "return" | "return Ok ( ( ) ) ;" | "done ( ) ; return ;"
        ),
    };
    let inline_guard = !bare
        && match lang {
            Lang::Ruby => {
                compact.starts_with("return if ") || compact.starts_with("return unless ")
            }
            Lang::Python => compact.ends_with(": return"),
            Lang::Js | Lang::Java | Lang::CSharp | Lang::Cpp | Lang::Kotlin => {
                compact.starts_with("if ")
                    && (compact.ends_with(") return ;") || compact.ends_with(") return"))
            }
            _ => {
                compact.starts_with("if ")
                    && (compact.ends_with("{ return ; }") || compact.ends_with("{ return }"))
            }
        };
    if bare || inline_guard {
        let level = indent(view.lines[line].text);
        let last_statement = line + 1 >= end
            || view.lines[line + 1..end]
                .iter()
                .all(|l| matches!(l.text.trim(), "" | "}" | "});" | "})" | "end" | "});}"));
        if last_statement && unit.complete {
            return;
        }
        let behind = asserts.iter().any(|a| a.at > line) || !unit.complete;
        let mut at = line;
        while at > unit.decl
            && (at == line
                || view.lines[at].text.trim().is_empty()
                || indent(view.lines[at].text) >= level)
        {
            at -= 1;
        }
        let guard = view.lines[at].text;
        let conditional = inline_guard || at > unit.decl;
        let reported = asserts
            .iter()
            .any(|a| a.at < line && a.at > at && matches!(a.form, Form::Fail | Form::Helper));
        let loop_guard = has_any(
            guard,
            &["=> {", "func(", "for ", "lambda", "catch", "else", " do |"],
        ) && !guard.trim_start().starts_with("if");
        if behind && !reported && !loop_guard {
            let cond = if conditional {
                condition(if inline_guard { text } else { guard })
            } else {
                Cond::Always
            };
            marks.push(MarkKind::EarlyReturn, line, cond);
        }
    }
    // A loop over cases that passes most of them by.
    let passes_by = matches!(compact.as_str(), "continue" | "continue ;")
        || compact.ends_with("{ continue ; }")
        || compact.ends_with(") continue ;")
        || compact.ends_with(": continue")
        || lang == Lang::Ruby && compact.starts_with("next unless ");
    if passes_by {
        let level = indent(view.lines[line].text);
        let head = if compact.starts_with("continue") {
            (unit.decl..line)
                .rev()
                .find(|&j| {
                    !view.lines[j].text.trim().is_empty() && indent(view.lines[j].text) < level
                })
                .unwrap_or(line)
        } else {
            line
        };
        let guard = lexed.lines(head, head + 1);
        let names_cases = guard.iter().any(|t| t.kind == Kind::Str)
            && guard.iter().any(|t| {
                t.kind == Kind::Ident
                    && matches!(
                        t.text.to_lowercase().as_str(),
                        "name"
                            | "tc"
                            | "tt"
                            | "test"
                            | "c"
                            | "case"
                            | "title"
                            | "testcase"
                            | "id"
                            | "label"
                            | "desc"
                    )
            });
        if names_cases && condition(view.lines[head].text) != Cond::Platform {
            marks.push(MarkKind::EarlyReturn, head, Cond::Other);
        }
    }
    if lang == Lang::Ruby
        && (compact.ends_with("rescue nil")
            || compact.ends_with("rescue false")
            || compact.ends_with("rescue true"))
    {
        marks.push(MarkKind::Swallow, line, Cond::Always);
    }
    if lang == Lang::Python
        && code.iter().any(|t| t.is_ident("suppress"))
        && code
            .iter()
            .any(|t| matches!(t.text, "AssertionError" | "Exception" | "BaseException"))
    {
        marks.push(MarkKind::Swallow, line, Cond::Always);
    }
    // Handlers told by indentation.
    let handler = lang == Lang::Python && code[0].is_ident("except")
        || lang == Lang::Ruby && code[0].is_ident("rescue");
    if handler {
        let level = indent(view.lines[line].text);
        let stop = chunk_end(view, line);
        let body_end = (line + 1..stop)
            .find(|&j| !view.lines[j].text.trim().is_empty() && indent(view.lines[j].text) <= level)
            .unwrap_or(stop);
        let own: Vec<&Tok> = lexed.lines(line + 1, body_end).iter().collect();
        let tail_of_head: Vec<&Tok> = if lang == Lang::Python {
            code.iter().skip_while(|t| !t.is(":")).skip(1).collect()
        } else {
            vec![]
        };
        let all: Vec<&Tok> = tail_of_head.into_iter().chain(own).collect();
        if body_end > line + 1 || !all.is_empty() || unit.complete {
            let try_fails = asserts.iter().any(|a| {
                a.at < line && a.form == Form::Fail && indent(view.lines[a.at].text) > level
            });
            if drops(&all) && !try_fails && broad(code) {
                marks.push(MarkKind::Swallow, line, Cond::Always);
            }
        }
    }
}

/// Whether a handler catches failures of assertions too.
fn broad(head: &[Tok]) -> bool {
    let end = head
        .iter()
        .position(|t| t.is(":") || t.is("=>") || t.is_ident("as") || t.is_ident("then"))
        .unwrap_or(head.len());
    let named: Vec<&str> = head[1..end.max(1)]
        .iter()
        .filter(|t| t.kind == Kind::Ident)
        .map(|t| t.text)
        .collect();
    named.is_empty()
        || named.iter().any(|n| {
            matches!(
                *n,
                "Exception"
                    | "BaseException"
                    | "AssertionError"
                    | "StandardError"
                    | "Assertion"
                    | "ExpectationNotMetError"
                    | "Throwable"
                    | "Failed"
            )
        })
}

/// Whether a handler's tokens let the failure go.
fn drops(toks: &[&Tok]) -> bool {
    !toks.iter().any(|t| {
        t.kind == Kind::Ident && {
            let lower = t.text.to_lowercase();
            matches!(lower.as_str(), "raise" | "throw" | "rethrow" | "fail" | "panic" | "reject" | "expect" | "flunk" | "abort" | "add_failure" | "fail_test" | "unreachable" | "continue" | "sleep")
                || has_any(&lower, &["assert", "verify", "expect_", "require", "check"])
        }
    }) && !toks.windows(3).any(|w| (w[0].is_ident("done") || w[0].is_ident("next") || w[0].is_ident("cb")) && w[1].is("(") && !w[2].is(")"))
        && !toks.windows(2).any(|w| w[0].is(".") && matches!(w[1].text, "Error" | "Errorf" | "Fatal" | "Fatalf"))
        // The handler keeps what it caught for a later look.
        && !toks.iter().any(|t| t.is("=") || t.is(":=") || t.is_ident("push") || t.is_ident("append") || t.is_ident("add"))
}

fn swallow(marks: &mut Marks, lexed: &Lexed, lang: Lang, i: usize, limit: usize) {
    let toks = &lexed.toks;
    let t = &toks[i];
    match lang {
        Lang::Js | Lang::Java | Lang::Kotlin | Lang::CSharp | Lang::Cpp if t.text == "catch" => {
            let promise = i > 0 && toks[i - 1].is(".");
            let mut at = i + 1;
            let mut close_args = None;
            if at < limit && toks[at].is("(") {
                let Some(c) = lexed.closing(at, limit) else {
                    return;
                };
                close_args = Some(c);
                at = c + 1;
            }
            if promise {
                let Some(c) = close_args else { return };
                let inner: Vec<&Tok> = toks[i + 2..c].iter().collect();
                let function = inner.iter().any(|t| t.is("=>") || t.is_ident("function"));
                if function && drops(&inner) && !assertive_chain(lexed, c, limit) {
                    marks.push(MarkKind::Swallow, t.line as usize, Cond::Always);
                }
                return;
            }
            while at < limit && toks[at].kind == Kind::Ident && at < i + 12 {
                at += 1;
                if at < limit && toks[at].is("(") {
                    at = lexed.closing(at, limit).unwrap_or(limit) + 1;
                }
            }
            if at >= limit || !toks[at].is("{") {
                return;
            }
            let Some(close) = lexed.closing(at, limit) else {
                return;
            };
            let inner: Vec<&Tok> = toks[at + 1..close].iter().collect();
            // The old idiom `try { f(); fail(); } catch (X expected) {}` is an assertion, not a swallow.
            let fails_in_try = i > 0
                && toks[i - 1].is("}")
                && opening(lexed, i - 1).is_some_and(|o| {
                    toks[o..i].iter().any(|t| {
                        matches!(
                            t.text,
                            "fail" | "Fail" | "FAIL" | "ADD_FAILURE" | "GTEST_FAIL"
                        )
                    })
                });
            if drops(&inner) && !fails_in_try {
                marks.push(MarkKind::Swallow, t.line as usize, Cond::Always);
            }
        }
        Lang::Go if t.text == "recover" && toks.get(i + 1).is_some_and(|n| n.is("(")) => {
            let line = t.line as usize;
            let from = (0..i).rev().take(12).find(|&j| toks[j].is("{"));
            let to = from.and_then(|f| lexed.closing(f, limit)).unwrap_or(i);
            let reported = toks[from.unwrap_or(i)..=to].iter().any(|t| {
                matches!(
                    t.text,
                    "Fatal" | "Fatalf" | "Error" | "Errorf" | "panic" | "Equal" | "NotNil"
                )
            });
            if !reported {
                marks.push(MarkKind::Swallow, line, Cond::Always);
            }
        }
        // A `testing.T` of its own reports to nobody.
        Lang::Go
            if t.text == "T"
                && i >= 3
                && toks[i - 2].is_ident("testing")
                && (toks[i - 3].is("&") && toks.get(i + 1).is_some_and(|n| n.is("{"))
                    || i >= 4 && toks[i - 4].is_ident("new")) =>
        {
            marks.push(MarkKind::Swallow, t.line as usize, Cond::Always);
        }
        Lang::Kotlin if t.text == "runCatching" && toks.get(i + 1).is_some_and(|n| n.is("{")) => {
            let close = lexed
                .closing(i + 1, limit)
                .unwrap_or(limit.saturating_sub(1));
            let used =
                toks.get(close + 1).is_some_and(|n| n.is(".")) || i > 0 && toks[i - 1].is("=");
            if !used {
                marks.push(MarkKind::Swallow, t.line as usize, Cond::Always);
            }
        }
        Lang::Rust if t.text == "catch_unwind" => {
            let (from, _) = lexed.range(t.line as usize, t.line as usize + 1);
            let first = &toks[from];
            let dropped = first.is_ident("let")
                && toks.get(from + 1).is_some_and(|n| n.is_ident("_"))
                || !first.is_ident("let") && !first.is_ident("assert");
            if dropped && !first.is_ident("use") {
                marks.push(MarkKind::Swallow, t.line as usize, Cond::Always);
            }
        }
        _ => {}
    }
}

fn assertive_chain(lexed: &Lexed, close: usize, limit: usize) -> bool {
    lexed.toks[close..limit.min(close + 4)]
        .iter()
        .any(|t| matches!(t.text, "then" | "should"))
}

fn opening(lexed: &Lexed, close: usize) -> Option<usize> {
    let mut depth = 0i32;
    for i in (0..=close).rev() {
        let t = &lexed.toks[i];
        if t.kind == Kind::Punct {
            match t.text {
                ")" | "]" | "}" => depth += 1,
                "(" | "[" | "{" => {
                    depth -= 1;
                    if depth == 0 {
                        return Some(i);
                    }
                }
                _ => {}
            }
        }
    }
    None
}
