//! Units of the languages with braces: Rust, Go, Java, Kotlin, C#, C and C++.

mod jvm;
mod native;

use jvm::{class, kotlin, method};
use native::{cpp, go, rust};

use crate::lang::Lang;
use crate::lexer::{Kind, Lexed};
use crate::unit::{Attr, RawUnit, UnitKind, chunk_end, span_text};
use crate::view::View;

/// Words that look like calls in front of a block and are none.
const CONTROL: [&str; 30] = [
    "if",
    "for",
    "while",
    "switch",
    "catch",
    "synchronized",
    "try",
    "return",
    "new",
    "throw",
    "else",
    "do",
    "using",
    "lock",
    "foreach",
    "when",
    "match",
    "loop",
    "fixed",
    "sizeof",
    "typeof",
    "await",
    "in",
    "case",
    "assert",
    "delete",
    "alignas",
    "decltype",
    "requires",
    "static_assert",
];

/// The functions, tests, classes and modules of the view.
pub fn units(view: &View, lexed: &Lexed, lang: Lang, is_test_file: bool) -> Vec<RawUnit> {
    let toks = &lexed.toks;
    let mut out = Vec::new();
    let mut pending: Vec<Attr> = Vec::new();
    let mut i = 0;
    let (mut line, mut limit) = (usize::MAX, 0);
    while i < toks.len() {
        let here = toks[i].line as usize;
        if here != line {
            (line, limit) = (here, lexed.range(here, chunk_end(view, here)).1);
        }
        if let Some((attr, next)) = attribute(view, lexed, lang, i, limit) {
            pending.push(attr);
            i = next;
            continue;
        }
        let t = &toks[i];
        if t.kind == Kind::Punct {
            if matches!(t.text, ";" | "{" | "}") {
                pending.clear();
            }
            i += 1;
            continue;
        }
        if let Some(found) = declaration(lexed, lang, i, limit, &pending, is_test_file) {
            let attrs = std::mem::take(&mut pending);
            let start = attrs.first().map_or(here, |a| a.line.min(here));
            let (end, complete) = match found.last {
                Some(tok) => (toks[tok].line as usize + 1, true),
                None => (chunk_end(view, here), false),
            };
            let parsed = RawUnit {
                kind: found.kind,
                name: found.name,
                start,
                decl: here,
                end: end.max(here + 1),
                complete,
                attrs,
                params: found.params,
                parent: None,
            };
            out.push(parsed);
            i = found.resume;
            continue;
        }
        i += 1;
    }
    out
}

struct Declaration {
    kind: UnitKind,
    name: String,
    params: Vec<String>,
    /// The token that ends it, if the view shows it.
    last: Option<usize>,
    /// Where to go on looking, so that nested units are found.
    resume: usize,
}

