//! What the links of a fluent assertion say.

use crate::assertion::names::Form;
use crate::assertion::{Found, split_args};
use crate::lang::Lang;
use crate::lexer::{Kind, Lexed, Tok};
use crate::text::flat;

pub(super) fn sentence(
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
                    if operand.is_empty() && lang != Lang::CSharp || generic {
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
