//! Units of the languages whose blocks are told by indentation here: Python and Ruby.

use super::{Attr, RawUnit, UnitKind, chunk_end, span_text};
use crate::lang::Lang;
use crate::lexer::{Kind, Lexed};
use crate::text::indent;
use crate::view::View;

/// The classes, functions, examples and groups of the view.
pub fn units(view: &View, lexed: &Lexed, lang: Lang, is_test_file: bool) -> Vec<RawUnit> {
    if lang == Lang::Python {
        python(view, lexed, is_test_file)
    } else {
        ruby(view, lexed)
    }
}

fn python(view: &View, lexed: &Lexed, is_test_file: bool) -> Vec<RawUnit> {
    let mut out = Vec::new();
    let mut pending: Vec<Attr> = Vec::new();
    let mut line = 0;
    while line < view.lines.len() {
        let text = view.lines[line].text;
        let trimmed = text.trim_start();
        if trimmed.starts_with('@')
            && lexed
                .lines(line, line + 1)
                .first()
                .is_some_and(|t| t.is("@"))
        {
            let limit_line = chunk_end(view, line);
            let (from, limit) = lexed.range(line, limit_line);
            let mut name = String::new();
            let mut at = from + 1;
            while at < limit
                && (lexed.toks[at].kind == Kind::Ident || lexed.toks[at].is("."))
                && lexed.toks[at].line as usize == line
            {
                name.push_str(lexed.toks[at].text);
                at += 1;
            }
            let last = if at < limit && lexed.toks[at].is("(") {
                lexed
                    .closing(at, limit)
                    .map_or(line, |c| lexed.toks[c].line as usize)
            } else {
                line
            };
            pending.push(Attr {
                name,
                text: span_text(view, line, last),
                line,
            });
            line = last + 1;
            continue;
        }
        let head = trimmed
            .strip_prefix("async ")
            .unwrap_or(trimmed)
            .trim_start();
        let is_class = head.starts_with("class ");
        if is_class || head.starts_with("def ") {
            let name: String = head[head.find(' ').unwrap_or(0)..]
                .trim_start()
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect();
            let (from, limit) = lexed.range(line, chunk_end(view, line));
            let paren = (from..limit).take(6).find(|&j| lexed.toks[j].is("("));
            let close = paren.and_then(|p| lexed.closing(p, limit));
            let signature_end = close.map_or(line, |c| lexed.toks[c].line as usize);
            let level = indent(text);
            let stop = chunk_end(view, line);
            let mut end = signature_end + 1;
            while end < stop {
                let l = view.lines[end].text;
                if !l.trim().is_empty()
                    && indent(l) <= level
                    && !(l.trim_start().starts_with('#') && indent(l) > 0)
                {
                    break;
                }
                end += 1;
            }
            let complete = end < stop;
            while end > signature_end + 1 && view.lines[end - 1].text.trim().is_empty() {
                end -= 1;
            }
            let mut params = Vec::new();
            if let (Some(p), Some(c)) = (paren, close) {
                let mut fresh = true;
                let mut depth = 0i32;
                for t in &lexed.toks[p + 1..c] {
                    match t.text {
                        "(" | "[" | "{" if t.kind == Kind::Punct => depth += 1,
                        ")" | "]" | "}" if t.kind == Kind::Punct => depth -= 1,
                        "," if depth == 0 => fresh = true,
                        _ if fresh && t.kind == Kind::Ident => {
                            params.push(t.text.to_string());
                            fresh = false;
                        }
                        _ => {}
                    }
                }
            }
            let kind = if is_class {
                UnitKind::Container
            } else if is_test_file && name.starts_with("test") {
                UnitKind::Test
            } else {
                UnitKind::Helper
            };
            let attrs = std::mem::take(&mut pending);
            let start = attrs.first().map_or(line, |a| a.line);
            out.push(RawUnit {
                kind,
                name,
                start,
                decl: line,
                end,
                complete,
                attrs,
                params,
                parent: None,
            });
            line = signature_end + 1;
            continue;
        }
        if !trimmed.is_empty() && !trimmed.starts_with('#') {
            pending.clear();
        }
        line += 1;
    }
    out
}

const RUBY_TESTS: [&str; 13] = [
    "it",
    "specify",
    "example",
    "scenario",
    "xit",
    "fit",
    "xspecify",
    "xexample",
    "xscenario",
    "fspecify",
    "fexample",
    "test",
    "its",
];
const RUBY_GROUPS: [&str; 11] = [
    "describe",
    "context",
    "feature",
    "xdescribe",
    "xcontext",
    "fdescribe",
    "fcontext",
    "shared_examples",
    "shared_examples_for",
    "shared_context",
    "xfeature",
];

