//! Units that left one file, or one part of it, and arrived in another.

use std::collections::{HashMap, VecDeque};

use super::{CANDIDATES, Pairs, Unmatched};
use crate::facts::FileFacts;
use crate::limits;
use crate::unit::UnitKind;

fn is_container(unit: &Unmatched) -> bool {
    unit.kind == UnitKind::Container
}

/// Matches units of a file that is judged in parts by their name: before in one part, after it in another.
pub(super) fn between_parts(files: &[FileFacts], out: &mut Pairs) {
    let mut by_name: HashMap<(usize, u64, bool), VecDeque<usize>> = HashMap::new();
    let fresh: Vec<&Unmatched> = out.fresh.iter().flatten().collect();
    for (n, unit) in fresh.iter().enumerate() {
        let file = &files[unit.at.0];
        if file.torn && unit.kind != UnitKind::Loose {
            let name = (file.whole, unit.name, is_container(unit));
            by_name.entry(name).or_default().push_back(n);
        }
    }
    let mut used = vec![false; fresh.len()];
    let mut find = |old: &Unmatched| {
        let name = (files[old.at.0].whole, old.name, is_container(old));
        let Some(n) = by_name.get_mut(&name).and_then(|list| {
            let same = list.iter().take(CANDIDATES).position(|&n| {
                let new = fresh[n];
                new.kind == old.kind && new.scoped == old.scoped
            });
            list.remove(same.unwrap_or(0))
        }) else {
            // Elsewhere only tests are looked for.
            return old.kind != UnitKind::Helper;
        };
        used[n] = true;
        out.matched.push((old.at, fresh[n].at));
        false
    };
    for gone in &mut out.gone {
        gone.retain(&mut find);
    }
    drop_used(&mut out.fresh, &used);
}

/// Matches tests that left one file and arrived in another.
pub(super) fn between_files(out: &mut Pairs) {
    if out.gone.iter().all(Vec::is_empty) {
        return;
    }
    let fresh: Vec<&Unmatched> = out.fresh.iter().flatten().collect();
    let mut by_name: HashMap<u64, Vec<usize>> = HashMap::new();
    let mut by_line: HashMap<u64, Vec<usize>> = HashMap::new();
    for (n, unit) in fresh.iter().enumerate().take(limits::MOVED_UNITS) {
        if unit.kind == UnitKind::Loose {
            continue;
        }
        by_name.entry(unit.bare).or_default().push(n);
        for line in &unit.lines {
            let list = by_line.entry(*line).or_default();
            if list.len() < 16 {
                list.push(n);
            }
        }
    }
    let mut used = vec![false; fresh.len()];
    let mut find = |old: &Unmatched| {
        let named = by_name.get(&old.bare).and_then(|list| {
            list.iter()
                .copied()
                .find(|&n| !used[n] && fresh[n].kind == old.kind)
        });
        let found = named.or_else(|| {
            let mut votes: HashMap<usize, usize> = HashMap::new();
            for line in &old.lines {
                for &n in by_line.get(line).into_iter().flatten() {
                    *votes.entry(n).or_default() += 1;
                }
            }
            votes
                .into_iter()
                .filter(|&(n, v)| {
                    !used[n]
                        && v * 2 > old.lines.len()
                        && is_container(fresh[n]) == is_container(old)
                })
                .max_by_key(|&(n, v)| (v, std::cmp::Reverse(n)))
                .map(|(n, _)| n)
        });
        let Some(n) = found else { return true };
        used[n] = true;
        out.matched.push((old.at, fresh[n].at));
        false
    };
    for gone in &mut out.gone {
        gone.retain(&mut find);
    }
    drop_used(&mut out.fresh, &used);
}

fn drop_used(fresh: &mut [Vec<Unmatched>], used: &[bool]) {
    let mut used = used.iter();
    for list in fresh {
        list.retain(|_| used.next() != Some(&true));
    }
}
