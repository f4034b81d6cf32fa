//! The timeline, one line per event.

use super::{plain, title};
use serde_json::Value;
use sortie_api::view::EventView;

/// Keys of an event's data that say most to people, best first.
const TELLING: [&str; 8] = [
    "message", "warning", "text", "detail", "reason", "error", "question", "summary",
];

/// The event as a line; none for those that say nothing to people.
pub fn event(event: &EventView) -> Option<String> {
    // The date is today's for whoever watches.
    let time = event.at.get(11..19).unwrap_or(&event.at);
    let text = |key: &str| event.data.get(key).and_then(Value::as_str);
    let what = match event.kind.as_str() {
        "step.started" => format!("step {} begins", text("step")?),
        "step.finished" => format!("step {} is over{}", text("step")?, outcome(&event.data)),
        "run.leased" | "run.executing" | "run.parked" | "run.finished" => return None,
        kind => {
            let name = match kind.split_once('.') {
                Some(("job", state)) => state.replace('_', " "),
                Some(("run", phase)) => phase.to_owned(),
                Some((who, what)) => format!("{who} {}", what.replace('-', " ")),
                None => kind.to_owned(),
            };
            match TELLING.into_iter().find_map(text) {
                Some(told) => format!("{name}: {}", title(told)),
                None => name,
            }
        }
    };
    Some(format!("  {time}  {}", plain(&what)))
}

/// How a step ended, as far as its outcome says so in a word.
fn outcome(data: &Value) -> String {
    let Some(outcome) = data.get("outcome") else {
        return String::new();
    };
    let word = match outcome {
        Value::String(word) => Some(word.as_str()),
        Value::Object(fields) => ["outcome", "kind", "state", "type"]
            .into_iter()
            .find_map(|key| fields.get(key))
            .and_then(Value::as_str)
            // An enum with data is an object with the variant as its one key.
            .or_else(|| match fields.len() {
                1 => fields.keys().next().map(String::as_str),
                _ => None,
            }),
        _ => None,
    };
    word.map(|word| format!(": {word}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn line(kind: &str, data: Value) -> Option<String> {
        event(&EventView {
            seq: 1,
            job: 1,
            kind: kind.into(),
            data,
            at: "2026-01-02T03:04:05.678Z".into(),
        })
    }

    #[test]
    fn events_read_as_sentences() {
        let shown = |kind, data| line(kind, data).expect("shown");
        assert_eq!(
            shown("job.needs_review", json!({})),
            "  03:04:05  needs review"
        );
        assert_eq!(
            shown(
                "job.halted",
                json!({"reason": "no-changes", "detail": "nothing\nmore"})
            ),
            "  03:04:05  halted: nothing"
        );
        assert_eq!(
            shown(
                "step.finished",
                json!({"step": "verify-1", "outcome": {"exited": 0}})
            ),
            "  03:04:05  step verify-1 is over: exited"
        );
        assert_eq!(
            shown("agent.progress", json!({"text": "\u{1b}[31mred"})),
            "  03:04:05  agent progress: \u{fffd}[31mred"
        );
        assert_eq!(line("run.leased", json!({})), None);
    }
}
