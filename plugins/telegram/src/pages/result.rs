//! The message at the end of a job: what it came to, what it cost, and what to
//! do next.

use serde_json::Value;

use super::{Page, TITLE_CHARS, count, facts, list, progress, some, text};
use crate::bindings::sortie::host::chat::{Answered, Message};
use crate::bindings::sortie::host::job_types::View;
use crate::{button, cut, md, words};

/// The most of a summary, in UTF-16 units.
const SUMMARY_UNITS: usize = 1_500;

/// The most of a reason.
const DETAIL_UNITS: usize = 800;

/// The most checks that are listed, and the longest command of one, or name of a
/// file.
const CHECKS: usize = 10;
const CHECK_CHARS: usize = 60;

/// What is told at the end of a job.
pub(crate) struct End {
    pub(crate) message: Message,
    /// Where the work is, what was checked and what it cost, as lines of
    /// CommonMark for pages that come later.
    pub(crate) facts: Vec<String>,
}

/// The message about a job that ended as `kind` says.
pub(crate) fn page(kind: &str, data: &Value, job: &View, about: u64) -> End {
    let result = &data["result"];
    let state = kind.strip_prefix("job.").unwrap_or(kind);
    let mut page = Page::default();
    page.lines([
        format!(
            "{} {}",
            mark(state),
            md::bold(&headline(state, text(data, "reason"), job))
        ),
        md::line(&cut::short(&job.title, TITLE_CHARS)),
    ]);
    match state {
        "halted" => halted(&mut page, data, job),
        "failed" => {
            let why = first(text(data, "error"), detail(job));
            page.text(&words::detail(why), DETAIL_UNITS);
        }
        "rejected" | "cancelled" => {
            page.text(&words::capital(&by(data)), DETAIL_UNITS);
        }
        _ => {}
    }
    let summary = first(text(result, "summary"), text(data, "summary"));
    page.text(said(summary), SUMMARY_UNITS);
    let place = place(result, data, job);
    let checks: Vec<String> = list(result, "checks").take(CHECKS).map(check).collect();
    let costs = costs(state, data, result);
    page.lines(place.clone());
    page.lines(checks.clone());
    page.lines([costs.clone()]);
    let buttons = match state {
        "failed" | "halted" | "cancelled" => button::retry(job.id),
        _ => Vec::new(),
    };
    let facts = place.into_iter().chain([costs]).chain(checks);
    End {
        message: page.message(buttons, Some(Answered::Number(about))),
        facts: facts.collect(),
    }
}

/// Who did it and through which door, and what they said.
pub(crate) fn by(data: &Value) -> String {
    let via = text(data, "via");
    if via == "alarm" {
        return "by the alarm".into();
    }
    let door = words::door(via);
    match (super::who(data), text(data, "comment")) {
        ("", _) => String::new(),
        (by, "") => format!("by {by}{door}"),
        (by, comment) => format!("by {by}{door}: {comment}"),
    }
}

/// What a workflow or an agent said: without the first line of a shipped
/// workflow, which says where the work is, as every page does anyhow.
pub(crate) fn said(summary: &str) -> &str {
    let (first, rest) = summary.split_once('\n').unwrap_or((summary, ""));
    let pushed = first.strip_prefix("pushed ");
    let commit = pushed.and_then(|rest| rest.split_once(" to "));
    let is_commit = |text: &str| text.len() == 12 && text.bytes().all(|b| b.is_ascii_hexdigit());
    match commit.is_some_and(|(commit, _)| is_commit(commit))
        || first == "done; the project publishes nothing"
    {
        true => rest,
        false => summary,
    }
}

fn headline(state: &str, code: &str, job: &View) -> String {
    let head = format!("#{} {}", job.id, super::state(state));
    match (state, words::meaning(code).unwrap_or(code)) {
        ("halted", why) if !why.is_empty() => format!("{head}: {why}"),
        _ => head,
    }
}

fn halted(page: &mut Page, data: &Value, job: &View) {
    let by = by(data);
    match by.is_empty() {
        true => {
            let why = first(text(data, "detail"), detail(job));
            page.text(&words::detail(why), DETAIL_UNITS);
        }
        // Whoever was asked for more budget said no.
        false => {
            page.text(&format!("Stopped {by}"), DETAIL_UNITS);
        }
    }
    page.lines([match text(data, "resume") {
        "" => String::new(),
        resume => format!("To go on: {}", md::line(resume)),
    }]);
}

fn mark(state: &str) -> &'static str {
    match state {
        "succeeded" => "✅",
        "failed" => "❌",
        "halted" => "🛑",
        _ => "⏹",
    }
}

fn detail(job: &View) -> &str {
    job.detail.as_deref().unwrap_or_default()
}

fn first<'a>(one: &'a str, other: &'a str) -> &'a str {
    match one.is_empty() {
        true => other,
        false => one,
    }
}

