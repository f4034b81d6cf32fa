//! Which unit before is which unit after: within a file by name, shared lines and text, then over the whole change.

use std::collections::{HashMap, HashSet};

use crate::facts::{FileFacts, Unit};
use crate::limits;
use crate::unit::UnitKind;

/// A unit by file and index.
pub type UnitRef = (usize, usize);

/// Unmatched units that a unit is held against by text: a file with more of them was rewritten.
const CANDIDATES: usize = 300;

/// The outcome of matching.
#[derive(Debug, Default)]
pub struct Pairs {
    /// Before and after.
    pub matched: Vec<(UnitRef, UnitRef)>,
    /// Tests and containers that have no counterpart after the change.
    pub gone: Vec<UnitRef>,
    /// Units that have no counterpart before it.
    pub fresh: Vec<UnitRef>,
}

impl Pairs {
    /// Matches the units of a change, once those of each file have been matched among themselves.
    pub fn finish(&mut self, files: &[FileFacts]) {
        pair_moved(files, self);
        self.matched.sort_unstable();
    }

    /// Adds those of a later file.
    pub fn append(&mut self, mut later: Pairs) {
        self.matched.append(&mut later.matched);
        self.gone.append(&mut later.gone);
        self.fresh.append(&mut later.fresh);
    }

    /// The units of file `f` that are gone.
    pub fn gone_in(&self, f: usize) -> &[UnitRef] {
        let from = self.gone.partition_point(|o| o.0 < f);
        let count = self.gone[from..].partition_point(|o| o.0 == f);
        &self.gone[from..from + count]
    }

    /// The pairs whose unit before stands in file `f`, once they are in order.
    pub fn matched_in(&self, f: usize) -> &[(UnitRef, UnitRef)] {
        let from = self.matched.partition_point(|(o, _)| o.0 < f);
        let count = self.matched[from..].partition_point(|(o, _)| o.0 == f);
        &self.matched[from..from + count]
    }
}

/// Matches the units of file `f` among themselves.
pub fn pair_file(f: usize, file: &FileFacts, out: &mut Pairs) {
    let (old, new) = (&file.old.units, &file.new.units);
    let mut taken_old = vec![false; old.len()];
    let mut taken_new = vec![false; new.len()];
    let mut link = |o: usize, n: usize, taken_old: &mut Vec<bool>, taken_new: &mut Vec<bool>| {
        taken_old[o] = true;
        taken_new[n] = true;
        out.matched.push(((f, o), (f, n)));
    };
    // Same name in the same place, then same name anywhere in the file.
    for strict in [true, false] {
        let mut by_name: HashMap<(&str, &str, bool), Vec<usize>> = HashMap::new();
        for (n, unit) in new.iter().enumerate() {
            if !taken_new[n] && unit.kind != UnitKind::Loose {
                let within = if strict { unit.within.as_str() } else { "" };
                by_name
                    .entry((&unit.name, within, unit.kind == UnitKind::Container))
                    .or_default()
                    .push(n);
            }
        }
        for (o, unit) in old.iter().enumerate() {
            if taken_old[o] || unit.kind == UnitKind::Loose {
                continue;
            }
            let within = if strict { unit.within.as_str() } else { "" };
            if let Some(list) =
                by_name.get_mut(&(unit.name.as_str(), within, unit.kind == UnitKind::Container))
            {
                let best = list
                    .iter()
                    .position(|&n| {
                        shares(&unit.peers, &new[n].peers) > 0 && unit.kind == new[n].kind
                    })
                    .or_else(|| list.iter().position(|&n| unit.kind == new[n].kind))
                    .unwrap_or(0);
                let n = list.remove(best);
                link(o, n, &mut taken_old, &mut taken_new);
                if list.is_empty() {
                    by_name.remove(&(unit.name.as_str(), within, unit.kind == UnitKind::Container));
                }
            }
        }
    }
    // Loose runs by chunk and shared lines; the first of a chunk is the same place on both sides.
    for (o, unit) in old.iter().enumerate() {
        if unit.kind != UnitKind::Loose {
            continue;
        }
        let first_old = !old
            .iter()
            .any(|u| u.chunk == unit.chunk && u.span.0 < unit.span.0);
        let candidate = new
            .iter()
            .enumerate()
            .filter(|(n, u)| !taken_new[*n] && u.kind == UnitKind::Loose && u.chunk == unit.chunk)
            .max_by_key(|(_, u)| {
                let first_new = !new
                    .iter()
                    .any(|v| v.chunk == u.chunk && v.span.0 < u.span.0);
                (
                    usize::from(first_old && first_new),
                    shares(&unit.peers, &u.peers),
                )
            });
        if let Some((n, u)) = candidate {
            let first_new = !new
                .iter()
                .any(|v| v.chunk == u.chunk && v.span.0 < u.span.0);
            if first_old && first_new || shares(&unit.peers, &u.peers) > 0 {
                link(o, n, &mut taken_old, &mut taken_new);
            }
        }
    }
    // Shared lines: a renamed unit keeps its body.
    let mut by_peer: HashMap<u32, usize> = HashMap::new();
    for (n, unit) in new.iter().enumerate() {
        for peer in &unit.peers {
            by_peer.insert(*peer, n);
        }
    }
    for (o, unit) in old.iter().enumerate() {
        if taken_old[o] || unit.kind == UnitKind::Loose {
            continue;
        }
        let mut votes: HashMap<usize, usize> = HashMap::new();
        for peer in &unit.peers {
            if let Some(&n) = by_peer.get(peer) {
                *votes.entry(n).or_default() += 1;
            }
        }
        let best = votes
            .into_iter()
            .max_by_key(|&(n, v)| (v, std::cmp::Reverse(n)));
        if let Some((n, votes)) = best {
            if !taken_new[n]
                && (unit.kind == UnitKind::Container) == (new[n].kind == UnitKind::Container)
            {
                link(o, n, &mut taken_old, &mut taken_new);
            } else if unit.kind == UnitKind::Test
                && new[n].kind == UnitKind::Test
                && votes * 2 > unit.lines.len()
            {
                // It lost its header, its lines live on in the other one.
                taken_old[o] = true;
            }
        }
    }
    // Nearly the same name, then much the same text.
    for by_text in [false, true] {
        for o in 0..old.len() {
            if taken_old[o] || old[o].kind != UnitKind::Test {
                continue;
            }
            let found = new
                .iter()
                .enumerate()
                .filter(|(n, _)| !taken_new[*n])
                .take(CANDIDATES)
                .find(|(n, u)| {
                    !taken_new[*n]
                        && matches!(u.kind, UnitKind::Test | UnitKind::Helper)
                        && if by_text {
                            alike(&old[o], u)
                        } else {
                            u.bare == old[o].bare
                        }
                });
            if let Some((n, _)) = found {
                link(o, n, &mut taken_old, &mut taken_new);
            }
        }
    }
    out.gone.extend(
        (0..old.len())
            .filter(|&o| {
                !taken_old[o] && matches!(old[o].kind, UnitKind::Test | UnitKind::Container)
            })
            .map(|o| (f, o)),
    );
    out.fresh
        .extend((0..new.len()).filter(|&n| !taken_new[n]).map(|n| (f, n)));
}

