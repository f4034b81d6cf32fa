//! The plan of a planning agent: a list of steps read out of its own account.
//!
//! What an agent says is never believed. A plan is text that another agent is
//! shown inside a marked block; when none can be read, the task is the only
//! step and nothing is lost.

use serde_json::Value;

/// The most steps of a plan: more is a plan that nobody follows.
const MAX_STEPS: usize = 12;
/// The longest line of a step, in characters.
const MAX_CHARS: usize = 300;
/// The most files that a step names.
const MAX_FILES: usize = 10;
/// Where a list may begin is tried this often, from the end backwards.
const MAX_TRIES: usize = 64;

/// The steps, one numbered line each, with what they say in detail beneath;
/// none when no list of steps can be read out of `account`.
pub(crate) fn read(account: &str) -> Option<String> {
    // An agent that was asked for a list at the end may think aloud before it,
    // so the last one counts; a list inside of a step ends before the whole.
    let mut last: Option<(usize, String)> = None;
    for (at, _) in account.rmatch_indices('[').take(MAX_TRIES) {
        let mut values = serde_json::Deserializer::from_str(&account[at..]).into_iter::<Value>();
        let Some(Ok(Value::Array(list))) = values.next() else {
            continue;
        };
        let end = at + values.byte_offset();
        if last.as_ref().is_none_or(|(ended, _)| end > *ended)
            && let Some(steps) = shown(&list)
        {
            last = Some((end, steps));
        }
    }
    last.map(|(_, steps)| steps)
}

fn shown(list: &[Value]) -> Option<String> {
    let steps: Vec<String> = list.iter().take(MAX_STEPS).filter_map(step).collect();
    // Every entry must be a step: else it is a list of something else.
    if steps.is_empty() || steps.len() < list.len().min(MAX_STEPS) {
        return None;
    }
    let mut text = String::new();
    for (number, step) in (1_u32..).zip(steps) {
        text.push_str(&number.to_string());
        text.push_str(". ");
        text.push_str(&step);
        text.push('\n');
    }
    Some(text)
}

fn step(value: &Value) -> Option<String> {
    let fields = value.as_object()?;
    let text = |names: &[&str]| names.iter().find_map(|&name| fields.get(name)?.as_str());
    let mut step = line(text(&["title", "task", "step", "name"])?);
    if step.is_empty() {
        return None;
    }
    if let Some(detail) = text(&["detail", "description", "details"]) {
        step.push_str("\n   ");
        step.push_str(&line(detail));
    }
    let files = fields.get("files").and_then(Value::as_array);
    let files: Vec<String> = files
        .into_iter()
        .flatten()
        .filter_map(|file| file.as_str().map(line))
        .take(MAX_FILES)
        .collect();
    if !files.is_empty() {
        step.push_str("\n   files: ");
        step.push_str(&files.join(", "));
    }
    Some(step)
}

/// One line of bounded length without control characters.
fn line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words
        .join(" ")
        .chars()
        .filter(|c| !c.is_control())
        .take(MAX_CHARS)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_wherever_it_stands() {
        let list = r#"[{"title": "Find the bug", "files": ["a.rs", "b.rs"]},
            {"task": "Mend it", "detail": "in\n one place"}]"#;
        let read_as = "1. Find the bug\n   files: a.rs, b.rs\n2. Mend it\n   in one place\n";
        for account in [
            list.to_owned(),
            ["I looked at [a.rs].\n```json\n", list, "\n```\n"].concat(),
            [list, "\nThat is all [so far"].concat(),
        ] {
            assert_eq!(read(&account).as_deref(), Some(read_as), "{account}");
        }
    }

    #[test]
    fn the_last_plan_counts_and_a_list_inside_of_a_step_does_not() {
        let account = r#"First [{"title": "guess"}], but rather
            [{"title": "measure", "parts": [{"title": "inner"}]}] and that is it."#;
        assert_eq!(read(account).as_deref(), Some("1. measure\n"));
    }

    #[test]
    fn what_is_no_plan_is_none() {
        for account in [
            "",
            "I would mend it.",
            "[",
            "[1, 2]",
            r#"["a.rs"]"#,
            r#"[{"name": ""}]"#,
            r#"{"tasks": 3}"#,
            &"[".repeat(10_000),
        ] {
            assert_eq!(read(account), None, "{account:.60}");
        }
    }

    #[test]
    fn a_plan_stays_small() {
        let step = [r#"{"title": ""#, &"x".repeat(5_000), r#""},"#].concat();
        let list = ["[", step.repeat(40).trim_end_matches(','), "]"].concat();
        let plan = read(&list).unwrap();
        assert_eq!(plan.lines().count(), MAX_STEPS);
        assert!(plan.len() < 5_000);
    }
}
