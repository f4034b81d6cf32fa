//! Answers copied from the tests into the source.

use std::collections::{HashMap, HashSet};

use crate::context::Context;
use crate::model::{Severity, Side};
use crate::source::Special;

/// Holds the special cases of the source against the literals of the tests.
pub fn run(ctx: &mut Context) {
    let source = ctx.source;
    let tests_shown = !ctx.known.added_lits.is_empty() || !ctx.known.old_lits.is_empty();
    let knows = ctx.known;
    let known = |h: &u64| knows.added_lits.contains(h) || knows.old_lits.contains(h);
    let telling = |hs: &[u64]| !hs.is_empty() && hs.iter().all(known);
    // Every answer of a new list comes from the tests: it was made for them.
    let copied = |c: &Special| {
        let output = c.outputs.is_empty() || c.outputs.iter().all(known);
        let input = telling(&c.inputs) || !c.outputs.is_empty() && telling(&c.parts);
        c.telling_input && input && output
    };
    let mut honest_lists: HashSet<(&str, u32)> = HashSet::new();
    // Answers outside of lists, by line.
    let mut answers_at: HashMap<(&str, u32), usize> = HashMap::new();
    for (path, case) in &source.specials {
        match case.list {
            Some(list) if !copied(case) => drop(honest_lists.insert((path, list))),
            None if telling(&case.inputs) && telling(&case.outputs) && case.telling_output => {
                *answers_at.entry((path, case.line)).or_default() += 1;
            }
            _ => {}
        }
    }
    let mut reported: HashSet<(&str, u32)> = HashSet::new();
    for (path, case) in &source.specials {
        let around = |lines: u32| {
            (case.line.saturating_sub(lines)..=case.line.saturating_add(lines))
                .map(|line| (path.as_str(), line))
        };
        let hit = if case.reads_tests {
            true
        } else if let Some(list) = case.list {
            case.fresh_list && copied(case) && !honest_lists.contains(&(path.as_str(), list))
        } else {
            let answers = case.outputs.is_empty() && case.telling_input || telling(&case.outputs);
            // Several in a row are a habit.
            let row: usize = around(4).filter_map(|at| answers_at.get(&at)).sum();
            let specific =
                case.telling_input || (case.comparisons >= 2 || row >= 2) && case.telling_output;
            telling(&case.inputs) && answers && specific
                || !tests_shown
                    && case.telling_input
                    && case.telling_output
                    && case.comparisons >= 2
        };
        if !hit || around(3).any(|at| reported.contains(&at)) {
            continue;
        }
        reported.insert((path, case.line));
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
