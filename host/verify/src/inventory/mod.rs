//! Which tests a run collected, skipped and failed, by name.
//!
//! [`probe`] turns a verification command into one whose output names every
//! test, where it knows how; [`Probe::read`] reads that output; [`compare`]
//! says what a change did to the tests. An output is a claim made in a
//! sandbox: a forged one can hide what it forged, not what is missing beside
//! it, so a difference counts and agreement proves little.

mod cargo;
mod compare;
mod gotest;
mod jest;
mod junit;
mod probe;
mod tap;
mod unittest;

pub use compare::{Difference, Judged, Reason, compare};
pub use probe::{Probe, probe};

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The most tests of one inventory; a project with more is compared by these.
pub const MAX_TESTS: usize = 50_000;
/// The longest name that is kept, in characters.
const MAX_NAME_CHARS: usize = 300;

/// What became of one test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// It ran and passed.
    Passed,
    /// It was collected and not run.
    Skipped,
    /// It ran and did not pass.
    Failed,
}

/// The tests of one run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inventory {
    tests: BTreeMap<String, Status>,
}

impl Inventory {
    /// Adds a test. One that comes twice (in two binaries, or by its
    /// parameters) has the worse of both.
    pub fn add(&mut self, name: &str, status: Status) {
        let name: String = name
            .trim()
            .chars()
            .filter(|c| !c.is_control())
            .take(MAX_NAME_CHARS)
            .collect();
        if name.is_empty() || (self.tests.len() >= MAX_TESTS && !self.tests.contains_key(&name)) {
            return;
        }
        let known = self.tests.entry(name).or_insert(status);
        *known = (*known).max(status);
    }

    /// What became of that test.
    pub fn status(&self, name: &str) -> Option<Status> {
        self.tests.get(name).copied()
    }

    /// All tests by name.
    pub fn tests(&self) -> impl Iterator<Item = (&str, Status)> {
        self.tests
            .iter()
            .map(|(name, status)| (name.as_str(), *status))
    }

    /// How many were collected.
    pub fn len(&self) -> usize {
        self.tests.len()
    }

    /// Whether none was.
    pub fn is_empty(&self) -> bool {
        self.tests.is_empty()
    }

    /// How many came to that.
    pub fn count(&self, status: Status) -> usize {
        self.tests
            .values()
            .filter(|found| **found == status)
            .count()
    }

    /// Takes in the tests of another command of the same verification.
    pub fn merge(&mut self, other: Self) {
        for (name, status) in other.tests {
            self.add(&name, status);
        }
    }
}
