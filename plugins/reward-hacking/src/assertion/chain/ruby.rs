//! RSpec: `expect(x).to eq(y)`.

use crate::assertion::Found;
use crate::assertion::names::Form;
use crate::lexer::{Kind, Lexed};

pub(super) fn ruby(lexed: &Lexed, i: usize, limit: usize) -> Option<Found> {
    let toks = &lexed.toks;
    let mut at = i + 1;
    let mut args = Vec::new();
    if toks[i].text == "expect" {
        if at >= limit || !(toks[at].is("(") || toks[at].is("{") || toks[at].is_ident("do")) {
            return None;
        }
        let close = if toks[at].is_ident("do") {
            (at..limit)
                .find(|&j| toks[j].is_ident("end") && toks.get(j + 1).is_some_and(|t| t.is(".")))?
        } else {
            lexed.closing(at, limit)?
        };
        args.push((at + 1, close));
        at = close + 1;
    }
    if at + 1 >= limit || !toks[at].is(".") {
        return Some(Found {
            form: Form::Pass,
            strength: 0,
            vacuous: Some("it names no expectation"),
            api: "expect".into(),
            args,
            last: at.saturating_sub(1).max(i),
        });
    }
    let negated = matches!(toks[at + 1].text, "not_to" | "to_not");
    let from = at + 2;
    let mut end = from;
    let mut depth = 0i32;
    while end < limit {
        let t = &toks[end];
        if depth == 0
            && end > from
            && t.line > toks[end - 1].line
            && !t.is(".")
            && !matches!(toks[end - 1].text, "," | "." | "and" | "or")
        {
            break;
        }
        match t.text {
            "(" | "[" | "{" if t.kind == Kind::Punct => depth += 1,
            ")" | "]" | "}" if t.kind == Kind::Punct => {
                depth -= 1;
                if depth < 0 {
                    break;
                }
            }
            _ => {}
        }
        end += 1;
    }
    let matcher = &toks[from..end];
    let has = |names: &[&str]| {
        matcher
            .iter()
            .any(|t| t.kind == Kind::Ident && names.contains(&t.text))
    };
    let first = matcher
        .iter()
        .find(|t| t.kind == Kind::Ident)
        .map_or("", |t| t.text);
    let bare = matcher.iter().filter(|t| t.kind != Kind::Punct).count() <= 1;
    let (form, mut strength) = match first {
        "eq" | "eql" | "equal" | "be_nil" | "match_array" | "contain_exactly"
        | "have_http_status" | "be_empty" | "be_zero" | "redirect_to" | "have_attributes"
        | "change" | "eq_by" => (Form::Eq, 3),
        "be" if has(&["nil"]) || matcher.iter().any(|t| t.is("(")) => (Form::Eq, 3),
        "be" => (Form::Rel, if bare { 1 } else { 2 }),
        "be_truthy" | "be_present" | "be_a" | "be_an" | "be_kind_of" | "be_an_instance_of"
        | "be_instance_of" | "exist" | "be_a_kind_of" | "respond_to" => (Form::NotNull, 1),
        "be_falsey" | "be_falsy" => (Form::True, 2),
        "raise_error" | "raise_exception" => (
            Form::Throws,
            if bare
                || has(&["StandardError", "Exception"])
                    && matcher.iter().filter(|t| t.kind != Kind::Punct).count() == 2
            {
                1
            } else {
                3
            },
        ),
        "be_within" => (Form::Near, 3),
        "anything" | "be_anything" => (Form::Contains, 0),
        "receive" | "have_received" => (
            Form::Mock,
            if has(&["with", "times", "once", "twice", "exactly"]) {
                3
            } else {
                1
            },
        ),
        "match_snapshot" => (Form::Snapshot, 3),
        _ => (Form::Contains, 2),
    };
    if has(&["anything"])
        && !matcher
            .iter()
            .any(|t| t.kind == Kind::Str || t.kind == Kind::Number)
    {
        strength = strength.min(1);
    }
    if has(&["or"]) && depth <= 0 {
        strength = strength.min(2);
    }
    if negated {
        strength = match form {
            Form::Eq | Form::Throws | Form::NotNull => 1,
            Form::Mock => 3,
            _ => strength.min(2),
        };
        if first == "change" {
            strength = 3;
        }
    }
    let subject = args.first().map_or(&toks[0..0], |&(a, b)| &toks[a..b]);
    let constant = subject.len() == 1
        && (subject[0].kind != Kind::Ident || matches!(subject[0].text, "true" | "false" | "nil"));
    let vacuous = (constant && !negated)
        .then_some("it asserts a constant")
        .or((strength == 0).then_some("its matcher accepts anything"));
    if from < end {
        args.push((from, end));
    }
    Some(Found {
        form,
        strength: if vacuous.is_some() { 0 } else { strength },
        vacuous,
        api: first.to_string(),
        args,
        last: end.saturating_sub(1),
    })
}
