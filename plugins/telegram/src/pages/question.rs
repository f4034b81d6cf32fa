//! The message that asks: what was found, what would be published, and the
//! buttons to say so.

use serde_json::Value;

use super::{Page, TITLE_CHARS, budget, count, facts, list, result, some, text};
use crate::bindings::sortie::host::chat::{Answered, Message};
use crate::bindings::sortie::host::job_types::View;
use crate::{button, cut, hunks, md, words};

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
    /// What it was about, as lines of CommonMark for when it is over.
    pub(crate) found: Vec<String>,
}

/// The question of an event.
pub(crate) fn page(data: &Value, job: &View, about: u64) -> Question {
    let id = data["approval"].as_u64();
    let is_budget = text(data, "about") == "budget";
    let asks = match is_budget {
        true => "asks for more",
        false => "asks",
    };
    let mut page = Page::default();
    page.lines([md::bold(&format!("❓ #{} {asks}", job.id)), title(job)]);
    let (found, buttons, is_cut) = match is_budget {
        true => {
            let asked = budget::ask(&mut page, data);
            let buttons = id.map(|id| button::budget(id, &asked.more));
            (vec![asked.found], buttons, false)
        }
        false => {
            let (found, is_cut) = change(&mut page, data, job);
            (found, id.map(button::answers), is_cut)
        }
    };
    if id.is_none() {
        let id = job.id;
        let how = format!("Answer with: sortie approve {id}, or sortie reject {id}");
        page.lines([md::escape(&how)]);
    }
    Question {
        message: page.message(buttons.unwrap_or_default(), Some(Answered::Number(about))),
        id,
        is_cut,
        found,
    }
}

/// What stands there when the question is over; `kind` is what ended it, and
/// `found` what it was about, in CommonMark.
pub(crate) fn over(kind: &str, data: &Value, job: &View, found: &str) -> Message {
    let by = result::by(data);
    let how = match (kind, text(data, "about")) {
        ("job.approved", "budget") => {
            let more = budget::amount(text(data, "exhausted"), &data["raised"]);
            joined("Raised", more.map(|more| format!("by {more}")), by)
        }
        ("job.approved", _) => joined("Approved", None, by),
        ("job.rejected", _) => joined("Rejected", None, by),
        ("job.cancelled", _) => joined("Cancelled", None, by),
        // Whoever was asked for more budget said no.
        ("job.halted", _) if !by.is_empty() => joined("Stopped", None, by),
        ("job.halted", _) if data["approval"].is_u64() => "Nobody answered in time".into(),
        _ => format!("It is {} now", super::state(&job.state)),
    };
    let mut page = Page::default();
    page.lines([md::bold(&format!("#{} asked", job.id)), title(job)])
        .lines([found.to_owned()])
        .lines([md::line(&how)]);
    page.message(Vec::new(), None)
}

fn joined(what: &str, more: Option<String>, by: String) -> String {
    let words = [what.to_owned(), more.unwrap_or_default(), by];
    let words: Vec<String> = words.into_iter().filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

fn title(job: &View) -> String {
    md::line(&cut::short(&job.title, TITLE_CHARS))
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
        title(job),
    ]);
    page.text(text(data, "question"), QUESTION_UNITS);
    let id = data["approval"].as_u64();
    let buttons = match (id.or(asked.and_then(|(_, id)| id)), text(data, "about")) {
        (None, _) => Vec::new(),
        (Some(id), "budget") => button::budget(id, "Raise"),
        (Some(id), _) => button::answers(id),
    };
    page.message(buttons, asked.map(|(number, _)| Answered::Number(number)))
}

/// The caption of the file with the whole change.
pub(crate) fn caption(job: u64, question: u64) -> Message {
    let text = format!("The whole change of #{job}");
    super::plain(&text, Some(Answered::Number(question)))
}

/// A question about a change; returns what was found, and whether more is to be
/// seen in a file.
fn change(page: &mut Page, data: &Value, job: &View) -> (Vec<String>, bool) {
    let evidence = &data["evidence"];
    let asked = match text(data, "question") {
        "" => job.detail.as_deref().unwrap_or_default(),
        asked => asked,
    };
    page.text(asked, QUESTION_UNITS);
    page.text(text(evidence, "summary"), SUMMARY_UNITS);
    let mut findings: Vec<&Value> = list(evidence, "findings").collect();
    findings.sort_by_key(|finding| match text(finding, "severity") {
        "block" => 0,
        "warn" => 1,
        _ => 2,
    });
    let all = count(evidence, "findings_total").max(findings.len() as u64);
    let mut found: Vec<String> = findings.iter().take(FINDINGS).map(|f| finding(f)).collect();
    let more = all - found.len() as u64;
    if more > 0 {
        let more = some(more, "more finding", "more findings");
        found.push(md::line(&format!("and {more}")));
    }
    page.lines(found.clone());
    let diff = &evidence["diff"];
    let figures = md::line(&facts([
        some(count(diff, "files"), "file", "files"),
        lines(diff),
        match data["commit"].as_str().and_then(|commit| commit.get(..12)) {
            Some(commit) => format!("commit {commit}"),
            None => String::new(),
        },
    ]));
    let link = match text(evidence, "link") {
        "" => String::new(),
        link => md::link("See the change", link),
    };
    page.lines([figures.clone(), link]);
    found.push(figures);
    let places: Vec<(&str, u64)> = findings.iter().filter_map(|f| place(f)).collect();
    let whole = hunks::flagged_first(text(diff, "text"), &places);
    let is_cut = diff["cut"] == true || whole.chars().count() > DIFF_CHARS;
    let excerpt = match is_cut {
        true => &whole[..cut::lines(&whole, EXCERPT_UNITS)],
        false => whole.as_str(),
    };
    if !excerpt.is_empty() {
        page.diff(excerpt);
    }
    if is_cut {
        page.lines([md::line(&rest(diff, excerpt))]);
    }
    (found, is_cut)
}

