//! One assertion that became another: can it still fail, and does it notice as much?

use super::super::{expected, tolerance};
use super::short;
use crate::assertion::{Assertion, names::Form};
use crate::context::Context;
use crate::lexer::Kind;
use crate::model::{Severity, Side};

/// Calls that make a comparison blunter.
const BLUNT: [&str; 16] = [
    "abs",
    "round",
    "floor",
    "ceil",
    "trunc",
    "lower",
    "upper",
    "toLowerCase",
    "toUpperCase",
    "downcase",
    "upcase",
    "ToLower",
    "ToUpper",
    "to_lowercase",
    "EqualFold",
    "toFixed",
];

/// Judges `a`, which stands where `r` stood.
pub(super) fn rewritten(
    ctx: &mut Context,
    o: (usize, usize),
    n: (usize, usize),
    r: &Assertion,
    a: &Assertion,
) {
    let path = ctx.files[n.0].new_path.clone();
    if let Some(why) = a.vacuous {
        if r.vacuous.is_none() {
            let rule = if r.form == a.form || matches!(why, "both sides are the same expression") {
                "tautological-test"
            } else {
                "weakened-assertion"
            };
            ctx.add(
                rule,
                Severity::Block,
                &path,
                Side::New,
                a.line,
                format!("the assertion can no longer fail: {why}"),
                &a.text,
            );
        }
        return;
    }
    if a.strength < r.strength
        && (r.form != Form::Helper || a.strength <= 1)
        && !matches!(a.form, Form::Helper | Form::Group)
        && !equally_strict(r, a)
    {
        ctx.add(
            "weakened-assertion",
            Severity::Block,
            &path,
            Side::New,
            a.line,
            format!(
                "`{}` became `{}`, which lets wrong results pass",
                short(&r.text),
                short(&a.text)
            ),
            &a.text,
        );
        return;
    }
    if let Some(message) = tolerance::widened(r, a, ctx.files[n.0].lang) {
        ctx.add(
            "tolerance-widened",
            Severity::Block,
            &path,
            Side::New,
            a.line,
            message,
            &a.text,
        );
        return;
    }
    if let Some(call) = blunted(r, a) {
        ctx.add(
            "weakened-assertion",
            Severity::Warn,
            &path,
            Side::New,
            a.line,
            format!("the compared value now goes through `{call}` first, which hides differences"),
            &a.text,
        );
        return;
    }
    if let Some(message) = computed(r, a) {
        ctx.add(
            "tautological-test",
            Severity::Block,
            &path,
            Side::New,
            a.line,
            message,
            &a.text,
        );
        return;
    }
    expected::changed_assertion(ctx, o, n, r, a);
}

/// Pairs of forms whose lower number on the scale is no loss.
fn equally_strict(r: &Assertion, a: &Assertion) -> bool {
    let lits = |x: &Assertion| x.literals().filter(|w| !w.text.is_empty()).count();
    // `assertEquals(true, f(x))` and `assertTrue(f(x))`.
    let boolean = r.form == Form::Eq
        && matches!(a.form, Form::True | Form::False)
        && r.args.iter().any(|x| {
            x.len() == 1 && matches!(x[0].text.as_str(), "true" | "false" | "True" | "False")
        });
    boolean
        || r.form == Form::Null && matches!(a.form, Form::True | Form::Null) && a.strength >= 2
        || r.form == Form::Fail && lits(r) == 0 && a.form == Form::NoThrow
        || r.form == Form::Fail && r.strength <= 2 && a.form == Form::NoThrow
        || r.form == Form::Throws && a.form == Form::Throws && a.strength == 2 && lits(a) > lits(r)
}

/// A call around the subject that was not there and blunts the comparison.
fn blunted(r: &Assertion, a: &Assertion) -> Option<String> {
    if r.form != a.form {
        return None;
    }
    let count = |x: &Assertion, name: &str| {
        x.args
            .iter()
            .flatten()
            .filter(|w| w.kind == Kind::Ident && w.text == name)
            .count()
    };
    BLUNT
        .iter()
        .find(|b| count(a, b) > count(r, b))
        .map(|b| (*b).to_string())
}

/// The expected value is now computed by the code under test.
fn computed(r: &Assertion, a: &Assertion) -> Option<String> {
    if !matches!(a.form, Form::Eq | Form::True) || a.args.len() < 2 || a.form == Form::True {
        return None;
    }
    let calls = |arg: &[crate::assertion::Word]| -> Vec<String> {
        arg.windows(2)
            .filter(|w| w[0].kind == Kind::Ident && w[1].text == "(")
            .map(|w| w[0].text.clone())
            .collect()
    };
    let literal = |x: &Assertion| {
        x.args.iter().any(|arg| {
            !arg.is_empty()
                && arg
                    .iter()
                    .any(|w| matches!(w.kind, Kind::Str | Kind::Number))
                && calls(arg).is_empty()
        })
    };
    let (first, second) = (calls(&a.args[0]), calls(&a.args[1]));
    let both = first.iter().find(|c| {
        second.contains(c)
            && c.starts_with(char::is_lowercase)
            && !matches!(c.as_str(), "of" | "from" | "new" | "vec")
    })?;
    let before =
        r.args.len() >= 2 && calls(&r.args[0]).contains(both) && calls(&r.args[1]).contains(both);
    (literal(r) && !before)
        .then(|| format!("the expected value is now computed by `{both}`, the code under test"))
}
