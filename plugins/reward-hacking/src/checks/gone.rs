//! Tests that are gone: what stands in for one, and what is lost with it.

use std::collections::HashSet;

use crate::context::{Context, Pass, StandIn, content_hash};
use crate::facts::{FileFacts, Unit};
use crate::limits;
use crate::model::{ChangeKind, Severity, Side};
use crate::pairing::shares;
use crate::unit::UnitKind;

/// Fresh tests that are held against gone ones.
const STAND_INS: usize = 500;

/// Tests of a file that nothing makes up for.
#[derive(Debug, Default)]
pub struct Lost {
    /// How many.
    count: usize,
    /// Of the first ones the line, the name and the declaration, and whether they go with the one around them.
    tests: Vec<(u32, String, String, bool)>,
}

/// Which fresh tests can stand in for gone ones, one for one, when they check as much.
pub fn stand_ins(ctx: &Context, known: &[StandIn]) -> Vec<StandIn> {
    let fresh: HashSet<_> = ctx.unmatched.fresh().map(|u| u.at).collect();
    let skippers = &ctx.known.skippers[1];
    known
        .iter()
        .filter(|s| {
            let mut names = s.idents.iter().chain(&s.calls);
            fresh.contains(&s.at) && !names.any(|h| skippers.contains(h))
        })
        .take(STAND_INS)
        .cloned()
        .collect()
}

/// Looks for the tests of file `f` that are lost.
pub fn file(ctx: &mut Context, f: usize) {
    let (file, unmatched) = (&ctx.files[f], ctx.unmatched);
    let mut lost = std::mem::take(&mut ctx.report.lost);
    if file.is_test_code {
        for o in unmatched.gone_in(f) {
            let unit = ctx.old_unit(o.at);
            // A parametrised or nested parent is covered by what it contains.
            if o.kind != UnitKind::Test
                || ctx
                    .skip_of(o.at, Side::Old)
                    .is_some_and(|(c, _, _)| c == crate::marks::Cond::Always)
                || ctx.feature_removed(unit, file)
                || absorbed(ctx, file, unit)
                || replaced(ctx, unit)
            {
                continue;
            }
            lost.count += 1;
            if lost.tests.len() < limits::FINDINGS {
                // Nested tests go with their parent.
                let nested = unit.parent.is_some_and(|p| {
                    let gone = unmatched.gone_in(f);
                    gone.binary_search_by_key(&(f, p), |u| u.at).is_ok()
                        && file.old.units[p].kind == UnitKind::Test
                });
                let test = (unit.line, unit.name.clone(), unit.header.clone(), nested);
                lost.tests.push(test);
            }
        }
    }
    ctx.report.lost = lost;
}

/// Uses up a fresh test that checks as much.
fn replaced(ctx: &mut Context, unit: &Unit) -> bool {
    let wanted: u32 = unit.asserts.iter().map(|a| u32::from(a.strength)).sum();
    let stand_ins = &mut ctx.report.stand_ins;
    let found = stand_ins.iter().position(|s| {
        s.offers >= wanted.max(1)
            && shares(&s.idents, &unit.idents) * 2 >= unit.idents.len().min(s.idents.len())
    });
    found.map(|at| stand_ins.remove(at)).is_some()
}

/// Reports what was lost, once the last part of a file was looked at, which is file `f`.
pub fn report(ctx: &mut Context, f: usize) {
    let lost = std::mem::take(&mut ctx.report.lost);
    if lost.count == 0 {
        return;
    }
    ctx.report.pass = Pass::Gone;
    let file = &ctx.files[f];
    let path = &file.old_path;
    let tests = ctx.wholes[file.whole].old_tests;
    if file.kind == ChangeKind::Deleted {
        ctx.add(
            "deleted-test-file",
            Severity::Block,
            path,
            Side::Old,
            1,
            format!(
                "the test file was deleted and {} of its {tests} tests exist nowhere else",
                lost.count
            ),
            lost.tests.first().map_or("", |(_, _, header, _)| header),
        );
        if lost.count == tests {
            return;
        }
    }
    for (line, name, header, _) in lost.tests.iter().filter(|(_, _, _, nested)| !nested) {
        ctx.add(
            "removed-test",
            Severity::Block,
            path,
            Side::Old,
            *line,
            format!("`{name}` was removed and nothing in the change tests the same"),
            header,
        );
    }
}

/// Whether what the removed test fed in and expected shows up in added test lines.
fn absorbed(ctx: &Context, file: &FileFacts, unit: &Unit) -> bool {
    // Another test makes the very same assertions.
    if !unit.asserts.is_empty()
        && unit.asserts.iter().all(|a| {
            a.content.len() > 1 && ctx.known.all_asserts.contains(&content_hash(&a.content))
        })
    {
        return true;
    }
    let telling: Vec<u64> = unit
        .lits
        .iter()
        .copied()
        .filter(|h| !super::runs::trivial(*h))
        .collect();
    if telling.is_empty() {
        let rows = ctx.wholes[file.whole].more_rows;
        let all: Vec<u64> = unit.lits.to_vec();
        return rows > 0
            && (all.is_empty() || all.iter().any(|h| ctx.known.added_lits.contains(h)));
    }
    let found = telling
        .iter()
        .filter(|h| ctx.known.added_lits.contains(h))
        .count();
    found * 10 >= telling.len() * 7
}
