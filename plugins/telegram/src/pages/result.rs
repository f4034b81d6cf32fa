//! The message at the end of a job: what it came to, what it cost, and what to
//! do next.

use serde_json::Value;

use super::{Page, count, facts, list, progress, some, text};
use crate::bindings::sortie::host::chat::{Answered, Message};
use crate::bindings::sortie::host::job_types::View;
use crate::{button, cut, md};

/// The most of a summary, in UTF-16 units.
const SUMMARY_UNITS: usize = 1_500;

/// The most of a reason.
const DETAIL_UNITS: usize = 800;

/// The most checks that are listed, and the longest command of one.
const CHECKS: usize = 10;
const CHECK_CHARS: usize = 60;

/// The message about a job that ended as `kind` says.
pub(crate) fn page(kind: &str, data: &Value, job: &View, about: u64) -> Message {
    let result = &data["result"];
    let state = kind.strip_prefix("job.").unwrap_or(kind);
    let mut page = Page::default();
    page.lines([
        format!(
            "{} {}",
            mark(state),
            md::bold(&format!("#{} {}", job.id, super::state(state)))
        ),
        md::line(&cut::short(&job.title, CHECK_CHARS)),
    ]);
    match state {
        "halted" => page
            .lines([md::line(text(data, "reason"))])
            .text(first(text(data, "detail"), detail(job)), DETAIL_UNITS)
            .lines([match text(data, "resume") {
                "" => String::new(),
                resume => format!("To go on: {}", md::line(resume)),
            }]),
        "failed" => page.text(first(text(data, "error"), detail(job)), DETAIL_UNITS),
        "rejected" => page.text(&by(data), DETAIL_UNITS),
        _ => &mut page,
    };
    page.text(
        first(text(result, "summary"), text(data, "summary")),
        SUMMARY_UNITS,
    );
    page.lines(place(result, data, job));
    page.lines(list(result, "checks").take(CHECKS).map(check));
    page.lines([costs(data, result)]);
    let buttons = match state {
        "failed" | "halted" | "cancelled" => button::retry(job.id),
        _ => Vec::new(),
    };
    page.message(buttons, Some(Answered::Number(about)))
}

/// Who answered, and what they said.
pub(crate) fn by(data: &Value) -> String {
    let via = match text(data, "via") {
        "" => String::new(),
        via => format!(" over {}", via.strip_prefix("plugin:").unwrap_or(via)),
    };
    match (super::who(data), text(data, "comment")) {
        ("", _) => String::new(),
        (by, "") => format!("by {by}{via}"),
        (by, comment) => format!("by {by}{via}: {comment}"),
    }
}

fn mark(state: &str) -> &'static str {
    match state {
        "succeeded" => "✅",
        "failed" => "❌",
        "halted" => "⏸",
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

/// Where the result is: the pull request, else the comparison, else the branch.
fn place(result: &Value, data: &Value, job: &View) -> [String; 2] {
    let view = job.branch.as_deref().unwrap_or_default();
    let branch = first(first(text(result, "branch"), text(data, "branch")), view);
    let branch = match branch {
        "" => String::new(),
        branch => format!("Branch {}", md::code(branch)),
    };
    let link = match (text(result, "pull_request"), text(result, "link")) {
        ("", "") => String::new(),
        ("", link) => md::link("See the change", link),
        (pull_request, _) => md::link("Pull request", pull_request),
    };
    [branch, link]
}

fn check(check: &Value) -> String {
    let mark = match check["passed"] == true {
        true => "✓",
        false => "✗",
    };
    let command = cut::short(text(check, "command"), CHECK_CHARS);
    format!("{mark} {}", md::code(&command))
}

fn costs(data: &Value, result: &Value) -> String {
    let usage = match data["usage"].is_object() {
        true => &data["usage"],
        false => &result["usage"],
    };
    let tokens = &result["tokens"];
    let found = &result["findings"];
    let tokens = count(tokens, "input").saturating_add(count(tokens, "output"));
    md::line(&facts([
        progress::spent(usage),
        some(tokens, "token", "tokens"),
        some(count(result, "files"), "file", "files"),
        some(
            count(found, "block"),
            "blocking finding",
            "blocking findings",
        ),
        some(count(found, "warn"), "warning", "warnings"),
    ]))
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
        let message = page("job.succeeded", &data, &job(42, "succeeded"), 5);
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
            page("job.succeeded", &data, &job(42, "succeeded"), 5).text
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
        let message = page("job.halted", &data, &job(42, "halted"), 5);
        assert!(
            message.text.contains("To go on: raise the budget"),
            "{}",
            message.text
        );
        assert_eq!(message.buttons[0][0].action, "retry:42");
    }

    #[test]
    fn an_old_host_is_understood() {
        let view = View {
            branch: Some("sortie/42".into()),
            detail: Some("No way.".into()),
            ..job(42, "failed")
        };
        let message = page("job.failed", &json!({ "attempt": 1 }), &view, 5);
        assert!(message.text.contains("No way\\."), "{}", message.text);
        assert!(message.text.contains("` sortie/42 `"), "{}", message.text);
    }

    #[test]
    fn the_longest_result_is_one_message() {
        let long = "🙂".repeat(9_000);
        let checks = vec![json!({ "command": long, "passed": false }); 40];
        let data = json!({ "detail": long, "result": { "summary": long, "checks": checks } });
        let message = page("job.halted", &data, &job(42, "halted"), 5);
        assert!(message.text.encode_utf16().count() < 4_500);
    }
}
