//! The message that asks: what was found, what would be published, and the
//! buttons to say so.

use serde_json::Value;

use super::{Page, count, facts, list, progress, result, some, text};
use crate::bindings::sortie::host::chat::{Answered, Message};
use crate::bindings::sortie::host::job_types::View;
use crate::{button, cut, md};

/// The most of each part, in UTF-16 units: together less than a page.
const QUESTION_UNITS: usize = 400;
const SUMMARY_UNITS: usize = 500;
const FINDING_CHARS: usize = 120;

/// Findings that are listed; the others are counted.
const FINDINGS: usize = 5;

/// The longest diff that is shown whole.
const DIFF_CHARS: usize = 2_500;

/// What is shown of a longer one, which comes as a file.
const EXCERPT_UNITS: usize = 1_200;

/// What a job asks, as its event says.
pub(crate) struct Question {
    pub(crate) message: Message,
    /// The question's id; none from a host that names none.
    pub(crate) id: Option<u64>,
    /// Whether the change is longer than what is shown.
    pub(crate) is_cut: bool,
}

/// The question of an event.
pub(crate) fn page(data: &Value, job: &View, about: u64) -> Question {
    let id = data["approval"].as_u64();
    let evidence = &data["evidence"];
    let mut page = Page::default();
    page.lines([
        md::bold(&format!("❓ #{} asks", job.id)),
        md::line(&cut::short(&job.title, FINDING_CHARS)),
    ]);
    let (yes, no, is_cut) = match text(data, "about") {
        "budget" => {
            let yes = money(&mut page, &evidence["budget"]);
            (yes, "Stop", false)
        }
        _ => {
            let is_cut = change(&mut page, data, evidence, job);
            ("Approve".to_owned(), "Reject", is_cut)
        }
    };
    let buttons = match id {
        Some(id) => button::answers(id, &yes, no),
        None => {
            let id = job.id;
            let how = format!("Answer with: sortie approve {id}, or sortie reject {id}");
            page.lines([md::escape(&how)]);
            Vec::new()
        }
    };
    Question {
        message: page.message(buttons, Some(Answered::Number(about))),
        id,
        is_cut,
    }
}

/// What stands there when the question is over; `kind` is what ended it.
pub(crate) fn over(kind: &str, data: &Value, job: &View) -> Message {
    let how = match kind {
        "job.approved" => format!("approved {}", result::by(data)),
        "job.rejected" => format!("rejected {}", result::by(data)),
        _ => format!("it is {} now", super::state(&job.state)),
    };
    let mut page = Page::default();
    page.lines([
        md::bold(&format!("#{} asked", job.id)),
        md::line(&cut::short(&job.title, FINDING_CHARS)),
        md::line(&how),
    ]);
    page.message(Vec::new(), None)
}

/// That nobody answered yet. It says what is asked and can be answered itself: the
/// message that asked is out of reach once its chat became another one, or
/// somebody deleted it.
pub(crate) fn reminder(data: &Value, job: &View, asked: Option<(u64, Option<u64>)>) -> Message {
    let left = match data["left_ms"].as_u64() {
        Some(ms) => format!(" {} are left.", cut::time(ms)),
        None => String::new(),
    };
    let mut page = Page::default();
    page.lines([
        md::line(&format!("#{} still waits for an answer.{left}", job.id)),
        md::line(&cut::short(&job.title, FINDING_CHARS)),
    ]);
    page.text(text(data, "question"), QUESTION_UNITS);
    let id = data["approval"].as_u64();
    let buttons = match (id.or(asked.and_then(|(_, id)| id)), text(data, "about")) {
        (None, _) => Vec::new(),
        (Some(id), "budget") => button::answers(id, "Raise", "Stop"),
        (Some(id), _) => button::answers(id, "Approve", "Reject"),
    };
    page.message(buttons, asked.map(|(number, _)| Answered::Number(number)))
}

/// The caption of the file with the whole change.
pub(crate) fn caption(job: u64, question: u64) -> Message {
    let text = format!("The whole change of #{job}");
    super::plain(&text, Some(Answered::Number(question)))
}

