//! What a message asks for.

/// A command.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// A new job: the settings named before the task, and the task.
    Task(Vec<(Setting, String)>, String),
    /// How one job stands, or the newest.
    Status(Option<u64>),
    /// The end of a job; none for the one whose message is answered.
    Cancel(Option<u64>),
    /// What there is to say.
    Help,
}

/// What may be set for one task, as `project=site`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Setting {
    Project,
    Base,
    Agent,
    Workflow,
    Budget,
}

impl Setting {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "project" => Self::Project,
            "base" => Self::Base,
            "agent" => Self::Agent,
            "workflow" => Self::Workflow,
            "budget" => Self::Budget,
            _ => return None,
        })
    }
}

impl Command {
    /// Reads a message; none when it is no command, or one for another bot's
    /// ears that this one does not know.
    ///
    /// # Errors
    ///
    /// A sentence for the person who wrote it.
    pub(crate) fn parse(text: &str) -> Option<Result<Self, String>> {
        let text = text.trim();
        let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        // In groups a command may name the bot: `/task@sortie_bot`.
        let name = word.strip_prefix('/')?.split('@').next()?;
        Some(match name {
            "task" => task(rest),
            "status" => job(rest).map(Self::Status),
            "cancel" => job(rest).map(Self::Cancel),
            "help" | "start" => Ok(Self::Help),
            _ => return None,
        })
    }
}

fn task(rest: &str) -> Result<Command, String> {
    let mut settings = Vec::new();
    let mut rest = rest.trim_start();
    loop {
        let (word, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        let Some((name, value)) = word.split_once('=') else {
            break;
        };
        // Another word with an equals sign is where the task begins.
        let Some(setting) = Setting::named(name) else {
            break;
        };
        if value.is_empty() {
            return Err(format!("{name}= needs a value, such as {name}=site"));
        }
        settings.push((setting, value.to_owned()));
        rest = after.trim_start();
    }
    match rest.trim() {
        "" => Err("Say what to do, such as: /task Fix the typo on the start page".into()),
        task => Ok(Command::Task(settings, task.to_owned())),
    }
}

fn job(rest: &str) -> Result<Option<u64>, String> {
    let word = rest.trim();
    if word.is_empty() {
        return Ok(None);
    }
    let number = word.strip_prefix('#').unwrap_or(word).parse();
    number
        .map(Some)
        .map_err(|_| "Name a job by its number, such as 42".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Command {
        Command::parse(text).expect(text).expect(text)
    }

    #[test]
    fn commands_are_read() {
        assert_eq!(
            parsed("/task  project=site base=main Fix it\nand a=b too "),
            Command::Task(
                vec![
                    (Setting::Project, "site".into()),
                    (Setting::Base, "main".into())
                ],
                "Fix it\nand a=b too".into()
            )
        );
        assert_eq!(
            parsed("/task@sortie_bot x=1 stays"),
            Command::Task(vec![], "x=1 stays".into())
        );
        assert_eq!(parsed("/status"), Command::Status(None));
        assert_eq!(parsed(" /status #42 "), Command::Status(Some(42)));
        assert_eq!(parsed("/cancel 42"), Command::Cancel(Some(42)));
        assert_eq!(parsed("/cancel"), Command::Cancel(None));
        assert_eq!(parsed("/start"), Command::Help);
    }

    #[test]
    fn what_is_no_command_is_left_alone_and_what_is_wrong_is_said() {
        for text in ["", "hello", "/", "/other", "task x", "@bot /task x"] {
            assert_eq!(Command::parse(text), None, "{text}");
        }
        for (text, said) in [
            ("/task", "Say what to do"),
            ("/task project=site", "Say what to do"),
            ("/task project= x", "project= needs a value"),
            ("/cancel soon", "by its number"),
            ("/status -1", "by its number"),
        ] {
            let error = Command::parse(text).expect(text).expect_err(text);
            assert!(error.contains(said), "{error}");
        }
    }
}
