//! What is in the actions of buttons, and back. `answer:<id>:` is known to the
//! host too, which lets such a button be pressed for that question alone.

use crate::bindings::sortie::host::chat::Button;
use crate::bindings::sortie::host::jobs::{Decision, Reach};

/// What a pressed button means.
#[derive(Debug, PartialEq)]
pub(crate) enum Press {
    /// An answer to a question about a change.
    Answer(u64, Decision),
    /// An answer to a question about a budget.
    Budget(u64, Decision),
    /// Whether a host is let in, and how far that goes.
    Host(u64, bool, Reach),
    /// Another try of a job.
    Retry(u64),
}

impl Press {
    /// Reads an action; none when it is not one of this plugin's.
    pub(crate) fn parse(action: &str) -> Option<Self> {
        let mut parts = action.splitn(3, ':');
        let (word, id) = (parts.next()?, parts.next()?.parse().ok()?);
        Some(match (word, parts.next()) {
            ("answer", Some("yes")) => Self::Answer(id, Decision::Approve),
            ("answer", Some("no")) => Self::Answer(id, Decision::Reject),
            ("answer", Some("more")) => Self::Budget(id, Decision::Approve),
            ("answer", Some("stop")) => Self::Budget(id, Decision::Reject),
            ("host", Some("run")) => Self::Host(id, true, Reach::Run),
            ("host", Some("job")) => Self::Host(id, true, Reach::Job),
            ("host", Some("project")) => Self::Host(id, true, Reach::Project),
            ("host", Some("no")) => Self::Host(id, false, Reach::Job),
            ("retry", None) => Self::Retry(id),
            _ => return None,
        })
    }
}

/// The two answers to a question about a change.
pub(crate) fn answers(question: u64) -> Vec<Vec<Button>> {
    vec![vec![
        button("Approve", format!("answer:{question}:yes")),
        button("Reject", format!("answer:{question}:no")),
    ]]
}

/// The two answers to a question about a budget, of which the first says how much
/// more it is.
pub(crate) fn budget(question: u64, more: &str) -> Vec<Vec<Button>> {
    vec![vec![
        button(more, format!("answer:{question}:more")),
        button("Stop", format!("answer:{question}:stop")),
    ]]
}

/// The four answers about a host.
pub(crate) fn host(ask: u64) -> Vec<Vec<Button>> {
    vec![
        vec![
            button("Allow once", format!("host:{ask}:run")),
            button("For the job", format!("host:{ask}:job")),
        ],
        vec![
            button("For the project", format!("host:{ask}:project")),
            button("Deny", format!("host:{ask}:no")),
        ],
    ]
}

/// The way to try again.
pub(crate) fn retry(job: u64) -> Vec<Vec<Button>> {
    vec![vec![button("Retry", format!("retry:{job}"))]]
}

fn button(label: &str, action: String) -> Button {
    Button {
        label: label.into(),
        action,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_fits_and_comes_back() {
        let rows = [
            answers(u64::MAX),
            budget(u64::MAX, "1 min more"),
            host(u64::MAX),
            retry(u64::MAX),
        ]
        .concat();
        let presses: Vec<Press> = rows
            .concat()
            .into_iter()
            .map(|button| {
                assert!(button.action.len() <= 64, "{}", button.action);
                Press::parse(&button.action).expect("an action")
            })
            .collect();
        let id = u64::MAX;
        assert_eq!(
            presses,
            [
                Press::Answer(id, Decision::Approve),
                Press::Answer(id, Decision::Reject),
                Press::Budget(id, Decision::Approve),
                Press::Budget(id, Decision::Reject),
                Press::Host(id, true, Reach::Run),
                Press::Host(id, true, Reach::Job),
                Press::Host(id, true, Reach::Project),
                Press::Host(id, false, Reach::Job),
                Press::Retry(id),
            ]
        );
    }

    #[test]
    fn other_actions_are_nobodys() {
        for action in [
            "",
            "approve",
            "answer",
            "answer:1",
            "answer:1:",
            "answer:x:yes",
            "answer:-1:yes",
            "answer:1:yes:",
            "host:1:always",
            "retry:1:x",
            "retry:",
            "burn:1:yes",
        ] {
            assert_eq!(Press::parse(action), None, "{action}");
        }
    }
}
