//! The vocabulary of the assertion libraries: which name is what kind of check.

mod matcher;
mod strength;

use crate::lang::Lang;

pub(super) use strength::judge;

/// What kind of check an assertion is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Two values are equal.
    Eq,
    /// Two values differ.
    Ne,
    /// A condition holds.
    True,
    /// A condition does not hold.
    False,
    /// Something is null, empty, zero.
    Null,
    /// Something is there at all.
    NotNull,
    /// A call fails.
    Throws,
    /// A call does not fail.
    NoThrow,
    /// Two numbers are close.
    Near,
    /// Part of a value.
    Contains,
    /// Less, greater.
    Rel,
    /// A value has a type.
    InstanceOf,
    /// Reached means failed.
    Fail,
    /// Reached means passed.
    Pass,
    /// Compared with a recording.
    Snapshot,
    /// Calls that a double received.
    Mock,
    /// A group of assertions.
    Group,
    /// A check of the project's own.
    Helper,
}

/// The form of the (flat) name; `receiver` is what stands in front of the dot.
pub fn form(name: &str, lang: Lang, receiver: Option<&str>) -> Option<Form> {
    // supertest's `.expect(200)`: a check whose strictness the arguments do not tell.
    if lang == Lang::Js && name == "expect" && receiver.is_some() {
        return Some(Form::Helper);
    }
    // gomock's recorder.
    if lang == Lang::Go && name == "expect" {
        return Some(Form::Mock);
    }
    let on_assert = receiver.is_some_and(|r| {
        matches!(
            r,
            "assert"
                | "require"
                | "Assert"
                | "Assertions"
                | "is"
                | "s"
                | "suite"
                | "chai"
                | "t"
                | "td"
                | "expect"
                | "CollectionAssert"
                | "StringAssert"
                | "TestCase"
                | "a"
                | "should"
                | "must"
                | "testing"
                | "npt"
                | "ExceptionAssert"
                | "qt"
                | "c"
                | "self"
                | "tap"
                | "check"
        )
    });
    let plain = name
        .strip_prefix("debugassert")
        .or_else(|| name.strip_prefix("propassert"))
        .or_else(|| name.strip_prefix("assert"))
        .or_else(|| name.strip_prefix("expect"))
        .or_else(|| name.strip_prefix("boostcheck"))
        .or_else(|| name.strip_prefix("boostrequire"))
        .or_else(|| name.strip_prefix("boostwarn"))
        .or_else(|| name.strip_prefix("check").filter(|_| lang == Lang::Cpp))
        .or_else(|| name.strip_prefix("require").filter(|_| lang == Lang::Cpp))
        .or_else(|| name.strip_prefix("refute").filter(|_| lang == Lang::Ruby));
    let refuted = lang == Lang::Ruby && name.starts_with("refute");
    let key = match plain {
        Some(rest) => rest,
        None if on_assert => name,
        None if matches!(name, "boosttest") => "true",
        None if matches!(name, "flunk") => "fail",
        None if name == "fail"
            && matches!(lang, Lang::Java | Lang::Kotlin | Lang::Js)
            && receiver.is_none() =>
        {
            "fail"
        }
        None if name == "verify" && matches!(lang, Lang::Java | Lang::Kotlin) => {
            return Some(Form::Mock);
        }
        None if lang == Lang::Python
            && name.starts_with("raises")
            && receiver == Some("pytest") =>
        {
            "raises"
        }
        None => return helper(name, receiver),
    };
    let key = key
        .strip_suffix("async")
        .unwrap_or(key)
        .trim_end_matches("with message")
        .trim_end_matches('f');
    let found = match key {
        "eq" | "equal" | "equals" | "areequal" | "strictequal" | "deepequal"
        | "deepstrictequal" | "same" | "aresame" | "exactly" | "equalvalues" | "jsoneq"
        | "yamleq" | "elementsmatch" | "countequal" | "listequal" | "dictequal" | "setequal"
        | "tupleequal" | "sequenceequal" | "multilineequal" | "arrayequals" | "iterableequals"
        | "linesmatch" | "streq" | "strcaseeq" | "floateq" | "doubleeq" | "equalcollections"
        | "areequivalent" | "equivalent" | "equivalentto" | "len" | "hascount" | "single"
        | "collection" | "count" | "length" | "samemembers" | "sameelements" | "arrayequal"
        | "strictlyequal" | "be" | "deepeq" | "contentequals" | "jsonequals" | "alwaysequal"
        | "statuscode" | "httpstatuscode" | "comparesequal" | "identical" | "is"
        | "messageequals" | "propertyval" | "lengthof" | "deepequals" | "expectequal"
        | "frameequal" | "seriesequal" => Form::Eq,
        "ne" | "notequal" | "notequals" | "arenotequal" | "notsame" | "arenotsame"
        | "notstrictequal" | "notdeepequal" | "notdeepstrictequal" | "strne" => Form::Ne,
        "" | "true" | "istrue" | "that" | "thatcode" | "ok" | "truthy" | "predicate"
        | "condition" | "istruthy" | "unary" | "binary" | "assert" => Form::True,
        "false" | "isfalse" | "notok" | "falsy" | "message" | "isfalsy" => Form::False,
        "nil" | "isnil" | "null" | "isnull" | "isnone" | "empty" | "isempty" | "zero"
        | "iszero" | "none" | "isundefined" | "undefined" | "ierror" | "iferror" => Form::Null,
        "notnil" | "isnotnil" | "notnull" | "isnotnull" | "isnotnone" | "notempty"
        | "isnotempty" | "notzero" | "exists" | "isdefined" | "defined" | "present" | "some" => {
            Form::NotNull
        }
        "throws" | "throw" | "throwsexactly" | "throwsexception" | "throwsany" | "raises"
        | "raisesregex" | "raise" | "raisesregexp" | "raisesmessage" | "panics"
        | "panicswithvalue" | "panicswitherror" | "rejects" | "anythrow" | "throwsas"
        | "throwswith" | "death" | "exit" | "catch" | "error" | "erroris" | "erroras"
        | "errorcontains" | "eqerror" | "equalerror" | "err" | "fails" | "failswith"
        | "exception" | "isthrow" | "throwsmatches" | "errortype" => Form::Throws,
        "nothrow" | "doesnotthrow" | "notpanics" | "noerror" | "doesnotreject"
        | "nothingraised" | "noexception" | "isok" | "nothrows" | "notraises" => Form::NoThrow,
        "near" | "indelta" | "indeltaslice" | "inepsilon" | "withinduration" | "withinrange"
        | "almostequal" | "notalmostequal" | "relativeeq" | "absdifeq" | "absdiffeq"
        | "approxeq" | "close" | "allclose" | "closeto" | "approximately" | "closefraction"
        | "small" | "approxequal" | "arrayalmostequal" | "ulpseq" | "float" | "arealmostequal" => {
            Form::Near
        }
        "contains" | "includes" | "include" | "in" | "notin" | "notcontains" | "doesnotcontain"
        | "match" | "matches" | "regex" | "doesnotmatch" | "startswith" | "endswith" | "subset"
        | "isubset" | "regexp" | "notregexp" | "notinclude" | "nomatch" | "hassubstr"
        | "property" | "keys" | "hasallkeys" | "dictcontainssubset" | "operator" | "respondto"
        | "eventually" | "containskey" => Form::Contains,
        "lt"
        | "le"
        | "gt"
        | "ge"
        | "less"
        | "lesequal"
        | "lessequal"
        | "lessorequal"
        | "greater"
        | "greaterequal"
        | "greaterorequal"
        | "lessthan"
        | "greaterthan"
        | "isatleast"
        | "isatmost"
        | "isabove"
        | "isbelow"
        | "positive"
        | "negative"
        | "inrange"
        | "between"
        | "timeout"
        | "timeoutpreemptively" => Form::Rel,
        "isinstance" | "instanceo" | "isinstanceo" | "istype" | "isassignablefrom"
        | "implements" | "kindo" | "typeo" | "isstring" | "isobject" | "isarray" | "isnumber"
        | "isfunction" | "a" | "isa" => Form::InstanceOf,
        "ail" | "fail" | "failnow" | "unreachable" | "ailnow" => Form::Fail,
        "pass" | "succeed" if on_assert => Form::Pass,
        "snapshot" | "matchessnapshot" | "matchsnapshot" | "debugsnapshot" | "jsonsnapshot"
        | "yamlsnapshot" | "displaysnapshot" | "ronsnapshot" | "inlinesnapshot"
        | "tomlsnapshot" => Form::Snapshot,
        "calledonce"
        | "calledoncewith"
        | "calledoncewithexactly"
        | "calledwithexactly"
        | "calledwithmatch"
        | "callcount"
        | "calledtwice"
        | "callorder"
        | "call"
        | "expectations"
        | "called"
        | "calledwith"
        | "numberocalls"
        | "notcalled" => Form::Mock,
        "multiple" | "scope" => Form::Group,
        "all" if matches!(lang, Lang::Java | Lang::Kotlin) => Form::Group,
        "all" => Form::Contains,
        _ if matches!(
            receiver,
            Some("assert" | "require" | "Assert" | "Assertions")
        ) =>
        {
            Form::Helper
        }
        _ => {
            return if plain.is_some() && !matches!(lang, Lang::Js if name.starts_with("expect")) {
                Some(Form::Helper)
            } else {
                helper(name, receiver)
            };
        }
    };
    Some(if refuted {
        match found {
            Form::Eq => Form::Ne,
            Form::Null => Form::NotNull,
            Form::True => Form::False,
            other => other,
        }
    } else {
        found
    })
}

/// A name that reads like a check of the project's own.
fn helper(name: &str, receiver: Option<&str>) -> Option<Form> {
    if receiver.is_some_and(|r| {
        !matches!(
            r,
            "self" | "this" | "s" | "suite" | "helpers" | "testutil" | "TestHelper" | "super"
        )
    }) {
        return None;
    }
    let checks = [
        "assert", "verify", "check", "must", "ensure", "validate", "expect",
    ];
    checks
        .iter()
        .any(|c| name.starts_with(c) && name.len() > c.len() + 1)
        .then_some(Form::Helper)
}
