//! Assertions that nobody waits for.

use super::Marks;
use crate::assertion::Assertion;
use crate::lang::Lang;
use crate::lexer::{Kind, Lexed};
use crate::marks::{Cond, MarkKind};
use crate::text::has_any;
use crate::unit::RawUnit;
use crate::view::View;

/// Calls that start something nobody waits for.
const DETACHING: [&str; 16] = [
    "spawn",
    "create_task",
    "ensure_future",
    "runAsync",
    "supplyAsync",
    "setTimeout",
    "setImmediate",
    "nextTick",
    "queueMicrotask",
    "launch",
    "QueueUserWorkItem",
    "StartNew",
    "spawn_blocking",
    "thread",
    "spawn_local",
    "jthread",
];

pub(super) fn detached(
    marks: &mut Marks,
    lexed: &Lexed,
    lang: Lang,
    unit: &RawUnit,
    i: usize,
    limit: usize,
    asserts: &[Assertion],
) {
    let toks = &lexed.toks;
    let t = &toks[i];
    let line = t.line as usize;
    let mut open = i + 1;
    let starts = DETACHING.contains(&t.text)
        || t.text == "Run" && lang == Lang::CSharp && i >= 2 && toks[i - 2].is_ident("Task")
        || t.text == "go"
            && lang == Lang::Go
            && toks.get(i + 1).is_some_and(|n| n.is_ident("func"))
        || t.text == "Thread"
            && (i > 0 && toks[i - 1].is_ident("new")
                || toks.get(i + 2).is_some_and(|n| n.is_ident("new")))
        || t.text == "new" && lang == Lang::Ruby && i >= 2 && toks[i - 2].is_ident("Thread")
        || t.text == "async" && lang == Lang::Cpp;
    if !starts || unit.decl == line && lang != Lang::Go {
        return;
    }
    if lang == Lang::Go {
        open = match (i..limit).find(|&j| toks[j].is("{")) {
            Some(o) => o,
            None => return,
        };
    } else if lang == Lang::Ruby
        || lang == Lang::Kotlin && toks.get(open).is_some_and(|n| n.is("{"))
    {
        // Block follows directly.
    } else {
        if lang == Lang::Rust && toks.get(open).is_some_and(|n| n.is("::")) {
            return;
        }
        if lang == Lang::Cpp
            && t.text == "thread"
            && toks.get(open).is_some_and(|n| n.kind == Kind::Ident)
        {
            open += 1;
        }
        if !toks.get(open).is_some_and(|n| n.is("(")) {
            return;
        }
    }
    let close = if lang == Lang::Ruby {
        limit.saturating_sub(1)
    } else {
        lexed
            .closing(open, limit)
            .unwrap_or(limit.saturating_sub(1))
    };
    let (first, last) = (line, toks[close].line as usize);
    let holds = asserts.iter().any(|a| a.at >= first && a.at <= last);
    if !holds {
        return;
    }
    let (from, _) = lexed.range(line, line + 1);
    let head = &toks[from..i];
    if head.iter().any(|t| {
        matches!(
            t.text,
            "await" | "return" | "join" | "timeout" | "waitFor" | "advanceTimersByTime"
        )
    }) {
        return;
    }
    // Somebody waits for it further on.
    let (_, unit_end) = lexed.range(unit.decl, unit.end);
    let waits = [
        "await",
        "join",
        "get",
        "Wait",
        "wait",
        "WaitAll",
        "WaitOne",
        "block_on",
        "runBlocking",
        "GetResult",
        "done",
        "resolve",
        "gather",
        "join_next",
        "value",
        "advanceTimersByTime",
        "runAllTimers",
        "Result",
        "advanceTimersByTimeAsync",
        "useFakeTimers",
        "runTest",
        "allOf",
        "awaitAll",
        "countDown",
        "advanceUntilIdle",
        "recv",
    ];
    let inside_waits = toks[open..=close].iter().any(|t| {
        matches!(
            t.text,
            "done" | "resolve" | "Done" | "countDown" | "release" | "send"
        )
    });
    let behind = &toks[(close + 1).min(unit_end)..unit_end.max((close + 1).min(unit_end))];
    let waited = behind
        .iter()
        .any(|t| t.kind == Kind::Ident && waits.contains(&t.text) || t.is("<-"))
        || lang == Lang::Go && behind.windows(2).any(|w| w[0].is("<") && w[1].is("-"));
    let starred = head.len() >= 2 && head[0].is_ident("_");
    if (waited || inside_waits) && !starred {
        return;
    }
    marks.push(MarkKind::Detached, line, Cond::Always);
}

/// `expect(promise).rejects.toThrow()` as a statement that is neither awaited nor returned.
pub(super) fn unawaited(view: &View, lexed: &Lexed, a: &Assertion) -> bool {
    let (from, _) = lexed.range(a.at, a.at + 1);
    let text: String = view.lines[a.at..=a.last.min(view.lines.len() - 1)]
        .iter()
        .map(|l| l.text)
        .collect();
    if !has_any(&text, &[".rejects", ".resolves", ".eventually"]) {
        return false;
    }
    let first = &lexed.toks[from];
    first.is_ident("expect")
        && !(from > 0
            && matches!(
                lexed.toks[from - 1].text,
                "return" | "await" | "=>" | "[" | "," | "("
            ))
}