/// A question about money; returns what the way on is called.
fn money(page: &mut Page, budget: &Value) -> String {
    let raise = count(&budget["raise"], "cost_micro_usd");
    let limits = &budget["limits"];
    page.lines([
        match text(budget, "exhausted") {
            "" => md::line("Its budget is used up."),
            what => md::line(&format!("Its budget is used up: {what}.")),
        },
        md::line(&facts([
            progress::spent(&budget["usage"]),
            match progress::spent(limits) {
                limit if limit.is_empty() => limit,
                limit => format!("of {limit}"),
            },
        ])),
    ]);
    match raise {
        0 => {
            page.lines([md::line("Raise it?")]);
            "Raise".to_owned()
        }
        raise => {
            page.lines([md::bold(&format!("Raise by {}?", cut::money(raise)))]);
            format!("Raise by {}", cut::money(raise))
        }
    }
}

/// A question about a change; returns whether more is to be seen in a file.
fn change(page: &mut Page, data: &Value, evidence: &Value, job: &View) -> bool {
    let asked = match text(data, "question") {
        "" => job.detail.as_deref().unwrap_or_default(),
        asked => asked,
    };
    page.text(asked, QUESTION_UNITS);
    page.text(text(evidence, "summary"), SUMMARY_UNITS);
    let found = list(evidence, "findings").count() as u64;
    let all = count(evidence, "findings_total").max(found);
    let shown = found.min(FINDINGS as u64);
    let findings = list(evidence, "findings").take(FINDINGS).map(finding);
    let more = match all - shown {
        0 => String::new(),
        more => md::line(&format!(
            "and {}",
            some(more, "more finding", "more findings")
        )),
    };
    page.lines(findings.chain([more]));
    let diff = &evidence["diff"];
    let whole = text(diff, "text");
    let is_cut = diff["cut"] == true || whole.chars().count() > DIFF_CHARS;
    let excerpt = match is_cut {
        true => &whole[..cut::lines(whole, EXCERPT_UNITS)],
        false => whole,
    };
    page.lines([
        md::line(&facts([
            some(count(diff, "files"), "file", "files"),
            lines(diff),
            match data["commit"].as_str().and_then(|commit| commit.get(..12)) {
                Some(commit) => format!("commit {commit}"),
                None => String::new(),
            },
        ])),
        match text(evidence, "link") {
            "" => String::new(),
            link => md::link("See the change", link),
        },
    ]);
    if !excerpt.is_empty() {
        page.diff(excerpt);
    }
    is_cut
}

fn lines(diff: &Value) -> String {
    match (count(diff, "added"), count(diff, "removed")) {
        (0, 0) => String::new(),
        (added, removed) => format!("+{} −{}", cut::number(added), cut::number(removed)),
    }
}

