//! The rows of a table after the change, taken one by one as rows before it turn out to be the same.
//!
//! Looks rows up by what they hold, so that the work grows with their number and not with its square.

use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasherDefault;

use crate::context::content_hash;
use crate::rows::Row;
use crate::text::AsIs;

/// Rows that one is held against for all literals but one: those of a table stand in much the same order
/// before and after.
const NEAR: usize = 300;

type Places = HashMap<u64, VecDeque<usize>, BuildHasherDefault<AsIs>>;

/// The rows that nothing took so far.
pub(super) struct Rows<'a> {
    all: &'a [Row],
    taken: Vec<bool>,
    left: usize,
    /// Before it all are taken.
    from: usize,
    by_lits: Places,
    by_atoms: Places,
    by_input: Places,
}

impl<'a> Rows<'a> {
    pub fn new(all: &'a [Row]) -> Rows<'a> {
        let mut rows = Rows {
            taken: vec![false; all.len()],
            left: all.len(),
            from: 0,
            by_lits: Places::default(),
            by_atoms: Places::default(),
            by_input: Places::default(),
            all,
        };
        for (i, row) in all.iter().enumerate() {
            if let Some(input) = input(row) {
                let lits = rows.by_lits.entry(content_hash(&row.lits));
                lits.or_default().push_back(i);
                rows.by_input.entry(input).or_default().push_back(i);
            }
            let atoms = rows.by_atoms.entry(content_hash(&row.atoms));
            atoms.or_default().push_back(i);
        }
        rows
    }

    pub fn count(&self) -> usize {
        self.left
    }

    /// Takes the first row that holds the same, if there is one.
    pub fn take_equal(&mut self, row: &Row) -> bool {
        let by_lits = match input(row) {
            Some(_) => first(&mut self.by_lits, content_hash(&row.lits), &self.taken),
            None => None,
        };
        let by_atoms = first(&mut self.by_atoms, content_hash(&row.atoms), &self.taken);
        let found = by_lits.into_iter().chain(by_atoms).min();
        found.map(|i| self.take(i)).is_some()
    }

    /// Takes the first row of the chunk that feeds in the same: the first literal, or all but one.
    pub fn take_same_case(&mut self, row: &Row) -> Option<&'a Row> {
        let by_input = input(row).and_then(|key| first(&mut self.by_input, key, &self.taken));
        while self.taken.get(self.from) == Some(&true) {
            self.from += 1;
        }
        let near = (self.from..by_input.unwrap_or(self.all.len()))
            .filter(|&i| !self.taken[i])
            .take(NEAR)
            .find(|&i| self.all[i].chunk == row.chunk && all_but_one(row, &self.all[i]));
        near.or(by_input).map(|i| self.take(i))
    }

    fn take(&mut self, i: usize) -> &'a Row {
        self.taken[i] = true;
        self.left -= 1;
        &self.all[i]
    }
}

/// The first one of that key that is left.
fn first(places: &mut Places, key: u64, taken: &[bool]) -> Option<usize> {
    let list = places.get_mut(&key)?;
    while list.front().is_some_and(|&i| taken[i]) {
        list.pop_front();
    }
    list.front().copied()
}

/// One value for the first literal of a row and where it stands.
fn input(row: &Row) -> Option<u64> {
    let first = row.lits.first()?;
    Some(content_hash(&[*first, u64::from(row.chunk)]))
}

fn all_but_one(a: &Row, b: &Row) -> bool {
    a.lits.len() > 2
        && a.lits.len() == b.lits.len()
        && a.lits.iter().zip(&b.lits).filter(|(x, y)| x != y).count() == 1
}
