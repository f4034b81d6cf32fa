//! Does every test still run? Skipped, focused, no longer collected, gone.

use std::collections::HashMap;
use std::rc::Rc;

use crate::context::{Context, Pass, content_hash, rank};
use crate::facts::Unit;
use crate::lang::Lang;
use crate::marks::{Cond, MarkKind};
use crate::model::{ChangeKind, Severity, Side};
use crate::pairing::UnitRef;
use crate::role::{Role, is_test_path};
use crate::text::hash;
use crate::unit::UnitKind;

/// Runs the rules on the tests of one file.
pub fn file(ctx: &mut Context, f: usize) {
    ctx.report.pass = Pass::Focused;
    focused(ctx, f);
    ctx.report.pass = Pass::Hidden;
    hidden(ctx, f);
    ctx.report.pass = Pass::FreshSkips;
    fresh_skips(ctx, f);
}

/// Runs the rules on tests that match one after the change.
pub fn pairs<'p>(ctx: &mut Context, pairs: impl Iterator<Item = &'p (UnitRef, UnitRef)> + Clone) {
    ctx.report.pass = Pass::Skipped;
    skipped(ctx, pairs.clone());
    ctx.report.pass = Pass::Uncollected;
    uncollected(ctx, pairs);
}

fn skipped<'p>(ctx: &mut Context, pairs: impl Iterator<Item = &'p (UnitRef, UnitRef)>) {
    for &(o, n) in pairs {
        let (old, new) = (ctx.old_unit(o), ctx.new_unit(n));
        if !matches!(
            old.kind,
            UnitKind::Test | UnitKind::Container | UnitKind::Loose
        ) || !ctx.files[n.0].is_test_code
        {
            continue;
        }
        let before = ctx.skip_of(o, Side::Old);
        let after = ctx.skip_of(n, Side::New);
        // A mark that moved from every test of a group to the group.
        if old.kind == UnitKind::Container && after.is_some() && skipped_one_by_one(ctx, o) {
            continue;
        }
        match (&before, &after) {
            (None, Some((_, _, text))) if old.kind == UnitKind::Loose && defines_mark(text) => {}
            (None, Some((cond, line, text))) if *cond != Cond::Platform => {
                report_skip(ctx, n, new, *cond, *line, text)
            }
            (Some((was, _, _)), Some((cond, line, text)))
                if rank(*cond) > rank(*was) && *cond == Cond::Always && *was == Cond::Platform =>
            {
                report_skip(ctx, n, new, *cond, *line, text);
            }
            _ => {}
        }
    }
}

/// Whole-file marks in lines that no unit covers and that match nothing before.
fn fresh_skips(ctx: &mut Context, f: usize) {
    let (file, unmatched) = (&ctx.files[f], ctx.unmatched);
    if file.kind == ChangeKind::Added || !file.is_test_code {
        return;
    }
    for n in unmatched.fresh_in(f).iter().map(|u| u.at) {
        let unit = ctx.new_unit(n);
        if unit.kind == UnitKind::Loose {
            for m in unit.marks.iter().filter(|m| {
                m.kind == MarkKind::Skip
                    && m.changed
                    && m.cond != Cond::Platform
                    && !defines_mark(&m.text)
            }) {
                report_skip(ctx, n, unit, m.cond, m.line, &m.text);
            }
        }
    }
}

/// Whether every test in the group was skipped on its own before.
fn skipped_one_by_one(ctx: &Context, o: (usize, usize)) -> bool {
    let units = &ctx.files[o.0].old.units;
    let inside = |mut i: usize| {
        while let Some(p) = units[i].parent {
            if p == o.1 {
                return true;
            }
            i = p;
        }
        false
    };
    let mut tests = (0..units.len())
        .filter(|&i| units[i].kind == UnitKind::Test && inside(i))
        .peekable();
    tests.peek().is_some()
        && tests.all(|i| {
            ctx.skip_of((o.0, i), Side::Old)
                .is_some_and(|(c, _, _)| c != Cond::Platform)
        })
}

/// `needs_x = pytest.mark.skipif(…)` names a mark and applies it to nothing.
fn defines_mark(text: &str) -> bool {
    text.split_once(" = ").is_some_and(|(name, value)| {
        !name.contains("pytestmark") && !name.contains('(') && value.contains("mark.")
    })
}

fn report_skip(
    ctx: &mut Context,
    n: (usize, usize),
    unit: &Unit,
    cond: Cond,
    line: u32,
    text: &str,
) {
    if !ctx.report.skips.insert((n.0, line)) {
        return;
    }
    let what = if unit.kind == UnitKind::Loose || unit.name.is_empty() {
        "a test".to_string()
    } else {
        format!("`{}`", unit.name)
    };
    let (severity, how) = match cond {
        Cond::Always => (Severity::Block, "no longer runs, or may fail unseen"),
        _ => (
            Severity::Warn,
            "runs only under a condition that was not there before",
        ),
    };
    let path = ctx.files[n.0].new_path.clone();
    ctx.add(
        "skipped-test",
        severity,
        &path,
        Side::New,
        line,
        format!("{what} {how}, so what it protected is unprotected"),
        text,
    );
}

