//! Source text to tokens: enough of each language to tell code from strings and comments.
//!
//! Works on views with gaps, so it never assumes that it has seen the start of anything, and it
//! recovers at every line or chunk end. It does not build trees.

use std::cell::OnceCell;

use crate::lang::Lang;
use crate::view::View;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A name or keyword.
    Ident,
    /// A numeric literal.
    Number,
    /// The content of a string or character literal, or one line of a longer one.
    Str,
    /// An operator or bracket, longest match.
    Punct,
}

/// One token.
#[derive(Clone, Copy, Debug)]
pub struct Tok<'a> {
    /// What it is.
    pub kind: Kind,
    /// Its text; of a string, what stands between the quotes.
    pub text: &'a str,
    /// Index of its line in the view.
    pub line: u32,
}

impl Tok<'_> {
    /// Whether this is the operator or bracket `p`.
    pub fn is(&self, p: &str) -> bool {
        self.kind == Kind::Punct && self.text == p
    }

    /// Whether this is the name or keyword `name`.
    pub fn is_ident(&self, name: &str) -> bool {
        self.kind == Kind::Ident && self.text == name
    }
}

/// The tokens of a view.
#[derive(Debug, Default)]
pub struct Lexed<'a> {
    /// The tokens in order.
    pub toks: Vec<Tok<'a>>,
    /// For each line of the view the index of its first token; one more entry than lines.
    pub starts: Vec<u32>,
    /// For each opening bracket the index of the one that closes it, once somebody asks.
    closers: OnceCell<Vec<u32>>,
}

/// No bracket closes this one.
const OPEN: u32 = u32::MAX;

impl<'a> Lexed<'a> {
    /// The token indices of the lines `from..to`.
    pub fn range(&self, from: usize, to: usize) -> (usize, usize) {
        let last = self.starts.len().saturating_sub(1);
        (
            self.starts.get(from.min(last)).copied().unwrap_or(0) as usize,
            self.starts.get(to.min(last)).copied().unwrap_or(0) as usize,
        )
    }

    /// The tokens of the lines `from..to`.
    pub fn lines(&self, from: usize, to: usize) -> &[Tok<'a>] {
        let (a, b) = self.range(from, to);
        &self.toks[a..b.max(a)]
    }

    /// Index of the bracket that closes the one at `open`, within `limit`.
    pub fn closing(&self, open: usize, limit: usize) -> Option<usize> {
        // All at once: in a text whose brackets do not match, each would be looked for up to the end.
        let closers = self.closers.get_or_init(|| self.match_brackets());
        let close = *closers.get(open)?;
        (close != OPEN && (close as usize) < limit).then_some(close as usize)
    }

    fn match_brackets(&self) -> Vec<u32> {
        let mut closers = vec![OPEN; self.toks.len()];
        let mut open = Vec::new();
        for (i, t) in self.toks.iter().enumerate() {
            match t.text {
                "(" | "[" | "{" if t.kind == Kind::Punct => open.push(i),
                ")" | "]" | "}" if t.kind == Kind::Punct => {
                    if let Some(at) = open.pop() {
                        closers[at] = i as u32;
                    }
                }
                _ => {}
            }
        }
        closers
    }
}

enum State<'a> {
    Code,
    BlockComment,
    /// Inside a literal that may span lines, until this terminator; whether `\` escapes.
    Long(End<'a>, bool),
}

/// What ends a literal.
#[derive(Clone, Copy)]
enum End<'a> {
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
    fn spans_lines(self) -> bool {
        self.len() > 1 || matches!(self, End::Plain("`"))
    }
}

/// The length of the operator that `rest` starts with; of two and three characters only those that
/// matter to the rules.
fn operator(rest: &[u8]) -> usize {
    match rest {
        [b'=', b'=', b'=', ..]
        | [b'!', b'=', b'=', ..]
        | [b'.', b'.', b'.' | b'=', ..]
        | [b'<', b'=', b'>', ..]
        | [b'*', b'*', b'=', ..] => 3,
        [b'=' | b'!' | b'<' | b'>' | b':' | b'+' | b'-', b'=', ..]
        | [b'&', b'&', ..]
        | [b'|', b'|', ..]
        | [b'=' | b'-', b'>', ..]
        | [b':', b':', ..]
        | [b'.', b'.', ..]
        | [b'*', b'*', ..]
        | [b'+', b'+', ..]
        | [b'?', b'?' | b'.', ..]
        | [b'=', b'~', ..] => 2,
        _ => 1,
    }
}

