//! Pages of several things: jobs, projects, what happened, and the help.

use serde_json::Value;

use super::{Page, count, facts, list, some, text};
use crate::bindings::sortie::host::chat::Message;
use crate::bindings::sortie::host::job_types::View;
use crate::command::COMMANDS;
use crate::{cut, md};

/// The longest title of a line, in characters.
const TITLE_CHARS: usize = 60;

/// The most lines of one kind: with titles of that length they fit a page.
const LINES: usize = 15;

/// The most of a reason.
const DETAIL_UNITS: usize = 1_500;

/// What there is to say to the bot.
pub(crate) fn help() -> Message {
    let mut page = Page::default();
    page.lines(COMMANDS.map(|(name, rest, what)| {
        let usage = format!("/{name} {rest}");
        format!("{}: {}", md::line(&usage), md::line(what))
    }));
    page.lines([
        md::line("Reply to a message about a task to say what comes next."),
        md::line("Settings of a task: --project=, --base=, --agent=, --workflow=, --budget=, and owner/repo for its place."),
    ]);
    page.message(Vec::new(), None)
}

/// How one job stands.
pub(crate) fn job(job: &View) -> Message {
    let mut page = Page::default();
    let branch = match &job.branch {
        Some(branch) => format!("Branch {}", md::code(branch)),
        None => String::new(),
    };
    let by = match job.requested_by.as_str() {
        "" => String::new(),
        by => md::line(&format!("asked for by {by}")),
    };
    page.lines([line(job), branch, by]);
    page.text(job.detail.as_deref().unwrap_or_default(), DETAIL_UNITS);
    page.message(Vec::new(), None)
}

/// Several jobs.
pub(crate) fn jobs(jobs: &[View]) -> Message {
    let mut page = Page::default();
    match jobs {
        [] => page.lines([md::line("There are no such tasks.")]),
        jobs => page.lines(jobs.iter().take(LINES).map(line)),
    };
    page.message(Vec::new(), None)
}

fn line(job: &View) -> String {
    let head = md::bold(&format!("#{}", job.id));
    let rest = facts([
        job.project.clone(),
        super::state(&job.state),
        cut::short(&job.title, TITLE_CHARS),
    ]);
    format!("{head} {}", md::line(&rest))
}

/// What happened, as the host counts it.
pub(crate) fn stats(title: &str, stats: &Value) -> Message {
    let tasks = &stats["tasks"];
    let queue = &stats["queue"];
    let tokens = &stats["tokens"];
    let mut page = Page::default();
    page.lines([
        md::bold(&format!(
            "{title}, the last {}",
            hours(count(stats, "hours"))
        )),
        md::line(&facts([
            some(count(tasks, "total"), "task", "tasks"),
            states(
                tasks,
                &["succeeded", "failed", "halted", "cancelled", "rejected"],
            ),
        ])),
        match stats["success_percent"].as_f64() {
            Some(percent) => md::line(&format!("{percent:.0} % succeeded")),
            None => String::new(),
        },
        md::line(&facts([
            cut::money(count(stats, "cost_micro_usd")),
            match count(stats, "unsuccessful_cost_micro_usd") {
                0 => String::new(),
                lost => format!("{} without success", cut::money(lost)),
            },
            some(
                count(tokens, "input").saturating_add(count(tokens, "output")),
                "token",
                "tokens",
            ),
        ])),
        match states(queue, &["queued", "running", "waiting", "approved"]) {
            now if now.is_empty() => md::line("Nothing waits now."),
            now => md::line(&format!("Now: {now}")),
        },
        match stats["paused"].is_object() {
            true => md::line(&format!(
                "The intake is paused: {}",
                text(&stats["paused"], "why")
            )),
            false => String::new(),
        },
    ]);
    let jobs = list(stats, "jobs").take(LINES).map(told);
    let listed = list(stats, "jobs").count();
    page.lines(jobs.chain([more(listed, count(stats, "more"))]));
    let waiting = list(stats, "waiting").take(LINES).map(waits);
    // The host cuts both lists; how many wait it says with the queue alone.
    let listed = list(stats, "waiting").count();
    let left_out = count(queue, "waiting").saturating_sub(listed as u64);
    page.lines(waiting.chain([more(listed, left_out)]));
    page.message(Vec::new(), None)
}

fn told(job: &Value) -> String {
    let head = md::bold(&format!("#{}", count(job, "job")));
    let rest = facts([
        text(job, "project").to_owned(),
        super::state(text(job, "state")),
        cut::money(count(job, "cost_micro_usd")),
        cut::short(text(job, "title"), TITLE_CHARS),
    ]);
    format!("{head} {}", md::line(&rest))
}

fn waits(question: &Value) -> String {
    let head = md::bold(&format!("#{}", count(question, "job")));
    let asked = cut::short(text(question, "question"), TITLE_CHARS);
    format!("❓ {head} {}", md::line(&asked))
}

fn states(counts: &Value, names: &[&str]) -> String {
    let counted = names.iter().map(|name| match count(counts, name) {
        0 => String::new(),
        times => format!("{} {name}", cut::number(times)),
    });
    facts(counted)
}

fn hours(hours: u64) -> String {
    match (hours / 24, hours % 24) {
        (days @ 2.., 0) => format!("{days} days"),
        _ => some(hours.max(1), "hour", "hours"),
    }
}

