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
        "egress.refused" => format!(
            "egress refused: {}, {}",
            title(text("target")?),
            text("reason").unwrap_or("no rule").replace('-', " ")
        ),
        "egress.allowed" | "egress.denied" => format!(
            "{} for the {}: {}",
            event.kind.replace('.', " "),
            text("scope")?,
            title(text("host")?)
        ),
        "approval.reminder" => format!("still asked: {}", title(text("question")?)),
        "host.alarm" => format!(
            "{} jobs halted within an hour",
            event.data.get("halts").and_then(Value::as_u64)?
        ),
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

/// How a step ended: `: exit 1`, `: 2 block`, `: approved`. Nothing when the
/// outcome says nothing beyond that it is over, or is of a kind unknown here.
fn outcome(data: &Value) -> String {
    let told = match data.get("outcome").and_then(Value::as_object) {
        None => None,
        Some(fields) => fields.iter().next().and_then(|(kind, value)| {
            let number = |key: &str| value.get(key).and_then(Value::as_u64).unwrap_or(0);
            match kind.as_str() {
                "agent" | "exec" => exit(value.get("exit")?),
                "scan" => {
                    let counts: Vec<String> = ["block", "warn", "info"]
                        .into_iter()
                        .map(|severity| (number(severity), severity))
                        .filter(|(count, _)| *count > 0)
                        .map(|(count, severity)| format!("{count} {severity}"))
                        .collect();
                    Some(if counts.is_empty() {
                        "no findings".to_owned()
                    } else {
                        counts.join(", ")
                    })
                }
                "publish" => value.get("branch")?.as_str().map(str::to_owned),
                "approval" | "failed" => value.as_str().map(title),
                _ => None,
            }
        }),
    };
    told.map(|told| format!(": {told}")).unwrap_or_default()
}

fn exit(exit: &Value) -> Option<String> {
    if let Some(word) = exit.as_str() {
        return Some(word.replace('-', " "));
    }
    let (kind, value) = exit.as_object()?.iter().next()?;
    Some(match kind.as_str() {
        "code" => format!("exit {value}"),
        "signal" => format!("signal {value}"),
        _ => format!("{}: {}", kind.replace('-', " "), title(value.as_str()?)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn line(kind: &str, data: Value) -> Option<String> {
        event(&EventView {
            seq: 1,
            job: Some(1),
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
                json!({"step": "verify-1", "outcome": {"exec": {"exit": {"code": 1}, "tail": ""}}})
            ),
            "  03:04:05  step verify-1 is over: exit 1"
        );
        assert_eq!(
            shown(
                "step.finished",
                json!({"step": "scan", "outcome": {"scan": {"info": 0, "warn": 1, "block": 2}}})
            ),
            "  03:04:05  step scan is over: 2 block, 1 warn"
        );
        assert_eq!(
            shown("step.finished", json!({"step": "wait", "outcome": "done"})),
            "  03:04:05  step wait is over"
        );
        assert_eq!(
            shown("agent.progress", json!({"text": "\u{1b}[31mred"})),
            "  03:04:05  agent progress: \u{fffd}[31mred"
        );
        assert_eq!(
            shown(
                "egress.refused",
                json!({"target": "a.example:443", "reason": "not-listed"})
            ),
            "  03:04:05  egress refused: a.example:443, not listed"
        );
        assert_eq!(
            shown(
                "egress.denied",
                json!({"host": "a.example", "scope": "job"})
            ),
            "  03:04:05  egress denied for the job: a.example"
        );
        assert_eq!(line("run.leased", json!({})), None);
    }
}
