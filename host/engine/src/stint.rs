//! How long the step that is at work has worked, as it is booked however it ends:
//! from its turn on, with the making of its container, over as many containers as
//! it takes; also when the task that watched it is dropped, its time is gone.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The step whose turn it is, and since when. There is at most one: programs
/// take turns.
#[derive(Debug, Default)]
pub(crate) struct Stint(Mutex<Option<(u32, Instant)>>);

impl Stint {
    /// The step at that position has its turn.
    pub(crate) fn begin(&self, position: u32) {
        *self.lock() = Some((position, Instant::now()));
    }

    /// Its program worked at least that long, part of it under an earlier host.
    pub(crate) fn at_least(&self, worked: Duration) {
        if let (Some((_, since)), Some(began)) =
            (&mut *self.lock(), Instant::now().checked_sub(worked))
        {
            *since = began.min(*since);
        }
    }

    /// Its turn is over, and what it worked is booked.
    pub(crate) fn end(&self) {
        *self.lock() = None;
    }

    /// How long it worked until now; nothing when no step has its turn.
    pub(crate) fn worked(&self) -> Duration {
        self.open().map_or(Duration::ZERO, |(_, worked)| worked)
    }

    /// The step that has its turn, and how long it worked until now.
    pub(crate) fn open(&self) -> Option<(u32, Duration)> {
        let (position, since) = (*self.lock())?;
        Some((position, since.elapsed()))
    }

    fn lock(&self) -> MutexGuard<'_, Option<(u32, Instant)>> {
        // It is changed by single assignments, so it is whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_counts_until_it_is_over_and_what_was_before_it_counts_too() {
        let stint = Stint::default();
        assert_eq!((stint.open(), stint.worked()), (None, Duration::ZERO));
        stint.begin(3);
        let hour = Duration::from_secs(3_600);
        assert!(stint.worked() < hour);
        stint.at_least(hour);
        stint.at_least(Duration::ZERO);
        let (position, worked) = stint.open().expect("it has its turn");
        assert_eq!(position, 3);
        assert!((hour..2 * hour).contains(&worked), "{worked:?}");
        stint.end();
        assert_eq!(stint.open(), None);
    }
}
