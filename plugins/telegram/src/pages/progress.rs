//! The one message that shows how a job stands, and changes as it does.

use serde_json::Value;

use super::{count, facts, text};
use crate::bindings::sortie::host::job_types::View;
use crate::{cut, md};

/// The longest title in a line, in characters.
const TITLE_CHARS: usize = 80;

/// What is said when a job was taken.
pub(crate) fn queued(job: u64) -> String {
    md::escape(&format!("#{job} is queued."))
}

/// What is said when a job continues another. That one is as it was when it was
/// looked at.
pub(crate) fn continued(job: u64, before: &View) -> String {
    let text = match (before.is_final, before.state.as_str()) {
        (true, _) => format!("#{job} continues #{} and is queued.", before.id),
        (false, "needs_review" | "awaiting_approval") => format!(
            "#{job} continues #{0} and is queued behind it: #{0} waits for an answer first.",
            before.id
        ),
        (false, state) => format!(
            "#{job} continues #{0} and is queued behind it: #{0} is {1}.",
            before.id,
            super::state(state)
        ),
    };
    md::escape(&text)
}

/// What a job's event makes of its message; none when it changes nothing that
/// is shown there.
pub(crate) fn line(kind: &str, data: &Value, job: &View) -> Option<String> {
    Some(match kind {
        "job.queued" => waiting(data, job),
        "job.running" => headed(job, "running"),
        "job.needs_review" | "job.awaiting_approval" => headed(job, "waits for an answer"),
        "job.approved" => match super::who(data) {
            "" => headed(job, "approved"),
            by => headed(job, &format!("approved by {by}")),
        },
        "step.started" => match text(data, "step") {
            "" => return None,
            step => headed(job, step),
        },
        "agent.progress" => headed(job, &at_work(data)),
        "job.succeeded" | "job.failed" | "job.halted" | "job.rejected" | "job.cancelled" => {
            let state = super::state(kind.strip_prefix("job.").unwrap_or(kind));
            headed(job, &facts([state, spent(&data["usage"])]))
        }
        // A kind of tomorrow; how the job stands is known all the same.
        _ if kind.starts_with("job.") => headed(job, &super::state(&job.state)),
        _ => return None,
    })
}

/// Money and time, such as `$0.05 · 3 min`.
pub(crate) fn spent(usage: &Value) -> String {
    let time = usage["time_ms"].as_u64().map(cut::time);
    let money = usage["cost_micro_usd"].as_u64().map(cut::money);
    facts([money.unwrap_or_default(), time.unwrap_or_default()])
}

/// What a job's message says beside its number and its title; nothing when that
/// is its state alone.
pub(crate) fn facts_in(shown: &str, job: &View) -> String {
    let (first, _) = shown.split_once(md::BREAK).unwrap_or((shown, ""));
    let facts = first.strip_prefix(head(job).as_str()).unwrap_or_default();
    match facts == md::line(&super::state(&job.state)) {
        true => String::new(),
        false => facts.to_owned(),
    }
}

fn head(job: &View) -> String {
    format!("{} · ", md::bold(&format!("#{}", job.id)))
}

fn headed(job: &View, rest: &str) -> String {
    let title = md::line(&cut::short(&job.title, TITLE_CHARS));
    let first = format!("{}{}", head(job), md::line(rest));
    match title.is_empty() {
        true => first,
        false => format!("{first}{}{title}", md::BREAK),
    }
}

fn waiting(data: &Value, job: &View) -> String {
    let mut words = match data["behind"].as_u64() {
        Some(behind) => format!("queued behind #{behind}"),
        None => "queued".to_owned(),
    };
    if data["paused"] == true {
        words.push_str("; the intake is paused: sortie intake resume");
    }
    headed(job, &words)
}

fn at_work(data: &Value) -> String {
    let what = match text(data, "tool") {
        "" => text(data, "step"),
        tool => tool,
    };
    facts([
        match count(data, "iteration") {
            0 => String::new(),
            iteration => format!("iter {iteration}"),
        },
        cut::short(what, TITLE_CHARS),
        data["cost_micro_usd"]
            .as_u64()
            .map(cut::money)
            .unwrap_or_default(),
        data["elapsed_ms"]
            .as_u64()
            .map(cut::time)
            .unwrap_or_default(),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::job;
    use serde_json::json;

    fn shown(kind: &str, data: Value) -> String {
        line(kind, &data, &job(42, "running")).expect("it is shown")
    }

    #[test]
    fn work_is_told_in_one_line() {
        let data = json!({ "step": "agent", "iteration": 7, "tool": "write", "cost_micro_usd": 8_000, "elapsed_ms": 200_000 });
        let text = shown("agent.progress", data);
        assert_eq!(
            text,
            "**\\#42** · iter 7 · write · \\$0\\.008 · 3 min\\\nFix it"
        );
        assert_eq!(
            shown("agent.progress", json!({ "step": "agent" })),
            "**\\#42** · agent\\\nFix it"
        );
        assert_eq!(line("step.finished", &json!({}), &job(42, "running")), None);
    }

    #[test]
    fn waits_are_told_with_their_reason() {
        assert!(shown("job.queued", json!({ "behind": 41 })).contains("queued behind \\#41"));
        assert!(shown("job.queued", json!({ "paused": true })).contains("intake is paused"));
        let asking = job(41, "needs_review");
        assert!(continued(42, &asking).contains("waits for an answer first"));
        assert!(continued(42, &job(41, "succeeded")).ends_with("and is queued\\."));
    }

    #[test]
    fn an_end_names_what_it_cost() {
        let data = json!({ "usage": { "cost_micro_usd": 50_000, "time_ms": 60_000 } });
        assert!(shown("job.succeeded", data).contains("succeeded · \\$0\\.05 · 1 min"));
        assert!(shown("job.invented", json!([])).contains("· running"));
    }
}