/// The projects, each with where it is and what it does now.
pub(crate) fn projects(data: &Value) -> Message {
    let mut page = Page::default();
    page.lines(list(data, "projects").take(LINES).map(|project| {
        let head = md::bold(text(project, "name"));
        let rest = facts([
            cut::short(text(project, "repository"), TITLE_CHARS),
            some(count(project, "running"), "running", "running"),
            some(count(project, "queued"), "queued", "queued"),
        ]);
        format!("{head} {}", md::line(&rest))
    }));
    page.lines([more(list(data, "projects").count(), 0)]);
    let allowed = list(data, "allowed_repositories").filter_map(Value::as_str);
    let allowed: Vec<String> = allowed
        .take(LINES)
        .map(|glob| md::code(&cut::short(glob, TITLE_CHARS)))
        .collect();
    if !allowed.is_empty() {
        page.lines([format!("Other repositories: {}", allowed.join(", "))]);
    }
    or_none(page)
}

/// What today cost, by project and for the whole host.
pub(crate) fn budget(data: &Value) -> Message {
    let mut page = Page::default();
    page.lines([spent("All projects", &data["host"])]);
    let projects = list(data, "projects").take(LINES);
    page.lines(projects.map(|project| spent(text(project, "name"), project)));
    page.lines([more(list(data, "projects").count(), 0)]);
    page.message(Vec::new(), None)
}

fn spent(name: &str, data: &Value) -> String {
    let limit = match data["day_limit_micro_usd"].as_u64() {
        Some(limit) => format!(" of {} today", cut::money(limit)),
        None => " today".into(),
    };
    let reserved = match count(data, "reserved_today_micro_usd") {
        0 => String::new(),
        reserved => format!("{} reserved", cut::money(reserved)),
    };
    let spent = cut::money(count(data, "spent_today_micro_usd"));
    let rest = facts([format!("{spent}{limit}"), reserved]);
    format!("{} {}", md::bold(name), md::line(&rest))
}

/// What is not shown of a list, of which the host may have left out some itself.
/// A list that is not there misses nothing.
fn more(listed: usize, left_out: u64) -> String {
    let hidden = listed.saturating_sub(LINES) as u64;
    match hidden.saturating_add(left_out) {
        more if listed > 0 && more > 0 => md::line(&format!("and {}", some(more, "more", "more"))),
        _ => String::new(),
    }
}

fn or_none(mut page: Page) -> Message {
    if page.is_empty() {
        page.lines([md::line("No project is configured.")]);
    }
    page.message(Vec::new(), None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_help_names_every_command() {
        let message = help();
        for (name, ..) in COMMANDS {
            assert!(message.text.contains(&format!("\\/{name}")), "{name}");
        }
    }

    #[test]
    fn jobs_are_listed_or_there_are_none() {
        assert!(jobs(&[]).text.contains("no such tasks"));
        let text = jobs(&[crate::fake::job(43, "needs_review")]).text;
        assert_eq!(text, "**\\#43** site · needs review · Fix it");
    }

    #[test]
    fn what_happened_is_counted_in_words() {
        let data = json!({
            "hours": 168, "tasks": { "total": 5, "succeeded": 4, "failed": 1 }, "success_percent": 80,
            "tokens": { "input": 1_000, "output": 234 }, "cost_micro_usd": 1_500_000,
            "unsuccessful_cost_micro_usd": 200_000, "queue": { "queued": 0, "running": 1 },
            "jobs": [{ "job": 42, "project": "site", "state": "failed", "title": "Fix it", "cost_micro_usd": 200_000 }],
        });
        let text = stats("Done", &data).text;
        for part in [
            "**Done\\, the last 7 days**",
            "5 tasks · 4 succeeded · 1 failed",
            "80 \\% succeeded",
            "\\$1\\.50 · \\$0\\.20 without success · 1\\,234 tokens",
            "Now\\: 1 running",
            "**\\#42** site · failed · \\$0\\.20 · Fix it",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(!stats("Done", &json!(null)).text.is_empty());
    }

    #[test]
    fn what_is_not_listed_is_counted() {
        let waiting = vec![json!({ "job": 7, "question": "Publish it?" }); 16];
        let text = stats("Now", &json!({ "waiting": waiting })).text;
        assert_eq!(text.matches("❓").count(), LINES);
        assert!(text.ends_with("and 1 more"), "{text}");
        let queue = json!({ "waiting": 60 });
        let text = stats("Now", &json!({ "waiting": waiting, "queue": queue })).text;
        assert!(text.ends_with("and 45 more"), "{text}");
        let text = stats("Now", &json!({ "queue": queue })).text;
        assert!(text.ends_with("Now\\: 60 waiting"), "{text}");
    }

    #[test]
    fn projects_and_their_money_are_told() {
        let data = json!({
            "projects": [{ "name": "site", "repository": "https://x/y.git", "running": 1, "spent_today_micro_usd": 10_000, "day_limit_micro_usd": 5_000_000 }],
            "host": { "spent_today_micro_usd": 10_000, "day_limit_micro_usd": null },
            "allowed_repositories": ["https://github.com/acme/*"],
        });
        let text = projects(&data).text;
        assert!(
            text.contains("**site** https\\:\\/\\/x\\/y\\.git · 1 running"),
            "{text}"
        );
        assert!(text.contains("` https://github.com/acme/* `"), "{text}");
        let text = budget(&data).text;
        assert!(text.contains("**All projects** \\$0\\.01 today"), "{text}");
        assert!(
            text.contains("**site** \\$0\\.01 of \\$5\\.00 today"),
            "{text}"
        );
        assert!(projects(&json!({})).text.contains("No project"));
    }
}
