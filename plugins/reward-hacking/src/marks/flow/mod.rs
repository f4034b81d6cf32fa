//! Control flow that keeps assertions from having their say.

mod detached;
mod swallow;

use detached::{detached, unawaited};
use swallow::{broad, drops, swallow};

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
    asserts: &[Assertion],
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
    asserts: &[Assertion],
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
