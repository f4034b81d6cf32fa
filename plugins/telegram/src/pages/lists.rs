//! Pages of several things: jobs, projects, what happened, and the help.

use serde_json::Value;

use super::{Page, count, facts, list, some, text};
use crate::bindings::sortie::host::chat::Message;
use crate::bindings::sortie::host::job_types::View;
use crate::command::COMMANDS;
use crate::memory::Note;
use crate::pages::{progress, result};
use crate::{cut, md, words};

/// The longest title of a line, in characters.
const TITLE_CHARS: usize = 60;

/// The most lines of one kind: with titles of that length they fit a page.
const LINES: usize = 15;

/// Up to how many the host counts a project's waiting jobs.
const COUNTED: u64 = 1_000;

/// The most jobs that a report names, which nobody asked for one by one.
const REPORTED: usize = 10;

/// The most of a reason.
const DETAIL_UNITS: usize = 1_500;

/// What there is to say to the bot. Of roles it is only told who is owner.
pub(crate) fn help(is_owner: bool) -> Message {
    let mut page = Page::default();
    page.lines(COMMANDS.map(|(name, rest, what)| {
        let usage = format!("/{name} {rest}");
        format!("{}: {}", md::line(&usage), md::line(what))
    }));
    page.lines([
        md::line("Reply to a message about a job to say what comes next."),
        md::line("In full: /task shop --budget=deep --base=main WHAT TO DO. Settings are --base=, --agent=, --workflow=, --budget= and --project=; they stand before what to do. owner/repo may stand in the project's place."),
        match is_owner {
            true => String::new(),
            false => md::line("What of this you may do is up to your role, which an owner gives."),
        },
    ]);
    page.message(Vec::new(), None)
}

/// How one job stands: what its own message shows, and what its question or its
/// end told.
pub(crate) fn job(job: &View, note: Option<&Note>) -> Message {
    let mut page = Page::default();
    let kept = note.map_or("", |note| note.kept.as_str());
    let branch = match &job.branch {
        Some(branch) if kept.is_empty() => format!("Branch {}", md::code(branch)),
        _ => String::new(),
    };
    let asks = match note.is_some_and(|note| note.question.is_some()) && !job.is_final {
        true => md::line("It asks: the answers are below its question."),
        false => String::new(),
    };
    let by = match job.requested_by.as_str() {
        "" => String::new(),
        by => md::line(&format!("asked for by {by}")),
    };
    let now = match job.is_final {
        true => String::new(),
        false => note.map_or(String::new(), |note| progress::facts_in(&note.shown, job)),
    };
    page.lines([line(job), now, branch, by]);
    let detail = job.detail.as_deref().unwrap_or_default();
    let detail = match kept.is_empty() {
        true => detail,
        false => result::said(detail),
    };
    page.text(&words::detail(detail), DETAIL_UNITS);
    page.lines([asks, kept.to_owned()]);
    page.message(Vec::new(), None)
}

/// What runs and what waits.
pub(crate) fn open(jobs: &[View]) -> Message {
    match jobs {
        [] => super::plain(
            "Nothing runs and nothing waits. /list shows what ended.",
            None,
        ),
        jobs => listed(jobs),
    }
}

/// Several jobs.
pub(crate) fn jobs(jobs: &[View]) -> Message {
    match jobs {
        [] => super::plain("There are no such jobs.", None),
        jobs => listed(jobs),
    }
}

fn listed(jobs: &[View]) -> Message {
    let mut page = Page::default();
    let lines = jobs.iter().take(LINES).map(line);
    page.lines(lines.chain([more(jobs.len(), LINES, 0)]));
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
            some(count(tasks, "total"), "job", "jobs"),
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
    let jobs = list(stats, "jobs").take(REPORTED).map(told);
    let listed = list(stats, "jobs").count();
    page.lines(jobs.chain([more(listed, REPORTED, count(stats, "more"))]));
    let waiting = list(stats, "waiting").take(LINES).map(waits);
    // The host cuts both lists; how many wait it says with the queue alone.
    let listed = list(stats, "waiting").count();
    let left_out = count(queue, "waiting").saturating_sub(listed as u64);
    page.lines(waiting.chain([more(listed, LINES, left_out)]));
    page.message(Vec::new(), None)
}

fn told(job: &Value) -> String {
    let head = md::bold(&format!("#{}", count(job, "job")));
    let rest = facts([
        text(job, "project").to_owned(),
        super::state(text(job, "state")),
        match count(job, "cost_micro_usd") {
            0 => String::new(),
            cost => cut::money(cost),
        },
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

fn queued(jobs: u64) -> String {
    match jobs {
        COUNTED.. => format!("{COUNTED} or more queued"),
        few => some(few, "queued", "queued"),
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
            queued(count(project, "queued")),
        ]);
        format!("{head} {}", md::line(&rest))
    }));
    page.lines([more(list(data, "projects").count(), LINES, 0)]);
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
    page.lines([more(list(data, "projects").count(), LINES, 0)]);
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
fn more(listed: usize, shown: usize, left_out: u64) -> String {
    let hidden = listed.saturating_sub(shown) as u64;
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
        let message = help(true);
        for (name, ..) in COMMANDS {
            assert!(message.text.contains(&format!("\\/{name}")), "{name}");
        }
        assert!(!message.text.contains("role") && help(false).text.contains("role"));
    }

    #[test]
    fn a_job_is_shown_with_what_its_messages_told() {
        let place = crate::bindings::sortie::host::chat::Place {
            source: "telegram".into(),
            chat: "7".into(),
            thread: None,
        };
        let mut note = Note::new(place, 5);
        note.shown = "**\\#42** · iter 7 · write · 3 min\\\nFix it".into();
        let running = crate::fake::job(42, "running");
        let text = job(&running, Some(&note)).text;
        let head = "**\\#42** site · running · Fix it\\\n";
        assert_eq!(
            text,
            format!("{head}iter 7 · write · 3 min\\\nasked for by Ana")
        );
        note.kept = "Branch ` sortie/42 ` at ` 0123456789ab `".into();
        let done = View {
            branch: Some("sortie/42".into()),
            detail: Some("pushed 0123456789ab to sortie/42\nIt is mended.".into()),
            ..crate::fake::job(42, "succeeded")
        };
        let text = job(&done, Some(&note)).text;
        assert!(text.ends_with("It is mended\\.\n\nBranch ` sortie/42 ` at ` 0123456789ab `"));
        assert_eq!(text.matches("sortie/42").count(), 1, "{text}");
        let text = job(&done, None).text;
        assert!(
            text.contains("Branch ` sortie/42 `") && text.contains("pushed"),
            "{text}"
        );
    }

    #[test]
    fn what_cost_nothing_has_no_price() {
        let data = json!({ "jobs": [{ "job": 7, "project": "site", "state": "halted", "title": "Fix it", "cost_micro_usd": 0 }] });
        let text = stats("Today", &data).text;
        assert!(text.ends_with("**\\#7** site · halted · Fix it"), "{text}");
    }

    #[test]
    fn jobs_are_listed_or_there_are_none() {
        assert!(jobs(&[]).text.contains("no such jobs"));
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
            "5 jobs · 4 succeeded · 1 failed",
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
        assert_eq!(queued(999), "999 queued");
        assert_eq!(queued(1_000), "1000 or more queued");
        let text = budget(&data).text;
        assert!(text.contains("**All projects** \\$0\\.01 today"), "{text}");
        assert!(
            text.contains("**site** \\$0\\.01 of \\$5\\.00 today"),
            "{text}"
        );
        assert!(projects(&json!({})).text.contains("No project"));
    }
}
