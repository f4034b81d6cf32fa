//! The host's words as a chat says them: codes, refusals, and the doors people
//! came through. The one place that knows how the host writes those.

use crate::SOURCE;

/// Why jobs halt and why hosts are out of reach, and what each code means.
const CODES: [(&str, &str); 20] = [
    ("budget-calls", "its calls are used up"),
    ("budget-cost", "its money is used up"),
    ("budget-time", "its time is used up"),
    ("budget-day", "the day's money is used up"),
    ("budget-denied", "the budget plugin said no"),
    ("agent-failed", "the agent did not finish"),
    ("agent-stalled", "the agent went silent"),
    ("agent-looping", "the agent went in circles"),
    ("no-changes", "nothing was changed"),
    ("verification-failed", "the checks do not pass"),
    ("infrastructure-failed", "the checks cannot be run"),
    ("workspace-full", "the workspace is full"),
    ("result-refused", "the result was refused"),
    ("plugin-failed", "a plugin failed"),
    ("branch-taken", "the branch is taken"),
    ("repository-unusable", "the repository cannot be used"),
    ("approval-expired", "nobody answered in time"),
    ("workflow", "the workflow stopped it"),
    ("not-listed", "no rule allows it"),
    ("other-port", "no rule allows this port"),
];

/// What an error of the host begins with: it says what could not be done.
const VERBS: [&str; 20] = [
    "accept", "act", "add", "answer", "ask", "carry", "continue", "find", "give", "go", "handle",
    "keep", "move", "open", "read", "record", "take", "use", "work", "write",
];

/// What a code means; none for a code of tomorrow.
pub(crate) fn meaning(code: &str) -> Option<&'static str> {
    let known = CODES.iter().find(|(known, _)| *known == code);
    known.map(|(_, meaning)| *meaning)
}

/// Through which door somebody came, for the end of a sentence; nothing for a
/// chat of this plugin.
pub(crate) fn door(via: &str) -> String {
    match via.strip_prefix("plugin:").unwrap_or(via) {
        "" | SOURCE => String::new(),
        "cli" => " on the command line".into(),
        "http" => " over HTTP".into(),
        other => format!(" over {other}"),
    }
}

/// A refusal as a sentence. The host writes `find project "x": none of that name
/// is configured; known projects: shop`.
pub(crate) fn sentence(why: &str) -> String {
    let why = quoted(&why.trim().replace(".; ", ". "));
    let known = role(&why)
        .or_else(|| succeeded(&why))
        .or_else(|| no_state(&why));
    if let Some(said) = known {
        return said;
    }
    let is_sentence = why.starts_with(char::is_uppercase) && why.ends_with(['.', '?']);
    if why.is_empty() || is_sentence {
        return why;
    }
    let (begin, rest) = match order(&why) {
        Some((what, rest)) => (format!("I could not {what}: "), rest),
        None => (String::new(), why.as_str()),
    };
    let said = match rest.rsplit_once("; ") {
        Some((reason, mend)) => {
            format!("{begin}{}. {}", reason.trim_end_matches('.'), capital(mend))
        }
        None => format!("{begin}{rest}"),
    };
    let said = capital(&said);
    match said.ends_with(['.', '?', '!', '…']) {
        true => said,
        false => said + ".",
    }
}

/// Why a job ended. Its first line is the host's or the workflow's; what follows
/// is what a program said, and stays as it is.
pub(crate) fn detail(why: &str) -> String {
    let (first, rest) = why.split_once('\n').unwrap_or((why, ""));
    let first = match order(first) {
        Some(_) => sentence(first),
        None => quoted(first),
    };
    match rest.is_empty() {
        true => first,
        false => format!("{first}\n{rest}"),
    }
}

/// A text with quotation marks where somebody wrote backticks in pairs, which
/// nothing here makes letters of code of.
pub(crate) fn quoted(text: &str) -> String {
    if text.contains("``") || text.matches('`').count() % 2 == 1 {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    for (n, part) in text.split('`').enumerate() {
        match n % 2 {
            _ if n == 0 => {}
            1 => out.push('“'),
            _ => out.push('”'),
        }
        out.push_str(part);
    }
    out
}

/// A text that begins with a capital letter.
pub(crate) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}

/// What could not be done, and why.
fn order(why: &str) -> Option<(&str, &str)> {
    let (what, rest) = why.split_once(": ")?;
    let verb = what.split(' ').next()?;
    VERBS.contains(&verb).then_some((what, rest))
}

