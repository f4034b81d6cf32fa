//! Which unit before is which unit after: within a file by name, shared lines and text, then over the whole change.

mod moved;

use std::collections::HashMap;
use std::rc::Rc;

use crate::context::content_hash;
use crate::facts::{FileFacts, Unit};
use crate::limits;
use crate::model::ChangeKind;
use crate::text::hash;
use crate::unit::UnitKind;

/// A unit by file and index.
pub type UnitRef = (usize, usize);

/// Unmatched units that a unit is held against by text: a file with more of them was rewritten.
const CANDIDATES: usize = 300;

/// A unit without a counterpart in its file, or its part of one, and what others are told by.
#[derive(Debug)]
pub struct Unmatched {
    /// Where it stands.
    pub at: UnitRef,
    /// What it is.
    pub kind: UnitKind,
    /// Hash of its name.
    name: u64,
    /// Hash of its name and those around it.
    scoped: u64,
    /// Hash of its name without what decides whether it is collected.
    bare: u64,
    /// Hashes of its telling lines, sorted.
    lines: Vec<u64>,
}

impl Unmatched {
    fn of(at: UnitRef, unit: &Unit) -> Unmatched {
        let name = hash(&unit.name);
        Unmatched {
            at,
            kind: unit.kind,
            name,
            scoped: content_hash(&[hash(&unit.within), name]),
            bare: hash(&unit.bare),
            lines: unit.lines.clone(),
        }
    }
}

/// The outcome of matching.
#[derive(Debug, Default)]
pub struct Pairs {
    /// Before and after.
    pub matched: Vec<(UnitRef, UnitRef)>,
    /// By file, the tests and containers that have no counterpart after the change, ascending.
    gone: Vec<Vec<Unmatched>>,
    /// By file, the units that have no counterpart before it, ascending.
    fresh: Vec<Vec<Unmatched>>,
    /// How many of either came in.
    counts: [usize; 2],
}

impl Pairs {
    /// Matches the units of a change, once those of each file have been matched among themselves.
    pub fn finish(&mut self, files: &[FileFacts]) {
        moved::between_parts(files, self);
        moved::between_files(self);
        self.matched.sort_unstable();
    }

    /// Adds those of the next file.
    pub fn append(&mut self, mut next: InFile, file: &FileFacts) {
        self.matched.append(&mut next.matched);
        // Of further ones only the name is compared.
        for (count, list) in self
            .counts
            .iter_mut()
            .zip([&mut next.gone, &mut next.fresh])
        {
            let room = limits::MOVED_UNITS.saturating_sub(*count);
            for unit in list.iter_mut().skip(room) {
                unit.lines = Vec::new();
            }
            *count += list.len();
            // In a new file nobody asks for more.
            if file.kind == ChangeKind::Added {
                list.truncate(room);
            }
            list.shrink_to_fit();
        }
        self.gone.push(next.gone);
        self.fresh.push(next.fresh);
    }

    /// The units of file `f` that are gone.
    pub fn gone_in(&self, f: usize) -> &[Unmatched] {
        self.gone.get(f).map_or(&[], Vec::as_slice)
    }

    /// The units that file `f` has now and that were nowhere.
    pub fn fresh_in(&self, f: usize) -> &[Unmatched] {
        self.fresh.get(f).map_or(&[], Vec::as_slice)
    }

    /// All units that were nowhere.
    pub fn fresh(&self) -> impl Iterator<Item = &Unmatched> {
        self.fresh.iter().flatten()
    }

    /// The pairs whose unit before stands in file `f`, once they are in order.
    pub fn matched_in(&self, f: usize) -> &[(UnitRef, UnitRef)] {
        let from = self.matched.partition_point(|(o, _)| o.0 < f);
        let count = self.matched[from..].partition_point(|(o, _)| o.0 == f);
        &self.matched[from..from + count]
    }
}

/// The outcome within one file.
#[derive(Debug, Default)]
pub struct InFile {
    /// Before and after.
    pub matched: Vec<(UnitRef, UnitRef)>,
    /// Tests and containers that have no counterpart after the change.
    pub gone: Vec<Unmatched>,
    /// Units that have no counterpart before it.
    pub fresh: Vec<Unmatched>,
}

/// Matches the units of file `f` among themselves.
pub fn pair_file(f: usize, file: &FileFacts) -> InFile {
    let mut out = InFile::default();
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
    let (first_old, first_new) = (first_of_chunks(old), first_of_chunks(new));
    let mut by_peer: HashMap<u32, usize> = HashMap::new();
    for (n, unit) in new.iter().enumerate() {
        by_peer.extend(unit.peers.iter().map(|peer| (*peer, n)));
    }
    let votes = |unit: &Unit| {
        let mut votes: HashMap<usize, usize> = HashMap::new();
        for n in unit.peers.iter().filter_map(|peer| by_peer.get(peer)) {
            *votes.entry(*n).or_default() += 1;
        }
        votes.into_iter()
    };
    for (o, unit) in old.iter().enumerate() {
        if unit.kind != UnitKind::Loose {
            continue;
        }
        let first = first_new
            .get(&unit.chunk)
            .filter(|_| first_old.get(&unit.chunk) == Some(&o))
            .filter(|&&n| !taken_new[n] && new[n].kind == UnitKind::Loose);
        let shared = || {
            votes(unit)
                .filter(|&(n, _)| !taken_new[n] && new[n].kind == UnitKind::Loose)
                .filter(|&(n, _)| new[n].chunk == unit.chunk)
                .max_by_key(|&(n, v)| (v, n))
                .map(|(n, _)| n)
        };
        if let Some(n) = first.copied().or_else(shared) {
            link(o, n, &mut taken_old, &mut taken_new);
        }
    }
    // Shared lines: a renamed unit keeps its body.
    for (o, unit) in old.iter().enumerate() {
        if taken_old[o] || unit.kind == UnitKind::Loose {
            continue;
        }
        let best = votes(unit).max_by_key(|&(n, v)| (v, std::cmp::Reverse(n)));
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
                // A helper may stand in another part of the file.
                !taken_old[o]
                    && (matches!(old[o].kind, UnitKind::Test | UnitKind::Container)
                        || file.torn && old[o].kind == UnitKind::Helper)
            })
            .map(|o| Unmatched::of((f, o), &old[o])),
    );
    let fresh = (0..new.len()).filter(|&n| !taken_new[n]);
    out.fresh
        .extend(fresh.map(|n| Unmatched::of((f, n), &new[n])));
    out
}

/// The unit that each chunk begins with.
fn first_of_chunks(units: &[Rc<Unit>]) -> HashMap<u32, usize> {
    let mut first: HashMap<u32, usize> = HashMap::new();
    for (i, unit) in units.iter().enumerate() {
        let found = first.entry(unit.chunk).or_insert(i);
        if unit.span.0 < units[*found].span.0 {
            *found = i;
        }
    }
    first
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
