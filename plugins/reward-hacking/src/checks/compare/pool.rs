//! The assertions after the change that may be the counterpart of one before it.
//!
//! Never holds one assertion against more than [`CANDIDATES`] others, so that the work grows with their number
//! and not with its square.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use crate::assertion::Assertion;
use crate::context::content_hash;
use crate::text::AsIs;

/// Assertions that one is held against. A test that changed more of them at once has those looked at that
/// share its rarest words; the others share only what all of them have.
const CANDIDATES: usize = 200;

type ByHash<T> = HashMap<u64, T, BuildHasherDefault<AsIs>>;

/// A list of assertions that are taken from it one by one.
pub(super) struct Pool<'a> {
    all: Vec<&'a Assertion>,
    taken: Vec<bool>,
    /// Where those stand that are left, and some that are not.
    open: Vec<usize>,
    left: usize,
    /// Where each operand word occurs, once somebody asks.
    by_word: Option<ByHash<Vec<usize>>>,
}

impl<'a> Pool<'a> {
    pub fn new(all: Vec<&'a Assertion>) -> Pool<'a> {
        Pool {
            taken: vec![false; all.len()],
            open: (0..all.len()).collect(),
            left: all.len(),
            by_word: None,
            all,
        }
    }

    /// Takes for each of `wanted` the first one that makes the very same check, and returns those of
    /// `wanted` without one.
    pub fn take_same(
        &mut self,
        wanted: Vec<&'a Assertion>,
        mut pair: impl FnMut(&'a Assertion, &'a Assertion),
    ) -> Vec<&'a Assertion> {
        if self.all.is_empty() {
            return wanted;
        }
        // Chains of those with one key, the first in front.
        let mut behind: Vec<Option<usize>> = vec![None; self.all.len()];
        let mut first: ByHash<usize> = ByHash::default();
        for (i, a) in self.all.iter().enumerate().rev() {
            behind[i] = first.insert(key(a), i);
        }
        let mut without = Vec::new();
        for r in wanted {
            let key = key(r);
            let (mut before, mut at) = (None, first.get(&key).copied());
            let mut looked = 0;
            while let Some(i) = at
                && !same(r, self.all[i])
            {
                looked += 1;
                (before, at) = (at, behind[i].filter(|_| looked < CANDIDATES));
            }
            let Some(i) = at else {
                without.push(r);
                continue;
            };
            match (before, behind[i]) {
                (Some(before), next) => behind[before] = next,
                (None, Some(next)) => drop(first.insert(key, next)),
                (None, None) => drop(first.remove(&key)),
            }
            self.take(i);
            pair(r, self.all[i]);
        }
        without
    }

    /// Takes the one at `i`.
    pub fn take(&mut self, i: usize) -> &'a Assertion {
        self.taken[i] = true;
        self.left -= 1;
        if self.left < self.open.len() / 2 {
            let taken = &self.taken;
            self.open.retain(|&i| !taken[i]);
        }
        self.all[i]
    }

    /// Those that may be like `r`, ascending, with their index.
    pub fn like(&mut self, r: &Assertion) -> impl Iterator<Item = (usize, &'a Assertion)> {
        let found = if self.left <= CANDIDATES {
            let open = self.open.iter().copied();
            open.filter(|&i| !self.taken[i]).collect()
        } else {
            self.sharing(r)
        };
        found.into_iter().map(|i| (i, self.all[i]))
    }

    /// Those that share a word with `r`, the rarest words first.
    fn sharing(&mut self, r: &Assertion) -> Vec<usize> {
        let by_word = self.by_word.get_or_insert_with(|| {
            let mut by_word: ByHash<Vec<usize>> = ByHash::default();
            for (i, a) in self.all.iter().enumerate() {
                for word in &a.content {
                    let places = by_word.entry(*word).or_default();
                    if places.last() != Some(&i) {
                        places.push(i);
                    }
                }
            }
            by_word
        });
        let mut words: Vec<(usize, u64)> = r
            .content
            .iter()
            .filter_map(|word| Some((by_word.get(word)?.len(), *word)))
            .collect();
        words.sort_unstable();
        words.dedup();
        let mut found = Vec::new();
        for (_, word) in words {
            let Some(places) = by_word.get_mut(&word) else {
                continue;
            };
            let (known, mut passed) = (found.len(), 0);
            for &i in &*places {
                if found.len() >= CANDIDATES {
                    break;
                }
                if self.taken[i] {
                    passed += 1;
                } else if found[..known].binary_search(&i).is_err() {
                    found.push(i);
                }
            }
            found.sort_unstable();
            // What is gone is not to be passed by again and again.
            if passed > CANDIDATES {
                places.retain(|&i| !self.taken[i]);
            }
        }
        found
    }

    /// Those that nobody took, in order.
    pub fn rest(self) -> Vec<&'a Assertion> {
        let all = self.all.into_iter().zip(self.taken);
        all.filter_map(|(a, taken)| (!taken).then_some(a)).collect()
    }
}

fn same(r: &Assertion, a: &Assertion) -> bool {
    a.strength == r.strength && a.form == r.form && a.content == r.content && a.args == r.args
}

/// Equal for those that are the same.
fn key(a: &Assertion) -> u64 {
    content_hash(&a.content) ^ (u64::from(a.strength) << 8 | a.form as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assertion::assertions;
    use crate::lang::Lang;
    use crate::lexer::lex;
    use crate::view::{View, ViewLine};

    fn parsed(lines: &[String]) -> Vec<Assertion> {
        let lines = lines.iter().zip(1..).map(|(text, no)| ViewLine {
            no,
            text,
            changed: true,
            peer: 0,
            chunk: 0,
        });
        let view = View {
            lines: lines.collect(),
            sections: vec![""],
        };
        assertions(&view, &lex(&view, Lang::Python), Lang::Python)
    }

    #[test]
    fn one_is_held_against_a_bounded_number_and_its_counterpart_is_among_them() {
        let lines = |value: usize| -> Vec<String> {
            let line = |i: usize| format!("assert total(order_{i}, 7) == {}", i % 5 + value);
            (0..3_000).map(line).collect()
        };
        let (old, new) = (parsed(&lines(1)), parsed(&lines(2)));
        let mut pool = Pool::new(new.iter().collect());
        let left = pool.take_same(old.iter().collect(), |_, _| panic!("they all differ"));
        let mut looked = 0;
        // From the last on, so that the wanted one is never the first.
        for (i, r) in left.into_iter().enumerate().rev() {
            let like: Vec<usize> = pool.like(r).map(|(i, _)| i).collect();
            assert!(like.is_sorted() && like.contains(&i), "{}", r.text);
            looked += like.len();
            pool.take(i);
        }
        assert!(looked <= 3_000 * CANDIDATES, "{looked}");
        assert!(pool.rest().is_empty());
    }

    #[test]
    fn equal_ones_are_taken_in_order() {
        let lines: Vec<String> = ["assert a == 1", "assert b == 2", "assert a == 1"]
            .map(String::from)
            .to_vec();
        let (old, new) = (parsed(&lines), parsed(&lines));
        let mut pool = Pool::new(new.iter().collect());
        let wanted = vec![&old[0], &old[0], &old[0]];
        let mut taken = Vec::new();
        let without = pool.take_same(wanted, |_, a| taken.push(a.line));
        assert_eq!((taken, without.len()), (vec![1, 3], 1));
        let rest: Vec<u32> = pool.rest().iter().map(|a| a.line).collect();
        assert_eq!(rest, [2]);
    }
}
