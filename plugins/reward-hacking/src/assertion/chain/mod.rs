//! Assertions that read like sentences: `expect(x).toBe(y)`, `expect(x).to eq(y)`, `assertThat(x).isEqualTo(y)`,
//! `x.Should().Be(y)`, `x shouldBe y`.

mod ruby;
mod sentence;

use ruby::ruby;
use sentence::sentence;

use super::{Found, split_args};
use crate::assertion::names::Form;
use crate::lang::Lang;
use crate::lexer::{Kind, Lexed};
use crate::text::flat;

/// The sentence that starts at token `i`, if one does.
pub(super) fn parse(lexed: &Lexed, lang: Lang, i: usize, limit: usize) -> Option<Found> {
    let toks = &lexed.toks;
    let t = &toks[i];
    match lang {
        Lang::Ruby if matches!(t.text, "expect" | "is_expected") => ruby(lexed, i, limit),
        Lang::Js if t.text == "expect" && !(i > 0 && toks[i - 1].is(".")) => {
            fluent(lexed, lang, i, limit)
        }
        Lang::Java | Lang::Kotlin
            if matches!(
                t.text,
                "assertThat"
                    | "assertThatThrownBy"
                    | "assertThatCode"
                    | "assertThatExceptionOfType"
                    | "assertWithMessage"
                    | "then"
            ) =>
        {
            fluent(lexed, lang, i, limit)
        }
        Lang::Java | Lang::Kotlin if t.text == "verify" => verify(lexed, i, limit),
        Lang::Rust if matches!(t.text, "assert_that" | "expect_that" | "verify_that") => None,
        Lang::Python if t.text == "assert_that" => fluent(lexed, lang, i, limit),
        Lang::CSharp if matches!(t.text, "Should") && i > 0 && toks[i - 1].is(".") => {
            should(lexed, lang, i, limit)
        }
        Lang::CSharp
            if t.text.starts_with("Should") && t.text.len() > 6 && i > 0 && toks[i - 1].is(".") =>
        {
            shouldly(lexed, i, limit)
        }
        Lang::Js | Lang::Ruby if t.text == "should" && i > 0 && toks[i - 1].is(".") => {
            should(lexed, lang, i, limit)
        }
        Lang::Kotlin
            if t.text.starts_with("should")
                && t.text.len() > 6
                && toks
                    .get(i + 1)
                    .is_some_and(|n| !n.is("(") && n.line == t.line) =>
        {
            shouldly(lexed, i, limit)
        }
        _ => None,
    }
}

/// A name in a sentence with the brackets of its arguments, if it has any.
type Link<'a> = (&'a str, Option<(usize, usize)>);

/// The links behind `at`: names with their argument ranges, and the last token.
fn links<'a>(lexed: &'a Lexed, mut at: usize, limit: usize) -> (Vec<Link<'a>>, usize) {
    let toks = &lexed.toks;
    let mut out = Vec::new();
    let mut last = at.saturating_sub(1);
    while at + 1 < limit
        && (toks[at].is(".") || toks[at].is("?.") || toks[at].is("!") && toks[at + 1].is("."))
    {
        if toks[at].is("!") {
            at += 1;
        }
        let name = &toks[at + 1];
        if name.kind != Kind::Ident {
            break;
        }
        last = at + 1;
        at += 2;
        if at < limit
            && toks[at].is("<")
            && let Some(close) = (at..limit.min(at + 12)).find(|&j| toks[j].is(">"))
        {
            at = close + 1;
        }
        if at < limit && toks[at].is("(") {
            let close = lexed.closing(at, limit).unwrap_or(limit - 1);
            out.push((name.text, Some((at, close))));
            last = close;
            at = close + 1;
        } else {
            out.push((name.text, None));
        }
    }
    (out, last)
}

fn fluent(lexed: &Lexed, lang: Lang, i: usize, limit: usize) -> Option<Found> {
    let toks = &lexed.toks;
    let open = i + 1;
    if open >= limit || !toks[open].is("(") {
        return None;
    }
    let close = lexed.closing(open, limit).unwrap_or(limit - 1);
    let subject = split_args(lexed, open, close);
    // `assertThat(x, is(y))` is a plain call.
    if subject.len() >= 2 && lang != Lang::Js && !toks.get(close + 1).is_some_and(|t| t.is(".")) {
        return None;
    }
    let (chain, last) = links(lexed, close + 1, limit);
    sentence(lexed, lang, subject, &chain, last.max(close))
}