fn focused(ctx: &mut Context, f: usize) {
    {
        let file = &ctx.files[f];
        if !file.is_test_code {
            return;
        }
        let before = file
            .old
            .units
            .iter()
            .flat_map(|u| &u.marks)
            .filter(|m| m.kind == MarkKind::Focus)
            .count();
        let marks: Vec<(u32, bool, String)> = file
            .new
            .units
            .iter()
            .flat_map(|u| &u.marks)
            .filter(|m| m.kind == MarkKind::Focus)
            .map(|m| (m.line, m.changed, m.text.clone()))
            .collect();
        if marks.len() > before {
            for (line, _, text) in marks.into_iter().filter(|(_, changed, _)| *changed).take(3) {
                let path = ctx.files[f].new_path.clone();
                ctx.add(
                    "focused-test",
                    Severity::Block,
                    &path,
                    Side::New,
                    line,
                    "a test is focused, so every other test of the file silently stops running",
                    &text,
                );
            }
        }
    }
}

/// Matched units that were tests and are none any more, and files whose new name nobody collects.
fn uncollected<'p>(ctx: &mut Context, pairs: impl Iterator<Item = &'p (UnitRef, UnitRef)>) {
    for &(o, n) in pairs {
        let (old, new) = (ctx.old_unit(o), ctx.new_unit(n));
        if old.kind != UnitKind::Test {
            continue;
        }
        let (of, nf) = (&ctx.files[o.0], &ctx.files[n.0]);
        let lost_file = is_test_path(&of.old_path)
            && !is_test_path(&nf.new_path)
            && needs_name(of.lang)
            && of.role == Role::Test;
        if lost_file {
            if !ctx.report.renamed.contains(&n.0) {
                ctx.report.renamed.push(n.0);
                let path = nf.new_path.clone();
                ctx.add("disabled-test", Severity::Block, &path, Side::New, 1, format!("the test file was renamed from `{}` to a name that the test runner does not collect", of.old_path), &path);
            }
            continue;
        }
        if new.kind == UnitKind::Helper {
            // A test body that became a helper of other tests is still exercised.
            let h = hash(&new.name);
            let called = nf.new.units.iter().enumerate().any(|(i, u)| {
                i != n.1 && u.kind == UnitKind::Test && u.idents.binary_search(&h).is_ok()
            }) || nf
                .new
                .units
                .iter()
                .any(|u| u.kind == UnitKind::Loose && u.idents.binary_search(&h).is_ok());
            if called {
                continue;
            }
            let path = nf.new_path.clone();
            ctx.add(
                "disabled-test",
                Severity::Block,
                &path,
                Side::New,
                new.line,
                format!(
                    "`{}` is no longer collected as a test, so it never runs",
                    old.name
                ),
                &new.header,
            );
        }
    }
}

/// A second definition of the same name hides the first.
fn hidden(ctx: &mut Context, f: usize) {
    {
        let file = &ctx.files[f];
        if file.lang != Lang::Python && file.lang != Lang::Ruby || file.role != Role::Test {
            return;
        }
        // The parts of a file come one after the other.
        let (of, mut before) = std::mem::take(&mut ctx.report.named);
        if of != file.whole {
            before.clear();
        }
        let mut seen: HashMap<u64, bool> = HashMap::new();
        for unit in file.new.units.iter().filter(|u| {
            u.kind == UnitKind::Test && (file.lang == Lang::Python || u.header.starts_with("def "))
        }) {
            let key = content_hash(&[hash(&unit.within), hash(&unit.name)]);
            match seen.get(&key).or_else(|| before.get(&key)) {
                Some(first_changed) if unit.decl_changed || *first_changed => {
                    let path = ctx.files[f].new_path.clone();
                    ctx.add("disabled-test", Severity::Block, &path, Side::New, unit.line, format!("a second `{}` in the same scope hides the first, which never runs again", unit.name), &unit.header);
                }
                _ => {
                    seen.insert(key, unit.decl_changed);
                }
            }
        }
        if file.torn {
            // Where a part shows no scope around a test that has one, its name says nothing.
            let placed = file
                .new
                .units
                .iter()
                .filter(|u| u.top || !u.within.is_empty());
            let key = |u: &Rc<Unit>| content_hash(&[hash(&u.within), hash(&u.name)]);
            before.extend(placed.map(key).filter_map(|k| Some((k, *seen.get(&k)?))));
            ctx.report.named = (file.whole, before);
        }
    }
}

fn needs_name(lang: Lang) -> bool {
    matches!(
        lang,
        Lang::Go | Lang::Python | Lang::Js | Lang::Ruby | Lang::Java | Lang::Other
    )
}

/// Literals that say nothing: every test has them.
pub fn trivial(h: u64) -> bool {
    ["", "0", "1", "2", "-1", "\\n", " "]
        .iter()
        .any(|t| hash(t) == h)
}
