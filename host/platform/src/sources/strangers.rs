//! Which strangers were noted lately, so that one of them cannot fill the log.

use crate::Platform;
use sortie_model::clock::Timestamp;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How long a stranger is no news after a row.
const QUIET: Duration = Duration::from_secs(60 * 60);
/// Strangers that are news within that time, whatever service they come from:
/// the most rows that strangers can add to the log in an hour.
const MAX_NOTED: usize = 1_000;

/// Who was noted, and when. Kept in memory: a restart costs a row each.
#[derive(Default)]
pub(crate) struct Strangers {
    noted: Mutex<HashMap<String, Timestamp>>,
}

impl Platform {
    /// Whether a stranger is to be noted in the audit log now; from then on they
    /// are not, for an hour. `who` is what the note is of: a person as
    /// `service:id`, or something that they did, such as `service:press:id`.
    pub fn is_news(&self, who: &str) -> bool {
        let now = self.0.options.clock.now();
        self.0.strangers.is_news(who, now)
    }
}

impl Strangers {
    fn is_news(&self, who: &str, now: Timestamp) -> bool {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        noted.retain(|_, at| now.since(*at) < QUIET);
        // So many strangers in an hour are noise, of which the log has enough.
        if noted.contains_key(who) || noted.len() >= MAX_NOTED {
            return false;
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

    #[test]
    fn an_hour_has_only_so_many_rows() {
        let strangers = Strangers::default();
        let at = |minutes: i64| Timestamp(minutes * 60_000);
        for who in 0..MAX_NOTED {
            assert!(strangers.is_news(&format!("slack:{who}"), at(0)));
        }
        assert!(!strangers.is_news("discord:1", at(59)));
        assert!(strangers.is_news("discord:1", at(60)));
    }
}
