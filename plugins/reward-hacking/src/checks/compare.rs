//! The assertions of one unit before and after: kept, moved, rewritten, weakened, dropped.

use super::{expected, tolerance};
use crate::assertion::{Assertion, names::Form};
use crate::context::{Context, content_hash};
use crate::lang::Lang;
use crate::lexer::Kind;
use crate::marks::{Cond, condition};
use crate::model::{Severity, Side};
use crate::text::hash;
use crate::unit::UnitKind;

/// Operand tokens that both must share to be the same assertion rewritten.
const SAME_ASSERTION: f64 = 0.34;

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

/// Compares a matched unit.
pub fn run(ctx: &mut Context, o: (usize, usize), n: (usize, usize)) {
    let (old, new) = (ctx.old_unit(o), ctx.new_unit(n));
    let lang = ctx.files[n.0].lang;
    let moved = o.0 != n.0;
    let mut left_old: Vec<&Assertion> = old.asserts.iter().filter(|a| a.changed || moved).collect();
    let mut left_new: Vec<&Assertion> = new.asserts.iter().filter(|a| a.changed || moved).collect();
    if left_old.is_empty() {
        return;
    }
    // The same check on both sides; look only at what it stands in.
    left_old.retain(|r| {
        let same = left_new.iter().position(|a| {
            a.strength == r.strength
                && a.form == r.form
                && a.content == r.content
                && a.args == r.args
        });
        let Some(at) = same else { return true };
        let a = left_new.remove(at);
        guarded(ctx, n, r, a, lang);
        false
    });
    // The same check rewritten.
    let mut unmatched: Vec<&Assertion> = Vec::new();
    for r in left_old {
        let best = left_new
            .iter()
            .enumerate()
            .map(|(i, a)| {
                (
                    i,
                    r.similarity(a) + if a.api == r.api { 0.2 } else { 0.0 }
                        - if a.vacuous.is_some() { 0.1 } else { 0.0 },
                )
            })
            .filter(|(_, s)| *s >= SAME_ASSERTION)
            .max_by(|x, y| x.1.total_cmp(&y.1).then(y.0.cmp(&x.0)));
        match best {
            Some((i, _)) => {
                let a = left_new.remove(i);
                rewritten(ctx, o, n, r, a);
            }
            None => unmatched.push(r),
        }
    }
    // Several checks that became one larger or stricter one are kept by it.
    let added: Vec<&Assertion> = new
        .asserts
        .iter()
        .filter(|a| (a.changed || moved) && a.strength > 0 && a.form != Form::Helper)
        .collect();
    unmatched.retain(|r| {
        !added.iter().any(|a| {
            a.strength >= r.strength
                && r.content.len() > 1
                && a.content.len() >= r.content.len()
                && r.similarity(a) >= 0.65
        }) && !added
            .iter()
            .any(|a| a.strength > r.strength && (r.strength <= 1 || r.similarity(a) >= 0.3))
    });
    dropped(ctx, o, n, unmatched, left_new);
}

/// The assertion is unchanged but now stands in a branch.
fn guarded(ctx: &mut Context, n: (usize, usize), r: &Assertion, a: &Assertion, lang: Lang) {
    let Some((line, text)) = &a.guard else { return };
    if a.indent <= r.indent
        || r.guard.as_ref().is_some_and(|(_, g)| g == text)
        || lang == Lang::Go && a.form == Form::Fail
    {
        return;
    }
    let head = text.trim_start_matches('}').trim_start();
    let branch = [
        "if ", "if(", "unless ", "when ", "elif ", "else if", "while ",
    ]
    .iter()
    .any(|p| head.starts_with(p));
    if !branch || condition(text) == Cond::Platform {
        return;
    }
    // Both branches assert: the case decides what, not whether.
    let other_branch = ctx.new_unit(n).asserts.iter().any(|x| {
        x.changed
            && x.guard.as_ref().is_some_and(|(_, g)| {
                let g = g.trim_start_matches('}').trim_start();
                g.starts_with("else") || g.starts_with("elif") || g.starts_with("elsif")
            })
    });
    if other_branch {
        return;
    }
    let path = ctx.files[n.0].new_path.clone();
    ctx.add(
        "unreachable-assertion",
        Severity::Warn,
        &path,
        Side::New,
        *line,
        "an assertion that always ran now runs only when a condition holds",
        text,
    );
}

