//! What a call of a known form would notice.

use super::super::{Found, cond};
use super::Form;
use super::matcher::{is_matcher, matcher};
use crate::lang::Lang;
use crate::lexer::{Kind, Lexed, Tok};

/// Strength and vacuity of a call of the given form.
pub(in crate::assertion) fn judge(
    lexed: &Lexed,
    lang: Lang,
    form: Form,
    name: &str,
    args: Vec<(usize, usize)>,
    last: usize,
) -> Found {
    let toks = &lexed.toks;
    let arg = |n: usize| args.get(n).map_or(&toks[0..0], |&(a, b)| &toks[a..b]);
    let mut form = form;
    let (strength, vacuous) = match form {
        Form::True if args.len() >= 2 && is_matcher(arg(1)) => {
            let (strength, vacuous) = matcher(arg(1));
            if strength == 3 {
                form = Form::Eq;
            }
            (strength, vacuous)
        }
        Form::True => cond::truth(condition(lang, &args, toks), lang),
        Form::False => {
            let c = condition(lang, &args, toks);
            match c {
                [t] if t.kind == Kind::Ident && matches!(t.text, "false" | "False") => {
                    (0, Some("it asserts a constant"))
                }
                _ => {
                    let weak = c.iter().any(|t| {
                        matches!(
                            t.text,
                            "isEmpty" | "IsNullOrEmpty" | "nil" | "is_none" | "is_err" | "isNull"
                        )
                    });
                    (if weak { 1 } else { 2 }, None)
                }
            }
        }
        Form::Eq
            if name.contains("equal")
                && args.len() == 3
                && lang == Lang::CSharp
                && arg(2).iter().any(|t| t.is_ident("ignoreCase")) =>
        {
            (2, None)
        }
        Form::Eq
        | Form::Null
        | Form::Near
        | Form::Snapshot
        | Form::Fail
        | Form::Helper
        | Form::Group => (3, None),
        Form::Mock if matches!(name, "expect" | "call") => (3, None),
        Form::Mock => (
            if name.contains("called")
                && !name.contains("with")
                && !name.contains("number")
                && !name.contains("once")
                && !name.contains("twice")
            {
                1
            } else {
                2
            },
            None,
        ),
        Form::Ne => (
            if arg(1).len() == 1
                && matches!(
                    arg(1)[0].text,
                    "None" | "null" | "nil" | "nullptr" | "undefined"
                )
            {
                1
            } else {
                2
            },
            None,
        ),
        Form::NotNull | Form::NoThrow | Form::InstanceOf => (1, None),
        Form::Contains | Form::Rel => {
            let zero = name.contains("greater")
                && (name.contains("equal"))
                && arg(1).len() == 1
                && arg(1)[0].text == "0"
                && arg(0).iter().any(|t| {
                    matches!(
                        t.text,
                        "len" | "length" | "size" | "Count" | "Length" | "count"
                    )
                });
            if zero {
                (0, Some("a size is never negative"))
            } else {
                (2, None)
            }
        }
        Form::Throws => (throws_strength(lang, name, &args, toks), None),
        Form::Pass => (0, Some("it passes by definition")),
    };
    Found {
        form,
        strength,
        vacuous,
        api: name.to_string(),
        args,
        last,
    }
}

/// The condition among the arguments: JUnit 4 has the message first.
fn condition<'a, 't>(lang: Lang, args: &[(usize, usize)], toks: &'a [Tok<'t>]) -> &'a [Tok<'t>] {
    let pick = match args {
        [first, second, ..]
            if lang == Lang::Java && first.1 == first.0 + 1 && toks[first.0].kind == Kind::Str =>
        {
            *second
        }
        [first, ..] => *first,
        [] => return &toks[0..0],
    };
    &toks[pick.0..pick.1]
}

fn throws_strength(lang: Lang, name: &str, args: &[(usize, usize)], toks: &[Tok]) -> u8 {
    if matches!(name, "error" | "panics" | "err" | "errorf")
        || name.contains("anythrow")
        || name.contains("throwsany")
    {
        return 2;
    }
    let generic = |t: &Tok| {
        matches!(
            t.text,
            "Exception"
                | "Throwable"
                | "BaseException"
                | "StandardError"
                | "RuntimeException"
                | "exception"
                | "SystemException"
                | "ScriptError"
        )
    };
    let typed: Vec<&Tok> = args
        .iter()
        .flat_map(|&(a, b)| &toks[a..b])
        .filter(|t| t.kind == Kind::Ident && t.text.starts_with(char::is_uppercase))
        .collect();
    let spec = match lang {
        Lang::Cpp => args.last().map(|&(a, b)| &toks[a..b]),
        _ => args.first().map(|&(a, b)| &toks[a..b]),
    };
    let broad = spec.is_some_and(|s| s.iter().any(generic) && s.len() <= 4);
    let matched = args.len() > 1
        && toks[args[1].0..args[args.len() - 1].1]
            .iter()
            .any(|t| t.is_ident("match"));
    if broad && !matched {
        return 1;
    }
    if matches!(lang, Lang::Js) && args.len() < 2 && typed.is_empty() {
        2
    } else {
        3
    }
}
