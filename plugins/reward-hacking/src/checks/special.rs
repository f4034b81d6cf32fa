//! Answers copied from the tests into the source.

use crate::context::Context;
use crate::model::{Severity, Side};

/// Holds the special cases of the source against the literals of the tests.
pub fn run(ctx: &mut Context) {
    let source = ctx.source;
    let tests_shown = !ctx.added_lits.is_empty() || !ctx.old_lits.is_empty();
    let mut reported: Vec<(String, u32)> = Vec::new();
    for (path, case) in &source.specials {
        let known = |h: &u64| ctx.added_lits.contains(h) || ctx.old_lits.contains(h);
        let telling = |hs: &[u64]| !hs.is_empty() && hs.iter().all(known);
        let hit = if case.reads_tests {
            true
        } else if case.table {
            // A lookup table of answers is only telling when input and output both come from the tests and look like instances.
            case.telling_input
                && case.telling_output
                && telling(&case.inputs)
                && telling(&case.outputs)
        } else {
            let matched = telling(&case.inputs) && telling(&case.outputs);
            let specific = case.telling_input || case.comparisons >= 2;
            matched
                && specific
                && (case.telling_output
                    || case.telling_input && case.comparisons >= 2
                    || case.telling_input)
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
