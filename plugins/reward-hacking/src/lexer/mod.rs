//! Source text to tokens: enough of each language to tell code from strings and comments.
//!
//! Works on views with gaps, so it never assumes that it has seen the start of anything, and it
//! recovers at every line or chunk end. It does not build trees.

mod line;
mod literal;
mod token;

use std::cell::OnceCell;

use crate::lang::Lang;
use crate::view::View;
use line::{State, lex_line};

pub use token::{Kind, Lexed, Tok};

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
