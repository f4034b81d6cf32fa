//! The words of `/task` and `/ask`: settings, where, and what.

use super::Refusal;

/// A task as it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Order {
    /// Where it was said to be done; none when only the first word may say so.
    pub(crate) target: Option<Target>,
    pub(crate) base: Option<String>,
    pub(crate) agent: Option<String>,
    pub(crate) workflow: Option<String>,
    pub(crate) budget: Option<String>,
    /// What to do. Its first word may still be the name of a project, which
    /// only somebody who knows them can tell.
    pub(crate) text: String,
}

/// Where a task is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// A project, by name.
    Project(String),
    /// A repository, as `owner/repo`.
    Repository(String),
}

/// An example for each kind of agent: to one a task is words, to the other a
/// command.
pub(super) const NO_TEXT: &str = "Say what to do. A coding agent takes words: /task Fix the typo on the start page. The shell agent takes a command: /task echo hello >> HELLO.md";
pub(crate) const TWO_PLACES: &str = "Name one place: a project, or owner/repo.";
const NO_VALUE: &str = "A setting needs a value, such as --budget=deep or --base=main.";
const NO_SETTING: &str =
    "I know the settings --project=, --base=, --agent=, --workflow= and --budget=.";
const NO_TASK: &str = "A task does not begin with dashes. If that is a setting, write it with an equals sign, such as --budget=deep.";

/// Reads what follows the command.
pub(super) fn read(rest: &str) -> Result<Order, Refusal> {
    let mut order = Order::default();
    let mut rest = order.settings(rest)?;
    let (word, after) = split(rest);
    if order.target.is_none() && is_repository(word) {
        order.target = Some(Target::Repository(word.to_owned()));
        rest = order.settings(after)?;
    }
    match rest {
        "" => Err(Refusal::Malformed(NO_TEXT)),
        text => {
            order.text = text.to_owned();
            Ok(order)
        }
    }
}

impl Order {
    fn set(&mut self, name: Name, value: &str) -> Result<(), Refusal> {
        if value.is_empty() {
            return Err(Refusal::Malformed(NO_VALUE));
        }
        let value = value.to_owned();
        match name {
            Name::Project if self.target.is_some() => return Err(Refusal::Malformed(TWO_PLACES)),
            Name::Project => self.target = Some(Target::Project(value)),
            Name::Base => self.base = Some(value),
            Name::Agent => self.agent = Some(value),
            Name::Workflow => self.workflow = Some(value),
            Name::Budget => self.budget = Some(value),
        }
        Ok(())
    }

    /// Takes the settings that a text begins with; gives the rest of it.
    fn settings<'a>(&mut self, text: &'a str) -> Result<&'a str, Refusal> {
        let mut rest = text.trim();
        loop {
            let (word, after) = split(rest);
            match setting(word)? {
                Some((name, value)) => self.set(name, value)?,
                None if is_dashed(word) => return Err(Refusal::Malformed(NO_TASK)),
                None => return Ok(rest),
            }
            rest = after;
        }
    }

    /// The first word of the text, and what follows it.
    pub(crate) fn first_word(&self) -> (&str, &str) {
        split(&self.text)
    }

    /// Takes a text in place of the one before, which began with a place: settings,
    /// and what to do, which may be nothing.
    pub(crate) fn begin_anew(&mut self, text: &str) -> Result<(), Refusal> {
        self.text = self.settings(text)?.to_owned();
        Ok(())
    }
}

/// Whether a word is meant as a setting, whatever is wrong with it. Telephones
/// make one long dash of two short ones.
fn is_dashed(word: &str) -> bool {
    let long = word.strip_prefix(['—', '–']);
    word.starts_with("--") || long.is_some_and(|name| name.starts_with(char::is_alphabetic))
}

enum Name {
    Project,
    Base,
    Agent,
    Workflow,
    Budget,
}

