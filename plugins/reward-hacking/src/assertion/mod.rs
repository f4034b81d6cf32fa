//! Assertions: where they are, what they compare, and how much they would notice.
//!
//! Strength is a small scale on purpose: what counts is that a change goes down on it.
//! 0 holds whatever the code does, 1 notices only absence, 2 notices some wrong results,
//! 3 pins the result.

mod plain;

use plain::{attribute_form, call, go_failure, statement};

mod chain;
pub mod cond;
pub mod names;

use crate::lang::Lang;
use crate::lexer::{Kind, Lexed, Tok};
use crate::text::{indent, span_hashes};
use crate::unit::chunk_end;
use crate::view::View;
use names::Form;

/// A token that outlives the view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// What it is.
    pub kind: Kind,
    /// Its text, numbers in canonical form.
    pub text: String,
}

/// One assertion.
#[derive(Clone, Debug)]
pub struct Assertion {
    /// Line index in the view.
    pub at: usize,
    /// Line index of its last line.
    pub last: usize,
    /// 1-based line number.
    pub line: u32,
    /// Whether the change touched any of its lines.
    pub changed: bool,
    /// 0 to 3, see the module.
    pub strength: u8,
    /// Why it can never fail, when it cannot.
    pub vacuous: Option<&'static str>,
    /// What kind of check it is.
    pub form: Form,
    /// The name it goes by, flat.
    pub api: String,
    /// Its operands; the first is the subject where the form has one.
    pub args: Vec<Vec<Word>>,
    /// Sorted hashes of the operand tokens, for similarity.
    pub content: Vec<u64>,
    /// The source line.
    pub text: String,
    /// Leading blanks of its first line.
    pub indent: usize,
    /// The nearest changed line above that it is indented under, and its 1-based number.
    pub guard: Option<(u32, String)>,
}

impl Assertion {
    /// Share of the smaller one's operand tokens that both have, 0.0 to 1.0.
    pub fn similarity(&self, other: &Assertion) -> f64 {
        let (mut i, mut j, mut both) = (0, 0, 0usize);
        while i < self.content.len() && j < other.content.len() {
            match self.content[i].cmp(&other.content[j]) {
                std::cmp::Ordering::Equal => {
                    both += 1;
                    i += 1;
                    j += 1;
                }
                std::cmp::Ordering::Less => i += 1,
                std::cmp::Ordering::Greater => j += 1,
            }
        }
        let least = self.content.len().min(other.content.len());
        if least == 0 {
            0.0
        } else {
            both as f64 / least as f64
        }
    }

    /// The literals among its operands.
    pub fn literals(&self) -> impl Iterator<Item = &Word> {
        self.args
            .iter()
            .flatten()
            .filter(|w| matches!(w.kind, Kind::Str | Kind::Number))
    }
}

/// What a parser of one assertion style found.
pub(crate) struct Found {
    pub form: Form,
    pub strength: u8,
    pub vacuous: Option<&'static str>,
    pub api: String,
    /// Operand token ranges.
    pub args: Vec<(usize, usize)>,
    /// The last token of it.
    pub last: usize,
}

/// All assertions of the view, ascending.
pub fn assertions(view: &View, lexed: &Lexed, lang: Lang) -> Vec<Assertion> {
    let toks = &lexed.toks;
    let mut out: Vec<Assertion> = Vec::new();
    let mut i = 0;
    let (mut at, mut limit) = (usize::MAX, 0);
    while i < toks.len() {
        if toks[i].kind != Kind::Ident {
            i += 1;
            continue;
        }
        let line = toks[i].line as usize;
        if line != at {
            (at, limit) = (line, lexed.range(line, chunk_end(view, line)).1);
        }
        let found = attribute_form(view, lexed, lang, i, limit)
            .or_else(|| {
                if lang == Lang::Go {
                    go_failure(view, lexed, i, limit)
                } else {
                    None
                }
            })
            .or_else(|| chain::parse(lexed, lang, i, limit))
            .or_else(|| statement(lexed, lang, i, limit))
            .or_else(|| call(lexed, lang, i, limit));
        let Some(found) = found else {
            i += 1;
            continue;
        };
        let from = statement_start(lexed, i);
        out.push(build(view, lexed, from, &found));
        // Nested checks inside a group (`assertAll`, `Assert.Multiple`, `assert_raises do`) are found too.
        i = if matches!(
            found.form,
            Form::Group | Form::Throws | Form::NoThrow | Form::Helper
        ) {
            i + 1
        } else {
            found.last.max(i) + 1
        };
    }
    out
}

