//! How long to wait before the next attempt. Pure.

use std::time::Duration;

/// The wait after the first failed attempt.
const FIRST: Duration = Duration::from_secs(5);
/// No wait is longer: an outage of an hour should not cost a day.
const LONGEST: Duration = Duration::from_secs(10 * 60);

/// The wait after attempt number `attempt` (from 1) failed: 5 s, 15 s, 45 s and
/// so on, at most ten minutes.
pub fn delay(attempt: u32) -> Duration {
    let factor = 3u32.saturating_pow(attempt.saturating_sub(1).min(16));
    FIRST.saturating_mul(factor).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_and_is_bounded() {
        let waits: Vec<_> = (1..=4).map(|n| delay(n).as_secs()).collect();
        assert_eq!(waits, [5, 15, 45, 135]);
        assert_eq!(delay(u32::MAX), LONGEST);
    }
}