/// Where the result is: its branch or the host, the pull request or else the
/// comparison, and the files when they are few.
fn place(result: &Value, data: &Value, job: &View) -> Vec<String> {
    let view = job.branch.as_deref().unwrap_or_default();
    let branch = first(first(text(result, "branch"), text(data, "branch")), view);
    let place = match (branch, count(result, "files")) {
        ("", 0) => String::new(),
        ("", _) => {
            let shows = md::code(&format!("sortie diff {}", job.id));
            format!("Kept in the host; {shows} shows it")
        }
        (branch, _) => match text(result, "commit").get(..12) {
            Some(commit) => format!("Branch {} at {}", md::code(branch), md::code(commit)),
            None => format!("Branch {}", md::code(branch)),
        },
    };
    let link = match (text(result, "pull_request"), text(result, "link")) {
        ("", "") => String::new(),
        ("", link) => md::link("See the change", link),
        (pull_request, _) => md::link("Pull request", pull_request),
    };
    let names = list(result, "paths").filter_map(Value::as_str);
    let names: Vec<String> = names
        .map(|path| md::code(&cut::short(path, CHECK_CHARS)))
        .collect();
    let files = match names.is_empty() {
        true => String::new(),
        false => format!("{}: {}", files(result), names.join(", ")),
    };
    vec![place, files, link]
}

fn files(result: &Value) -> String {
    some(count(result, "files"), "file", "files")
}

fn check(check: &Value) -> String {
    let mark = match check["passed"] == true {
        true => "✓",
        false => "✗",
    };
    let command = cut::short(text(check, "command"), CHECK_CHARS);
    format!("{mark} {}", md::code(&command))
}

fn costs(state: &str, data: &Value, result: &Value) -> String {
    let usage = match data["usage"].is_object() {
        true => &data["usage"],
        false => &result["usage"],
    };
    let tokens = &result["tokens"];
    let tokens = count(tokens, "input").saturating_add(count(tokens, "output"));
    // Named already where their paths are.
    let files = match list(result, "paths").next() {
        Some(_) => String::new(),
        None => files(result),
    };
    // The headline says it in words.
    let code = match (state, text(data, "reason")) {
        ("halted", code) if words::meaning(code).is_some() => code,
        _ => "",
    };
    md::line(&facts([
        progress::spent(usage),
        some(tokens, "token", "tokens"),
        files,
        found(&result["findings"]),
        code.to_owned(),
    ]))
}

