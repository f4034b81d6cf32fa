//! The rules on units, rows and assertions. Each asks whether the protection of the code is weaker after the change, net.

mod cases;
mod compare;
mod expected;
mod flow;
pub mod gone;
mod runs;
mod special;
mod tolerance;

use crate::context::{Context, Pass};
use crate::unit::UnitKind;

/// Runs those that look at one file, which must not be slim.
pub fn file(ctx: &mut Context, f: usize) {
    runs::file(ctx, f);
    ctx.report.pass = Pass::Cases;
    cases::file(ctx, f);
    gone::file(ctx, f);
}

/// Runs those that look at the units of a file that match one after the change, in a file that is `here`:
/// neither must be slim.
pub fn pairs(ctx: &mut Context, f: usize, here: impl Fn(usize) -> bool) {
    let all = ctx.pairs;
    let pairs = || all.matched_in(f).iter().filter(|(_, n)| here(n.0));
    runs::pairs(ctx, pairs());
    ctx.report.pass = Pass::Compared;
    for &(o, n) in pairs() {
        if !ctx.files[o.0].is_test_code && !ctx.files[n.0].is_test_code {
            continue;
        }
        let (old, new) = (ctx.old_unit(o), ctx.new_unit(n));
        if !old.any_changed && !new.any_changed && o.0 == n.0 {
            continue;
        }
        // In a file that is not all tests, plain functions are the code under test.
        let source = ctx.files[n.0].role == crate::role::Role::Source;
        if source
            && (old.kind == UnitKind::Helper && new.kind == UnitKind::Helper
                || old.kind == UnitKind::Loose && old.asserts.is_empty())
        {
            continue;
        }
        compare::run(ctx, o, n);
        flow::run(ctx, o, n);
    }
}

/// Runs those that look at the change as a whole.
pub fn whole(ctx: &mut Context) {
    ctx.report.pass = Pass::Special;
    special::run(ctx);
}
