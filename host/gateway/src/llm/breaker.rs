//! Leaves a provider alone that does not work. Pure: time is handed in.
//!
//! After a number of failures in a row nothing is sent for a while; then one
//! request tries, and its outcome decides.

use std::time::{Duration, Instant};

/// Failures in a row that open the breaker: more than the retries of one
/// request, so that a single unlucky call does not stop all others.
const FAILURES: u32 = 6;

/// How long nothing is sent: what an overloaded provider takes to recover, and
/// no longer than an agent waits.
const PAUSE: Duration = Duration::from_secs(20);

/// The state of one provider.
#[derive(Debug, Default)]
pub(crate) struct Breaker {
    failures: u32,
    /// Until when nothing is sent.
    closed_until: Option<Instant>,
    /// Whether the one request that tries is under way.
    trying: bool,
}

impl Breaker {
    /// Whether a request may be sent; otherwise how long to wait.
    pub(crate) fn admit(&mut self, now: Instant) -> Result<(), Duration> {
        let Some(until) = self.closed_until else {
            return Ok(());
        };
        if now < until {
            return Err(until - now);
        }
        if self.trying {
            return Err(PAUSE);
        }
        self.trying = true;
        Ok(())
    }

    /// Whether the provider is left alone, or tried by one request. Then what
    /// failed is not sent again, the one that tries included.
    pub(crate) fn leaves_alone(&self) -> bool {
        self.closed_until.is_some()
    }

    /// The provider answered.
    pub(crate) fn worked(&mut self) {
        *self = Self::default();
    }

    /// The provider did not answer, or with an error of its own.
    pub(crate) fn failed(&mut self, now: Instant) {
        self.failures = self.failures.saturating_add(1);
        self.trying = false;
        if self.failures >= FAILURES {
            self.closed_until = Some(now + PAUSE);
        }
    }

    /// A request that was admitted was given up before anything was known.
    pub(crate) fn given_up(&mut self) {
        self.trying = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_that_fails_is_left_alone_and_tried_again_by_one() {
        let mut breaker = Breaker::default();
        let start = Instant::now();
        for _ in 1..FAILURES {
            breaker.failed(start);
            assert_eq!(breaker.admit(start), Ok(()));
            assert!(!breaker.leaves_alone());
        }
        breaker.failed(start);
        assert_eq!(breaker.admit(start), Err(PAUSE));
        let later = start + PAUSE;
        assert_eq!(breaker.admit(later), Ok(()), "one tries");
        assert_eq!(breaker.admit(later), Err(PAUSE), "the others wait for it");
        breaker.failed(later);
        assert_eq!(breaker.admit(later), Err(PAUSE));
        assert!(breaker.leaves_alone(), "the one does not try twice");
        let later = later + PAUSE;
        assert_eq!(breaker.admit(later), Ok(()));
        breaker.given_up();
        assert_eq!(breaker.admit(later), Ok(()), "another tries instead");
        breaker.worked();
        assert!(!breaker.leaves_alone());
        assert_eq!(breaker.admit(later), Ok(()));
        breaker.failed(later);
        assert_eq!(breaker.admit(later), Ok(()), "it counts from the start");
    }
}
