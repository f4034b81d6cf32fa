//! Handlers that catch a failure and drop it.

use super::Marks;
use crate::lang::Lang;
use crate::lexer::{Kind, Lexed, Tok};
use crate::marks::{Cond, MarkKind};
use crate::text::has_any;

/// Whether a handler catches failures of assertions too.
pub(super) fn broad(head: &[Tok]) -> bool {
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
pub(super) fn drops(toks: &[&Tok]) -> bool {
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

/// Looks for a handler of exceptions at token `i` that lets failures go.
pub(super) fn swallow(marks: &mut Marks, lexed: &Lexed, lang: Lang, i: usize, limit: usize) {
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