/// Mockito: `verify(mock, times(1)).call(args)`.
fn verify(lexed: &Lexed, i: usize, limit: usize) -> Option<Found> {
    let toks = &lexed.toks;
    if i > 0 && toks[i - 1].is(".") && !(i >= 2 && toks[i - 2].is_ident("Mockito")) {
        return None;
    }
    if !toks.get(i + 1)?.is("(") {
        return None;
    }
    let close = lexed.closing(i + 1, limit)?;
    let mut args = split_args(lexed, i + 1, close);
    let (chain, last) = links(lexed, close + 1, limit);
    let mode = args.get(1).map_or(&toks[0..0], |&(a, b)| &toks[a..b]);
    let lax = mode
        .first()
        .is_some_and(|t| matches!(t.text, "atLeast" | "atMost"))
        && mode.iter().any(|t| t.text == "0")
        || mode.first().is_some_and(|t| t.is_ident("atMost"));
    let (_, call) = chain.first()?;
    let operands = call.map_or_else(Vec::new, |(o, c)| split_args(lexed, o, c));
    let any = operands
        .iter()
        .filter(|&&(a, b)| {
            toks[a..b]
                .iter()
                .any(|t| t.kind == Kind::Ident && t.text.starts_with("any"))
        })
        .count();
    let strength = if lax {
        1
    } else if any > 0 {
        2
    } else {
        3
    };
    args.extend(operands);
    Some(Found {
        form: Form::Mock,
        strength,
        vacuous: None,
        api: "verify".into(),
        args,
        last,
    })
}

fn should(lexed: &Lexed, lang: Lang, i: usize, limit: usize) -> Option<Found> {
    let toks = &lexed.toks;
    let from = statement_from(lexed, i);
    let mut at = i + 1;
    if at < limit && toks[at].is("(") {
        at = lexed.closing(at, limit)? + 1;
    }
    let (chain, last) = links(lexed, at, limit);
    let subject = if from < i - 1 {
        vec![(from, i - 1)]
    } else {
        vec![]
    };
    sentence(lexed, lang, subject, &chain, last.max(i))
}

fn shouldly(lexed: &Lexed, i: usize, limit: usize) -> Option<Found> {
    let toks = &lexed.toks;
    let from = statement_from(lexed, i);
    let end_subject = if toks[i - 1].is(".") { i - 1 } else { i };
    let mut args = if from < end_subject {
        vec![(from, end_subject)]
    } else {
        vec![]
    };
    let name = toks[i].text;
    let last = if i + 1 < limit && toks[i + 1].is("(") {
        let close = lexed.closing(i + 1, limit).unwrap_or(limit - 1);
        args.extend(split_args(lexed, i + 1, close));
        close
    } else {
        let end = (i + 1..limit)
            .find(|&j| toks[j].line != toks[i].line)
            .unwrap_or(limit);
        if i + 1 < end {
            args.push((i + 1, end));
        }
        end - 1
    };
    let key = flat(
        name.trim_start_matches("Should")
            .trim_start_matches("should"),
    );
    let operand = args.get(1).map(|&(a, b)| &toks[a..b]);
    let (form, strength, vacuous) = match key.as_str() {
        "notbenull" | "benotnull" | "benull" if key != "benull" => (Form::NotNull, 1, None),
        "notbe" => (
            Form::Ne,
            if operand.is_some_and(|o| o.len() == 1 && o[0].is_ident("null")) {
                1
            } else {
                2
            },
            None,
        ),
        "betrue" | "befalse" => (Form::True, 2, None),
        "beoftype" | "beassignableto" | "beinstanceof" | "notbeempty" => {
            (Form::InstanceOf, 1, None)
        }
        k if k.contains("contain")
            || k.contains("greater")
            || k.contains("less")
            || k.contains("match")
            || k.contains("start")
            || k.starts_with("not") =>
        {
            (Form::Contains, 2, None)
        }
        k if k.starts_with("throw") => (Form::Throws, 3, None),
        _ => (Form::Eq, 3, None),
    };
    Some(Found {
        form,
        strength,
        vacuous,
        api: key,
        args,
        last,
    })
}

/// First token of the statement that token `i` is in, looking back on its line.
fn statement_from(lexed: &Lexed, i: usize) -> usize {
    let line = lexed.toks[i].line;
    let mut at = i;
    while at > 0
        && lexed.toks[at - 1].line == line
        && !matches!(lexed.toks[at - 1].text, ";" | "{" | "}" | "=>")
    {
        at -= 1;
    }
    at
}
