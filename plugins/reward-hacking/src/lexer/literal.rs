//! String and character literals: where one starts in each language, and where it ends.

use super::token::{Kind, Tok};
use crate::lang::Lang;

/// What ends a literal.
#[derive(Clone, Copy)]
pub(super) enum End<'a> {
    /// This text.
    Plain(&'static str),
    /// A quote and so many hashes: Rust's raw strings.
    Hashes(usize),
    /// A bracket, this name and a quote: raw strings of C++.
    Named(&'a str),
}

impl End<'_> {
    fn len(self) -> usize {
        match self {
            End::Plain(text) => text.len(),
            End::Hashes(count) => count + 1,
            End::Named(name) => name.len() + 2,
        }
    }

    /// Whether `rest` starts with it.
    fn starts(self, rest: &[u8]) -> bool {
        match self {
            End::Plain(text) => rest.starts_with(text.as_bytes()),
            End::Hashes(count) => {
                rest[0] == b'"' && rest.len() > count && rest[1..=count].iter().all(|b| *b == b'#')
            }
            End::Named(name) => {
                rest[0] == b')'
                    && rest[1..].starts_with(name.as_bytes())
                    && rest.get(1 + name.len()) == Some(&b'"')
            }
        }
    }

    /// Whether a literal that it ends may go on behind the end of the line.
    pub(super) fn spans_lines(self) -> bool {
        self.len() > 1 || matches!(self, End::Plain("`"))
    }
}

/// Where a literal that starts at `i` has its content, how it ends, whether `\` escapes, whether it may span lines.
pub(super) fn string_start<'a>(
    text: &'a str,
    i: usize,
    lang: Lang,
    toks: &[Tok],
) -> Option<(usize, End<'a>, bool, bool)> {
    let c = text.as_bytes()[i];
    // Names and brackets are most of what comes.
    if !matches!(
        (c, lang),
        (b'"' | b'\'' | b'`' | b'/', _)
            | (b'r' | b'b', Lang::Rust)
            | (b'R', Lang::Cpp)
            | (b'a'..=b'z' | b'A'..=b'Z', Lang::Python)
            | (b'@' | b'$', Lang::CSharp)
    ) {
        return None;
    }
    let rest = &text[i..];
    // Prefixes such as r"", f'', b"", u8"", @"", $"".
    if lang == Lang::Rust
        && (rest.starts_with("r\"")
            || rest.starts_with("r#")
            || rest.starts_with("br\"")
            || rest.starts_with("br#"))
    {
        let skip = rest.find('r').unwrap_or(0) + 1;
        let hashes = rest[skip..].bytes().take_while(|b| *b == b'#').count();
        if rest[skip + hashes..].starts_with('"') {
            return Some((i + skip + hashes + 1, End::Hashes(hashes), false, true));
        }
        return None;
    }
    if lang == Lang::Cpp && rest.starts_with("R\"") {
        let open = rest.find('(')?;
        return Some((i + open + 1, End::Named(&rest[2..open]), false, true));
    }
    if lang == Lang::Python && c.is_ascii_alphabetic() {
        let prefix = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        if prefix <= 2
            && rest[..prefix].bytes().all(|b| b"rRbBfFuU".contains(&b))
            && matches!(rest.as_bytes().get(prefix), Some(b'"' | b'\''))
        {
            return string_start(text, i + prefix, lang, toks);
        }
        return None;
    }
    if lang == Lang::CSharp && (c == b'@' || c == b'$') {
        let prefix = rest
            .bytes()
            .take_while(|b| *b == b'@' || *b == b'$')
            .count();
        if rest[prefix..].starts_with('"') {
            return Some((
                i + prefix + 1,
                End::Plain("\""),
                !rest[..prefix].contains('@'),
                false,
            ));
        }
        return None;
    }
    match c {
        b'"' => {
            let triple = rest.starts_with("\"\"\"")
                && matches!(
                    lang,
                    Lang::Python | Lang::Java | Lang::Kotlin | Lang::CSharp
                );
            if triple {
                return Some((i + 3, End::Plain("\"\"\""), true, true));
            }
            // Only Rust and Ruby let a plain string run over the line end.
            let multi =
                lang == Lang::Rust && find_end(text, i + 1, End::Plain("\""), true).1.is_none();
            Some((i + 1, End::Plain("\""), true, multi))
        }
        b'\'' => match lang {
            Lang::Python if rest.starts_with("'''") => Some((i + 3, End::Plain("'''"), true, true)),
            Lang::Rust => {
                // A lifetime is no literal.
                let mut chars = rest[1..].chars();
                let first = chars.next()?;
                if first == '\\' || chars.next() == Some('\'') {
                    Some((i + 1, End::Plain("'"), true, false))
                } else {
                    None
                }
            }
            Lang::Cpp if toks.last().is_some_and(|t| t.kind == Kind::Number) => None,
            _ => Some((i + 1, End::Plain("'"), true, false)),
        },
        b'`' if matches!(lang, Lang::Js) => Some((i + 1, End::Plain("`"), true, true)),
        b'`' if lang == Lang::Go => Some((i + 1, End::Plain("`"), false, true)),
        b'`' if lang == Lang::Kotlin => Some((i + 1, End::Plain("`"), false, false)),
        b'/' if matches!(lang, Lang::Js | Lang::Ruby) => {
            let literal_here = match toks.last() {
                None => true,
                Some(t) if t.kind == Kind::Punct => !matches!(t.text, ")" | "]" | "}"),
                Some(t) => {
                    t.kind == Kind::Ident
                        && matches!(
                            t.text,
                            "return" | "match" | "when" | "if" | "and" | "or" | "not"
                        )
                }
            };
            let closed = rest.len() > 1
                && !rest[1..].starts_with(['/', '*', ' ', '='])
                && find_end(text, i + 1, End::Plain("/"), true).1.is_some();
            (literal_here && closed).then(|| (i + 1, End::Plain("/"), true, false))
        }
        _ => None,
    }
}

/// Where the content ends and where code goes on, if the terminator is on this line.
pub(super) fn find_end(text: &str, from: usize, end: End, escapes: bool) -> (usize, Option<usize>) {
    let bytes = text.as_bytes();
    let mut i = from;
    while i < bytes.len() {
        if escapes && bytes[i] == b'\\' {
            i += 2;
            continue;
        }
        if end.starts(&bytes[i..]) {
            return (i, Some(i + end.len()));
        }
        i += 1;
    }
    (text.len(), None)
}
