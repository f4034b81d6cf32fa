//! Tokens, and which lines and brackets they make.

use std::cell::OnceCell;

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
    pub(super) closers: OnceCell<Vec<u32>>,
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
