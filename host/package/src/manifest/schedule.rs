//! When a timer source is due: a cron expression in a time zone, or every so
//! often. Pure: it is asked about instants and reads no clock.
//!
//! When a zone's clocks go forward over a cron time, the tick comes right
//! after the gap; when they go back, a fixed time ticks once. `every` counts
//! from 1970 UTC, so its ticks are the same after a restart.

use std::time::Duration;

use croner::{
    Cron,
    parser::{CronParser, Seconds, Year},
};
use jiff::{Timestamp, tz::TimeZone};

use super::names::quoted;

/// The shortest time between two ticks of `every`.
const MIN_EVERY: Duration = Duration::from_secs(1);

/// The longest; beyond it nobody waits for a tick to see whether it works.
const MAX_EVERY: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// A point in time at which every expression is tried: one that has no match
/// after it, such as the 30th of February, is refused.
const TRIED_FROM: &str = "2024-01-01T00:00:00Z";

/// When a timer ticks.
#[derive(Clone, Debug)]
pub enum Schedule {
    /// At the times of a cron expression, as a clock in that zone shows them.
    Cron(Box<Cron>, TimeZone),
    /// At the multiples of this time since 1970 UTC.
    Every(Duration),
}

impl Schedule {
    /// A cron expression of five fields in an IANA time zone.
    ///
    /// # Errors
    /// What is wrong, and what to write.
    pub fn cron(expression: &str, zone: &TimeZone) -> Result<Self, String> {
        let fields = expression.split_ascii_whitespace().count();
        if fields != 5 && !expression.trim_start().starts_with('@') {
            return Err(format!(
                "{} has {fields} fields; write five: minute, hour, day of the month, month, day of the week, as in `0 3 * * *`",
                quoted(expression)
            ));
        }
        let cron = CronParser::builder()
            .seconds(Seconds::Disallowed)
            .year(Year::Disallowed)
            .build()
            .parse(expression)
            .map_err(|error| {
                format!(
                    "{} is no cron expression: {error}; write one such as `0 3 * * *`",
                    quoted(expression)
                )
            })?;
        let schedule = Self::Cron(Box::new(cron), zone.clone());
        let from: Timestamp = TRIED_FROM.parse().expect("a constant instant");
        match schedule.next_after(from.as_millisecond().unsigned_abs()) {
            Some(_) => Ok(schedule),
            None => Err(format!(
                "{} names a time that never comes; look at its day and month",
                quoted(expression)
            )),
        }
    }

    /// A time such as `15m` or `1h30m`, of `s`, `m`, `h` and `d`.
    ///
    /// # Errors
    /// What is wrong, and what to write.
    pub fn every(text: &str) -> Result<Self, String> {
        let every = duration(text).ok_or_else(|| {
            format!(
                "{} is no time; write numbers with s, m, h or d, such as `15m` or `1h30m`",
                quoted(text)
            )
        })?;
        match (MIN_EVERY..=MAX_EVERY).contains(&every) {
            true => Ok(Self::Every(every)),
            false => Err(format!(
                "{} is out of bounds; write 1s to 366d",
                quoted(text)
            )),
        }
    }

    /// The first tick later than `after_ms`; none when there is none within
    /// the years that clocks know. Both are milliseconds since 1970 UTC.
    pub fn next_after(&self, after_ms: u64) -> Option<u64> {
        match self {
            Self::Every(every) => {
                let every_ms = u64::try_from(every.as_millis()).ok()?.max(1);
                (after_ms / every_ms).checked_add(1)?.checked_mul(every_ms)
            }
            Self::Cron(cron, zone) => {
                let after = Timestamp::from_millisecond(i64::try_from(after_ms).ok()?).ok()?;
                let next = cron
                    .find_next_occurrence(&after.to_zoned(zone.clone()), false)
                    .ok()?;
                u64::try_from(next.timestamp().as_millisecond()).ok()
            }
        }
    }
}

/// The zone of an IANA name, from the database that is built in.
///
/// # Errors
/// What is wrong, and what to write.
pub fn zone(name: &str) -> Result<TimeZone, String> {
    if name == "UTC" {
        return Ok(TimeZone::UTC);
    }
    let known = || jiff::tz::db().available().map(|zone| zone.to_string());
    // Names are compared exactly, so that one zone has one name in grants.
    if known().any(|zone| zone == name) {
        return TimeZone::get(name).map_err(|error| error.to_string());
    }
    let all: Vec<String> = known().collect();
    let such = crate::unknown::nearest(name, all.iter().map(String::as_str));
    Err(format!(
        "{} is no time zone; write an IANA name such as `{}`",
        quoted(name),
        such.unwrap_or("Europe/Berlin")
    ))
}

