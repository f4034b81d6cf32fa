//! Assertions that read like sentences: `expect(x).toBe(y)`, `expect(x).to eq(y)`, `assertThat(x).isEqualTo(y)`,
//! `x.Should().Be(y)`, `x shouldBe y`.

use super::{Found, split_args};
use crate::assertion::names::Form;
use crate::lang::Lang;
use crate::lexer::{Kind, Lexed, Tok};
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

/// The links behind `at`: names with their argument ranges, and the last token.
fn links<'a>(
    lexed: &'a Lexed,
    mut at: usize,
    limit: usize,
) -> (Vec<(&'a str, Option<(usize, usize)>)>, usize) {
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
        if at < limit && toks[at].is("<") {
            if let Some(close) = (at..limit.min(at + 12)).find(|&j| toks[j].is(">")) {
                at = close + 1;
            }
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

fn sentence(
    lexed: &Lexed,
    lang: Lang,
    subject: Vec<(usize, usize)>,
    chain: &[(&str, Option<(usize, usize)>)],
    last: usize,
) -> Option<Found> {
    let toks = &lexed.toks;
    let negated = chain.iter().any(|(n, _)| *n == "not" || *n == "never");
    let mut args = subject;
    let mut best: Option<(Form, u8, Option<&'static str>, String)> = None;
    for (name, call) in chain {
        let operands: Vec<(usize, usize)> =
            call.map_or_else(Vec::new, |(o, c)| split_args(lexed, o, c));
        let operand: &[Tok] = operands.first().map_or(&toks[0..0], |&(a, b)| &toks[a..b]);
        let lit = operand.len() == 1 && operand[0].kind != Kind::Ident
            || operand.len() == 1 && matches!(operand[0].text, "true" | "false");
        let key = flat(name);
        let judged: Option<(Form, u8, Option<&'static str>)> = match key.as_str() {
            "tobe"
            | "toequal"
            | "tostrictequal"
            | "equal"
            | "eql"
            | "equals"
            | "deep"
            | "isequalto"
            | "be"
            | "isequaltocomparingfieldbyfield"
            | "issameas"
            | "members"
            | "containsexactly"
            | "containsexactlyinanyorder"
            | "containsexactlyelementsof"
            | "containsonly"
            | "hassize"
            | "hassamesizeas"
            | "tohavelength"
            | "lengthof"
            | "beequivalentto"
            | "havecount"
            | "hasmessage"
            | "tohavereturnedwith"
            | "isequaltoignoringcase"
            | "equivalentto"
            | "hassametextas"
            | "isequalbycomparingto"
            | "isequaltoignoringwhitespace"
            | "tohaveproperty"
            | "equalto"
            | "containsentry"
            | "islength"
            | "isequaltostring"
                if key != "be" || call.is_some() =>
            {
                // `.to.equal`: chai's `be` is a noise word without a call.
                let any = operand.iter().any(|t| t.is_ident("anything"));
                Some(if any && operand.len() <= 5 {
                    (Form::Eq, 0, Some("its matcher accepts anything"))
                } else if any
                    || operand.iter().any(|t| {
                        t.kind == Kind::Ident
                            && matches!(
                                t.text,
                                "any"
                                    | "objectContaining"
                                    | "arrayContaining"
                                    | "stringContaining"
                                    | "stringMatching"
                            )
                    })
                {
                    (Form::Contains, 2, None)
                } else {
                    (Form::Eq, 3, None)
                })
            }
            "tobenull" | "tobeundefined" | "isnull" | "isempty" | "benull" | "beempty"
            | "tobenan" | "undefined" | "null" | "empty" | "isabsent" | "isnotpresent"
            | "iszero" => Some((Form::Null, 3, None)),
            "tobetruthy" | "tobedefined" | "exist" | "ok" | "isnotnull" | "notbenull"
            | "ispresent" | "isnotempty" | "bedefined" | "notbeempty" | "isnotblank"
            | "tobeinthedocument" | "isnotnone" => Some((Form::NotNull, 1, None)),
            "tobefalsy" | "istrue" | "isfalse" | "true" | "false" | "betrue" | "befalse"
            | "tobetrue" | "tobefalse" => Some((Form::True, 2, None)),
            "isinstanceof"
            | "isinstanceofany"
            | "tobeinstanceof"
            | "instanceof"
            | "beoftype"
            | "beassignableto"
            | "isexactlyinstanceof"
            | "a"
            | "an"
            | "isin" => Some(if key == "isin" {
                (Form::Contains, 2, None)
            } else {
                (Form::InstanceOf, 1, None)
            }),
            "tomatchobject"
            | "tocontain"
            | "tocontainequal"
            | "tomatch"
            | "include"
            | "includes"
            | "contain"
            | "contains"
            | "containsanyof"
            | "startswith"
            | "endswith"
            | "match"
            | "matches"
            | "have"
            | "startwith"
            | "keys"
            | "property"
            | "hasmessagecontaining"
            | "containskey"
            | "containskeys"
            | "containsequivalentof"
            | "containsubset"
            | "containskeyvalue"
            | "hasmessagethat"
            | "oneof"
            | "string"
            | "haskey"
            | "satisfies"
            | "matchespattern"
                if !(key == "have" && call.is_none()) =>
            {
                Some((Form::Contains, 2, None))
            }
            "tobegreaterthan"
            | "tobelessthan"
            | "tobegreaterthanorequal"
            | "tobelessthanorequal"
            | "above"
            | "below"
            | "least"
            | "most"
            | "within"
            | "isgreaterthan"
            | "islessthan"
            | "isgreaterthanorequalto"
            | "islessthanorequalto"
            | "isbetween"
            | "isstrictlybetween"
            | "ispositive"
            | "isnegative"
            | "isnotnegative"
            | "begreaterthan"
            | "belessthan"
            | "begreaterorequalto"
            | "beinrange"
            | "greaterthan"
            | "lessthan"
            | "bepositive"
            | "hassizegreaterthan"
            | "isafter"
            | "isbefore"
            | "begreaterthanorequalto"
            | "hassizegreaterthanorequalto"
            | "havecountgreaterthan"
            | "havecountgreaterorequalto" => {
                let size = args.iter().any(|&(a, b)| {
                    toks[a..b]
                        .iter()
                        .any(|t| matches!(t.text, "length" | "size" | "Count" | "Length"))
                });
                let never_negative = key.contains("orequal")
                    && operand.len() == 1
                    && operand[0].text == "0"
                    && (size || key.contains("size") || key.contains("count"));
                Some(if never_negative {
                    (Form::Rel, 0, Some("a size is never negative"))
                } else {
                    (Form::Rel, 2, None)
                })
            }
            "tobecloseto" | "closeto" | "iscloseto" | "isequaltowithin" | "approximately"
            | "beapproximately" | "becloseto" | "beclosetoexactly" => Some((Form::Near, 3, None)),
            "tothrow" | "tothrowerror" | "throw" | "throws" | "rejectedwith" | "throwasync"
            | "throwexactly" | "tothrowexactly" => {
                let generic = operand.len() == 1 && operand[0].is_ident("Error");
                Some((
                    Form::Throws,
                    if operand.is_empty() && lang != Lang::CSharp {
                        2
                    } else if generic {
                        2
                    } else {
                        3
                    },
                    None,
                ))
            }
            "doesnotthrowanyexception" | "notthrow" | "notthrowasync" => {
                Some((Form::NoThrow, 1, None))
            }
            "tomatchsnapshot"
            | "tomatchinlinesnapshot"
            | "tothrowerrormatchingsnapshot"
            | "tomatchimagesnapshot" => Some((Form::Snapshot, 3, None)),
            "tohavebeencalledwith"
            | "tohavebeenlastcalledwith"
            | "tohavebeennthcalledwith"
            | "tohavebeencalledtimes"
            | "calledwith"
            | "calledoncewith"
            | "calledoncewithexactly"
            | "calledonce"
            | "callcount"
            | "tohavebeencalledexactlyoncewith"
            | "tohavebeencalledonce" => {
                let any = operand.iter().any(|t| t.is_ident("anything"))
                    && !operand
                        .iter()
                        .any(|t| t.kind != Kind::Punct && t.kind != Kind::Ident);
                Some((Form::Mock, if any { 1 } else { 3 }, None))
            }
            "tohavebeencalled" | "called" => Some((Form::Mock, 1, None)),
            "resolves" | "rejects" | "and" | "to" | "is" | "which" | "that" | "been" | "has"
            | "not" | "soft" | "as" | "describedas" | "eventually" | "extracting"
            | "hascauseinstanceof" => None,
            k if k.starts_with("tohave")
                || k.starts_with("tobe")
                || k.starts_with("is")
                || k.starts_with("has") =>
            {
                Some((Form::Eq, 3, None))
            }
            _ => None,
        };
        if let Some((form, strength, vacuous)) = judged {
            let mut strength = strength;
            if negated {
                strength = match form {
                    Form::Eq | Form::Null | Form::NotNull | Form::InstanceOf | Form::Throws => 1,
                    Form::Mock => 3,
                    _ => strength.min(2),
                };
            }
            // Presence spelt as a boolean is still only presence.
            let asks = args.first().is_some_and(|&(a, b)| {
                toks[a..b].iter().any(|t| {
                    matches!(
                        t.text,
                        "exists" | "exist" | "isPresent" | "isVisible" | "isDisplayed"
                    )
                })
            });
            let yes = operand.len() == 1 && operand[0].is_ident("true");
            let strength = if asks && yes {
                strength.min(1)
            } else {
                strength
            };
            // `expect(true).toBe(true)`, `expect(1).to.equal(1)`.
            let subject = args.first().map_or(&toks[0..0], |&(a, b)| &toks[a..b]);
            let constant = |s: &[Tok]| {
                s.len() == 1
                    && (s[0].kind != Kind::Ident || matches!(s[0].text, "true" | "false" | "null"))
            };
            let vacuous = vacuous.or_else(|| {
                (constant(subject)
                    && (lit || operand.is_empty())
                    && !negated
                    && form != Form::Snapshot)
                    .then_some("it asserts a constant")
            });
            let strength = if vacuous.is_some() { 0 } else { strength };
            args.extend(operands);
            if best.as_ref().is_none_or(|b| strength > b.1 && b.1 != 0) {
                best = Some((form, strength, vacuous, key));
            }
        }
    }
    let (form, strength, vacuous, api) = best.unwrap_or_else(|| {
        // `expect(x)` alone checks nothing; a chain we do not know is taken for a check.
        if chain.is_empty() && matches!(lang, Lang::Js) {
            (
                Form::Pass,
                0,
                Some("it names no expectation"),
                "expect".into(),
            )
        } else {
            (Form::Helper, 3, None, "chain".into())
        }
    });
    Some(Found {
        form,
        strength,
        vacuous,
        api,
        args,
        last,
    })
}

fn ruby(lexed: &Lexed, i: usize, limit: usize) -> Option<Found> {
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
        if first == "change" || first == "be_empty" && false {
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
