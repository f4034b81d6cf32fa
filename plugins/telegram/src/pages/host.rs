//! Pages about hosts that a job may not reach, and about this host itself.

use serde_json::Value;

use super::{Page, count, facts, some, text};
use crate::bindings::sortie::host::chat::{Answered, Message};
use crate::bindings::sortie::host::job_types::View;
use crate::{button, cut, md, words};

/// The longest name or reason that is shown, in characters.
const NAME_CHARS: usize = 200;

/// Reasons of an alarm that are listed: more than there are.
const REASONS: usize = 32;

/// Asks about a host that a job was refused; none when it was asked before, or
/// cannot be.
pub(crate) fn refused(data: &Value, job: &View, about: u64) -> Option<Message> {
    if data["new"] != true {
        return None;
    }
    let ask = data["ask"].as_u64()?;
    let reason = text(data, "reason");
    let mut page = Page::default();
    page.lines([
        md::bold(&format!("🌐 #{} wants to reach", job.id)),
        md::code(&named(data)),
        md::line(&cut::short(
            words::meaning(reason).unwrap_or(reason),
            NAME_CHARS,
        )),
    ]);
    Some(page.message(button::host(ask), Some(Answered::Number(about))))
}

/// What stands there when somebody said so.
pub(crate) fn ruled(kind: &str, data: &Value, job: &View) -> Message {
    let how = match kind {
        "egress.allowed" => "may be reached",
        _ => "stays out of reach",
    };
    let scope = match text(data, "scope") {
        "run" => " by this run",
        "job" => " by this job",
        "project" => " by all jobs of its project",
        _ => "",
    };
    // What is over asks for no host any more.
    let next = match (kind, job.is_final, job.state.as_str()) {
        ("egress.allowed", true, "succeeded") => format!("#{} succeeded without it", job.id),
        ("egress.allowed", true, _) => format!("#{0} is over: /retry {0} tries it again", job.id),
        _ => String::new(),
    };
    let by = match super::who(data) {
        "" => String::new(),
        by => format!(", says {by}"),
    };
    let mut page = Page::default();
    page.lines([
        format!(
            "{} {}",
            md::bold(&format!("#{}", job.id)),
            md::code(&named(data))
        ),
        md::line(&format!("{how}{scope}{by}")),
        md::line(&next),
    ]);
    page.message(Vec::new(), None)
}

/// What stands there when the job is over and nobody said so.
pub(crate) fn closed(data: &Value, job: &View) -> Message {
    let mut page = Page::default();
    page.lines([
        format!(
            "{} {}",
            md::bold(&format!("#{}", job.id)),
            md::code(&named(data))
        ),
        md::line("was not reached; the job is over"),
    ]);
    page.message(Vec::new(), None)
}

/// The host of an event, without its port.
pub(crate) fn name(data: &Value) -> &str {
    text(data, "host")
}

/// The host of an event and its port, where it has one.
pub(crate) fn key(data: &Value) -> String {
    match data["port"].as_u64() {
        None => name(data).to_owned(),
        Some(port) => format!("{}:{port}", name(data)),
    }
}

/// What happened to this host itself; none for a kind of tomorrow.
pub(crate) fn news(kind: &str, data: &Value) -> Option<Message> {
    let mut page = Page::default();
    match kind {
        "host.digest" => return Some(super::lists::stats("Today", data)),
        "host.alarm" => {
            page.lines([
                md::bold("🚨 Many jobs stop early"),
                md::line(&format!(
                    "{} in {} minutes",
                    some(count(data, "halts"), "halt", "halts"),
                    count(data, "window_minutes")
                )),
                reasons(&data["reasons"]),
            ]);
            if data["paused"] == true {
                page.lines([
                    md::line("No job begins until somebody says so:"),
                    md::code(text(data, "resume")),
                ]);
            }
        }
        "host.paused" => {
            page.lines([
                md::bold("The intake is paused"),
                md::line(&facts([
                    super::result::by(data),
                    text(data, "why").to_owned(),
                ])),
            ]);
        }
        "host.resumed" => {
            page.lines([
                md::bold("The intake goes on"),
                md::line(&super::result::by(data)),
            ]);
        }
        _ => return None,
    }
    Some(page.message(Vec::new(), None))
}

fn named(data: &Value) -> String {
    let name = cut::short(name(data), NAME_CHARS);
    match data["port"].as_u64() {
        None | Some(443) => name,
        Some(port) => format!("{name}:{port}"),
    }
}

