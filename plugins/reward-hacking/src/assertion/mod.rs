//! Assertions: where they are, what they compare, and how much they would notice.
//!
//! Strength is a small scale on purpose: what counts is that a change goes down on it.
//! 0 holds whatever the code does, 1 notices only absence, 2 notices some wrong results,
//! 3 pins the result.

mod chain;
pub mod cond;
pub mod names;

use crate::lang::Lang;
use crate::lexer::{Kind, Lexed, Tok};
use crate::text::{flat, indent, span_hashes};
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
    while i < toks.len() {
        if toks[i].kind != Kind::Ident {
            i += 1;
            continue;
        }
        let line = toks[i].line as usize;
        let limit = lexed.range(line, chunk_end(view, line)).1;
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
        out.push(build(view, lexed, lang, from, &found));
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

fn build(view: &View, lexed: &Lexed, lang: Lang, from: usize, found: &Found) -> Assertion {
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
    let _ = lang;
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
        crate::text::canonical_number(t.text)
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

/// Attributes that are assertions: `[ExpectedException(typeof(X))]`, `@Test(expected = X.class)`, `#[should_panic]`.
fn attribute_form(view: &View, lexed: &Lexed, lang: Lang, i: usize, limit: usize) -> Option<Found> {
    let toks = &lexed.toks;
    let t = &toks[i];
    let line = view.lines[t.line as usize].text.trim_start();
    let found = |last: usize| Found {
        form: Form::Throws,
        strength: 3,
        vacuous: None,
        api: "expectedexception".into(),
        args: vec![(i, last + 1)],
        last,
    };
    match lang {
        Lang::CSharp if t.text == "ExpectedException" && line.starts_with('[') => {
            let close = if toks.get(i + 1)?.is("(") {
                lexed.closing(i + 1, limit)?
            } else {
                i
            };
            Some(found(close))
        }
        Lang::Java
            if t.text == "expected" && line.starts_with("@Test") && toks.get(i + 1)?.is("=") =>
        {
            Some(found((i + 4).min(limit - 1)))
        }
        Lang::Rust if t.text == "should_panic" && line.starts_with("#[") => {
            let close = if toks.get(i + 1)?.is("(") {
                lexed.closing(i + 1, limit)?
            } else {
                i
            };
            Some(found(close))
        }
        _ => None,
    }
}

/// `t.Errorf` and its kin: the check is the condition of the `if` around it.
fn go_failure(view: &View, lexed: &Lexed, i: usize, limit: usize) -> Option<Found> {
    let toks = &lexed.toks;
    if !matches!(
        toks[i].text,
        "Error" | "Errorf" | "Fatal" | "Fatalf" | "Fail" | "FailNow"
    ) || i < 2
        || !toks[i - 1].is(".")
    {
        return None;
    }
    if !(matches!(toks[i - 2].text, "t" | "tb" | "b" | "f" | "tt")
        || toks[i - 2].is(")") && i >= 4 && toks[i - 4].is_ident("T"))
        || !toks.get(i + 1)?.is("(")
    {
        return None;
    }
    let last = lexed.closing(i + 1, limit).unwrap_or(i + 1);
    let line = toks[i].line as usize;
    let level = indent(view.lines[line].text);
    let mut at = line;
    while at > 0 && view.lines[at - 1].chunk == view.lines[line].chunk && line - at < 6 {
        at -= 1;
        let text = view.lines[at].text;
        if !text.trim().is_empty() && indent(text) < level {
            break;
        }
    }
    let (a, b) = lexed.range(at, at + 1);
    let head = if at < line {
        toks[a..b]
            .iter()
            .position(|t| t.is_ident("if"))
            .map(|p| a + p)
    } else {
        None
    };
    let Some(head) = head else {
        // Unconditional: reached means failed.
        return Some(Found {
            form: Form::Fail,
            strength: 3,
            vacuous: None,
            api: "fail".into(),
            args: split_args(lexed, i + 1, last),
            last,
        });
    };
    let brace = (head..line_end(lexed, line))
        .rfind(|&j| toks[j].is("{") && (toks[j].line as usize) < line)
        .unwrap_or(b.saturating_sub(1))
        .max(head + 1);
    let from = (head + 1..brace)
        .rfind(|&j| toks[j].is(";"))
        .map_or(head + 1, |j| j + 1);
    let (mut strength, vacuous) = cond::failure(&toks[from..brace]);
    if vacuous.is_some() {
        strength = 0;
    }
    let mut args = vec![(from, brace)];
    if from > head + 1 {
        args.push((head + 1, from - 1));
    }
    Some(Found {
        form: Form::Fail,
        strength,
        vacuous,
        api: "fail".into(),
        args,
        last,
    })
}

fn line_end(lexed: &Lexed, line: usize) -> usize {
    lexed.range(line, line + 1).1
}

/// `assert x == y` as a statement of Python, Java, Kotlin or minitest.
fn statement(lexed: &Lexed, lang: Lang, i: usize, limit: usize) -> Option<Found> {
    let toks = &lexed.toks;
    let t = &toks[i];
    if !matches!(lang, Lang::Python | Lang::Java | Lang::Ruby)
        || i > 0 && (toks[i - 1].is(".") || toks[i - 1].is_ident("def"))
    {
        return None;
    }
    if !(t.is_ident("assert") || lang == Lang::Ruby && t.kind == Kind::Ident && is_minitest(t.text))
    {
        return None;
    }
    if i > 0
        && toks[i - 1].line == t.line
        && !matches!(
            toks[i - 1].text,
            ":" | ";" | "{" | "}" | ")" | "|" | "->" | "else" | "then"
        )
    {
        return None;
    }
    let next = toks
        .get(i + 1)
        .filter(|n| i + 1 < limit && (n.line == t.line))?;
    if lang != Lang::Python && next.is("(") || next.is("=") || next.is(".") {
        return None;
    }
    let mut end = i + 1;
    let mut depth = 0i32;
    let mut comma = None;
    let mut commas = Vec::new();
    while end < limit {
        let e = &toks[end];
        if depth <= 0
            && (e.line > toks[end - 1].line && !(lang == Lang::Java)
                || e.is(";")
                || (lang == Lang::Java && e.is("}")))
        {
            break;
        }
        match e.text {
            "(" | "[" | "{" if e.kind == Kind::Punct => depth += 1,
            ")" | "]" | "}" if e.kind == Kind::Punct => depth -= 1,
            "," | ":" if e.kind == Kind::Punct && depth == 0 => {
                comma = comma.or(Some(end));
                commas.push(end);
            }
            _ => {}
        }
        end += 1;
    }
    if t.text != "assert" {
        let mut args = Vec::new();
        let mut from = i + 1;
        for c in commas {
            args.push((from, c));
            from = c + 1;
        }
        args.push((from, end));
        let form = names::form(&flat(t.text), lang, None)?;
        return Some(names::judge(
            lexed,
            lang,
            form,
            &flat(t.text),
            args,
            end - 1,
        ));
    }
    let cond_end = comma.unwrap_or(end);
    let (strength, vacuous) = cond::truth(&toks[i + 1..cond_end], lang);
    Some(Found {
        form: Form::True,
        strength,
        vacuous,
        api: "assert".into(),
        args: vec![(i + 1, cond_end)],
        last: end - 1,
    })
}

fn is_minitest(name: &str) -> bool {
    name.starts_with("assert_") || name.starts_with("refute") || name == "flunk"
}

/// A call or macro named like an assertion.
fn call(lexed: &Lexed, lang: Lang, i: usize, limit: usize) -> Option<Found> {
    let toks = &lexed.toks;
    let t = &toks[i];
    let mut open = i + 1;
    if lang == Lang::Rust && toks.get(open)?.is("!") {
        open += 1;
    }
    // Type arguments: `Assert.Throws<T>(`, `assertFailsWith<T> {`.
    let mut type_args = None;
    if matches!(lang, Lang::CSharp | Lang::Kotlin | Lang::Js) && toks.get(open)?.is("<") {
        let close = (open..limit.min(open + 16)).find(|&j| toks[j].is(">"))?;
        type_args = Some((open + 1, close));
        open = close + 1;
    }
    let opener = toks.get(open).filter(|_| open < limit)?;
    if !(opener.is("(")
        || lang == Lang::Kotlin && opener.is("{")
        || lang == Lang::Rust && opener.is("["))
    {
        return None;
    }
    if i > 0
        && (toks[i - 1].is_ident("fn")
            || toks[i - 1].is_ident("def")
            || toks[i - 1].is_ident("func")
            || toks[i - 1].is_ident("function")
            || toks[i - 1].is_ident("void")
            || toks[i - 1].is_ident("fun"))
    {
        return None;
    }
    let receiver = if i >= 2 && (toks[i - 1].is(".") || toks[i - 1].is("::")) {
        Some(toks[i - 2].text)
    } else {
        None
    };
    let name = flat(t.text);
    let form = names::form(&name, lang, receiver)?;
    if lang == Lang::Rust && !toks[i + 1].is("!") && !matches!(form, Form::Helper) {
        return None;
    }
    let close = lexed
        .closing(open, limit)
        .unwrap_or(limit.saturating_sub(1));
    if form == Form::Helper && !helper_position(lexed, i, receiver) {
        return None;
    }
    let mut args = split_args(lexed, open, close);
    if lang == Lang::Go
        && args
            .first()
            .is_some_and(|&(a, b)| b == a + 1 && matches!(toks[a].text, "t" | "tb" | "b"))
    {
        args.remove(0);
    }
    if let Some(types) = type_args {
        args.insert(0, types);
    }
    Some(names::judge(lexed, lang, form, &name, args, close))
}

/// A custom check stands as a statement of its own, not inside an expression.
fn helper_position(lexed: &Lexed, i: usize, receiver: Option<&str>) -> bool {
    let toks = &lexed.toks;
    let start = if receiver.is_some() { i - 2 } else { i };
    start == 0
        || toks[start - 1].line != toks[start].line
        || matches!(
            toks[start - 1].text,
            ";" | "{" | "}" | "await" | "=>" | ":" | "return" | ")"
        )
}
