//! Texts that must fit, and numbers as people read them.

/// What a message of this plugin shows at most, in UTF-16 units as Telegram
/// counts. Its own limit is 4,096; the rest is for what stands around a text
/// that was cut, so that a message stays one and can be edited.
pub(crate) const PAGE_UNITS: usize = 3_500;

/// The first part of a text, between characters; with a footer that says how
/// much is missing when something is.
pub(crate) fn cut(text: &str, units: usize) -> String {
    let fit = fitting(text, units);
    match text[fit..].chars().count() {
        0 => text.to_owned(),
        missing => format!("{}…\n({})", text[..fit].trim_end(), more(missing)),
    }
}

/// The first whole lines that fit; how many bytes they have.
pub(crate) fn lines(text: &str, units: usize) -> usize {
    match fitting(text, units) {
        fit if fit == text.len() => fit,
        fit => text[..fit].rfind('\n').map_or(0, |end| end + 1),
    }
}

/// A text on one line of at most so many characters, and a mark when there are
/// more.
pub(crate) fn short(text: &str, chars: usize) -> String {
    let line = text.lines().next().unwrap_or_default().trim();
    match line.char_indices().nth(chars) {
        None => line.to_owned(),
        Some((end, _)) => format!("{}…", line[..whole_words(line, end)].trim_end()),
    }
}

/// Where a line that is cut there ends without half a word, when that loses
/// little of it.
fn whole_words(line: &str, end: usize) -> usize {
    match line[..end].rfind(' ') {
        Some(blank) if !line[end..].starts_with(' ') && blank >= end / 4 * 3 => blank,
        _ => end,
    }
}

fn fitting(text: &str, units: usize) -> usize {
    let mut used = 0;
    for (at, letter) in text.char_indices() {
        used += letter.len_utf16();
        if used > units {
            return at;
        }
    }
    text.len()
}

fn more(missing: usize) -> String {
    match missing {
        1 => "1 more character".into(),
        missing => format!("{} more characters", number(missing as u64)),
    }
}

/// A number with its thousands apart.
pub(crate) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Money, given in millionths of a dollar; two digits that mean something.
pub(crate) fn money(micro_usd: u64) -> String {
    if micro_usd == 0 || micro_usd >= 10_000 {
        let cents = micro_usd.saturating_add(5_000) / 10_000;
        return format!("${}.{:02}", number(cents / 100), cents % 100);
    }
    let digits = format!("{micro_usd:06}");
    format!("$0.{}", digits.trim_end_matches('0'))
}

/// A time, given in milliseconds.
pub(crate) fn time(ms: u64) -> String {
    let seconds = ms / 1_000;
    let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds} s"),
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters_and_says_so() {
        assert_eq!(cut("short", 5), "short");
        assert_eq!(cut("🙂🙂🙂", 5), "🙂🙂…\n(1 more character)");
        let long = "ä".repeat(4_734);
        assert!(cut(&long, PAGE_UNITS).ends_with("ä…\n(1,234 more characters)"));
        assert_eq!(lines("one\ntwo\nthree", 9), 8);
        assert_eq!(lines("one", 9), 3);
        assert_eq!(lines("a long line", 4), 0);
        assert_eq!(short("first line\nsecond", 5), "first…");
        assert_eq!(short("first\nsecond", 5), "first");
        assert_eq!(short("Mend the broken total", 19), "Mend the broken…");
        assert_eq!(short("Mend the broken total", 15), "Mend the broken…");
        assert_eq!(short("a bcdefghij", 8), "a bcdefg…");
    }

    #[test]
    fn numbers_are_read_by_people() {
        assert_eq!(number(0), "0");
        assert_eq!(number(1_234_567), "1,234,567");
        assert_eq!(money(0), "$0.00");
        assert_eq!(money(8_000), "$0.008");
        assert_eq!(money(300), "$0.0003");
        assert_eq!(money(200_000), "$0.20");
        assert_eq!(money(1_234_999_999), "$1,235.00");
        assert_eq!(time(900), "0 s");
        assert_eq!(time(200_000), "3 min");
        assert_eq!(time(7_500_000), "2 h 5 min");
    }
}
