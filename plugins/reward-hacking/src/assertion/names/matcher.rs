//! Hamcrest, NUnit and gMock matchers.

use crate::lexer::Kind;

/// Whether the argument is a constraint or matcher rather than a message.
pub(super) fn is_matcher(toks: &[crate::lexer::Tok]) -> bool {
    toks.first().is_some_and(|t| {
        t.kind == Kind::Ident
            && (matches!(
                t.text,
                "Is" | "Has"
                    | "Does"
                    | "Throws"
                    | "Contains"
                    | "is"
                    | "equalTo"
                    | "notNullValue"
                    | "nullValue"
                    | "not"
                    | "anything"
                    | "hasItem"
                    | "hasItems"
                    | "containsString"
                    | "instanceOf"
                    | "hasSize"
                    | "closeTo"
                    | "greaterThan"
                    | "lessThan"
                    | "any"
                    | "startsWith"
                    | "endsWith"
                    | "empty"
                    | "hasEntry"
                    | "contains"
                    | "containsInAnyOrder"
                    | "eq"
                    | "some"
                    | "ok"
                    | "err"
                    | "near"
                    | "Eq"
                    | "ElementsAre"
                    | "Ne"
                    | "Gt"
                    | "Ge"
                    | "Lt"
                    | "HasSubstr"
                    | "NotNull"
                    | "IsNull"
                    | "Not"
                    | "AllOf"
                    | "Contains_"
                    | "_"
                    | "StartsWith"
                    | "UnorderedElementsAre"
                    | "WithinAbs"
                    | "WithinRel"
                    | "Equals"
                    | "equal_to"
                    | "sameInstance"
                    | "testing"
                    | "Matchers"
                    | "CoreMatchers"
                    | "Optional"
                    | "SizeIs"
                    | "Approx"
                    | "DoubleNear"
                    | "A"
                    | "An"
            ))
    })
}

/// Strength of a hamcrest, NUnit or gMock matcher.
pub(super) fn matcher(toks: &[crate::lexer::Tok]) -> (u8, Option<&'static str>) {
    let has = |names: &[&str]| {
        toks.iter()
            .any(|t| t.kind == Kind::Ident && names.contains(&t.text))
    };
    if has(&["anything", "Anything", "_"]) {
        return (0, Some("its matcher accepts anything"));
    }
    if has(&["Not", "not"]) && has(&["Null", "Empty", "nullValue", "null", "IsNull"])
        || has(&[
            "notNullValue",
            "NotNull",
            "instanceOf",
            "InstanceOf",
            "TypeOf",
            "any",
            "A",
            "An",
        ])
    {
        return (1, None);
    }
    if has(&[
        "Not",
        "not",
        "Ne",
        "GreaterThan",
        "LessThan",
        "GreaterThanOrEqualTo",
        "LessThanOrEqualTo",
        "AtLeast",
        "AtMost",
        "InRange",
        "Contain",
        "Contains",
        "StartWith",
        "EndWith",
        "Match",
        "hasItem",
        "hasItems",
        "containsString",
        "greaterThan",
        "lessThan",
        "startsWith",
        "endsWith",
        "Gt",
        "Ge",
        "Lt",
        "HasSubstr",
        "StartsWith",
        "AnyOf",
        "Or",
        "anyOf",
        "hasEntry",
    ]) {
        return (2, None);
    }
    (3, None)
}