/// A word as a setting; none when it is where the task begins.
fn setting(word: &str) -> Result<Option<(Name, &str)>, Refusal> {
    // Telephones make one long dash of two short ones.
    let dashed = ["--", "—", "–"]
        .iter()
        .find_map(|dash| word.strip_prefix(dash));
    let (name, value) = dashed.unwrap_or(word).split_once('=').unwrap_or((word, ""));
    let known = match name {
        "project" => Name::Project,
        "base" => Name::Base,
        "agent" => Name::Agent,
        "workflow" => Name::Workflow,
        "budget" => Name::Budget,
        // Another word with an equals sign is a word, unless it has dashes.
        _ => {
            let is_setting = dashed.is_some_and(|dashed| dashed.contains('='));
            return match is_setting {
                true => Err(Refusal::Malformed(NO_SETTING)),
                false => Ok(None),
            };
        }
    };
    match word.contains('=') {
        true => Ok(Some((known, value))),
        false => Ok(None),
    }
}

/// Whether a word is written as `owner/repo` is: exactly two names.
fn is_repository(word: &str) -> bool {
    let is_name = |name: &str| {
        let usual = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.chars().all(usual)
    };
    word.split_once('/')
        .is_some_and(|(owner, name)| is_name(owner) && is_name(name))
}

fn split(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    let (word, after) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (word, after.trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_stand_before_the_task_in_every_spelling() {
        for text in [
            "--budget=deep --base=main shop/web Fix it\nand a=b too",
            "—budget=deep –base=main   shop/web Fix it\nand a=b too",
            "budget=deep base=main shop/web Fix it\nand a=b too",
        ] {
            let order = read(text).expect(text);
            assert_eq!(order.budget.as_deref(), Some("deep"), "{text}");
            assert_eq!(order.base.as_deref(), Some("main"), "{text}");
            assert_eq!(
                order.target,
                Some(Target::Repository("shop/web".into())),
                "{text}"
            );
            assert_eq!(order.text, "Fix it\nand a=b too", "{text}");
        }
    }

    #[test]
    fn a_project_is_named_and_the_task_begins_where_no_setting_is() {
        let order = read("project=shop and/or x").expect("read");
        assert_eq!(order.target, Some(Target::Project("shop".into())));
        assert_eq!(order.text, "and/or x");
        let order = read("x=1 --budget=deep").expect("read");
        assert_eq!(
            (order.text.as_str(), order.budget),
            ("x=1 --budget=deep", None)
        );
        let order = read("shop Fix it").expect("read");
        assert_eq!(order.first_word(), ("shop", "Fix it"));
        assert_eq!(read("shop").expect("read").first_word(), ("shop", ""));
        for text in [
            "src/a/b is wrong",
            "/etc/passwd",
            "https://a.example/b",
            "a/ b",
        ] {
            assert_eq!(read(text).expect(text).target, None, "{text}");
        }
        assert_eq!(read("base Fix").expect("read").text, "base Fix");
        assert_eq!(read("— Fix").expect("read").text, "— Fix");
    }

    #[test]
    fn settings_stand_behind_the_place_too() {
        let order = read("--base=main shop/web --budget=deep Fix --it").expect("read");
        assert_eq!(order.target, Some(Target::Repository("shop/web".into())));
        assert_eq!(order.base.as_deref(), Some("main"));
        assert_eq!(order.budget.as_deref(), Some("deep"));
        assert_eq!(order.text, "Fix --it");
        let mut order = read("shop --budget=deep Fix it").expect("read");
        assert_eq!(order.begin_anew("--budget=deep Fix it"), Ok(()));
        assert_eq!(order.budget.as_deref(), Some("deep"));
        assert_eq!(order.text, "Fix it");
        assert_eq!(order.begin_anew(" "), Ok(()));
        assert_eq!(order.text, "");
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, said) in [
            ("", NO_TEXT),
            ("project=site", NO_TEXT),
            ("shop/web", NO_TEXT),
            ("project= x", NO_VALUE),
            ("--budget= x", NO_VALUE),
            ("—speed=9 x", NO_SETTING),
            ("shop/web --speed=9 x", NO_SETTING),
            ("shop/web --project=x y", TWO_PLACES),
            ("--budget quick echo hi", NO_TASK),
            ("—budget quick", NO_TASK),
            ("-- Fix", NO_TASK),
        ] {
            assert_eq!(read(text), Err(Refusal::Malformed(said)), "{text}");
        }
    }
}
