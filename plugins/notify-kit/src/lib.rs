//! What the plugins of chat services have in common: the words for an event, how
//! they are posted to an incoming webhook and what its answer means, and what a
//! button answers.
//!
//! A plugin says how its service writes a message and a press ([`Service`]). The
//! kit knows no service by name, and sees no secret: the host puts the path of
//! the incoming webhook into what goes out.

mod digest;
mod guest;
mod outbound;
mod press;

use serde_json::Value;

/// Generated from `wit/`.
#[allow(missing_docs, clippy::all, reason = "generated code")]
pub mod bindings {
    wit_bindgen::generate!({
        inline: "
            package sortie:notify-kit;
            world chat-service {
                include sortie:connector/job-connector@0.1.0;
                include sortie:notifier/job-notifier@0.1.0;
            }
        ",
        path: ["../../wit/host", "../../wit/connector", "../../wit/notifier"],
        world: "sortie:notify-kit/chat-service",
        generate_all,
        additional_derives: [PartialEq],
        pub_export_macro: true,
        export_macro_name: "export_service",
        default_bindings_module: "notify_kit::bindings",
    });
}

pub use bindings::exports::sortie::connector::connector::{Event, Reply};
pub use bindings::sortie::connector::events;
pub use bindings::sortie::host::{http, jobs};
pub use guest::{Component, Service};
pub use outbound::post;
pub use press::{Pressed, action, press};

/// The characters of a task's title that are shown.
const TITLE_CHARS: usize = 200;
/// The characters of a question, a summary or a reason that are shown.
const TEXT_CHARS: usize = 900;
/// The findings that are shown.
const FINDINGS: usize = 5;
/// The characters of a finding that are shown.
const FINDING_CHARS: usize = 150;

/// An event, and the job it is about.
struct Facts<'a> {
    /// The event's kind.
    kind: &'a str,
    /// Its data.
    data: &'a Value,
    /// The job's number; 0 for an event of the host.
    job: u64,
    /// Its project.
    project: &'a str,
    /// The first line of its task.
    title: &'a str,
}

/// What is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Lines of plain text.
    pub text: String,
    /// The question that buttons below it answer.
    pub question: Option<u64>,
}

/// The words for an event; none for one that is not told.
fn note(facts: &Facts<'_>) -> Option<Note> {
    let data = facts.data;
    let text = |key: &str| data[key].as_str().filter(|text| !text.is_empty());
    let result = &data["result"];
    let mut lines = Vec::new();
    let mut question = None;
    match facts.kind {
        "job.needs_review" | "job.awaiting_approval" | "approval.reminder" => {
            let verb = match facts.kind {
                "approval.reminder" => "still waits for an answer",
                _ => "asks",
            };
            lines.push(head(facts, verb));
            lines.extend(text("question").map(|text| cut(text, TEXT_CHARS)));
            lines.extend(findings(&data["evidence"]));
            question = data["approval"].as_u64();
            lines.extend(question.map(|id| {
                let job = facts.job;
                format!("On the command line: sortie approve {job} --question {id}")
            }));
        }
        "job.succeeded" => {
            lines.push(head(facts, "is done"));
            lines.extend(text("summary").map(|text| cut(text, TEXT_CHARS)));
            lines.extend(result["link"].as_str().map(str::to_owned));
        }
        "job.failed" => {
            lines.push(head(facts, "failed"));
            lines.extend(text("error").map(|text| cut(text, TEXT_CHARS)));
        }
        "job.halted" => {
            lines.push(head(facts, "halted"));
            let why = text("detail").or(text("reason"));
            lines.extend(why.map(|text| cut(text, TEXT_CHARS)));
            if data["paused"] == true {
                lines.extend(text("resume").map(|text| cut(text, TEXT_CHARS)));
            }
        }
        "egress.refused" if data["new"] == true => {
            lines.push(head(facts, "was refused a host"));
            lines.extend(text("target").map(|text| cut(text, FINDING_CHARS)));
        }
        "host.digest" => lines = digest::lines(data),
        "host.alarm" => {
            let halts = data["halts"].as_u64().unwrap_or(0);
            lines.push(format!("Alarm: {halts} jobs halted within an hour"));
            lines.extend(text("resume").map(|text| cut(text, TEXT_CHARS)));
        }
        "host.paused" => lines.push("The intake is paused".to_owned()),
        "host.resumed" => lines.push("The intake goes on".to_owned()),
        _ => return None,
    }
    Some(Note {
        text: lines.join("\n"),
        question,
    })
}

fn head(facts: &Facts<'_>, verb: &str) -> String {
    let title = cut(facts.title, TITLE_CHARS);
    format!("#{} {verb} ({}): {title}", facts.job, facts.project)
}

fn findings(evidence: &Value) -> Vec<String> {
    let found = evidence["findings"].as_array();
    let shown = found.into_iter().flatten().take(FINDINGS);
    shown
        .map(|finding| {
            let word = |key: &str| finding[key].as_str().unwrap_or_default();
            let line = [word("severity"), word("path"), word("message")].join(" ");
            format!("- {}", cut(&line, FINDING_CHARS))
        })
        .collect()
}

/// At most so many characters, with an ellipsis in place of what is left out.
pub fn cut(text: &str, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        None => text.to_owned(),
        Some(_) => {
            let kept = text.chars().take(chars.saturating_sub(1));
            kept.chain(['…']).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(kind: &str, data: &Value) -> Option<Note> {
        note(&Facts {
            kind,
            data,
            job: 42,
            project: "site",
            title: "fix it",
        })
    }

    #[test]
    fn every_kind_that_is_subscribed_to_has_words() {
        let data = json!({ "approval": 7, "question": "publish?", "new": true, "error": "no" });
        for kind in [
            "job.needs_review",
            "job.awaiting_approval",
            "approval.reminder",
            "job.succeeded",
            "job.failed",
            "job.halted",
            "egress.refused",
            "host.digest",
            "host.alarm",
            "host.paused",
            "host.resumed",
        ] {
            let note = told(kind, &data).unwrap_or_else(|| panic!("{kind}"));
            assert!(!note.text.is_empty());
            let asks = kind.starts_with("approval")
                || kind.contains("review")
                || kind.contains("awaiting");
            assert_eq!(note.question, asks.then_some(7), "{kind}");
        }
        assert_eq!(told("step.started", &data), None);
        assert_eq!(told("egress.refused", &json!({ "new": false })), None);
    }

    #[test]
    fn texts_of_any_length_are_cut_on_characters() {
        let long = "é".repeat(100_000);
        let findings = vec![json!({ "severity": "warn", "message": long }); 50];
        let data = json!({
            "approval": 7, "question": long, "evidence": { "findings": findings },
        });
        let note = told("job.needs_review", &data).unwrap();
        assert!(note.text.chars().count() < 2_000);
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("abcd", 3), "ab…");
    }
}
