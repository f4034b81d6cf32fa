//! How long something holds, by the clock of whoever reads it.

use jiff::tz::TimeZone;
use sortie_model::clock::Timestamp;

/// What glibc reads where no `TZ` is set.
const LOCAL_TIME: &str = "/etc/localtime";

/// The zone of this machine: that of `TZ`, else the system's, else UTC.
pub fn zone() -> TimeZone {
    let named = || TimeZone::get(std::env::var("TZ").ok()?.trim_start_matches(':')).ok();
    let own = || TimeZone::tzif("local", &std::fs::read(LOCAL_TIME).ok()?).ok();
    named().or_else(own).unwrap_or(TimeZone::UTC)
}

/// How long it is until an RFC 3339 moment, and what time it is then: `for 15
/// minutes, until 17:57`. Parts of a minute count as one.
pub fn until(moment: &str, now: Timestamp, zone: TimeZone) -> String {
    let Ok(end) = moment.parse::<jiff::Timestamp>() else {
        return format!("until {}", super::plain(moment));
    };
    let left_ms = Timestamp(end.as_millisecond()).since(now).as_millis();
    let clock = end.to_zoned(zone).strftime("%H:%M");
    match left_ms.div_ceil(60_000) {
        1 => format!("for a minute, until {clock}"),
        minutes => format!("for {minutes} minutes, until {clock}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_told_by_the_clock_on_the_wall() {
        let end: jiff::Timestamp = "2026-11-30T17:57:19Z".parse().expect("a moment");
        let before = |ms: i64| Timestamp(end.as_millisecond() - ms);
        let berlin = || TimeZone::get("Europe/Berlin").expect("a zone");
        let told = |ms| until("2026-11-30T17:57:19Z", before(ms), berlin());
        assert_eq!(told(15 * 60_000), "for 15 minutes, until 18:57");
        assert_eq!(told(14 * 60_000 + 1), "for 15 minutes, until 18:57");
        assert_eq!(told(20), "for a minute, until 18:57");
        assert_eq!(told(-5), "for 0 minutes, until 18:57");
        let odd = until("soon\u{1b}", Timestamp(0), TimeZone::UTC);
        assert_eq!(odd, "until soon\u{fffd}");
    }
}
