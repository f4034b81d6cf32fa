//! Who may do what, and what a chat hears. Plain decisions.

use serde::{Deserialize, Serialize};

/// What a person is trusted with; each role may all that those before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads.
    Viewer,
    /// Asks for work.
    Requester,
    /// Answers questions, and stops the work of others.
    Approver,
    /// Everything.
    Owner,
}

/// What a person wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Act {
    /// Look at jobs, projects and sums.
    Read,
    /// Submit a job, or one that continues another.
    Submit,
    /// Have a job done again.
    Retry,
    /// Stop a job that the person asked for.
    CancelOwn,
    /// Stop a job of somebody else.
    Cancel,
    /// Answer a question about a job.
    Decide,
    /// Let a job reach a host, or not.
    AdmitHost,
    /// The same for a whole project.
    AdmitHostForProject,
}

impl Role {
    /// Every role, the least trusted first.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Requester, Self::Approver, Self::Owner];

    /// The stable name, as stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Requester => "requester",
            Self::Approver => "approver",
            Self::Owner => "owner",
        }
    }

    /// The role of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }

    /// Whether that is allowed to it.
    pub fn may(self, act: Act) -> bool {
        self >= act.needs()
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Act {
    /// The least trusted role that may.
    pub fn needs(self) -> Role {
        match self {
            Self::Read => Role::Viewer,
            Self::Submit | Self::Retry | Self::CancelOwn => Role::Requester,
            Self::Cancel | Self::Decide | Self::AdmitHost => Role::Approver,
            Self::AdmitHostForProject => Role::Owner,
        }
    }
}

/// How much a chat hears; each level hears all that those before it hear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Answers to what is said there, and nothing else.
    None,
    /// Questions too.
    Questions,
    /// How jobs end, and the host's reports.
    Results,
    /// Progress as well.
    All,
}

impl Level {
    /// Every level, the quietest first.
    pub const ALL: [Self; 4] = [Self::None, Self::Questions, Self::Results, Self::All];

    /// The stable name, as stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Questions => "questions",
            Self::Results => "results",
            Self::All => "all",
        }
    }

    /// The level of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str() == name)
    }

    /// Whether a message of that class gets through.
    pub fn lets(self, class: Class) -> bool {
        let least = match class {
            Class::Reply => Self::None,
            Class::Question => Self::Questions,
            Class::Result | Class::Report => Self::Results,
            Class::Progress => Self::All,
        };
        self >= least
    }
}

/// What a message is to the one who reads it, the most important first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// An answer to what a person said or pressed.
    Reply,
    /// Something that waits for a person.
    Question,
    /// How something ended.
    Result,
    /// What the host tells of itself.
    Report,
    /// What goes on meanwhile.
    Progress,
}

impl Class {
    /// Every class.
    pub const ALL: [Self; 5] = [
        Self::Reply,
        Self::Question,
        Self::Result,
        Self::Report,
        Self::Progress,
    ];

    /// The stable name, as stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reply => "reply",
            Self::Question => "question",
            Self::Result => "result",
            Self::Report => "report",
            Self::Progress => "progress",
        }
    }

    /// The class of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.as_str() == name)
    }

    /// The class of what is said because of an event of that kind.
    pub fn of_event(kind: &str) -> Self {
        match kind {
            "job.needs_review"
            | "job.awaiting_approval"
            | "approval.reminder"
            | "egress.refused" => Self::Question,
            "agent.nudged" | "agent.progress" | "job.queued" | "job.running" => Self::Progress,
            _ if kind.starts_with("step.") || kind.starts_with("run.") => Self::Progress,
            _ if kind.starts_with("host.") => Self::Report,
            _ => Self::Result,
        }
    }

    /// Whether quiet hours let it through.
    pub fn is_urgent(self) -> bool {
        matches!(self, Self::Reply | Self::Question)
    }
}

/// The hours of the day in which a chat hears questions and replies alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quiet {
    /// The first minute of the day, 0 to 1,439.
    pub from_min: u16,
    /// The minute of the day at which it ends; one that is not after the first
    /// is of the next day.
    pub to_min: u16,
    /// The time zone whose day it is, by its IANA name.
    pub time_zone: String,
}