/// Tests that left one file and arrived in another.
fn pair_moved(files: &[FileFacts], out: &mut Pairs) {
    let new_unit = |r: &UnitRef| &files[r.0].new.units[r.1];
    let mut by_name: HashMap<&str, Vec<UnitRef>> = HashMap::new();
    let mut by_line: HashMap<u64, Vec<UnitRef>> = HashMap::new();
    for r in out.fresh.iter().take(limits::MOVED_UNITS) {
        let unit = new_unit(r);
        if unit.kind == UnitKind::Loose {
            continue;
        }
        by_name.entry(unit.bare.as_str()).or_default().push(*r);
        for line in &unit.lines {
            let list = by_line.entry(*line).or_default();
            if list.len() < 16 {
                list.push(*r);
            }
        }
    }
    let mut used: HashSet<UnitRef> = HashSet::new();
    let mut gone = std::mem::take(&mut out.gone);
    gone.retain(|r| {
        let unit = &files[r.0].old.units[r.1];
        let named = by_name.get(unit.bare.as_str()).and_then(|list| {
            list.iter()
                .find(|n| !used.contains(*n) && new_unit(n).kind == unit.kind)
                .copied()
        });
        let found = named.or_else(|| {
            let mut votes: HashMap<UnitRef, usize> = HashMap::new();
            for line in &unit.lines {
                for n in by_line.get(line).into_iter().flatten() {
                    *votes.entry(*n).or_default() += 1;
                }
            }
            votes
                .into_iter()
                .filter(|(n, v)| {
                    !used.contains(n)
                        && *v * 2 > unit.lines.len()
                        && new_unit(n).kind != UnitKind::Loose
                        && (new_unit(n).kind == UnitKind::Container)
                            == (unit.kind == UnitKind::Container)
                })
                .max_by_key(|&(n, v)| (v, std::cmp::Reverse(n)))
                .map(|(n, _)| n)
        });
        match found {
            Some(n) => {
                used.insert(n);
                out.matched.push((*r, n));
                false
            }
            None => true,
        }
    });
    out.gone = gone;
    out.fresh.retain(|r| !used.contains(r));
}

/// Length of the intersection of two ascending lists.
pub fn shares<T: Ord>(a: &[T], b: &[T]) -> usize {
    let (mut i, mut j, mut n) = (0, 0, 0);
    while i < a.len() && j < b.len() {
        match a[i].cmp(&b[j]) {
            std::cmp::Ordering::Equal => {
                n += 1;
                i += 1;
                j += 1;
            }
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
        }
    }
    n
}

fn alike(old: &Unit, new: &Unit) -> bool {
    let both = shares(&old.lines, &new.lines);
    both * 2 >= old.lines.len().min(new.lines.len()).max(1) && both > 0
}
