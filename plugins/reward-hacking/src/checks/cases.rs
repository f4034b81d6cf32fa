//! Rows of tables: dropped cases, cases that skip themselves, expectations computed by the code under test.

mod table;

use std::cell::OnceCell;
use std::collections::HashSet;

use super::expected;
use crate::assertion::{Assertion, Word};
use crate::context::Context;
use crate::lexer::Kind;
use crate::model::{ChangeKind, Severity, Side};
use crate::rows::Row;
use crate::text::{Hashes, hash};
use table::Rows;

/// Runs the rules on the tables of a file.
pub fn file(ctx: &mut Context, f: usize) {
    let file = &ctx.files[f];
    if !file.is_test_code || file.kind == ChangeKind::Deleted {
        return;
    }
    let (old, new) = (&file.old.rows, &file.new.rows);
    if file.kind != ChangeKind::Added {
        skipped(ctx, f, old, new);
    }
    let mut left = Rows::new(new);
    let mut lost: Vec<&Row> = Vec::new();
    let named = OnceCell::new();
    for row in old {
        if left.take_equal(row) {
            continue;
        }
        match left.take_same_case(row) {
            Some(now) => rewritten(ctx, f, row, now, &named),
            None => lost.push(row),
        }
    }
    dropped(ctx, f, &lost, left.count());
}

fn rewritten(ctx: &mut Context, f: usize, was: &Row, now: &Row, named: &OnceCell<Hashes>) {
    let path = ctx.files[f].new_path.clone();
    // A call in the row that was not there and that the tests also make: the row computes its own expectation.
    let calls = |row: &Row| -> Vec<String> {
        row.words
            .windows(2)
            .filter(|w| w[1] == "(" && w[0].starts_with(|c: char| c.is_alphabetic()))
            .map(|w| w[0].clone())
            .collect()
    };
    let before = calls(was);
    // What the tests name, among it what they call.
    let file = &ctx.files[f];
    let named = || {
        named.get_or_init(|| {
            let words = |a: &Assertion| -> Vec<u64> {
                let words = a.args.iter().flatten();
                words.map(|w| hash(&w.text)).collect()
            };
            let units = file.new.units.iter();
            units
                .flat_map(|u| {
                    u.asserts
                        .iter()
                        .flat_map(words)
                        .chain(u.idents.iter().copied())
                })
                .collect()
        })
    };
    let computed = calls(now).into_iter().find(|c| {
        !before.contains(c)
            && named().contains(&hash(c))
            && was.lits.len() > now.lits.iter().collect::<HashSet<_>>().len()
            && !matches!(
                c.as_str(),
                "param"
                    | "of"
                    | "new"
                    | "case"
                    | "Some"
                    | "Ok"
                    | "Err"
                    | "Decimal"
                    | "errors"
                    | "String"
            )
    });
    if let Some(call) = computed {
        ctx.add(
            "tautological-test",
            Severity::Block,
            &path,
            Side::New,
            now.line,
            format!(
                "the expected value of the case is now computed by `{call}`, the code under test"
            ),
            &now.text,
        );
        return;
    }
    let word = |t: &String| Word {
        kind: if t.starts_with(|c: char| c.is_ascii_digit()) {
            Kind::Number
        } else if t.chars().all(|c| c.is_alphanumeric() || c == '_') && !t.is_empty() {
            Kind::Ident
        } else {
            Kind::Str
        },
        text: t.clone(),
    };
    if was.lits.first() == now.lits.first()
        && was.words.len().abs_diff(now.words.len()) <= 4
        && was.lits.len() > 1
    {
        let (a, b): (Vec<Word>, Vec<Word>) = (
            was.words.iter().map(word).collect(),
            now.words.iter().map(word).collect(),
        );
        if let Some(reason) = expected::suspicious(ctx, "row", &a, &b) {
            ctx.add(
                "expected-value-changed",
                Severity::Warn,
                &path,
                Side::New,
                now.line,
                format!("the expected value of a case changed while its input stayed: {reason}"),
                &now.text,
            );
        }
    }
}

fn skipped(ctx: &mut Context, f: usize, old: &[Row], new: &[Row]) {
    let before = old.iter().filter(|r| r.skipped).count();
    let now: Vec<&Row> = new.iter().filter(|r| r.skipped).collect();
    if now.len() > before {
        let before: Hashes = old.iter().filter_map(|o| o.lits.first().copied()).collect();
        for row in now {
            if row.lits.first().is_some_and(|l| before.contains(l)) {
                let path = ctx.files[f].new_path.clone();
                ctx.add(
                    "skipped-test",
                    Severity::Block,
                    &path,
                    Side::New,
                    row.line,
                    "a case of the table no longer runs",
                    &row.text,
                );
            }
        }
    }
}

fn dropped(ctx: &mut Context, f: usize, lost: &[&Row], fresh: usize) {
    // Rows of a test that is gone as a whole are reported with it.
    let mut gone: Vec<(u32, u32)> = ctx
        .unmatched
        .gone_in(f)
        .iter()
        .map(|u| ctx.old_unit(u.at).span)
        .collect();
    gone.sort_unstable();
    // Up to which line any of the first so many reaches.
    let mut reach: Vec<u32> = Vec::with_capacity(gone.len());
    for (_, last) in &gone {
        reach.push(reach.last().copied().unwrap_or(0).max(*last));
    }
    let with_its_test = |line: u32| {
        let begun = gone.partition_point(|(first, _)| *first <= line);
        begun > 0 && reach[begun - 1] >= line
    };
    let lost: Vec<&&Row> = lost.iter().filter(|r| !with_its_test(r.line)).collect();
    if lost.len() <= fresh {
        return;
    }
    let kept = |h: &u64| ctx.known.added_lits.contains(h);
    let missing: Vec<&&&Row> = lost
        .iter()
        .filter(|row| {
            let telling: Vec<&u64> = row
                .lits
                .iter()
                .filter(|h| !super::runs::trivial(**h))
                .collect();
            let absorbed = !telling.is_empty()
                && telling.iter().filter(|h| kept(h)).count() * 2 > telling.len();
            let about_removed = row.atoms.iter().any(|h| {
                ctx.known.removed_defs.contains(h) || ctx.source.removed_texts.contains(h)
            });
            !absorbed && !about_removed
        })
        .collect();
    let Some(first) = missing.first() else { return };
    let count = missing.len();
    let (line, text) = (first.line, first.text.clone());
    let path = ctx.files[f].old_path.clone();
    ctx.add(
        "removed-case",
        Severity::Block,
        &path,
        Side::Old,
        line,
        format!(
            "{count} case{} of a test table {} removed and tested nowhere else",
            if count == 1 { "" } else { "s" },
            if count == 1 { "was" } else { "were" }
        ),
        &text,
    );
}