/// Backs up over the receiver, so that `assert.Equal` starts at `assert`.
fn statement_start(lexed: &Lexed, i: usize) -> usize {
    let mut at = i;
    while at >= 2
        && (lexed.toks[at - 1].is(".") || lexed.toks[at - 1].is("::"))
        && lexed.toks[at - 2].kind == Kind::Ident
    {
        at -= 2;
    }
    at
}

fn build(view: &View, lexed: &Lexed, from: usize, found: &Found) -> Assertion {
    let toks = &lexed.toks;
    let mut first = toks[from].line as usize;
    let last = toks[found.last.min(toks.len() - 1)].line as usize;
    for (a, b) in &found.args {
        if a < b {
            first = first.min(toks[*a].line as usize);
        }
    }
    let at = toks[from].line as usize;
    let args: Vec<Vec<Word>> = found
        .args
        .iter()
        .map(|&(a, b)| toks[a..b].iter().take(200).map(word).collect())
        .collect();
    let mut content = span_hashes(
        args.iter()
            .flatten()
            .filter(|w| w.kind != Kind::Punct)
            .map(|w| w.text.as_str()),
    );
    content.sort_unstable();
    let mut strength = found.strength;
    let mut vacuous = found.vacuous;
    if vacuous.is_none() && found.form == Form::Eq && args.len() >= 2 {
        vacuous = cond::same_on_both_sides(&args[0], &args[1]);
    }
    if vacuous.is_some() {
        strength = 0;
    }
    Assertion {
        at,
        last,
        line: view.lines[at].no,
        changed: view.lines[first..=last.max(first)]
            .iter()
            .any(|l| l.changed),
        strength,
        vacuous,
        form: found.form,
        api: found.api.clone(),
        args,
        content,
        text: view.lines[at].text.trim().to_string(),
        indent: indent(view.lines[at].text),
        guard: guard(view, at),
    }
}

/// The nearest line above with less indentation, if the change touched it.
fn guard(view: &View, at: usize) -> Option<(u32, String)> {
    let level = indent(view.lines[at].text);
    let chunk = view.lines[at].chunk;
    for j in (at.saturating_sub(15)..at).rev() {
        let l = &view.lines[j];
        if l.chunk != chunk {
            return None;
        }
        if !l.text.trim().is_empty() && indent(l.text) < level {
            return l.changed.then(|| (l.no, l.text.trim().to_string()));
        }
    }
    None
}

/// The token with numbers in one spelling.
pub(crate) fn word(t: &Tok) -> Word {
    let text = if t.kind == Kind::Number {
        crate::text::canonical_number(t.text).into_owned()
    } else {
        t.text.to_string()
    };
    Word { kind: t.kind, text }
}

/// Token ranges of the arguments between `open` and `close`.
pub(crate) fn split_args(lexed: &Lexed, open: usize, close: usize) -> Vec<(usize, usize)> {
    let mut out = Vec::new();
    let mut depth = 0i32;
    let mut from = open + 1;
    for i in open + 1..close {
        let t = &lexed.toks[i];
        if t.kind != Kind::Punct {
            continue;
        }
        match t.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            "," if depth == 0 => {
                out.push((from, i));
                from = i + 1;
            }
            _ => {}
        }
    }
    if from < close {
        out.push((from, close));
    }
    out
}
