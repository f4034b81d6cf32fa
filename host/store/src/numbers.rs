//! Numbers that are known before the row they name: a plugin hears the number
//! of the job it submits while its call runs, and the job is written when the
//! call returned.
//!
//! A number is never given out twice, also not after a crash. The database
//! holds a mark that no number given out lies above; a block is reserved by
//! raising it, which is on disk before the first of the block is handed out.
//! Numbers that are not used leave gaps. This module only counts; reading and
//! writing the marks is in `queries/numbers.rs`.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// How many numbers a mark is raised by. Twice the clients that the intake is
/// measured with: the calls that are committed raise the mark when half of it
/// is left, so that none of them waits for a number.
pub(crate) const BLOCK: u64 = 128;

/// What is numbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Series {
    Jobs,
    Events,
    Chat,
}

impl Series {
    pub(crate) const ALL: [Self; 3] = [Self::Jobs, Self::Events, Self::Chat];

    /// The mark's key in `meta`.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Jobs => "store.reserved_job",
            Self::Events => "store.reserved_event",
            Self::Chat => "store.reserved_chat",
        }
    }
}

/// One series.
#[derive(Debug)]
struct Counter {
    /// Where it stood when the store was opened.
    begin: u64,
    next: AtomicU64,
    /// What is known to be the mark on disk, or less.
    mark: AtomicU64,
}

/// All series of a store that is open.
#[derive(Debug)]
pub(crate) struct Numbers {
    counters: [Counter; 3],
    stopped: AtomicBool,
}

/// Marks that a transaction raised, by series; 0 where it did not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reserved([u64; 3]);

impl Reserved {
    pub(crate) fn merge(&mut self, other: Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine = (*mine).max(theirs);
        }
    }

    pub(crate) fn raise(&mut self, series: Series, mark: u64) {
        let mine = &mut self.0[series as usize];
        *mine = (*mine).max(mark);
    }
}

impl Numbers {
    /// Series that go on after `used`, which is the mark on disk or a greater
    /// number that a row has.
    pub(crate) fn after(used: [u64; 3]) -> Self {
        Self {
            counters: used.map(|used| Counter {
                begin: used,
                next: AtomicU64::new(used + 1),
                mark: AtomicU64::new(used),
            }),
            stopped: AtomicBool::new(false),
        }
    }

    /// A number that nobody has, and whether the mark covers it already. One
    /// that it does not cover may name a row that is never deleted, or has to
    /// wait until the mark was raised.
    pub(crate) fn take(&self, series: Series) -> (u64, bool) {
        let counter = &self.counters[series as usize];
        let number = counter.next.fetch_add(1, Ordering::SeqCst);
        let covered = number <= counter.mark.load(Ordering::SeqCst);
        (number, covered && !self.stopped.load(Ordering::SeqCst))
    }

    /// The greatest number taken so far.
    pub(crate) fn taken(&self, series: Series) -> u64 {
        self.counters[series as usize].next.load(Ordering::SeqCst) - 1
    }

    /// Whether blocks of the series were reserved since the store was opened,
    /// and less than half of one is left.
    pub(crate) fn runs_short(&self, series: Series) -> bool {
        let counter = &self.counters[series as usize];
        let mark = counter.mark.load(Ordering::SeqCst);
        mark > counter.begin && mark < self.taken(series) + BLOCK / 2
    }

    /// Has every number that is taken from now on wait for a mark.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
    }

    /// Tells of marks that are on disk.
    pub(crate) fn committed(&self, reserved: Reserved) {
        for (counter, mark) in self.counters.iter().zip(reserved.0) {
            counter.mark.fetch_max(mark, Ordering::SeqCst);
        }
    }
}
