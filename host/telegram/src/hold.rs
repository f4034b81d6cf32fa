//! What a chat wants to hear, and when: levels and quiet hours. Pure.

use jiff::Zoned;
use jiff::tz::TimeZone;
use sortie_model::clock::Timestamp;
use sortie_model::people::{Class, Level, Quiet};
use sortie_store::ChatRow;

/// What is to be done with a message now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hold {
    /// It goes.
    Free,
    /// It waits until then.
    Until(Timestamp),
    /// The chat does not want it.
    Drop,
}

impl Hold {
    /// The same for a message that may be in its chat already: no other one goes
    /// there until that is settled, so no hours hold it.
    pub(crate) fn in_doubt(self) -> Self {
        match self {
            Self::Until(_) => Self::Free,
            hold => hold,
        }
    }
}

/// Whether a message of a class goes to a chat now. `of_project` is what the
/// project of the job that it tells of says about itself, with its name.
pub(crate) fn of(
    chat: Option<&ChatRow>,
    of_project: Option<(&str, Level)>,
    class: Class,
    now: Timestamp,
) -> Hold {
    if !level(chat, of_project).lets(class) {
        return Hold::Drop;
    }
    match chat.and_then(|chat| chat.quiet.as_ref()) {
        Some(quiet) if !class.is_urgent() => end(quiet, now).map_or(Hold::Free, Hold::Until),
        _ => Hold::Free,
    }
}

/// What the chat says of this very project, else the tighter of what both say
/// in general.
fn level(chat: Option<&ChatRow>, of_project: Option<(&str, Level)>) -> Level {
    let own = of_project.and_then(|(name, _)| chat?.levels.get(name).copied());
    let both = || {
        let chat = chat.map_or(Level::All, |chat| chat.level);
        chat.min(of_project.map_or(Level::All, |(_, level)| level))
    };
    own.unwrap_or_else(both)
}

/// When the quiet hours are over that hold now; none when none do. A zone that
/// is not known holds nothing: a message at night is better than none.
fn end(quiet: &Quiet, now: Timestamp) -> Option<Timestamp> {
    let zone = TimeZone::get(&quiet.time_zone).ok()?;
    let local = jiff::Timestamp::from_millisecond(now.0)
        .ok()?
        .to_zoned(zone.clone());
    let minute = u16::try_from(local.hour()).ok()? * 60 + u16::try_from(local.minute()).ok()?;
    if !quiet.holds(minute) {
        return None;
    }
    // On a day with a jump of the clock that minute may be missing, or come
    // twice; then the later one counts, so that what is held is let go once.
    let mut day = local.date();
    for _ in 0..3 {
        let (hour, minute) = (quiet.to_min / 60, quiet.to_min % 60);
        let (hour, minute) = (i8::try_from(hour).ok()?, i8::try_from(minute).ok()?);
        let local = day.at(hour, minute, 0, 0);
        let over: Zoned = zone.to_ambiguous_zoned(local).later().ok()?;
        let over = Timestamp(over.timestamp().as_millisecond());
        if over > now {
            return Some(over);
        }
        day = day.tomorrow().ok()?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use sortie_store::ChatKind;
    use std::collections::BTreeMap;

    fn chat(level: Level, quiet: Option<(u16, u16, &str)>) -> ChatRow {
        ChatRow {
            source: "telegram".into(),
            chat: "1".into(),
            kind: ChatKind::Private,
            title: "one".into(),
            admitted: true,
            shut: false,
            level,
            levels: BTreeMap::new(),
            quiet: quiet.map(|(from_min, to_min, zone)| Quiet {
                from_min,
                to_min,
                time_zone: zone.into(),
            }),
            newest_message: 0,
            gone: None,
            moved_to: None,
        }
    }

    fn at(text: &str) -> Timestamp {
        let at: jiff::Timestamp = text.parse().expect("a time");
        Timestamp(at.as_millisecond())
    }

    #[test]
    fn the_tighter_level_counts_and_the_chats_word_on_a_project_first() {
        let mut row = chat(Level::All, None);
        let shop = |level| Some(("shop", level));
        let now = Timestamp(0);
        assert_eq!(of(None, None, Class::Progress, now), Hold::Free);
        assert_eq!(
            of(Some(&row), shop(Level::Results), Class::Progress, now),
            Hold::Drop
        );
        assert_eq!(
            of(Some(&row), shop(Level::Results), Class::Result, now),
            Hold::Free
        );
        row.levels.insert("shop".into(), Level::All);
        assert_eq!(
            of(Some(&row), shop(Level::None), Class::Progress, now),
            Hold::Free
        );
        row.level = Level::None;
        assert_eq!(of(Some(&row), None, Class::Question, now), Hold::Drop);
        assert_eq!(of(Some(&row), None, Class::Reply, now), Hold::Free);
    }

    #[test]
    fn quiet_hours_hold_all_but_questions_and_replies() {
        let row = chat(Level::All, Some((22 * 60, 7 * 60, "UTC")));
        let night = at("2026-03-01T23:30:00Z");
        let morning = Hold::Until(at("2026-03-02T07:00:00Z"));
        for class in [Class::Progress, Class::Result, Class::Report] {
            assert_eq!(of(Some(&row), None, class, night), morning);
        }
        for class in [Class::Question, Class::Reply] {
            assert_eq!(of(Some(&row), None, class, night), Hold::Free);
        }
        assert_eq!(
            of(Some(&row), None, Class::Result, at("2026-03-01T12:00:00Z")),
            Hold::Free
        );
        let early = at("2026-03-02T06:59:59Z");
        assert_eq!(of(Some(&row), None, Class::Result, early), morning);
        assert_eq!(morning.in_doubt(), Hold::Free);
        assert_eq!(Hold::Drop.in_doubt(), Hold::Drop);
    }

    #[test]
    fn an_end_that_the_clock_jumps_over_is_after_the_jump() {
        // On 2026-03-29 Berlin has no 02:30.
        let row = chat(Level::All, Some((22 * 60, 150, "Europe/Berlin")));
        let held = of(Some(&row), None, Class::Result, at("2026-03-28T23:00:00Z"));
        assert_eq!(held, Hold::Until(at("2026-03-29T01:30:00Z")));
        assert_eq!(
            of(Some(&row), None, Class::Result, at("2026-03-29T01:30:00Z")),
            Hold::Free
        );
    }

    #[test]
    fn an_hour_that_comes_twice_holds_until_it_is_over() {
        // On 2026-10-25 Berlin has 02:30 twice.
        let row = chat(Level::All, Some((22 * 60, 150, "Europe/Berlin")));
        let held = of(Some(&row), None, Class::Result, at("2026-10-24T23:00:00Z"));
        let over = at("2026-10-25T01:30:00Z");
        assert_eq!(held, Hold::Until(over));
        let again = of(Some(&row), None, Class::Result, at("2026-10-25T01:10:00Z"));
        assert_eq!(again, Hold::Until(over));
    }

    #[test]
    fn an_unknown_zone_holds_nothing() {
        let row = chat(Level::All, Some((0, 1439, "Mars/Olympus")));
        assert_eq!(
            of(Some(&row), None, Class::Result, Timestamp(0)),
            Hold::Free
        );
    }
}
