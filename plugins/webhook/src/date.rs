//! Dates as the two ends write them: RFC 3339 in what is sent, the fixed form
//! of HTTP in what comes back. A guest has no clock, and needs none here.

/// Milliseconds since 1970 UTC as RFC 3339, to the millisecond, as the host's
/// own API writes them.
pub(crate) fn rfc_3339(ms: u64) -> String {
    let (secs, ms) = (ms / 1000, ms % 1000);
    let (days, secs) = (secs / 86_400, secs % 86_400);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (secs / 3600, secs / 60 % 60, secs % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
}

/// Seconds since 1970 UTC of a date as HTTP servers must write it, such as
/// `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, section 5.6.7).
pub(crate) fn http_date(text: &str) -> Option<u64> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let (_weekday, date) = text.split_once(", ")?;
    let mut words = date.split(' ');
    let day = number(words.next()?, 1..=31)?;
    let month = words.next()?;
    let month = 1 + MONTHS.iter().position(|name| *name == month)? as u64;
    let year = number(words.next()?, 1970..=9999)?;
    let mut clock = words.next()?.split(':');
    let hour = number(clock.next()?, 0..=23)?;
    let minute = number(clock.next()?, 0..=59)?;
    // A leap second is written as 60.
    let second = number(clock.next()?, 0..=60)?;
    let ends = clock.next().is_none() && words.next()? == "GMT" && words.next().is_none();
    ends.then(|| days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second)
}

fn number(text: &str, range: core::ops::RangeInclusive<u64>) -> Option<u64> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    let value = text.parse().ok().filter(|value| range.contains(value))?;
    digits.then_some(value)
}

/// Days from 1970-01-01 to a date of the Gregorian calendar, counted in years
/// that begin in March, so that a leap day is the last of its year.
fn days(year: u64, month: u64, day: u64) -> u64 {
    let year = if month <= 2 { year - 1 } else { year };
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let leaps = year / 4 - year / 100 + year / 400;
    // 719,468 days lie between 0000-03-01 and 1970-01-01.
    year * 365 + leaps + of_year - 719_468
}

/// The date that many days after 1970-01-01: `days` the other way round.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    let year = era * 400 + year + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_moments_are_written_and_read() {
        assert_eq!(rfc_3339(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc_3339(784_111_777_042), "1994-11-06T08:49:37.042Z");
        assert_eq!(rfc_3339(951_782_400_000), "2000-02-29T00:00:00.000Z");
        assert_eq!(rfc_3339(253_402_300_799_999), "9999-12-31T23:59:59.999Z");
        assert_eq!(
            http_date("Sun, 06 Nov 1994 08:49:37 GMT"),
            Some(784_111_777)
        );
        assert_eq!(http_date("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
    }

    #[test]
    fn a_day_survives_both_ways_for_centuries() {
        let mut last = (1969, 12, 31);
        for day in 0..200_000 {
            let date = civil(day);
            assert_eq!(days(date.0, date.1, date.2), day);
            assert!(date > last, "{date:?} follows {last:?}");
            last = date;
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "120",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 08:49:37 UTC",
            "Sun, 06 Nov 1994 08:49:37 GMT x",
            "Sun, 06 Nov 1994 24:00:00 GMT",
            "Sun, +6 Nov 1994 08:49:37 GMT",
            "Sun, 00 Nov 1994 08:49:37 GMT",
            "Sun, 06 nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 0000 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
        ] {
            assert_eq!(http_date(text), None, "{text}");
        }
    }
}
