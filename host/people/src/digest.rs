//! A digest of the day, at the same time of each: what was done, what it cost,
//! and what waits for a person. Told once for each day, whatever restarts.

use jiff::tz::TimeZone;
use sortie_model::clock::Timestamp;
use sortie_package::manifest::Schedule;
use sortie_store::{Store, StoreError};
use std::time::Duration;

/// The hours that it looks back over.
const HOURS: u32 = 24;

/// How late it is still worth telling: a host that was down over night tells it
/// in the morning, and not a day later.
const LATEST: Duration = Duration::from_secs(12 * 60 * 60);

/// The name that it is told once under, and where the store keeps the last.
const NAME: &str = "digest";
const TOLD: &str = "told.digest";

/// When it is told.
pub(crate) struct Digest {
    schedule: Schedule,
    /// Before it nothing is missed: the host was not there yet.
    begun_at: Timestamp,
}

impl Digest {
    /// At that minute of the zone's day, counted round the clock.
    pub(crate) fn new(minute: u16, zone: &TimeZone, now: Timestamp) -> Self {
        let (hour, minute) = (minute / 60 % 24, minute % 60);
        let schedule = Schedule::cron(&format!("{minute} {hour} * * *"), zone)
            .expect("every day has every time");
        Self {
            schedule,
            begun_at: now,
        }
    }

    /// Tells it when it is due and was not told.
    pub(crate) async fn look(&self, store: &Store, now: Timestamp) -> Result<(), StoreError> {
        let told = store.meta_get(TOLD).await?;
        if told.is_none() {
            // A host that is down at its very first time has missed it, too.
            let begun = self.begun_at.0.to_string();
            store.meta_put(TOLD, &begun).await?;
        }
        let told = told.and_then(|at| at.parse().ok()).map(Timestamp);
        let Some(due) = self.due(told, now) else {
            return Ok(());
        };
        let stats = store.stats(HOURS, true).await?;
        let data = serde_json::to_value(stats).unwrap_or_default();
        let key = due.0.to_string();
        let seq = store
            .tell_host("host.digest", data, Some((NAME, &key)))
            .await?;
        if seq.is_some() {
            tracing::info!("the digest of the day is told");
        }
        Ok(())
    }

    /// The latest time that it was to be told at, if it was not and is not too
    /// late.
    fn due(&self, told: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
        let latest = i64::try_from(LATEST.as_millis()).unwrap_or(i64::MAX);
        let mut after = told
            .unwrap_or(self.begun_at)
            .max(Timestamp(now.0.saturating_sub(latest)));
        let mut due = None;
        while let Some(at) = self.next(after).filter(|at| *at <= now) {
            due = Some(at);
            after = at;
        }
        due
    }

    /// When it is told next.
    pub(crate) fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let next = self
            .schedule
            .next_after(u64::try_from(after.0).unwrap_or(0))?;
        i64::try_from(next).ok().map(Timestamp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sortie_model::people::minute_of_day;

    fn at(text: &str) -> Timestamp {
        let moment: jiff::Timestamp = text.parse().expect("a moment");
        Timestamp(moment.as_millisecond())
    }

    fn digest(time: &str, zone: &str, from: &str) -> Digest {
        let zone = sortie_package::manifest::zone(zone).expect("a zone");
        let minute = minute_of_day(time).expect("a time");
        Digest::new(minute, &zone, at(from))
    }

    #[test]
    fn every_minute_of_a_day_has_its_time() {
        let midnight = at("2026-05-01T00:00:00Z");
        for minute in 0..1_440 {
            let digest = Digest::new(minute, &TimeZone::UTC, midnight);
            let next = digest.next(Timestamp(midnight.0 - 1_000));
            let told_at = Timestamp(midnight.0 + i64::from(minute) * 60_000);
            assert_eq!(next, Some(told_at), "{minute}");
        }
    }

    #[test]
    fn it_is_due_once_a_day_and_not_long_after() {
        let digest = digest("20:00", "UTC", "2026-05-01T12:00:00Z");
        let due = |told: Option<&str>, now| digest.due(told.map(at), at(now));
        let first = at("2026-05-01T20:00:00Z");
        assert_eq!(due(None, "2026-05-01T19:59:59Z"), None);
        assert_eq!(due(None, "2026-05-01T20:00:00Z"), Some(first));
        assert_eq!(
            due(Some("2026-05-01T20:00:00Z"), "2026-05-02T19:59:00Z"),
            None
        );
        // The host was down at the tick.
        let told = Some("2026-05-01T20:00:00Z");
        let second = at("2026-05-02T20:00:00Z");
        assert_eq!(due(told, "2026-05-03T07:59:00Z"), Some(second));
        assert_eq!(due(told, "2026-05-03T08:00:01Z"), None);
        // Three days: only the newest counts.
        assert_eq!(
            due(told, "2026-05-04T21:00:00Z"),
            Some(at("2026-05-04T20:00:00Z"))
        );
    }

    #[test]
    fn what_was_before_the_host_is_not_missed() {
        let digest = digest("20:00", "UTC", "2026-05-01T21:00:00Z");
        assert_eq!(digest.due(None, at("2026-05-01T21:00:30Z")), None);
    }

    #[test]
    fn the_clocks_change_and_it_stays_one_a_day() {
        // Berlin goes forward over 02:30 on 29 March and back over it on
        // 25 October 2026.
        let days = |from: &str, until: &str| {
            let digest = digest("2:30", "Europe/Berlin", from);
            let mut told = Vec::new();
            let mut after = at(from);
            while let Some(next) = digest.next(after).filter(|next| *next < at(until)) {
                told.push(next);
                after = next;
            }
            told.len()
        };
        assert_eq!(days("2026-03-27T22:00:00Z", "2026-03-30T22:00:00Z"), 3);
        assert_eq!(days("2026-10-23T22:00:00Z", "2026-10-26T22:00:00Z"), 3);
    }
}