/// How much was found, and by which rules.
fn found(found: &Value) -> String {
    let counts = [
        some(
            count(found, "block"),
            "blocking finding",
            "blocking findings",
        ),
        some(count(found, "warn"), "warning", "warnings"),
    ];
    let counts: Vec<String> = counts.into_iter().filter(|one| !one.is_empty()).collect();
    let rules: Vec<&str> = list(found, "rules").filter_map(Value::as_str).collect();
    match (counts.join(" and "), rules.join(", ")) {
        (counts, rules) if counts.is_empty() || rules.is_empty() => counts,
        (counts, rules) => format!("{counts}: {rules}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::job;
    use serde_json::json;

    #[test]
    fn a_success_says_what_where_and_how_much() {
        let data = json!({
            "usage": { "calls": 3, "cost_micro_usd": 120_000, "time_ms": 240_000 },
            "result": {
                "summary": "Fixed <b>it</b>.",
                "branch": "sortie/42-`fix`",
                "link": "https://github.com/a/b/compare/main...sortie%2F42",
                "pull_request": null,
                "tokens": { "input": 12_000, "output": 345 },
                "checks": [{ "command": "cargo test", "passed": true }],
                "findings": { "info": 0, "warn": 1, "block": 0 },
                "files": 2,
            },
        });
        let End { message, .. } = page("job.succeeded", &data, &job(42, "succeeded"), 5);
        for part in [
            "✅ **\\#42 succeeded**",
            "Fixed \\<b\\>it\\<\\/b\\>\\.",
            "`` sortie/42-`fix` ``",
            "[See the change](<https://github.com/a/b/compare/main...sortie%2F42>)",
            "✓ ` cargo test `",
            "\\$0\\.12 · 4 min · 12\\,345 tokens · 2 files · 1 warning",
        ] {
            assert!(message.text.contains(part), "{part} in {}", message.text);
        }
        assert_eq!(message.reply_to, Some(Answered::Number(5)));
        assert!(message.buttons.is_empty());
    }

    #[test]
    fn a_pull_request_is_shown_rather_than_the_comparison() {
        let link = "https://github.com/a/b/compare/main...sortie%2F42";
        let shown = |result: Value| {
            let data = json!({ "result": result });
            page("job.succeeded", &data, &job(42, "succeeded"), 5)
                .message
                .text
        };
        let pull_request = "https://github.com/a/b/pull/7";
        let text = shown(json!({ "link": link, "pull_request": pull_request }));
        let expected = format!("[Pull request](<{pull_request}>)");
        assert!(text.ends_with(&expected), "{text}");
        assert!(!text.contains(link), "{text}");
        let text = shown(json!({ "link": link }));
        let expected = format!("[See the change](<{link}>)");
        assert!(text.ends_with(&expected), "{text}");
        let text = shown(json!({}));
        assert!(!text.contains("https"), "{text}");
    }

    #[test]
    fn a_halt_says_why_and_how_to_go_on() {
        let data = json!({ "reason": "budget-cost", "detail": "The money is gone.", "resume": "raise the budget" });
        let End { message, .. } = page("job.halted", &data, &job(42, "halted"), 5);
        assert!(
            message.text.contains("To go on: raise the budget"),
            "{}",
            message.text
        );
        assert_eq!(message.buttons[0][0].action, "retry:42");
    }

    #[test]
    fn the_headline_says_in_words_why() {
        let data =
            json!({ "reason": "no-changes", "detail": "the agent finished and changed nothing" });
        let End { message, .. } = page("job.halted", &data, &job(42, "halted"), 5);
        let text = message.text;
        assert!(
            text.starts_with("🛑 **\\#42 halted\\: nothing was changed**"),
            "{text}"
        );
        assert!(text.ends_with("no\\-changes"), "{text}");
        let data = json!({ "reason": "of-tomorrow" });
        let End { message, .. } = page("job.halted", &data, &job(42, "halted"), 5);
        assert_eq!(message.text.matches("tomorrow").count(), 1);
    }

    #[test]
    fn who_stopped_a_job_is_told_by_name() {
        let data = json!({
            "reason": "budget-time", "by": "telegram/telegram:11", "name": "Ana",
            "via": "plugin:telegram", "detail": "telegram/telegram:11 did not raise it",
        });
        let End { message, .. } = page("job.halted", &data, &job(42, "halted"), 5);
        let text = message.text;
        assert!(
            text.contains("Stopped by Ana") && !text.contains(":11"),
            "{text}"
        );
        let data = json!({ "by": "root", "via": "cli" });
        let End { message, .. } = page("job.rejected", &data, &job(42, "rejected"), 5);
        let text = message.text;
        assert!(text.ends_with("By root on the command line"), "{text}");
        assert_eq!(
            by(&json!({ "by": "sortie", "via": "alarm" })),
            "by the alarm"
        );
    }

    #[test]
    fn where_the_work_is_is_said_once() {
        let shown = |summary: &str, result: Value| {
            let mut data = json!({ "result": result });
            data["result"]["summary"] = json!(summary);
            page("job.succeeded", &data, &job(42, "succeeded"), 5)
        };
        let end = shown(
            "done; the project publishes nothing\nhello",
            json!({ "files": 2, "paths": ["a.txt", "b`.txt"] }),
        );
        assert_eq!(
            end.message.text,
            "✅ **\\#42 succeeded**\\\nFix it\n\nhello\n\n\
             Kept in the host; ` sortie diff 42 ` shows it\\\n2 files: ` a.txt `, `` b`.txt ``"
        );
        let pushed = "pushed 0123456789ab to sortie/42/fix";
        let result = json!({
            "branch": "sortie/42/fix", "commit": "0123456789abcdef", "files": 1,
            "findings": { "block": 1, "warn": 2, "rules": ["skipped-test", "todo"] },
        });
        let end = shown(pushed, result);
        let text = end.message.text;
        assert_eq!(text.matches("0123456789ab").count(), 1, "{text}");
        assert!(
            text.contains("Branch ` sortie/42/fix ` at ` 0123456789ab `"),
            "{text}"
        );
        let found = "1 file · 1 blocking finding and 2 warnings\\: skipped\\-test\\, todo";
        assert!(text.ends_with(found), "{text}");
        assert_eq!(end.facts.len(), 4, "{:?}", end.facts);
        assert_eq!(
            said("pushed it to main, it says"),
            "pushed it to main, it says"
        );
    }

    #[test]
    fn an_old_host_is_understood() {
        let view = View {
            branch: Some("sortie/42".into()),
            detail: Some("No way.".into()),
            ..job(42, "failed")
        };
        let End { message, .. } = page("job.failed", &json!({ "attempt": 1 }), &view, 5);
        assert!(message.text.contains("No way\\."), "{}", message.text);
        assert!(message.text.contains("` sortie/42 `"), "{}", message.text);
    }

    #[test]
    fn the_longest_result_is_one_message() {
        let long = "🙂".repeat(9_000);
        let checks = vec![json!({ "command": long, "passed": false }); 40];
        let data = json!({ "detail": long, "result": { "summary": long, "checks": checks } });
        let End { message, .. } = page("job.halted", &data, &job(42, "halted"), 5);
        assert!(message.text.encode_utf16().count() < 4_500);
    }
}
