//! Answers copied from the tests into the source.

use crate::context::Context;
use crate::model::{Severity, Side};
use crate::source::Special;

/// Holds the special cases of the source against the literals of the tests.
pub fn run(ctx: &mut Context) {
    let source = ctx.source;
    let tests_shown = !ctx.known.added_lits.is_empty() || !ctx.known.old_lits.is_empty();
    let mut reported: Vec<(String, u32)> = Vec::new();
    for (path, case) in &source.specials {
        let known = |h: &u64| ctx.known.added_lits.contains(h) || ctx.known.old_lits.contains(h);
        let telling = |hs: &[u64]| !hs.is_empty() && hs.iter().all(known);
        let hit = if case.reads_tests {
            true
        } else if let Some(list) = case.list {
            // Every answer of a new list comes from the tests: it was made for them.
            let copied = |c: &Special| {
                let output = c.outputs.is_empty() || c.outputs.iter().all(known);
                let input = telling(&c.inputs) || !c.outputs.is_empty() && telling(&c.parts);
                c.telling_input && input && output
            };
            case.fresh_list
                && copied(case)
                && source
                    .specials
                    .iter()
                    .filter(|(p, c)| p == path && c.list == Some(list))
                    .all(|(_, c)| copied(c))
        } else {
            let answers = case.outputs.is_empty() && case.telling_input || telling(&case.outputs);
            // Several in a row are a habit.
            let row = source
                .specials
                .iter()
                .filter(|(p, c)| {
                    p == path
                        && c.list.is_none()
                        && c.line.abs_diff(case.line) <= 4
                        && telling(&c.inputs)
                        && telling(&c.outputs)
                        && c.telling_output
                })
                .count();
            let specific =
                case.telling_input || (case.comparisons >= 2 || row >= 2) && case.telling_output;
            telling(&case.inputs) && answers && specific
                || !tests_shown
                    && case.telling_input
                    && case.telling_output
                    && case.comparisons >= 2
        };
        if !hit
            || reported
                .iter()
                .any(|(p, l)| p == path && case.line.abs_diff(*l) <= 3)
        {
            continue;
        }
        reported.push((path.clone(), case.line));
        let message = if case.reads_tests {
            "the source reads the tests' own data, so it can answer instead of compute"
        } else {
            "the source special-cases an input of the tests and answers with the expected value"
        };
        ctx.add(
            "hardcoded-expected",
            Severity::Block,
            path,
            Side::New,
            case.line,
            message,
            &case.text,
        );
    }
}