fn finding(finding: &Value) -> String {
    let place = match (text(finding, "path"), finding["line"].as_u64()) {
        ("", _) => String::new(),
        (path, None) => format!(" {}", md::code(&cut::short(path, FINDING_CHARS))),
        (path, Some(line)) => {
            let place = format!("{}:{line}", cut::short(path, FINDING_CHARS));
            format!(" {}", md::code(&place))
        }
    };
    let said = format!("{}: {}", text(finding, "rule"), text(finding, "message"));
    let said = md::line(&cut::short(&said, FINDING_CHARS));
    let severity = match text(finding, "severity") {
        "block" => "⛔",
        "warn" => "⚠",
        _ => "ℹ",
    };
    format!("{severity} {said}{place}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::job;
    use serde_json::json;

    #[test]
    fn a_gate_shows_findings_and_the_change() {
        let data = json!({
            "approval": 9, "about": "review", "question": "Publish it?",
            "commit": "0123456789abcdef0123456789abcdef01234567",
            "evidence": {
                "summary": "Skips a test",
                "findings": [{ "severity": "block", "rule": "skip", "path": "a_`b.py", "line": 3, "message": "<i>skipped</i>" }],
                "findings_total": 3,
                "diff": { "text": "-```\n+x\n", "bytes": 8, "files": 1, "added": 1, "removed": 1, "cut": false },
            },
        });
        let question = page(&data, &job(42, "needs_review"), 5);
        let shown = &question.message.text;
        for part in [
            "⛔ skip\\: \\<i\\>skipped\\<\\/i\\> `` a_`b.py:3 ``",
            "and 2 more findings",
            "1 file · \\+1 −1 · commit 0123456789ab",
            "````diff\n-```\n+x\n````",
        ] {
            assert!(shown.contains(part), "{part} in {shown}");
        }
        assert_eq!((question.id, question.is_cut), (Some(9), false));
        let actions: Vec<_> = question.message.buttons[0]
            .iter()
            .map(|b| (&*b.label, &*b.action))
            .collect();
        assert_eq!(
            actions,
            [("Approve", "answer:9:yes"), ("Reject", "answer:9:no")]
        );
    }

    #[test]
    fn a_question_links_to_the_change_when_it_is_to_be_seen_somewhere() {
        let shown = |evidence: Value| {
            let data = json!({ "approval": 9, "about": "review", "evidence": evidence });
            page(&data, &job(42, "needs_review"), 5).message.text
        };
        let link = "https://github.com/a/b/compare/main...sortie%2F42";
        let text = shown(json!({ "link": link, "diff": { "files": 2 } }));
        let expected = format!("2 files\\\n[See the change](<{link}>)");
        assert!(text.ends_with(&expected), "{text}");
        for evidence in [json!({ "diff": { "files": 2 } }), json!({ "link": null })] {
            let text = shown(evidence);
            assert!(!text.contains("See the change"), "{text}");
        }
        // An address that is none is not made one by what stands around it.
        let text = shown(json!({ "link": "https://a>b" }));
        assert!(text.ends_with("See the change"), "{text}");
    }

    #[test]
    fn a_long_change_is_cut_at_a_line_and_comes_as_a_file() {
        let long = "+a line of it\n".repeat(400);
        let data = json!({ "approval": 9, "evidence": { "diff": { "text": long, "cut": false } } });
        let question = page(&data, &job(42, "needs_review"), 5);
        assert!(question.is_cut);
        assert!(
            question.message.text.ends_with("+a line of it\n```"),
            "{}",
            question.message.text
        );
        assert!(question.message.text.chars().count() < cut::PAGE_UNITS);
    }

    #[test]
    fn money_is_asked_for_by_its_amount() {
        let data = json!({
            "approval": 9, "about": "budget",
            "evidence": { "budget": {
                "exhausted": "cost", "raise": { "cost_micro_usd": 200_000 },
                "limits": { "cost_micro_usd": 400_000 }, "usage": { "cost_micro_usd": 390_000 },
            } },
        });
        let question = page(&data, &job(42, "awaiting_approval"), 5);
        assert!(question.message.text.contains("**Raise by \\$0\\.20\\?**"));
        let labels: Vec<_> = question.message.buttons[0]
            .iter()
            .map(|b| &*b.label)
            .collect();
        assert_eq!(labels, ["Raise by $0.20", "Stop"]);
    }

    #[test]
    fn an_old_host_is_answered_on_the_command_line() {
        let question = page(&json!({ "attempt": 1 }), &job(42, "needs_review"), 5);
        assert!(question.message.buttons.is_empty());
        assert!(question.message.text.contains("sortie approve 42"));
    }

    #[test]
    fn an_end_says_who_and_how() {
        let data = json!({ "by": "Ana", "via": "cli", "comment": "fine" });
        let message = over("job.approved", &data, &job(42, "approved"));
        assert!(
            message.text.contains("approved by Ana over cli\\: fine"),
            "{}",
            message.text
        );
        assert!(message.buttons.is_empty());
        let message = over("job.halted", &json!({}), &job(42, "halted"));
        assert!(message.text.contains("it is halted now"));
    }

    #[test]
    fn a_reminder_says_what_is_asked_and_can_be_answered() {
        let view = job(42, "needs_review");
        let actions = |message: &Message| -> Vec<String> {
            let buttons = message.buttons.concat().into_iter();
            buttons
                .map(|button| format!("{} {}", button.label, button.action))
                .collect()
        };
        let data = json!({ "approval": 9, "about": "review", "question": "Publish it?", "left_ms": 900_000 });
        let message = reminder(&data, &view, Some((7, Some(9))));
        assert_eq!(
            message.text,
            "\\#42 still waits for an answer\\. 15 min are left\\.\\\nFix it\n\nPublish it\\?"
        );
        assert_eq!(message.reply_to, Some(Answered::Number(7)));
        assert_eq!(
            actions(&message),
            ["Approve answer:9:yes", "Reject answer:9:no"]
        );
        let message = reminder(&json!({ "approval": 9, "about": "budget" }), &view, None);
        assert_eq!(message.reply_to, None);
        assert_eq!(
            actions(&message),
            ["Raise answer:9:yes", "Stop answer:9:no"]
        );
        let old = |asked| actions(&reminder(&json!({}), &view, asked)).len();
        assert_eq!((old(Some((7, Some(9)))), old(Some((7, None)))), (2, 0));
    }
}