/// `to submit a job needs the role requester, and Ben is viewer; …`
fn role(why: &str) -> Option<String> {
    let (_, rest) = why.strip_prefix("to ")?.split_once(" needs the role ")?;
    let (needed, rest) = rest.split_once(", and ")?;
    let (who, _) = rest.split_once("; ").unwrap_or((rest, ""));
    let (_, own) = who.rsplit_once(" is ")?;
    Some(format!(
        "That needs the role {needed}; you are {own}. An owner can change that."
    ))
}

/// `#1 has succeeded already; there is nothing to try again`
fn succeeded(why: &str) -> Option<String> {
    let job = why.strip_suffix(" has succeeded already; there is nothing to try again")?;
    Some(format!(
        "{job} has succeeded already. Reply to its message to go on from there."
    ))
}

/// `there is no state "x"; known: queued, needs_review`
fn no_state(why: &str) -> Option<String> {
    let rest = why.strip_prefix("there is no state ")?;
    let (name, known) = rest.rsplit_once("; known: ")?;
    let known = known.replace('_', " ");
    Some(format!("There is no state {name}. There are {known}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_a_sentence() {
        for (why, said) in [
            (
                "find project \"nosuch\": none of that name is configured; known projects: shop",
                "I could not find project \"nosuch\": none of that name is configured. Known projects: shop.",
            ),
            (
                "work on https://a.example/b.git: no project has it; add it to [projects]",
                "I could not work on https://a.example/b.git: no project has it. Add it to [projects].",
            ),
            (
                "find project \"shp\": none of that name is configured; did you mean \"shop\"?",
                "I could not find project \"shp\": none of that name is configured. Did you mean \"shop\"?",
            ),
            (
                "give the task to the agent \"agent-shell\": this agent runs commands; give the project a coding agent: docs/AGENTS.md",
                "I could not give the task to the agent \"agent-shell\": this agent runs commands. Give the project a coding agent: docs/AGENTS.md.",
            ),
            (
                "to cancel this job needs the role approver, and Ben is requester; an owner can change that with `sortie people add`",
                "That needs the role approver; you are requester. An owner can change that.",
            ),
            (
                "Ben is not known here any more; an owner can change that with `sortie people add`",
                "Ben is not known here any more. An owner can change that with “sortie people add”.",
            ),
            (
                "#1 has succeeded already; there is nothing to cancel",
                "#1 has succeeded already. There is nothing to cancel.",
            ),
            (
                "#1 has succeeded already; there is nothing to try again",
                "#1 has succeeded already. Reply to its message to go on from there.",
            ),
            (
                "#1 waits for an answer; it can be tried again once it is over",
                "#1 waits for an answer. It can be tried again once it is over.",
            ),
            (
                "the question about #1 was approved by Ana",
                "The question about #1 was approved by Ana.",
            ),
            (
                "there is no state \"foo\"; known: queued, needs_review",
                "There is no state \"foo\". There are queued, needs review.",
            ),
            ("no way", "No way."),
            ("Say where: here; or there.", "Say where: here; or there."),
            ("", ""),
        ] {
            assert_eq!(sentence(why), said, "{why}");
        }
    }

    #[test]
    fn a_detail_keeps_what_programs_said() {
        assert_eq!(
            detail("find the branch \"x\" in a: it has main\n`a`; b"),
            "I could not find the branch \"x\" in a: it has main.\n`a`; b"
        );
        assert_eq!(detail("`make` exited; so"), "“make” exited; so");
        assert_eq!(
            detail("find the repository a: 'a' is none; No rights.; Ask for them; check the URL"),
            "I could not find the repository a: 'a' is none; No rights. Ask for them. Check the URL."
        );
    }

    #[test]
    fn only_pairs_of_backticks_are_quotation_marks() {
        assert_eq!(quoted("`T` and `U` run"), "“T” and “U” run");
        for text in ["a ` b", "``a`` b", "plain"] {
            assert_eq!(quoted(text), text);
        }
    }

    #[test]
    fn codes_and_doors_have_words() {
        assert_eq!(meaning("no-changes"), Some("nothing was changed"));
        assert_eq!(meaning("tomorrow"), None);
        for (via, said) in [
            ("", ""),
            ("plugin:telegram", ""),
            ("plugin:slack", " over slack"),
            ("cli", " on the command line"),
            ("http", " over HTTP"),
        ] {
            assert_eq!(door(via), said);
        }
    }
}
