//! The alarm: many jobs that halted within an hour say that something is wrong
//! with the host, a provider or the money, and that a person had better look
//! before more is spent.

use serde_json::{Map, Value, json};
use sortie_model::clock::Timestamp;
use sortie_store::{Store, StoreError};
use std::time::Duration;

/// The time in which halts are counted.
const WINDOW: Duration = Duration::from_secs(60 * 60);

/// Where the store keeps what became of the last one.
const STATE: &str = "alarm.state";

/// What lets the intake go on, for people.
const RESUME: &str = "sortie intake resume";

/// When it is raised, and what it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// The halts of an hour that raise it.
    pub halts_per_hour: u32,
    /// Whether no new run begins after it until a person says so.
    pub pause: bool,
}

/// What happened last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Last {
    /// Nothing yet.
    Nothing,
    /// It was raised then.
    Fired(Timestamp),
    /// A person let the intake go on then: what was before counts no more.
    Resumed(Timestamp),
}

/// What is remembered between two looks.
#[derive(Default)]
pub(crate) struct Watch {
    /// The alarm since which it was quiet, so that the next one may come.
    quiet_since: Option<Timestamp>,
}

impl Watch {
    /// Whether to raise it now.
    fn raises(&mut self, last: Last, halts: u64, threshold: u32) -> bool {
        if let Last::Fired(at) = last {
            if halts < u64::from(threshold).div_ceil(2) {
                self.quiet_since = Some(at);
            }
            if self.quiet_since != Some(at) {
                return false;
            }
        }
        halts >= u64::from(threshold)
    }
}

impl Alarm {
    /// Counts, and raises it when it is time.
    pub(crate) async fn look(
        &self,
        store: &Store,
        watch: &mut Watch,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let last = last(store.meta_get(STATE).await?.as_deref());
        let reasons = store.halts_since(counted_from(last, now)).await?;
        let halts = reasons.iter().map(|(_, count)| count).sum();
        if !watch.raises(last, halts, self.halts_per_hour) {
            return Ok(());
        }
        let reasons: Map<String, Value> = reasons
            .into_iter()
            .map(|(reason, count)| (reason.as_str().to_owned(), count.into()))
            .collect();
        let data = json!({
            "halts": halts,
            "window_minutes": WINDOW.as_secs() / 60,
            "threshold": self.halts_per_hour,
            "reasons": reasons,
            "paused": self.pause,
            "resume": RESUME,
        });
        store.alarm(data, self.pause).await?;
        tracing::error!(
            halts,
            threshold = self.halts_per_hour,
            paused = self.pause,
            "many jobs halted within an hour"
        );
        Ok(())
    }
}

fn counted_from(last: Last, now: Timestamp) -> Timestamp {
    let window = i64::try_from(WINDOW.as_millis()).unwrap_or(i64::MAX);
    let hour = Timestamp(now.0.saturating_sub(window));
    match last {
        // A halt of that very millisecond was before it.
        Last::Resumed(at) => hour.max(Timestamp(at.0.saturating_add(1))),
        _ => hour,
    }
}

fn last(state: Option<&str>) -> Last {
    let state: Value = state
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default();
    let at = |name: &str| state[name].as_i64().map(Timestamp);
    match (at("fired_at"), at("resumed_at")) {
        (Some(at), _) => Last::Fired(at),
        (None, Some(at)) => Last::Resumed(at),
        (None, None) => Last::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_raised_once_until_it_is_quiet_or_a_person_resumes() {
        let mut watch = Watch::default();
        assert!(!watch.raises(Last::Nothing, 9, 10));
        assert!(watch.raises(Last::Nothing, 10, 10));
        let fired = Last::Fired(Timestamp(1));
        for halts in [10, 12, 7, 5, 30] {
            assert!(!watch.raises(fired, halts, 10), "{halts}");
        }
        // It fell under half, and rose again.
        assert!(!watch.raises(fired, 4, 10));
        assert!(!watch.raises(fired, 9, 10));
        assert!(watch.raises(fired, 10, 10));
        let again = Last::Fired(Timestamp(2));
        assert!(!watch.raises(again, 10, 10));
        assert!(watch.raises(Last::Resumed(Timestamp(3)), 10, 10));
    }

    #[test]
    fn a_threshold_of_one_rearms_at_none() {
        let mut watch = Watch::default();
        let fired = Last::Fired(Timestamp(1));
        assert!(!watch.raises(fired, 1, 1));
        assert!(!watch.raises(fired, 0, 1));
        assert!(watch.raises(fired, 1, 1));
    }

    #[test]
    fn what_was_before_a_person_resumed_counts_no_more() {
        let hour = 60 * 60 * 1_000;
        let now = Timestamp(10 * hour);
        assert_eq!(counted_from(Last::Nothing, now), Timestamp(9 * hour));
        let resumed = |at| counted_from(Last::Resumed(Timestamp(at)), now);
        assert_eq!(resumed(hour), Timestamp(9 * hour));
        assert_eq!(resumed(10 * hour - 5), Timestamp(10 * hour - 4));
    }

    #[test]
    fn its_state_is_read_as_the_store_writes_it() {
        assert_eq!(last(None), Last::Nothing);
        assert_eq!(last(Some("nonsense")), Last::Nothing);
        assert_eq!(last(Some(r#"{"fired_at":5}"#)), Last::Fired(Timestamp(5)));
        assert_eq!(
            last(Some(r#"{"resumed_at":6}"#)),
            Last::Resumed(Timestamp(6))
        );
    }
}
