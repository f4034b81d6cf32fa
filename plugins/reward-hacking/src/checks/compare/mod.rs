//! The assertions of one unit before and after: kept, moved, rewritten, weakened, dropped.

mod dropped;
mod pool;
mod rewritten;

use std::cell::OnceCell;

use crate::assertion::{Assertion, names::Form};
use crate::context::Context;
use crate::lang::Lang;
use crate::marks::{Cond, condition};
use crate::model::{Severity, Side};
use dropped::dropped;
use pool::Pool;
use rewritten::rewritten;

/// Operand tokens that both must share to be the same assertion rewritten.
const SAME_ASSERTION: f64 = 0.34;

/// Compares a matched unit.
pub fn run(ctx: &mut Context, o: (usize, usize), n: (usize, usize)) {
    let (old, new) = (ctx.old_unit(o), ctx.new_unit(n));
    let lang = ctx.files[n.0].lang;
    let moved = o.0 != n.0;
    let changed = |a: &&Assertion| a.changed || moved;
    let left_old: Vec<&Assertion> = old.asserts.iter().filter(changed).collect();
    if left_old.is_empty() {
        return;
    }
    let mut pool = Pool::new(new.asserts.iter().filter(changed).collect());
    // The same check on both sides; look only at what it stands in.
    let other_branch = OnceCell::new();
    let left_old = pool.take_same(left_old, |r, a| guarded(ctx, n, r, a, lang, &other_branch));
    // The same check rewritten.
    let mut unmatched: Vec<&Assertion> = Vec::new();
    for r in left_old {
        let best = pool
            .like(r)
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
            Some((i, _)) => rewritten(ctx, o, n, r, pool.take(i)),
            None => unmatched.push(r),
        }
    }
    if unmatched.is_empty() {
        return;
    }
    // Several checks that became one larger or stricter one are kept by it.
    let added = new
        .asserts
        .iter()
        .filter(|a| changed(a) && a.strength > 0 && a.form != Form::Helper);
    let strongest = added.clone().map(|a| a.strength).max().unwrap_or(0);
    let mut added = Pool::new(added.collect());
    unmatched.retain(|r| {
        let kept = r.strength <= 1 && strongest > r.strength
            || added.like(r).any(|(_, a)| {
                let larger = a.strength >= r.strength
                    && r.content.len() > 1
                    && a.content.len() >= r.content.len();
                larger && r.similarity(a) >= 0.65
                    || a.strength > r.strength && r.similarity(a) >= 0.3
            });
        !kept
    });
    dropped(ctx, o, n, unmatched, pool.rest());
}

/// The assertion is unchanged but now stands in a branch.
fn guarded(
    ctx: &mut Context,
    n: (usize, usize),
    r: &Assertion,
    a: &Assertion,
    lang: Lang,
    other_branch: &OnceCell<bool>,
) {
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
    let other_branch = other_branch.get_or_init(|| {
        ctx.new_unit(n).asserts.iter().any(|x| {
            x.changed
                && x.guard.as_ref().is_some_and(|(_, g)| {
                    let g = g.trim_start_matches('}').trim_start();
                    g.starts_with("else") || g.starts_with("elif") || g.starts_with("elsif")
                })
        })
    });
    if *other_branch {
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

fn short(text: &str) -> String {
    text.chars().take(60).collect()
}
