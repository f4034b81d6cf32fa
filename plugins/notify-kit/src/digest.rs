//! What a day came to: how many tasks, what they cost, what waits, and a line for
//! each of the newest. Bounded, so that a service's longest message holds it.

use serde_json::Value;

use crate::cut;

/// The tasks that ended, and the questions, that are listed; the others are
/// counted. With lines of [`LINE_CHARS`] they are some 1,200 of the 2,000
/// characters that Discord takes, of which each mark that it would read as markup
/// costs two.
const TASKS: usize = 10;
const QUESTIONS: usize = 5;

/// The characters of a line that are shown.
const LINE_CHARS: usize = 80;

/// The ways a task ends, as the host counts them.
const ENDS: [&str; 5] = ["succeeded", "failed", "halted", "cancelled", "rejected"];

/// The lines of a digest. What waits for somebody comes before what is over.
pub(crate) fn lines(data: &Value) -> Vec<String> {
    let hours = data["hours"].as_u64().unwrap_or(24);
    let tasks = &data["tasks"];
    let total = count(tasks, "total");
    let mut counts = vec![match total {
        1 => "1 task".to_owned(),
        total => format!("{total} tasks"),
    }];
    counts.extend(ENDS.iter().filter_map(|end| match count(tasks, end) {
        0 => None,
        times => Some(format!("{times} {end}")),
    }));
    let mut lines = vec![format!("The last {hours} hours: {}", counts.join(", "))];
    lines.extend(spent(data));
    let waiting = count(&data["queue"], "waiting");
    lines.extend(listed(&data["waiting"], QUESTIONS, question, waiting));
    lines.extend(listed(&data["jobs"], TASKS, task, total));
    lines
}

/// What models cost, and for how many tokens; none when no model was asked.
fn spent(data: &Value) -> Option<String> {
    let cost = data["cost_micro_usd"].as_u64()?;
    let tokens = &data["tokens"];
    let tokens = count(tokens, "input").saturating_add(count(tokens, "output"));
    if cost == 0 && tokens == 0 {
        return None;
    }
    let cost = dollars(cost);
    Some(match tokens {
        0 => format!("Models cost {cost}"),
        1 => format!("Models cost {cost} for 1 token"),
        tokens => format!("Models cost {cost} for {tokens} tokens"),
    })
}

/// The first elements of a list, a line each, and how many more there are. In all
/// there are `total`: the host cuts its lists.
fn listed(list: &Value, most: usize, line: fn(&Value) -> String, total: u64) -> Vec<String> {
    let all = list.as_array().map_or(&[][..], Vec::as_slice);
    let shown = all.iter().take(most).map(line);
    let mut lines: Vec<String> = shown.map(|line| cut(&line, LINE_CHARS)).collect();
    let more = total
        .max(all.len() as u64)
        .saturating_sub(lines.len() as u64);
    // Where nothing is listed the counts say all there is.
    if more > 0 && !lines.is_empty() {
        lines.push(format!("and {more} more"));
    }
    lines
}

fn question(question: &Value) -> String {
    let asked = first_line(question, "question");
    format!("#{} waits: {asked}", count(question, "job"))
}

fn task(task: &Value) -> String {
    let word = |key: &str| task[key].as_str().unwrap_or_default();
    let cost = match count(task, "cost_micro_usd") {
        0 => String::new(),
        cost => format!(", {}", dollars(cost)),
    };
    format!(
        "#{} {} ({}){cost}: {}",
        count(task, "job"),
        word("state"),
        word("project"),
        first_line(task, "title")
    )
}

fn first_line<'a>(data: &'a Value, key: &str) -> &'a str {
    let text = data[key].as_str().unwrap_or_default();
    text.trim().lines().next().unwrap_or_default()
}

fn count(data: &Value, key: &str) -> u64 {
    data[key].as_u64().unwrap_or(0)
}

fn dollars(micro_usd: u64) -> String {
    let cents = micro_usd.saturating_add(5_000) / 10_000;
    format!("${}.{:02}", cents / 100, cents % 100)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn tasks(number: usize, title: &str) -> Vec<Value> {
        let task = |n| json!({ "job": n, "project": "site", "state": "halted", "title": title, "cost_micro_usd": 20_000 });
        (1..=number).map(task).collect()
    }

    #[test]
    fn a_day_is_told_in_full() {
        let data = json!({
            "hours": 24,
            "tasks": { "total": 2, "succeeded": 0, "cancelled": 1, "rejected": 1 },
            "tokens": { "input": 1_000, "output": 234 }, "cost_micro_usd": 1_500_000,
            "queue": { "waiting": 1 },
            "waiting": [{ "job": 42, "approval": 9, "about": "review", "question": "Publish it?\nReally?" }],
            "jobs": [
                { "job": 8, "project": "site", "state": "rejected", "title": "Fix it", "cost_micro_usd": 20_000 },
                { "job": 7, "project": "shop", "state": "cancelled", "title": "Break it" },
            ],
        });
        assert_eq!(
            lines(&data),
            [
                "The last 24 hours: 2 tasks, 1 cancelled, 1 rejected",
                "Models cost $1.50 for 1234 tokens",
                "#42 waits: Publish it?",
                "#8 rejected (site), $0.02: Fix it",
                "#7 cancelled (shop): Break it",
            ]
        );
        let free = json!({ "tasks": { "total": 1 }, "cost_micro_usd": 0 });
        assert_eq!(lines(&free), ["The last 24 hours: 1 task"]);
        assert_eq!(lines(&json!({})), ["The last 24 hours: 0 tasks"]);
    }

    #[test]
    fn what_is_not_listed_is_counted() {
        let question = json!({ "job": 42, "question": "Publish it?" });
        let data = json!({
            "tasks": { "total": 23 }, "jobs": tasks(20, "Fix it"),
            "queue": { "waiting": 60 }, "waiting": vec![question; 50],
        });
        let lines = lines(&data);
        assert_eq!(lines.len(), 1 + QUESTIONS + 1 + TASKS + 1);
        assert_eq!(lines[1 + QUESTIONS], "and 55 more");
        assert_eq!(lines.last().map(String::as_str), Some("and 13 more"));
        let bare = json!({ "tasks": { "total": 23 }, "queue": { "waiting": 60 } });
        assert_eq!(super::lines(&bare), ["The last 24 hours: 23 tasks"]);
    }

    #[test]
    fn the_longest_day_fits_a_message() {
        let long = "é".repeat(10_000);
        let question = json!({ "job": u64::MAX, "question": long });
        let data = json!({
            "hours": u64::MAX, "tasks": { "total": u64::MAX }, "cost_micro_usd": u64::MAX,
            "tokens": { "input": u64::MAX, "output": u64::MAX },
            "jobs": tasks(50, &long), "waiting": vec![question; 50],
        });
        let text = lines(&data).join("\n");
        assert!(text.chars().count() < 1_800, "{}", text.chars().count());
        assert!(text.ends_with("more"), "{text}");
    }
}
