//! What a message asks for. Reading only: nothing here knows which projects or
//! jobs there are.

mod nearest;
mod task;

pub(crate) use task::{Order, TWO_PLACES, Target};

/// A command.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// A new job that changes something.
    Task(Order),
    /// A new job that answers a question.
    Ask(Order),
    /// How one job stands; none for the one whose message is answered, or else
    /// for all that runs and waits.
    Status(Option<u64>),
    /// The newest jobs, in one state or in all.
    List(Option<String>),
    /// The end of a job; none for the one whose message is answered.
    Cancel(Option<u64>),
    /// Another try of a job; none for the one whose message is answered.
    Retry(Option<u64>),
    /// What happened in the last hours.
    Stats(u32),
    /// What today cost.
    Budget,
    /// The projects.
    Projects,
    /// What there is to say.
    Help,
    /// The first words of a new chat.
    Start,
}

/// Why a message is no command.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// There is none of that name; the nearest one there is.
    Unknown(String, Option<&'static str>),
    /// A sentence for the person who wrote it.
    Malformed(&'static str),
}

/// Every command, with what `/help` says of it. The host's `setMyCommands` has
/// the same words.
pub(crate) const COMMANDS: [(&str, &str, &str); 10] = [
    ("task", "[project] [settings] what to do", "Start a task"),
    ("ask", "[project] question", "Ask about a repository"),
    ("status", "[42]", "How a job stands"),
    ("list", "[state]", "The newest jobs"),
    ("cancel", "42", "End a job"),
    ("retry", "42", "Try a job again"),
    ("stats", "[hours]", "What happened lately"),
    ("budget", "", "What today cost"),
    ("projects", "", "The projects"),
    ("help", "", "What I understand"),
];

/// The hours of `/stats` that names none, and the most: a year and a day.
const STATS_HOURS: u32 = 24;
const MAX_STATS_HOURS: u32 = 8_784;

const NO_NUMBER: &str = "Name a job by its number, such as 42.";
const NO_QUESTION: &str =
    "Say what you want to know, such as: /ask Where is the total rounded? It takes a coding agent.";
const NO_HOURS: &str = "Name a time in hours or days, such as 24 or 7d; at most a year.";

impl Command {
    /// Reads a message; none when it does not begin as a command does.
    pub(crate) fn parse(text: &str) -> Option<Result<Self, Refusal>> {
        let text = text.trim();
        let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        // In groups a command may name the bot, `/task@sortie_bot`. The host hands
        // over none that names another, and most without the name.
        let name = word.strip_prefix('/')?.split('@').next()?;
        let rest = rest.trim();
        Some(match name.to_ascii_lowercase().as_str() {
            "task" => task::read(rest).map(Self::Task),
            "ask" => task::read(rest).map(Self::Ask).map_err(asked),
            "status" => job(rest).map(Self::Status),
            "list" => Ok(Self::List(state(rest))),
            "cancel" => job(rest).map(Self::Cancel),
            "retry" => job(rest).map(Self::Retry),
            "stats" => hours(rest).map(Self::Stats),
            "budget" => Ok(Self::Budget),
            "projects" => Ok(Self::Projects),
            "help" => Ok(Self::Help),
            "start" => Ok(Self::Start),
            _ => Err(Refusal::Unknown(name.to_owned(), nearest::to(name))),
        })
    }
}

/// What is missing is a question here.
fn asked(refusal: Refusal) -> Refusal {
    match refusal {
        Refusal::Malformed(task::NO_TEXT) => Refusal::Malformed(NO_QUESTION),
        other => other,
    }
}

fn job(rest: &str) -> Result<Option<u64>, Refusal> {
    if rest.is_empty() {
        return Ok(None);
    }
    let number = rest.strip_prefix('#').unwrap_or(rest).parse();
    number.map(Some).map_err(|_| Refusal::Malformed(NO_NUMBER))
}

/// States are written as they are shown or as they are kept.
fn state(rest: &str) -> Option<String> {
    let state = rest.to_lowercase().replace([' ', '-'], "_");
    (!state.is_empty()).then_some(state)
}

fn hours(rest: &str) -> Result<u32, Refusal> {
    if rest.is_empty() {
        return Ok(STATS_HOURS);
    }
    let (digits, unit) = match rest.strip_suffix('d') {
        Some(digits) => (digits, 24),
        None => (rest.strip_suffix('h').unwrap_or(rest), 1),
    };
    let hours = digits.trim().parse::<u32>().ok();
    let hours = hours.and_then(|count| count.checked_mul(unit));
    let hours = hours.filter(|hours| (1..=MAX_STATS_HOURS).contains(hours));
    hours.ok_or(Refusal::Malformed(NO_HOURS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Command {
        Command::parse(text).expect(text).expect(text)
    }

    #[test]
    fn commands_are_read() {
        for (text, command) in [
            ("/status", Command::Status(None)),
            (" /status #42 ", Command::Status(Some(42))),
            ("/STATUS@sortie_bot 42", Command::Status(Some(42))),
            ("/cancel 42", Command::Cancel(Some(42))),
            ("/cancel", Command::Cancel(None)),
            ("/retry 7", Command::Retry(Some(7))),
            ("/list", Command::List(None)),
            (
                "/list Needs review",
                Command::List(Some("needs_review".into())),
            ),
            ("/stats", Command::Stats(24)),
            ("/stats 7d", Command::Stats(168)),
            ("/stats 48 h", Command::Stats(48)),
            ("/budget", Command::Budget),
            ("/projects", Command::Projects),
            ("/help", Command::Help),
            ("/start AB12CD34", Command::Start),
        ] {
            assert_eq!(parsed(text), command, "{text}");
        }
    }

    #[test]
    fn what_is_no_command_is_left_alone_and_what_is_wrong_is_said() {
        for text in ["", "hello", "task x", "@bot /task x"] {
            assert_eq!(Command::parse(text), None, "{text}");
        }
        for (text, said) in [
            ("/ask", NO_QUESTION),
            ("/ask  ", NO_QUESTION),
            ("/task", task::NO_TEXT),
            ("/cancel soon", NO_NUMBER),
            ("/status -1", NO_NUMBER),
            ("/status 340282366920938463463374607431768211456", NO_NUMBER),
            ("/stats 0", NO_HOURS),
            ("/stats 9999d", NO_HOURS),
            ("/stats 4294967295d", NO_HOURS),
            ("/stats é", NO_HOURS),
        ] {
            let refused = Command::parse(text).expect(text);
            assert_eq!(refused, Err(Refusal::Malformed(said)), "{text}");
        }
        assert_eq!(
            Command::parse("/taks Fix it"),
            Some(Err(Refusal::Unknown("taks".into(), Some("task"))))
        );
        assert_eq!(
            Command::parse("/"),
            Some(Err(Refusal::Unknown(String::new(), None)))
        );
    }

    #[test]
    fn every_command_of_the_help_is_read() {
        for (name, ..) in COMMANDS {
            let refused = Command::parse(&format!("/{name}"));
            assert!(
                !matches!(refused, Some(Err(Refusal::Unknown(..))) | None),
                "{name}"
            );
        }
    }
}
