//! Assertions that went and that none of those that came replaces.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use super::short;
use crate::assertion::{Assertion, names::Form};
use crate::context::{Context, content_hash};
use crate::lang::Lang;
use crate::lexer::Kind;
use crate::marks::Cond;
use crate::model::{Severity, Side};
use crate::text::{AsIs, hash};
use crate::unit::UnitKind;

/// Judges what is left on either side of a matched unit.
pub(super) fn dropped(
    ctx: &mut Context,
    o: (usize, usize),
    n: (usize, usize),
    old_left: Vec<&Assertion>,
    new_left: Vec<&Assertion>,
) {
    let (old, new) = (ctx.old_unit(o), ctx.new_unit(n));
    if old_left.is_empty() || new.kind == UnitKind::Container {
        return;
    }
    // Whether an equal assertion stands elsewhere after the change.
    let mut kept: HashMap<u64, u8, BuildHasherDefault<AsIs>> = HashMap::default();
    for a in &new.asserts {
        let strength = kept.entry(content_hash(&a.content)).or_default();
        *strength = a.strength.max(*strength);
    }
    let kept_elsewhere = |r: &Assertion| {
        let content = content_hash(&r.content);
        ctx.known.added_asserts.contains(&content)
            || kept.get(&content).is_some_and(|s| *s >= r.strength)
    };
    let mut lost: Vec<&Assertion> = old_left
        .into_iter()
        .filter(|r| r.strength > 0 && !kept_elsewhere(r) && !about_removed_code(ctx, r))
        .collect();
    if lost.is_empty() {
        return;
    }
    if old.kind == UnitKind::Test
        && new.kind == UnitKind::Test
        && ctx
            .skip_of(o, Side::Old)
            .is_some_and(|(c, _, _)| c == Cond::Always)
    {
        return;
    }
    let path = ctx.files[n.0].new_path.clone();
    let vacuous: Vec<&&Assertion> = new_left.iter().filter(|a| a.vacuous.is_some()).collect();
    if let Some(a) = vacuous.first() {
        let why = a.vacuous.unwrap_or("it asserts a constant");
        ctx.add(
            "weakened-assertion",
            Severity::Block,
            &path,
            Side::New,
            a.line,
            format!(
                "`{}` was replaced by an assertion that cannot fail: {why}",
                short(&lost[0].text)
            ),
            &a.text,
        );
        return;
    }
    // Custom checks: trusted unless the change shows that they look away.
    let helpers: Vec<u64> = new_left
        .iter()
        .filter(|a| a.form == Form::Helper)
        .map(|a| a.api.clone())
        .map(|api| hash(&api))
        .collect();
    let called: Vec<(u64, crate::context::HelperFacts)> = new
        .idents
        .iter()
        .filter(|h| old.idents.binary_search(h).is_err())
        .filter_map(|h| ctx.known.helpers.get(h).map(|f| (*h, f.clone())))
        .collect();
    if let Some((_, helper)) = called.iter().find(|(_, h)| h.fresh && !h.unused.is_empty()) {
        let helper_path = ctx.files[helper.file].new_path.clone();
        ctx.add(
            "removed-assertion",
            Severity::Block,
            &helper_path,
            Side::New,
            helper.line + 1,
            format!(
                "assertions moved into a helper that ignores its argument `{}`",
                helper.unused.join("`, `")
            ),
            &helper.header,
        );
        return;
    }
    if let Some((_, helper)) = called
        .iter()
        .find(|(_, h)| h.fresh && h.checks == 0 && lost.len() > new_left.len())
    {
        let helper_path = ctx.files[helper.file].new_path.clone();
        let quiet = ctx.files[helper.file].lang;
        // A helper that returns a verdict or calls other helpers is left alone.
        if quiet != Lang::Rust && helper.header.to_lowercase().contains("assert") {
            ctx.add(
                "removed-assertion",
                Severity::Block,
                &helper_path,
                Side::New,
                helper.line,
                "assertions moved into a helper that checks nothing",
                &helper.header,
            );
            return;
        }
    }
    if called.iter().any(|(_, h)| h.checks > 0)
        || !helpers.is_empty()
        || new_left.iter().any(|a| matches!(a.form, Form::Snapshot))
    {
        return;
    }
    let strongest = lost.iter().map(|a| a.strength).max().unwrap_or(0);
    if !new_left.is_empty() {
        let best = new_left.iter().map(|a| a.strength).max().unwrap_or(0);
        if best < strongest {
            let a = new_left[0];
            ctx.add(
                "weakened-assertion",
                Severity::Block,
                &path,
                Side::New,
                a.line,
                format!(
                    "`{}` gave way to `{}`, which notices less",
                    short(&lost[0].text),
                    short(&a.text)
                ),
                &a.text,
            );
            return;
        }
        let replaced = new_left.len();
        if lost.len() <= replaced {
            return;
        }
        lost.drain(..replaced.min(lost.len()));
    }
    // What the lost ones pinned may live on in a table or a larger comparison.
    let checks = new.checks();
    let known = |h: u64| ctx.known.added_lits.contains(&h);
    lost.retain(|r| {
        let lits: Vec<u64> = r
            .literals()
            .map(|w| hash(&w.text))
            .filter(|h| !super::super::runs::trivial(*h))
            .collect();
        lits.is_empty()
            || checks == 0 && new.kind == UnitKind::Test
            || !lits.iter().all(|h| known(*h))
    });
    let Some(first) = lost.first() else { return };
    let side_path = ctx.files[o.0].old_path.clone();
    let message = format!(
        "{} of {} assertions of {} were removed",
        lost.len(),
        old.asserts.len(),
        if new.name.is_empty() {
            "a test".into()
        } else {
            format!("`{}`", new.name)
        }
    );
    let severity = if checks == 0 {
        Severity::Block
    } else {
        Severity::Warn
    };
    ctx.add(
        "removed-assertion",
        severity,
        &side_path,
        Side::Old,
        first.line,
        message,
        &first.text,
    );
}

fn about_removed_code(ctx: &Context, r: &Assertion) -> bool {
    r.args.iter().flatten().any(|w| {
        w.kind == Kind::Ident && ctx.known.removed_defs.contains(&hash(&w.text))
            || w.kind == Kind::Str && ctx.source.removed_texts.contains(&hash(&w.text))
    })
}