fn reasons(reasons: &Value) -> String {
    let counted = reasons.as_object().into_iter().flatten();
    let counted = counted.map(|(code, times)| {
        let why = words::meaning(code).unwrap_or(code);
        format!("{} × {why}", times.as_u64().unwrap_or(0))
    });
    md::line(&facts(counted.take(REASONS)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::job;
    use serde_json::json;

    #[test]
    fn a_host_is_asked_about_once() {
        let data = json!({ "ask": 3, "new": true, "host": "a.example", "port": 8443, "reason": "not listed" });
        let message = refused(&data, &job(42, "running"), 5).expect("asked");
        assert!(
            message.text.contains("` a.example:8443 `"),
            "{}",
            message.text
        );
        assert_eq!(message.buttons.concat().len(), 4);
        for data in [
            json!({ "ask": 3, "new": false }),
            json!({ "new": true }),
            json!({}),
        ] {
            assert_eq!(refused(&data, &job(42, "running"), 5), None);
        }
        let message = ruled(
            "egress.denied",
            &json!({ "host": "a.example", "by": "Ana" }),
            &job(42, "running"),
        );
        assert!(
            message.text.contains("stays out of reach\\, says Ana"),
            "{}",
            message.text
        );
    }

    #[test]
    fn an_answer_about_a_host_says_what_it_is_for() {
        let data = json!({ "host": "a.example", "name": "Ben", "scope": "job" });
        let shown = |state| ruled("egress.allowed", &data, &job(42, state)).text;
        let text = shown("running");
        assert!(
            text.ends_with("may be reached by this job\\, says Ben"),
            "{text}"
        );
        let text = shown("halted");
        assert!(text.ends_with("\\/retry 42 tries it again"), "{text}");
        let text = shown("succeeded");
        assert!(text.ends_with("\\#42 succeeded without it"), "{text}");
        let data = json!({ "ask": 3, "new": true, "host": "a.example", "reason": "not-listed" });
        let asked = refused(&data, &job(42, "running"), 5).expect("asked").text;
        assert!(asked.ends_with("no rule allows it"), "{asked}");
    }

    #[test]
    fn a_question_about_a_host_ends_with_its_job() {
        let message = closed(&json!({ "host": "a.example" }), &job(42, "halted"));
        assert!(
            message.text.contains("` a.example `") && message.text.ends_with("the job is over"),
            "{}",
            message.text
        );
        assert_eq!(message.buttons.concat(), []);
    }

    #[test]
    fn the_host_tells_of_itself() {
        let data = json!({ "halts": 12, "window_minutes": 60, "reasons": { "no-changes": 12 }, "paused": true, "resume": "sortie intake resume" });
        let message = news("host.alarm", &data).expect("told");
        for part in [
            "12 halts in 60 minutes",
            "12 × nothing was changed",
            "` sortie intake resume `",
        ] {
            assert!(message.text.contains(part), "{part} in {}", message.text);
        }
        assert!(news("host.paused", &json!({ "by": "Ana", "via": "cli" })).is_some());
        assert_eq!(news("host.moved", &json!({})), None);
    }

    #[test]
    fn a_digest_counts_what_it_does_not_list() {
        let jobs: Vec<Value> = (1..=20)
            .map(|n| json!({ "job": n, "project": "site", "state": "succeeded", "title": "Fix it", "cost_micro_usd": 20_000 }))
            .collect();
        let data = json!({
            "hours": 24,
            "tasks": { "total": 23, "succeeded": 14, "failed": 4, "halted": 3, "cancelled": 1, "rejected": 1 },
            "tokens": { "input": 1_000, "output": 234 },
            "cost_micro_usd": 1_500_000, "unsuccessful_cost_micro_usd": 200_000,
            "queue": { "waiting": 1 }, "jobs": jobs, "more": 3,
            "waiting": [{ "job": 42, "approval": 9, "about": "review", "question": "Publish it?" }],
        });
        let text = news("host.digest", &data).expect("told").text;
        for part in [
            "**Today\\, the last 24 hours**",
            "23 jobs · 14 succeeded · 4 failed · 3 halted · 1 cancelled · 1 rejected",
            "\\$1\\.50 · \\$0\\.20 without success · 1\\,234 tokens",
            "Now\\: 1 waiting",
            "**\\#10** site · succeeded · \\$0\\.02 · Fix it\\\nand 13 more\n\n",
            "❓ **\\#42** Publish it\\?",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(!text.contains("\\#11"), "{text}");
        assert_eq!(text.matches("more").count(), 1, "{text}");
    }
}