fn rewritten(
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

fn dropped(
    ctx: &mut Context,
    o: (usize, usize),
    n: (usize, usize),
    old_left: Vec<&Assertion>,
    new_left: Vec<&Assertion>,
) {
    let (old, new) = (ctx.old_unit(o), ctx.new_unit(n));
    let mut lost: Vec<&Assertion> = old_left
        .into_iter()
        .filter(|r| r.strength > 0 && !kept_elsewhere(ctx, new, r) && !about_removed_code(ctx, r))
        .collect();
    if lost.is_empty() || new.kind == UnitKind::Container {
        return;
    }
    if old.kind == UnitKind::Test
        && new.kind == UnitKind::Test
        && ctx
            .skip_of(o, Side::Old)
            .is_some_and(|(c, _, _)| c == Cond::Always)
    {
        return;
    }
    let path = ctx.files[n.0].new_path.clone();
    let vacuous: Vec<&&Assertion> = new_left.iter().filter(|a| a.vacuous.is_some()).collect();
    if let Some(a) = vacuous.first() {
        let why = a.vacuous.unwrap_or("it asserts a constant");
        ctx.add(
            "weakened-assertion",
            Severity::Block,
            &path,
            Side::New,
            a.line,
            format!(
                "`{}` was replaced by an assertion that cannot fail: {why}",
                short(&lost[0].text)
            ),
            &a.text,
        );
        return;
    }
    // Custom checks: trusted unless the change shows that they look away.
    let helpers: Vec<u64> = new_left
        .iter()
        .filter(|a| a.form == Form::Helper)
        .map(|a| a.api.clone())
        .map(|api| hash(&api))
        .collect();
    let called: Vec<(u64, crate::context::HelperFacts)> = new
        .idents
        .iter()
        .filter(|h| old.idents.binary_search(h).is_err())
        .filter_map(|h| ctx.known.helpers.get(h).map(|f| (*h, f.clone())))
        .collect();
    if let Some((_, helper)) = called.iter().find(|(_, h)| h.fresh && !h.unused.is_empty()) {
        let helper_path = ctx.files[helper.file].new_path.clone();
        ctx.add(
            "removed-assertion",
            Severity::Block,
            &helper_path,
            Side::New,
            helper.line + 1,
            format!(
                "assertions moved into a helper that ignores its argument `{}`",
                helper.unused.join("`, `")
            ),
            &helper.header,
        );
        return;
    }
    if let Some((_, helper)) = called
        .iter()
        .find(|(_, h)| h.fresh && h.checks == 0 && lost.len() > new_left.len())
    {
        let helper_path = ctx.files[helper.file].new_path.clone();
        let quiet = ctx.files[helper.file].lang;
        // A helper that returns a verdict or calls other helpers is left alone.
        if quiet != Lang::Rust && helper.header.to_lowercase().contains("assert") {
            ctx.add(
                "removed-assertion",
                Severity::Block,
                &helper_path,
                Side::New,
                helper.line,
                "assertions moved into a helper that checks nothing",
                &helper.header,
            );
            return;
        }
    }
    if called.iter().any(|(_, h)| h.checks > 0)
        || !helpers.is_empty()
        || new_left.iter().any(|a| matches!(a.form, Form::Snapshot))
    {
        return;
    }
    let strongest = lost.iter().map(|a| a.strength).max().unwrap_or(0);
    if !new_left.is_empty() {
        let best = new_left.iter().map(|a| a.strength).max().unwrap_or(0);
        if best < strongest {
            let a = new_left[0];
            ctx.add(
                "weakened-assertion",
                Severity::Block,
                &path,
                Side::New,
                a.line,
                format!(
                    "`{}` gave way to `{}`, which notices less",
                    short(&lost[0].text),
                    short(&a.text)
                ),
                &a.text,
            );
            return;
        }
        let replaced = new_left.len();
        if lost.len() <= replaced {
            return;
        }
        lost.drain(..replaced.min(lost.len()));
    }
    // What the lost ones pinned may live on in a table or a larger comparison.
    let known = |h: u64| ctx.known.added_lits.contains(&h);
    lost.retain(|r| {
        let lits: Vec<u64> = r
            .literals()
            .map(|w| hash(&w.text))
            .filter(|h| !super::runs::trivial(*h))
            .collect();
        lits.is_empty()
            || new.checks() == 0 && new.kind == UnitKind::Test
            || !lits.iter().all(|h| known(*h))
    });
    let Some(first) = lost.first() else { return };
    let side_path = ctx.files[o.0].old_path.clone();
    let message = format!(
        "{} of {} assertions of {} were removed",
        lost.len(),
        old.asserts.len(),
        if new.name.is_empty() {
            "a test".into()
        } else {
            format!("`{}`", new.name)
        }
    );
    let severity = if new.checks() == 0 {
        Severity::Block
    } else {
        Severity::Warn
    };
    ctx.add(
        "removed-assertion",
        severity,
        &side_path,
        Side::Old,
        first.line,
        message,
        &first.text,
    );
}

/// Whether an equal assertion stands elsewhere after the change.
fn kept_elsewhere(ctx: &Context, new: &crate::facts::Unit, r: &Assertion) -> bool {
    ctx.known.added_asserts.contains(&content_hash(&r.content))
        || new
            .asserts
            .iter()
            .any(|a| a.content == r.content && a.strength >= r.strength)
}

fn about_removed_code(ctx: &Context, r: &Assertion) -> bool {
    r.args.iter().flatten().any(|w| {
        w.kind == Kind::Ident && ctx.known.removed_defs.contains(&hash(&w.text))
            || w.kind == Kind::Str && ctx.source.removed_texts.contains(&hash(&w.text))
    })
}

fn short(text: &str) -> String {
    text.chars().take(60).collect()
}