/// The tokens of `view`.
pub fn lex<'a>(view: &View<'a>, lang: Lang) -> Lexed<'a> {
    let mut out = Lexed {
        // What lines of code have; more grow it.
        toks: Vec::with_capacity(view.lines.len() * 8),
        starts: Vec::with_capacity(view.lines.len() + 1),
        closers: OnceCell::new(),
    };
    let mut state = State::Code;
    let mut chunk = u32::MAX;
    for (index, line) in view.lines.iter().enumerate() {
        if line.chunk != chunk {
            chunk = line.chunk;
            state = State::Code;
        }
        out.starts.push(out.toks.len() as u32);
        state = lex_line(line.text, index as u32, lang, state, &mut out.toks);
    }
    out.starts.push(out.toks.len() as u32);
    out
}

fn lex_line<'a>(
    text: &'a str,
    line: u32,
    lang: Lang,
    mut state: State<'a>,
    toks: &mut Vec<Tok<'a>>,
) -> State<'a> {
    let bytes = text.as_bytes();
    let mut i = 0;
    let trimmed = text.trim_start();
    if matches!(state, State::Code)
        && lang.has_braces()
        && (trimmed.starts_with("* ") || trimmed.starts_with("*/") || trimmed == "*")
    {
        // A hunk that starts inside a block comment.
        match text.find("*/") {
            Some(at) => i = at + 2,
            None => return State::Code,
        }
    }
    if lang == Lang::Cpp && trimmed.starts_with('#') && !trimmed.starts_with("#define") {
        return state;
    }
    while i < bytes.len() {
        match &state {
            State::BlockComment => match text[i..].find("*/") {
                Some(at) => {
                    i += at + 2;
                    state = State::Code;
                }
                None => return state,
            },
            State::Long(end, escapes) => {
                let (content_end, next) = find_end(text, i, *end, *escapes);
                toks.push(Tok {
                    kind: Kind::Str,
                    text: &text[i..content_end],
                    line,
                });
                match next {
                    Some(n) => {
                        i = n;
                        state = State::Code;
                    }
                    None => return state,
                }
            }
            State::Code => {
                let c = bytes[i];
                if c.is_ascii_whitespace() {
                    i += 1;
                } else if is_line_comment(text, i, lang) {
                    return state;
                } else if c == b'/' && bytes.get(i + 1) == Some(&b'*') && lang.has_braces() {
                    state = State::BlockComment;
                    i += 2;
                } else if let Some((start, end, escapes, multi)) = string_start(text, i, lang, toks)
                {
                    if multi {
                        i = start;
                        state = State::Long(end, escapes);
                        if i >= bytes.len() {
                            return state;
                        }
                    } else {
                        let (content_end, next) = find_end(text, start, end, escapes);
                        toks.push(Tok {
                            kind: Kind::Str,
                            text: &text[start..content_end],
                            line,
                        });
                        i = next.unwrap_or(bytes.len());
                    }
                } else if c.is_ascii_digit() {
                    let end = number_end(text, i);
                    toks.push(Tok {
                        kind: Kind::Number,
                        text: &text[i..end],
                        line,
                    });
                    i = end;
                } else if c == b'_'
                    || c.is_ascii_alphabetic()
                    || c >= 0x80
                    || (c == b'$' && lang == Lang::Js)
                    || (c == b'@' && lang == Lang::Ruby)
                {
                    let end = ident_end(text, i, lang);
                    toks.push(Tok {
                        kind: Kind::Ident,
                        text: &text[i..end],
                        line,
                    });
                    i = end;
                } else {
                    let len = operator(&bytes[i..]);
                    toks.push(Tok {
                        kind: Kind::Punct,
                        text: &text[i..i + len],
                        line,
                    });
                    i += len;
                }
            }
        }
    }
    match state {
        State::Long(end, _) if !end.spans_lines() => State::Code,
        other => other,
    }
}

fn is_line_comment(text: &str, i: usize, lang: Lang) -> bool {
    match lang {
        Lang::Python | Lang::Ruby | Lang::Other => text.as_bytes()[i] == b'#',
        _ => text.as_bytes()[i..].starts_with(b"//"),
    }
}

