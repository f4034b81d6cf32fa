//! Pauses that grow with each failure. Pure.

use std::time::Duration;

/// The pause after the `failures`-th failure in a row, from 1: doubled each
/// time, between those two.
pub(crate) fn after(failures: u32, (first, longest): (Duration, Duration)) -> Duration {
    first
        .saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1)))
        .min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{SEND_PAUSE, UNREACHABLE};

    #[test]
    fn pauses_double_up_to_a_bound() {
        let seconds = |bounds| [1, 2, 3, 6, u32::MAX].map(|n| after(n, bounds).as_secs());
        assert_eq!(seconds(UNREACHABLE), [1, 2, 4, 30, 30]);
        assert_eq!(seconds(SEND_PAUSE), [1, 2, 4, 32, 60]);
    }
}