/// How much of a change is not shown, and where it is.
fn rest(diff: &Value, shown: &str) -> String {
    let is_changed = |line: &&str| {
        let is_name = line.starts_with("+++ ") || line.starts_with("--- ");
        line.starts_with(['+', '-']) && !is_name
    };
    let shown = shown.lines().filter(is_changed).count() as u64;
    let all = count(diff, "added").saturating_add(count(diff, "removed"));
    match all.saturating_sub(shown) {
        0 => "… the rest is in the file below".into(),
        more => {
            let more = some(more, "more changed line", "more changed lines");
            format!("… {more} in the file below")
        }
    }
}

fn lines(diff: &Value) -> String {
    match (count(diff, "added"), count(diff, "removed")) {
        (0, 0) => String::new(),
        (added, removed) => format!("+{} −{}", cut::number(added), cut::number(removed)),
    }
}

/// Where a finding is, when it is somewhere.
fn place(finding: &Value) -> Option<(&str, u64)> {
    match text(finding, "path") {
        "" => None,
        path => Some((path, finding["line"].as_u64().unwrap_or(1))),
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
    let said = md::line(&cut::short(&words::quoted(&said), FINDING_CHARS));
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
        let found = question.found.join("|");
        assert!(found.contains("⛔ skip") && found.ends_with("commit 0123456789ab"));
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
            question
                .message
                .text
                .ends_with("+a line of it\n```\n\n… the rest is in the file below"),
            "{}",
            question.message.text
        );
        assert!(question.message.text.chars().count() < cut::PAGE_UNITS);
    }

    #[test]
    fn a_long_change_begins_with_what_was_flagged_and_counts_the_rest() {
        let long = "+1\n".repeat(2_000);
        let patch = format!(
            "diff --git a/n b/n\n+++ b/n\n@@ -0,0 +1,2000 @@\n{long}\
             diff --git a/t.py b/t.py\n--- a/t.py\n+++ b/t.py\n@@ -1 +1,2 @@\n x\n+skip\n"
        );
        let data = json!({ "approval": 9, "evidence": {
            "findings": [
                { "severity": "info", "rule": "note", "message": "n" },
                { "severity": "block", "rule": "skip", "path": "t.py", "line": 2, "message": "`T` no longer runs" },
            ],
            "diff": { "text": patch, "added": 2_001, "removed": 0, "cut": false },
        } });
        let shown = page(&data, &job(42, "needs_review"), 5).message.text;
        for part in [
            "⛔ skip\\: “T” no longer runs ` t.py:2 `\\\nℹ note",
            "```diff\ndiff --git a/t.py b/t.py",
            " x\n+skip\ndiff --git a/n b/n",
            "more changed lines in the file below",
        ] {
            assert!(shown.contains(part), "{part} in {shown}");
        }
        let plus = shown.lines().filter(|line| *line == "+1").count();
        let rest = format!("… {} more", cut::number(2_000 - plus as u64));
        assert!(shown.contains(&md::line(&rest)), "{rest} in {shown}");
    }

    #[test]
    fn money_is_asked_for_by_its_amount() {
        let data = json!({
            "approval": 9, "about": "budget",
            "evidence": { "budget": {
                "exhausted": "budget-cost", "raise": { "cost_micro_usd": 200_000 },
                "limits": { "cost_micro_usd": 400_000 }, "usage": { "cost_micro_usd": 390_000 },
            } },
        });
        let question = page(&data, &job(42, "awaiting_approval"), 5);
        let text = &question.message.text;
        for part in ["#42 asks for more", "Give it $0.20 more?"] {
            assert!(text.contains(&md::line(part)), "{part} in {text}");
        }
        let actions: Vec<_> = question.message.buttons[0]
            .iter()
            .map(|b| (&*b.label, &*b.action))
            .collect();
        assert_eq!(
            actions,
            [("$0.20 more", "answer:9:more"), ("Stop", "answer:9:stop")]
        );
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
        let message = over("job.approved", &data, &job(42, "approved"), "⛔ skip");
        let expected = "**\\#42 asked**\\\nFix it\n\n⛔ skip\n\n\
            Approved by Ana on the command line\\: fine";
        assert_eq!(message.text, expected);
        assert!(message.buttons.is_empty());
    }

    #[test]
    fn what_a_budget_came_to_is_said_by_who_and_how_much() {
        let data = json!({
            "by": "telegram/telegram:11", "name": "Ana", "via": "plugin:telegram", "approval": 9,
            "about": "budget", "exhausted": "budget-time", "raised": { "time_ms": 60_000, "calls": 20 },
        });
        for (kind, data, said) in [
            ("job.approved", data.clone(), "Raised by 1 min by Ana"),
            ("job.halted", data, "Stopped by Ana"),
            (
                "job.halted",
                json!({ "approval": 9 }),
                "Nobody answered in time",
            ),
            ("job.halted", json!({}), "It is halted now"),
            ("job.cancelled", json!({ "by": "Ana" }), "Cancelled by Ana"),
        ] {
            let text = over(kind, &data, &job(42, "halted"), "").text;
            assert!(text.ends_with(said), "{said} in {text}");
        }
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
            ["Raise answer:9:more", "Stop answer:9:stop"]
        );
        let old = |asked| actions(&reminder(&json!({}), &view, asked)).len();
        assert_eq!((old(Some((7, Some(9)))), old(Some((7, None)))), (2, 0));
    }
}