/// Where a literal that starts at `i` has its content, how it ends, whether `\` escapes, whether it may span lines.
fn string_start<'a>(
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
fn find_end(text: &str, from: usize, end: End, escapes: bool) -> (usize, Option<usize>) {
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

fn number_end(text: &str, from: usize) -> usize {
    let bytes = text.as_bytes();
    let mut i = from;
    while i < bytes.len() {
        let c = bytes[i];
        let exponent_sign = (c == b'-' || c == b'+')
            && matches!(bytes[i - 1], b'e' | b'E')
            && !text[from..].starts_with("0x");
        let dot = c == b'.' && bytes.get(i + 1).is_some_and(u8::is_ascii_digit);
        let separator = c == b'\'' && bytes.get(i + 1).is_some_and(u8::is_ascii_digit);
        if c.is_ascii_alphanumeric() || c == b'_' || dot || exponent_sign && i > from || separator {
            i += 1;
        } else {
            break;
        }
    }
    i
}

fn ident_end(text: &str, from: usize, lang: Lang) -> usize {
    // Nearly all names are plain.
    let plain = text.as_bytes()[from..]
        .iter()
        .take_while(|b| b.is_ascii_alphanumeric() || **b == b'_')
        .count();
    if plain > 0
        && text
            .as_bytes()
            .get(from + plain)
            .is_none_or(|b| b.is_ascii() && !matches!(b, b'$' | b'@' | b'?' | b'!'))
    {
        return from + plain;
    }
    let mut end = text[from..]
        .char_indices()
        .find(|(n, c)| {
            !(c.is_alphanumeric()
                || *c == '_'
                || (*c == '$' && lang == Lang::Js)
                || (*n == 0 && *c == '@')
                || (*c == '@' && lang == Lang::Ruby))
        })
        .map_or(text.len(), |(n, _)| from + n);
    if end == from {
        end = from + text[from..].chars().next().map_or(1, char::len_utf8);
    }
    if lang == Lang::Ruby
        && text[end..].starts_with(['?', '!'])
        && !text[end + 1..].starts_with('=')
    {
        end += 1;
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::ViewLine;

    fn texts(lang: Lang, src: &str) -> Vec<String> {
        let view = View {
            lines: src
                .lines()
                .enumerate()
                .map(|(i, text)| ViewLine {
                    no: i as u32 + 1,
                    text,
                    changed: false,
                    peer: 0,
                    chunk: 0,
                })
                .collect(),
            sections: vec![""],
        };
        lex(&view, lang)
            .toks
            .iter()
            .map(|t| format!("{}{}", if t.kind == Kind::Str { "s:" } else { "" }, t.text))
            .collect()
    }

    #[test]
    fn strings_and_comments_are_not_code() {
        assert_eq!(
            texts(Lang::Go, "x := `a\n\"b\"` // t.Skip()"),
            ["x", ":=", "s:a", "s:\"b\""]
        );
        assert_eq!(
            texts(Lang::Rust, "fn a<'a>(x: &'a str) -> char { 'x' }")
                .last()
                .unwrap(),
            "}"
        );
        assert_eq!(texts(Lang::Rust, "r#\"a\"b\"#;"), ["s:a\"b", ";"]);
        assert_eq!(
            texts(Lang::Python, "x = f'a' # no\n\"\"\"doc\nmore\"\"\"\ny"),
            ["x", "=", "s:a", "s:doc", "s:more", "y"]
        );
        assert_eq!(
            texts(Lang::Js, "a.match(/it's (ok)/) / 2"),
            ["a", ".", "match", "(", "s:it's (ok)", ")", "/", "2"]
        );
        assert_eq!(
            texts(Lang::Cpp, "1'000'000, 'a'"),
            ["1'000'000", ",", "s:a"]
        );
        assert_eq!(texts(Lang::Js, "<p>it's</p>")[0], "<");
    }

    #[test]
    fn odd_bytes_do_not_break_it() {
        for src in [
            "é'",
            "\"\\",
            "'\u{1F600}",
            "r#",
            "R\"",
            "\u{0}",
            "$",
            "@\"",
            "0x",
            "1e",
            "/",
        ] {
            for lang in [
                Lang::Rust,
                Lang::Go,
                Lang::Python,
                Lang::Js,
                Lang::Java,
                Lang::Ruby,
                Lang::CSharp,
                Lang::Cpp,
                Lang::Other,
            ] {
                texts(lang, src);
            }
        }
    }
}
