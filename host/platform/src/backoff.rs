//! How long to leave something alone that failed.

use sortie_model::clock::Clock;
use sortie_store::Again;
use std::time::Duration;

/// After the first failure. A receiver that restarts is back by then.
const FIRST: Duration = Duration::from_secs(2);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(15 * 60);
/// Tries before a person has to look. With these pauses the last one comes
/// some forty minutes after the first.
pub(crate) const MAX_TRIES: u32 = 10;

/// What follows the `tried`-th try, counted since a person last asked for one.
/// `at_least` is what the other side asked for.
pub(crate) fn again(clock: &dyn Clock, tried: u32, at_least: Option<Duration>) -> Again {
    if tried >= MAX_TRIES {
        return Again::Park;
    }
    let pause = pause(tried).max(at_least.unwrap_or_default().min(LONGEST));
    Again::At(clock.now().plus(pause))
}

/// Doubles with each try.
fn pause(tried: u32) -> Duration {
    FIRST
        .saturating_mul(2_u32.saturating_pow(tried.saturating_sub(1)))
        .min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound() {
        let pauses: Vec<u64> = (1..=MAX_TRIES).map(|n| pause(n).as_secs()).collect();
        assert_eq!(pauses, [2, 4, 8, 16, 32, 64, 128, 256, 512, 900]);
        assert_eq!(pause(u32::MAX), LONGEST);
    }
}
