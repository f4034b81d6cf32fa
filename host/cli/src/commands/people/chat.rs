//! `sortie people chat`.

use crate::client::Client;
use crate::exit::{CliError, Exit};
use crate::out::Out;
use crate::render::{self, plain};
use sortie_api::view::{ChatBody, ChatList, ChatView, QuietView};
use sortie_model::people;

/// Show a chat, admit it, or say what it hears
///
/// Without a chat it lists those of the source. What is not named stays as it
/// is.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The source, such as telegram
    source: String,
    /// The chat, as the service names it; a group's begins with `-`
    #[arg(allow_hyphen_values = true)]
    chat: Option<String>,
    /// Let people speak to the host there
    #[arg(long, requires = "chat", conflicts_with = "shut")]
    admit: bool,
    /// Let nobody speak to the host there, and tell it nothing
    #[arg(long, requires = "chat")]
    shut: bool,
    /// How much it hears
    #[arg(long, requires = "chat", value_enum, value_name = "LEVEL")]
    level: Option<Level>,
    /// How much it hears of a project, as shop=questions; shop= for as much as
    /// of the others
    #[arg(long, requires = "chat", value_name = "PROJECT=LEVEL", value_parser = of_project)]
    project: Option<OfProject>,
    /// From when until when it hears questions and replies alone
    #[arg(long, requires = "chat", value_name = "FROM-TO", value_parser = hours, conflicts_with = "no_quiet")]
    quiet: Option<Hours>,
    /// The IANA name of the zone whose clock --quiet means
    #[arg(long, requires = "quiet", value_name = "ZONE", default_value = "UTC")]
    time_zone: String,
    /// Let it hear everything at any hour
    #[arg(long, requires = "chat")]
    no_quiet: bool,
}

/// How much a chat hears.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Level {
    /// Progress as well
    All,
    /// How jobs end, and the host's reports
    Results,
    /// Questions
    Questions,
    /// Answers to what is said there, and nothing else
    None,
}

impl From<Level> for people::Level {
    fn from(level: Level) -> Self {
        match level {
            Level::All => Self::All,
            Level::Results => Self::Results,
            Level::Questions => Self::Questions,
            Level::None => Self::None,
        }
    }
}

/// A project and how much of it is heard; none for as much as of the others.
#[derive(Clone, Debug, PartialEq, Eq)]
struct OfProject(String, Option<String>);

fn of_project(text: &str) -> Result<OfProject, String> {
    match text.split_once('=') {
        Some((project, "")) if !project.is_empty() => Ok(OfProject(project.to_owned(), None)),
        Some((project, level)) if !project.is_empty() => {
            Ok(OfProject(project.to_owned(), Some(level.to_owned())))
        }
        _ => Err("write it as shop=questions".to_owned()),
    }
}

/// Two times of the day.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Hours(String, String);

fn hours(text: &str) -> Result<Hours, String> {
    match text.split_once('-') {
        Some((from, to)) if from.contains(':') && to.contains(':') => {
            Ok(Hours(from.trim().to_owned(), to.trim().to_owned()))
        }
        _ => Err("write it as 22:00-07:00".to_owned()),
    }
}

/// Shows chats, or changes one.
pub async fn run(args: Args, client: &Client, out: &Out) -> Result<Exit, CliError> {
    let path = format!("/v1/chats/{}", args.source);
    let Some(chat) = args.chat.clone() else {
        let list: ChatList = client.get(&path).await?;
        return show(&list, out);
    };
    let body = body(args);
    if body == ChatBody::default() {
        let mut list: ChatList = client.get(&path).await?;
        list.chats.retain(|known| known.chat == chat);
        if list.chats.is_empty() {
            let none = format!("find the chat {chat}: nothing was heard from it yet");
            return Err(CliError::new(Exit::Refused, "not-found", none)
                .with_hint("write something there that the bot sees, or admit it with --admit"));
        }
        return show(&list, out);
    }
    let changed: ChatView = client.put(&format!("{path}/{chat}"), &body).await?;
    if out.is_json() {
        out.json(&changed)?;
    } else {
        out.line(render::chats(std::slice::from_ref(&changed)))?;
        // Every chat that something came from has a title.
        if changed.title.is_empty() {
            out.progress(format!(
                "nothing was heard from the chat {} yet; if its number is right, this counts from \
                 its first message on",
                plain(&changed.chat)
            ));
        }
    }
    Ok(Exit::Ok)
}

fn body(args: Args) -> ChatBody {
    let (project, project_level) = match args.project {
        Some(OfProject(project, level)) => (Some(project), level),
        None => (None, None),
    };
    ChatBody {
        admitted: match (args.admit, args.shut) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            _ => None,
        },
        level: args
            .level
            .map(|level| people::Level::from(level).as_str().to_owned()),
        project,
        project_level,
        quiet: args.quiet.map(|Hours(from, to)| QuietView {
            from,
            to,
            time_zone: args.time_zone,
        }),
        no_quiet: args.no_quiet,
    }
}

fn show(list: &ChatList, out: &Out) -> Result<Exit, CliError> {
    if out.is_json() {
        out.json(list)?;
    } else if list.chats.is_empty() {
        out.line("no chat is known yet")?;
    } else {
        out.line(render::chats(&list.chats))?;
    }
    Ok(Exit::Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_hours_are_short_to_write() {
        let of = |text| of_project(text).ok();
        let level = Some("none".to_owned());
        assert_eq!(of("shop=none"), Some(OfProject("shop".into(), level)));
        assert_eq!(of("shop="), Some(OfProject("shop".into(), None)));
        assert_eq!((of("=none"), of("shop")), (None, None));
        let night = Hours("22:00".into(), "07:00".into());
        assert_eq!(hours("22:00-07:00"), Ok(night));
        for text in ["", "22-7", "22:00"] {
            assert!(hours(text).is_err(), "{text}");
        }
    }
}
