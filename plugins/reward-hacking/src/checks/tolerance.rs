//! Tolerances and bounds: the same comparison with a wider margin.

use crate::assertion::{Assertion, Word, names::Form};
use crate::lang::Lang;
use crate::lexer::Kind;
use crate::text::number;

/// Named parameters where more is laxer.
const LAX_UP: [&str; 30] = [
    "abs",
    "rel",
    "rtol",
    "atol",
    "delta",
    "epsilon",
    "eps",
    "margin",
    "within",
    "Within",
    "rel_tol",
    "abs_tol",
    "tolerance",
    "max_relative",
    "plusOrMinus",
    "WithinAbs",
    "WithinRel",
    "be_within",
    "InDelta",
    "InEpsilon",
    "percent",
    "offset",
    "byLessThan",
    "withPercentage",
    "max_ulps",
    "Tolerance",
    "tol",
    "precision_abs",
    "Percent",
    "maxDelta",
];

/// Named parameters where less is laxer.
const LAX_DOWN: [&str; 6] = [
    "places",
    "decimal",
    "digits",
    "precision",
    "numDigits",
    "significant",
];

/// What the new assertion tolerates more, if it does.
pub fn widened(r: &Assertion, a: &Assertion, lang: Lang) -> Option<String> {
    let (old, new) = (signed(r), signed(a));
    let (old, new): (Vec<&Word>, Vec<&Word>) = (old.iter().collect(), new.iter().collect());
    // A tolerance where there was none, and one that swallows the value.
    if r.form == Form::Eq && a.form == Form::Near || introduces_approx(&old, &new) {
        return generous(a, &new);
    }
    let numbers = |words: &[&Word]| -> Vec<(usize, f64)> {
        words
            .iter()
            .enumerate()
            .filter(|(_, w)| w.kind == Kind::Number)
            .filter_map(|(i, w)| number(&w.text).map(|v| (i, v)))
            .collect()
    };
    let (olds, news) = (numbers(&old), numbers(&new));
    if olds.len() != news.len() || old.len() != new.len() {
        return if r.form == Form::Near
            && a.form == Form::Near
            && news.len() >= olds.len()
            && !news.is_empty()
            && !olds.is_empty()
        {
            let (was, now) = (olds[olds.len() - 1].1, news[news.len() - 1].1);
            let named = new
                .get(news[news.len() - 1].0.wrapping_sub(2))
                .is_some_and(|w| LAX_UP.contains(&w.text.as_str()));
            (named && now > was).then(|| format!("the tolerance went from {was} to {now}"))
        } else {
            None
        };
    }
    let differing: Vec<usize> = (0..olds.len())
        .filter(|&i| olds[i].1 != news[i].1)
        .collect();
    let others_equal = old
        .iter()
        .zip(&new)
        .all(|(x, y)| x.kind == Kind::Number && y.kind == Kind::Number || x.text == y.text);
    if differing.len() != 1 || !others_equal {
        return None;
    }
    let at = differing[0];
    let (position, was) = olds[at];
    let now = news[at].1;
    let before = |n: usize| position.checked_sub(n).map_or("", |p| old[p].text.as_str());
    let negative = before(1) == "-" && matches!(before(2), "" | "(" | "," | "=");
    let key = [before(2), before(1), before(3)];
    let named = |list: &[&str]| key.iter().any(|k| list.contains(k));
    let last = at + 1 == olds.len();
    let near_last = r.form == Form::Near && last && position + 1 >= old.len().saturating_sub(1);
    let message = || {
        Some(format!(
            "the tolerance went from {was} to {now}, so results that used to fail now pass"
        ))
    };
    if named(&LAX_DOWN)
        || near_last
            && matches!(
                r.api.as_str(),
                "tobecloseto" | "assertalmostequal" | "almostequal" | "assertarrayalmostequal"
            )
            && !named(&LAX_UP)
    {
        return (now < was).then(message).flatten();
    }
    if named(&LAX_UP) || near_last {
        return (now > was).then(message).flatten();
    }
    if r.form == Form::Eq
        && r.args.len() >= 3
        && r.args[2].len() == 1
        && position + 1 >= old.len()
        && matches!(lang, Lang::Java | Lang::Kotlin | Lang::CSharp | Lang::Cpp)
    {
        let precision = lang == Lang::CSharp && now.fract() == 0.0 && was.fract() == 0.0;
        return if precision {
            (now < was).then(message).flatten()
        } else {
            (now > was).then(message).flatten()
        };
    }
    // A bound: `x < 0.1`, `if diff > 0.1 { t.Error() }`, `toBeLessThan(100)`.
    let fails_when = lang == Lang::Go && r.form == Form::Fail;
    let op = key
        .iter()
        .find(|k| matches!(**k, "<" | "<=" | ">" | ">="))
        .copied()
        .unwrap_or("");
    let upper = match op {
        "<" | "<=" => Some(!fails_when),
        ">" | ">=" => Some(fails_when),
        _ if r.form == Form::Rel || r.form == Form::Contains => {
            let api = r.api.as_str();
            if ["less", "lt", "le", "below", "atmost", "most", "timeout"]
                .iter()
                .any(|p| api.contains(p))
            {
                Some(true)
            } else if ["greater", "gt", "ge", "above", "atleast", "least"]
                .iter()
                .any(|p| api.contains(p))
            {
                Some(false)
            } else {
                None
            }
        }
        _ => None,
    }?;
    if negative {
        return None;
    }
    let lax = if upper { now > was } else { now < was };
    // A bound that belongs to a changed specification moves either way; only a wide jump is telling.
    let wide = if upper {
        now >= was * 2.0
    } else {
        now * 2.0 <= was
    };
    (lax && wide).then(|| {
        format!("the bound went from {was} to {now}, so results that used to fail now pass")
    })
}