fn ruby(view: &View, lexed: &Lexed) -> Vec<RawUnit> {
    let mut out = Vec::new();
    for line in 0..view.lines.len() {
        let text = view.lines[line].text;
        let mut trimmed = text.trim();
        trimmed = trimmed.strip_prefix("RSpec.").unwrap_or(trimmed);
        let word_end = trimmed
            .find(|c: char| !(c.is_alphanumeric() || c == '_'))
            .unwrap_or(trimmed.len());
        let word = &trimmed[..word_end];
        let rest = trimmed[word_end..].trim_start();
        let toks = lexed.lines(line, line + 1);
        if toks.is_empty() || toks[0].kind != Kind::Ident {
            continue;
        }
        let title = toks.iter().find(|t| t.kind == Kind::Str).map(|t| t.text);
        let mut attrs: Vec<Attr> = Vec::new();
        let (kind, name) = if word == "def" {
            let name: String = rest
                .chars()
                .take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '?' | '!' | '=' | '.'))
                .collect();
            let is_test = name.starts_with("test_");
            (
                if is_test {
                    UnitKind::Test
                } else {
                    UnitKind::Helper
                },
                name,
            )
        } else if RUBY_TESTS.contains(&word)
            && (title.is_some() || rest.starts_with('{') || rest.starts_with("do"))
        {
            if word == "test" && !rest.starts_with(['"', '\'', '(']) {
                continue;
            }
            (
                UnitKind::Test,
                title.map_or_else(|| trimmed.to_string(), str::to_string),
            )
        } else if RUBY_GROUPS.contains(&word) && !rest.is_empty() && !rest.starts_with(['.', '=']) {
            (
                UnitKind::Container,
                title.map_or_else(
                    || rest.split([' ', ',']).next().unwrap_or("").to_string(),
                    str::to_string,
                ),
            )
        } else if (word == "class" || word == "module") && rest.starts_with(char::is_uppercase) {
            (
                UnitKind::Container,
                rest.split([' ', '<']).next().unwrap_or("").to_string(),
            )
        } else {
            continue;
        };
        if word.starts_with('x') && word != "x"
            || matches!(
                word,
                "fit" | "fdescribe" | "fcontext" | "fspecify" | "fexample"
            )
        {
            attrs.push(Attr {
                name: word.into(),
                text: trimmed.into(),
                line,
            });
        }
        for pair in toks.windows(2) {
            if pair[0].is(":") && matches!(pair[1].text, "skip" | "focus" | "pending") {
                attrs.push(Attr {
                    name: pair[1].text.into(),
                    text: trimmed.into(),
                    line,
                });
            }
            if pair[1].is(":")
                && matches!(pair[0].text, "skip" | "focus" | "pending")
                && pair[0].kind == Kind::Ident
            {
                attrs.push(Attr {
                    name: pair[0].text.into(),
                    text: trimmed.into(),
                    line,
                });
            }
        }
        let stop = chunk_end(view, line);
        let opens = word == "def" && !rest.contains(" = ")
            || word == "class"
            || word == "module"
            || has_do(trimmed);
        let level = indent(text);
        let (end, complete) = if opens {
            let closing = (line + 1..stop).find(|&j| {
                let l = view.lines[j].text;
                !l.trim().is_empty()
                    && (indent(l) < level
                        || indent(l) == level && l.trim_start().starts_with("end"))
            });
            match closing {
                Some(j) if indent(view.lines[j].text) == level => (j + 1, true),
                Some(j) => (j, false),
                None => (stop, false),
            }
        } else if trimmed.ends_with('{') {
            let closing = (line + 1..stop).find(|&j| {
                indent(view.lines[j].text) <= level
                    && view.lines[j].text.trim_start().starts_with('}')
            });
            closing.map_or((stop, false), |j| (j + 1, true))
        } else {
            if kind == UnitKind::Test && !trimmed.contains('{') && !trimmed.ends_with(',') {
                // An example without a block is pending.
                attrs.push(Attr {
                    name: "pending".into(),
                    text: trimmed.into(),
                    line,
                });
            }
            (line + 1, true)
        };
        let params = if word == "def" {
            let list = rest
                .find('(')
                .map_or("", |p| rest[p + 1..].split(')').next().unwrap_or(""));
            list.split(',')
                .map(|p| {
                    p.trim()
                        .split([':', '=', ' '])
                        .next()
                        .unwrap_or("")
                        .trim_start_matches(['*', '&'])
                        .to_string()
                })
                .filter(|p| !p.is_empty())
                .collect()
        } else {
            vec![]
        };
        out.push(RawUnit {
            kind,
            name,
            start: line,
            decl: line,
            end,
            complete,
            attrs,
            params,
            parent: None,
        });
    }
    out
}

fn has_do(trimmed: &str) -> bool {
    trimmed.ends_with(" do") || trimmed.contains(" do |") && trimmed.ends_with('|')
}
