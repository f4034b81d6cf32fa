//! Which strangers were noted lately, so that one of them cannot fill the log.

use sortie_model::clock::Timestamp;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How long a stranger is no news after a row.
const QUIET: Duration = Duration::from_secs(60 * 60);
/// Strangers that are kept in mind; beyond it the next hour begins for all.
const MAX_KEPT: usize = 1_000;

/// Who was noted, and when. Kept in memory: a restart costs a row each.
#[derive(Default)]
pub(crate) struct Strangers {
    noted: Mutex<HashMap<String, Timestamp>>,
}

impl Strangers {
    /// Whether this one is to be noted now; from then on it is not, for a while.
    pub(super) fn is_news(&self, who: &str, now: Timestamp) -> bool {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.get(who).is_some_and(|at| now.since(*at) < QUIET) {
            return false;
        }
        if noted.len() >= MAX_KEPT {
            noted.clear();
        }
        noted.insert(who.to_owned(), now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_row_an_hour() {
        let strangers = Strangers::default();
        let at = |minutes: i64| Timestamp(minutes * 60_000);
        assert!(strangers.is_news("slack:1", at(0)));
        assert!(!strangers.is_news("slack:1", at(59)));
        assert!(strangers.is_news("slack:2", at(59)));
        assert!(strangers.is_news("slack:1", at(60)));
    }
}