/// The operand tokens with a leading minus drawn into its number.
fn signed(a: &Assertion) -> Vec<Word> {
    let mut out: Vec<Word> = Vec::new();
    for arg in &a.args {
        for (i, w) in arg.iter().enumerate() {
            let unary =
                i == 1 || i > 1 && matches!(arg[i - 2].text.as_str(), "(" | "," | "=" | ":");
            if w.kind == Kind::Number && i > 0 && unary && arg[i - 1].text == "-" {
                out.pop();
                out.push(Word {
                    kind: Kind::Number,
                    text: format!("-{}", w.text),
                });
            } else {
                out.push(w.clone());
            }
        }
    }
    out
}

fn introduces_approx(old: &[&Word], new: &[&Word]) -> bool {
    let has = |words: &[&Word]| {
        words.iter().any(|w| {
            matches!(
                w.text.as_str(),
                "approx"
                    | "Approx"
                    | "isclose"
                    | "Within"
                    | "WithinAbs"
                    | "within"
                    | "be_within"
                    | "closeTo"
                    | "allclose"
                    | "plusOrMinus"
                    | "margin"
            )
        })
    };
    has(new) && !has(old)
}

/// A new tolerance that is large against the value it is for.
fn generous(a: &Assertion, words: &[&Word]) -> Option<String> {
    let numbers: Vec<(usize, f64)> = words
        .iter()
        .enumerate()
        .filter(|(_, w)| w.kind == Kind::Number)
        .filter_map(|(i, w)| number(&w.text).map(|v| (i, v)))
        .collect();
    if numbers.len() < 2 {
        return None;
    }
    let named = numbers.iter().find(|(i, _)| {
        i.checked_sub(2)
            .is_some_and(|p| LAX_UP.contains(&words[p].text.as_str()))
    });
    // Without a name only the tolerance argument of a call that has one is a tolerance.
    let positional = (a.form == Form::Near && (a.args.len() >= 3 || a.api == "tobecloseto"))
        .then(|| numbers.last())
        .flatten();
    let (at, tolerance) = *named.or(positional)?;
    let value = numbers
        .iter()
        .filter(|(i, _)| *i != at)
        .map(|(_, v)| v.abs())
        .fold(0.0, f64::max);
    let relative = at.checked_sub(2).is_some_and(|p| {
        matches!(
            words[p].text.as_str(),
            "rel" | "rtol" | "rel_tol" | "epsilon" | "max_relative"
        )
    });
    if a.api == "tobecloseto" {
        return (tolerance <= 0.0).then(|| {
            "the exact comparison became an approximate one without decimals".to_string()
        });
    }
    let share = if relative {
        tolerance
    } else {
        tolerance / value.max(1e-12)
    };
    (share >= 0.05).then(|| format!("the exact comparison became one with a tolerance of {tolerance}, wide for the value it is about"))
}
