//! Failures that no longer surface: swallowed, left before, started and not awaited, behind a false condition.

use crate::context::Context;
use crate::marks::{Cond, MarkKind};
use crate::model::{Severity, Side};
use crate::unit::UnitKind;

/// Compares the flow marks of a matched unit.
pub fn run(ctx: &mut Context, o: (usize, usize), n: (usize, usize)) {
    let (old, new) = (ctx.old_unit(o), ctx.new_unit(n));
    let tested = !old.asserts.is_empty()
        || !new.asserts.is_empty()
        || matches!(new.kind, UnitKind::Test | UnitKind::Loose);
    if !tested || new.kind == UnitKind::Container {
        return;
    }
    for (kind, rule, severity, message) in [
        (
            MarkKind::Swallow,
            "swallowed-failure",
            Severity::Block,
            "a failure in the test is caught and dropped, so the test passes whatever happens",
        ),
        (
            MarkKind::EarlyReturn,
            "unreachable-assertion",
            Severity::Block,
            "the test returns before its assertions, so they no longer run",
        ),
        (
            MarkKind::Detached,
            "unreachable-assertion",
            Severity::Block,
            "the assertions run where nothing waits for them, so a failure goes unnoticed",
        ),
        (
            MarkKind::FalseGuard,
            "unreachable-assertion",
            Severity::Block,
            "the assertions stand behind a condition that never holds",
        ),
    ] {
        let before = old.marks.iter().filter(|m| m.kind == kind).count();
        let now: Vec<_> = new.marks.iter().filter(|m| m.kind == kind).collect();
        if now.len() <= before {
            continue;
        }
        let fresh = now
            .iter()
            .find(|m| m.changed && !(kind == MarkKind::EarlyReturn && m.cond == Cond::Platform));
        if let Some(mark) = fresh {
            let severity = if mark.cond == Cond::Other {
                Severity::Warn
            } else {
                severity
            };
            let path = ctx.files[n.0].new_path.clone();
            let (line, text) = (mark.line, mark.text.clone());
            ctx.add(rule, severity, &path, Side::New, line, message, &text);
        }
    }
}