impl Quiet {
    /// Whether it is quiet at that minute of the zone's day. From a minute to
    /// the same minute is never.
    pub fn holds(&self, local_minute: u16) -> bool {
        if self.from_min <= self.to_min {
            (self.from_min..self.to_min).contains(&local_minute)
        } else {
            local_minute >= self.from_min || local_minute < self.to_min
        }
    }
}

/// Reads a time of day such as `7:05` or `22:00`; gives the minute of the day,
/// 0 to 1,439, or none for anything else.
pub fn minute_of_day(text: &str) -> Option<u16> {
    let number = |text: &str, end: u16| {
        let fits = (1..=2).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        text.parse::<u16>().ok().filter(|n| fits && *n < end)
    };
    let (hour, minute) = text.split_once(':')?;
    Some(number(hour, 24)? * 60 + number(minute, 60)?)
}

/// The time of day of a minute of the day, as `07:05`.
pub fn time_of_day(minute: u16) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_may_what_the_table_says() {
        const ACTS: [Act; 8] = [
            Act::Read,
            Act::Submit,
            Act::Retry,
            Act::CancelOwn,
            Act::Cancel,
            Act::Decide,
            Act::AdmitHost,
            Act::AdmitHostForProject,
        ];
        for (role, allowed) in [
            (Role::Viewer, 1),
            (Role::Requester, 4),
            (Role::Approver, 7),
            (Role::Owner, 8),
        ] {
            for (place, act) in ACTS.into_iter().enumerate() {
                assert_eq!(role.may(act), place < allowed, "{role} {act:?}");
            }
            assert_eq!(Role::parse(role.as_str()), Some(role));
        }
    }

    #[test]
    fn a_level_lets_through_what_matters_more() {
        let heard = |level: Level| Class::ALL.map(|class| level.lets(class));
        assert_eq!(heard(Level::None), [true, false, false, false, false]);
        assert_eq!(heard(Level::Questions), [true, true, false, false, false]);
        assert_eq!(heard(Level::Results), [true, true, true, true, false]);
        assert_eq!(heard(Level::All), [true; 5]);
        for level in Level::ALL {
            assert_eq!(Level::parse(level.as_str()), Some(level));
        }
    }

    #[test]
    fn events_have_a_class() {
        for (kind, class) in [
            ("job.needs_review", Class::Question),
            ("approval.reminder", Class::Question),
            ("egress.refused", Class::Question),
            ("job.running", Class::Progress),
            ("step.finished", Class::Progress),
            ("run.preparing", Class::Progress),
            ("agent.progress", Class::Progress),
            ("host.digest", Class::Report),
            ("job.succeeded", Class::Result),
            ("budget.raised", Class::Result),
        ] {
            assert_eq!(Class::of_event(kind), class, "{kind}");
        }
        for class in Class::ALL {
            assert_eq!(Class::parse(class.as_str()), Some(class));
        }
    }

    #[test]
    fn quiet_hours_pass_midnight() {
        let quiet = |from_min, to_min| Quiet {
            from_min,
            to_min,
            time_zone: "Europe/Berlin".into(),
        };
        let held = |quiet: Quiet| [0, 419, 420, 1319, 1320, 1439].map(|at| quiet.holds(at));
        assert_eq!(
            held(quiet(1320, 420)),
            [true, true, false, false, true, true]
        );
        assert_eq!(
            held(quiet(420, 1320)),
            [false, false, true, true, false, false]
        );
        assert_eq!(held(quiet(600, 600)), [false; 6]);
    }

    #[test]
    fn a_time_is_one_of_the_day() {
        for (text, minute, written) in [
            ("0:00", 0, "00:00"),
            ("00:59", 59, "00:59"),
            ("7:05", 425, "07:05"),
            ("07:30", 450, "07:30"),
            ("20:00", 1_200, "20:00"),
            ("23:59", 1_439, "23:59"),
        ] {
            assert_eq!(minute_of_day(text), Some(minute), "{text}");
            assert_eq!(time_of_day(minute), written);
        }
        for text in [
            "", ":", "7", "20", "24:00", "20:60", "-1:00", "+1:00", "7:000", "020:00", "20:00:00",
            " 8:30", "8pm", "noon",
        ] {
            assert_eq!(minute_of_day(text), None, "{text}");
        }
    }
}
