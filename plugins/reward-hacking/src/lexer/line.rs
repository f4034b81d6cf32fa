//! One line to tokens, from the state that the line above ended in.

use super::literal::{End, find_end, string_start};
use super::token::{Kind, Tok};
use crate::lang::Lang;

/// What the end of a line is inside of.
pub(super) enum State<'a> {
    Code,
    BlockComment,
    /// Inside a literal that may span lines, until this terminator; whether `\` escapes.
    Long(End<'a>, bool),
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

/// The tokens of one line; what it ends in.
pub(super) fn lex_line<'a>(
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