fn duration(text: &str) -> Option<Duration> {
    let mut total = 0u64;
    let mut rest = text;
    let mut larger = u64::MAX;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: u64 = rest.get(..digits)?.parse().ok()?;
        let unit = match rest.as_bytes().get(digits)? {
            b's' => 1,
            b'm' => 60,
            b'h' => 60 * 60,
            b'd' => 24 * 60 * 60,
            _ => return None,
        };
        // Each unit once and the larger first: `5m5m` is more likely a slip.
        if unit >= larger {
            return None;
        }
        larger = unit;
        total = total.checked_add(number.checked_mul(unit)?)?;
        rest = &rest[digits + 1..];
    }
    (!text.is_empty()).then(|| Duration::from_secs(total))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(text: &str) -> u64 {
        let instant: Timestamp = text.parse().unwrap();
        u64::try_from(instant.as_millisecond()).unwrap()
    }

    fn next(schedule: &Schedule, after: &str) -> String {
        let at = schedule.next_after(ms(after)).unwrap();
        Timestamp::from_millisecond(at.try_into().unwrap())
            .unwrap()
            .to_string()
    }

    #[test]
    fn a_cron_time_is_what_the_zones_clock_shows() {
        let nightly = Schedule::cron("0 3 * * *", &zone("Europe/Berlin").unwrap()).unwrap();
        assert_eq!(
            next(&nightly, "2026-01-10T12:00:00Z"),
            "2026-01-11T02:00:00Z"
        );
        assert_eq!(
            next(&nightly, "2026-07-10T12:00:00Z"),
            "2026-07-11T01:00:00Z"
        );
        let on_it = next(&nightly, "2026-01-11T02:00:00Z");
        assert_eq!(
            on_it, "2026-01-12T02:00:00Z",
            "later, never the same instant"
        );
    }

    #[test]
    fn a_clock_that_goes_back_ticks_once_and_one_that_goes_forward_loses_none() {
        let berlin = zone("Europe/Berlin").unwrap();
        let half_past_two = Schedule::cron("30 2 * * *", &berlin).unwrap();
        // 2026-10-25: 02:30 comes twice, at 00:30Z and 01:30Z.
        assert_eq!(
            next(&half_past_two, "2026-10-24T12:00:00Z"),
            "2026-10-25T00:30:00Z"
        );
        assert_eq!(
            next(&half_past_two, "2026-10-25T00:30:00Z"),
            "2026-10-26T01:30:00Z"
        );
        // 2026-03-29: 02:30 never comes; the clock jumps at 01:00Z.
        assert_eq!(
            next(&half_past_two, "2026-03-28T12:00:00Z"),
            "2026-03-29T01:00:00Z"
        );
    }

    #[test]
    fn every_counts_from_1970() {
        let quarter = Schedule::every("15m").unwrap();
        assert_eq!(
            next(&quarter, "2026-01-10T12:07:00Z"),
            "2026-01-10T12:15:00Z"
        );
        assert_eq!(
            next(&quarter, "2026-01-10T12:15:00Z"),
            "2026-01-10T12:30:00Z"
        );
        assert_eq!(Schedule::every("1s").unwrap().next_after(u64::MAX), None);
    }

    #[test]
    fn what_cannot_be_is_refused_with_a_mend() {
        let utc = zone("UTC").unwrap();
        for (bad, mend) in [
            ("0 3 * *", "write five"),
            ("0 0 3 * * *", "write five"),
            ("61 * * * *", "such as"),
            ("0 0 30 2 *", "never comes"),
            ("x y z a b", "no cron expression"),
            ("", "write five"),
        ] {
            let error = Schedule::cron(bad, &utc).unwrap_err();
            assert!(error.contains(mend), "{bad}: {error}");
        }
        for bad in [
            "",
            "5",
            "m",
            "-5m",
            "5m5m",
            "1m1h",
            "15 m",
            "0s",
            "400d",
            "99999999999999999999s",
        ] {
            Schedule::every(bad).unwrap_err();
        }
        assert!(
            zone("Europe/Belin")
                .unwrap_err()
                .ends_with("`Europe/Berlin`")
        );
        assert!(
            zone("europe/berlin")
                .unwrap_err()
                .ends_with("`Europe/Berlin`")
        );
        assert!(zone("../../etc/passwd").is_err());
    }
}