/// An attribute that starts at token `i`, and the token behind it.
fn attribute(
    view: &View,
    lexed: &Lexed,
    lang: Lang,
    i: usize,
    limit: usize,
) -> Option<(Attr, usize)> {
    let toks = &lexed.toks;
    let t = &toks[i];
    let (path_at, end) = match lang {
        Lang::Rust if t.is("#") => {
            let open = if toks.get(i + 1)?.is("!") {
                i + 2
            } else {
                i + 1
            };
            if !toks.get(open)?.is("[") {
                return None;
            }
            (open + 1, lexed.closing(open, limit)?)
        }
        Lang::CSharp if t.is("[") => {
            let first_on_line = i == 0 || toks[i - 1].line != t.line || toks[i - 1].is("]");
            let after = i == 0
                || toks[i - 1].kind == Kind::Punct
                    && matches!(toks[i - 1].text, ";" | "{" | "}" | "]")
                || toks[i - 1].line != t.line;
            if !first_on_line || !after || toks.get(i + 1)?.kind != Kind::Ident {
                return None;
            }
            (i + 1, lexed.closing(i, limit)?)
        }
        Lang::Java | Lang::Kotlin if t.is("@") => {
            let mut end = i + 1;
            if toks.get(end)?.kind != Kind::Ident || toks[end].text == "interface" {
                return None;
            }
            while toks.get(end + 1).is_some_and(|t| t.is("."))
                && toks.get(end + 2).is_some_and(|t| t.kind == Kind::Ident)
            {
                end += 2;
            }
            if end + 1 < limit && toks[end + 1].is("(") {
                (i + 1, lexed.closing(end + 1, limit)?)
            } else {
                (i + 1, end)
            }
        }
        _ => return None,
    };
    let mut name = String::new();
    for t in &toks[path_at..=end] {
        if t.kind == Kind::Ident || t.is("::") || t.is(".") {
            name.push_str(t.text);
        } else {
            break;
        }
    }
    if lang == Lang::CSharp {
        // `[Test, Explicit]` holds several.
        let mut depth = 0i32;
        for k in path_at..end {
            match toks[k].text {
                "(" | "[" | "{" if toks[k].kind == Kind::Punct => depth += 1,
                ")" | "]" | "}" if toks[k].kind == Kind::Punct => depth -= 1,
                "," if depth == 0 && toks[k + 1].kind == Kind::Ident => {
                    name.push(',');
                    name.push_str(toks[k + 1].text);
                }
                _ => {}
            }
        }
    }
    let (from, to) = (t.line as usize, toks[end].line as usize);
    Some((
        Attr {
            name,
            text: span_text(view, from, to),
            line: from,
        },
        end + 1,
    ))
}

fn declaration(
    lexed: &Lexed,
    lang: Lang,
    i: usize,
    limit: usize,
    attrs: &[Attr],
    is_test_file: bool,
) -> Option<Declaration> {
    match lang {
        Lang::Rust => rust(lexed, i, limit, attrs),
        Lang::Go => go(lexed, i, limit),
        Lang::Kotlin if lexed.toks[i].is_ident("fun") => kotlin(lexed, i, limit, attrs),
        Lang::Cpp => cpp(lexed, i, limit),
        Lang::Java | Lang::Kotlin | Lang::CSharp => {
            class(lexed, i, limit).or_else(|| method(lexed, lang, i, limit, attrs, is_test_file))
        }
        _ => None,
    }
}

/// The block that starts at or behind `from`, before a `;` on the same level.
fn block(lexed: &Lexed, from: usize, limit: usize) -> (Option<usize>, Option<usize>) {
    let mut i = from;
    while i < limit {
        let t = &lexed.toks[i];
        if t.is("{") {
            return (Some(i), lexed.closing(i, limit));
        }
        if t.is(";") {
            return (None, Some(i));
        }
        i = if t.is("(") || t.is("[") {
            lexed.closing(i, limit).unwrap_or(limit) + 1
        } else {
            i + 1
        };
    }
    (None, None)
}

/// Names that stand in front of `:` or as the last word of each parameter.
fn params(lexed: &Lexed, open: usize, close: usize, colon: bool) -> Vec<String> {
    let mut out = Vec::new();
    let mut depth = 0i32;
    let mut last: Option<&str> = None;
    let mut frozen = false;
    for t in &lexed.toks[open + 1..close] {
        match t.text {
            "(" | "[" | "{" | "<" if t.kind == Kind::Punct => depth += 1,
            ")" | "]" | "}" | ">" if t.kind == Kind::Punct => depth -= 1,
            "," if depth == 0 => {
                out.extend(last.take().map(str::to_string));
                frozen = false;
            }
            ":" | "=" if depth == 0 => frozen = true,
            _ if t.kind == Kind::Ident
                && depth == 0
                && !frozen
                && !(colon && matches!(t.text, "mut" | "ref" | "self")) =>
            {
                last = Some(t.text);
            }
            _ => {}
        }
    }
    out.extend(last.map(str::to_string));
    out
}
