//! Expected values that changed under an unchanged title and unchanged input.
//!
//! Most such changes are honest. What tells the others: the new value means "nothing" or "broken", the
//! title still names the old one, or the source lost logic and nothing in it explains the new value.

use crate::assertion::{Assertion, Word, names::Form};
use crate::context::Context;
use crate::lexer::Kind;
use crate::model::{Severity, Side};
use crate::text::{hash, words};

/// Values that a broken result tends to have.
pub const BROKEN: [&str; 12] = [
    "None",
    "null",
    "nil",
    "undefined",
    "NaN",
    "nan",
    "Infinity",
    "nullptr",
    "",
    "[object Object]",
    "NULL",
    "Nil",
];

/// Looks at one assertion that differs only in what it expects.
pub fn changed_assertion(
    ctx: &mut Context,
    o: (usize, usize),
    n: (usize, usize),
    r: &Assertion,
    a: &Assertion,
) {
    let (old, new) = (ctx.old_unit(o), ctx.new_unit(n));
    if old.name != new.name
        || r.form != a.form
        || r.args.len() != a.args.len()
        || !matches!(
            r.form,
            Form::Eq | Form::Snapshot | Form::Fail | Form::True | Form::Null | Form::Throws
        )
    {
        return;
    }
    let differing: Vec<usize> = (0..r.args.len())
        .filter(|&i| r.args[i] != a.args[i])
        .collect();
    let [at] = differing[..] else { return };
    let (was, now) = (&r.args[at], &a.args[at]);
    // In a condition the subject stands on one side; only the other may have changed.
    let (was, now) = if matches!(r.form, Form::True | Form::Fail) {
        let Some((left, right)) = sides(was) else {
            return;
        };
        let Some((new_left, new_right)) = sides(now) else {
            return;
        };
        if left == new_left {
            (right, new_right)
        } else if right == new_right
            && left
                .iter()
                .any(|w| matches!(w.kind, Kind::Str | Kind::Number))
            && left.len() <= 3
        {
            (left, new_left)
        } else {
            return;
        }
    } else {
        (was.as_slice(), now.as_slice())
    };
    let Some(reason) = suspicious(ctx, &old.name, was, now) else {
        return;
    };
    let path = ctx.files[n.0].new_path.clone();
    ctx.add(
        "expected-value-changed",
        Severity::Warn,
        &path,
        Side::New,
        a.line,
        format!("the expected value changed while input and title stayed: {reason}"),
        &a.text,
    );
}

/// Both sides of the comparison in a condition.
fn sides(words: &[Word]) -> Option<(&[Word], &[Word])> {
    let at = words.iter().position(|w| {
        w.kind != Kind::Str && matches!(w.text.as_str(), "==" | "===" | "!=" | "!==" | "is")
    })?;
    Some((&words[..at], &words[at + 1..]))
}

/// Why the change of an expectation is telling, if it is.
pub fn suspicious(ctx: &Context, title: &str, was: &[Word], now: &[Word]) -> Option<String> {
    if !ctx.source.code_changed {
        return None;
    }
    let value = |list: &[Word]| -> Vec<String> {
        list.iter()
            .filter(|w| w.kind != Kind::Punct)
            .map(|w| w.text.clone())
            .collect()
    };
    let (before, after) = (value(was), value(now));
    let gone: Vec<&String> = before.iter().filter(|w| !after.contains(w)).collect();
    let came: Vec<&String> = after.iter().filter(|w| !before.contains(w)).collect();
    // The source says the same: its own literals changed with the expectation.
    let explained = came.iter().any(|w| ctx.source.explains(w, true))
        || gone.iter().any(|w| ctx.source.explains(w, false));
    let new_names = now.iter().any(|w| {
        w.kind == Kind::Ident
            && !was.contains(w)
            && ctx.source.added_idents.contains(&hash(&w.text))
    });
    let old_names = was.iter().any(|w| {
        w.kind == Kind::Ident
            && !now.contains(w)
            && ctx.source.removed_idents.contains(&hash(&w.text))
    });
    if explained || new_names || old_names || ctx.source.docs_changed {
        return None;
    }
    let broken = |w: &&String| BROKEN.contains(&w.as_str());
    if came.iter().any(&broken) && !gone.iter().any(broken) {
        return Some("the new value means that there is no result".into());
    }
    let title_words = words(title);
    let in_title = |w: &&String| {
        let parts = words(w);
        !parts.is_empty()
            && parts.iter().all(|p| {
                p.len() > 1 && title_words.contains(p)
                    || p.parse::<f64>().is_ok() && p.len() > 1 && title_words.contains(p)
            })
    };
    if gone.iter().any(&in_title) && !came.iter().any(in_title) {
        return Some("the title still speaks of the old one".into());
    }
    if ctx.source.lost_logic() && !title_words.is_empty() {
        return Some("and the source lost logic that would explain it".into());
    }
    None
}
