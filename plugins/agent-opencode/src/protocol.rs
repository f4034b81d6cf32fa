//! The events of `opencode run --format json`: steps with their parts. A tool
//! is told when it ended. There is no event of the end: it is that of the
//! program, judged by how the last step finished.

use agent_kit::{Ending, Json, Protocol, Session, UsageHint};

/// What is remembered between two lines.
#[derive(Default)]
pub struct Opencode {
    /// Why the last step finished; none while one is under way.
    reason: Option<String>,
    failed: bool,
}

impl Protocol for Opencode {
    fn read(&mut self, line: Json<'_>, session: &mut Session) {
        let kind = line.get("type").and_then(Json::text).unwrap_or_default();
        let part = line.get("part");
        match &*kind {
            "step_start" => {
                self.reason = None;
                session.turn();
            }
            "text" => {
                if let Some(text) = part.and_then(|part| part.get("text")?.text()) {
                    session.text(&text);
                }
            }
            "tool_use" => part.into_iter().for_each(|part| tool(part, session)),
            "step_finish" => {
                let reason = part.and_then(|part| part.get("reason")?.text());
                self.reason = Some(reason.unwrap_or_default().into_owned());
                // What failed before was tried again.
                self.failed = false;
                session.recovered();
                if let Some(part) = part {
                    session.usage(used(part));
                }
            }
            "error" => {
                self.failed = true;
                let error = line.get("error");
                let said = error
                    .and_then(|error| error.at(["data", "message"]))
                    .or_else(|| error?.get("message"))
                    .or_else(|| error?.get("name"))
                    .or(error);
                session.error(&said.map(Json::shown).unwrap_or_default());
            }
            _ => {}
        }
    }

    fn ending(&mut self, session: &mut Session) -> Option<Ending> {
        if self.failed {
            return Some(Ending::Failed);
        }
        match self.reason.as_deref()? {
            "stop" => Some(Ending::Completed),
            "length" => {
                session.error("the last answer was cut off at the model's limit");
                Some(Ending::Failed)
            }
            "tool-calls" | "tool_calls" => {
                session.error("the agent ended in the middle of a turn");
                Some(Ending::Failed)
            }
            reason => {
                session.error(&["the last answer ended with ", reason].concat());
                Some(Ending::Failed)
            }
        }
    }
}

fn tool(part: Json<'_>, session: &mut Session) {
    let text = |name: &str| part.get(name).and_then(Json::text).unwrap_or_default();
    session.tool(&text("callID"), &text("tool"), part.at(["state", "input"]));
    let status = part.at(["state", "status"]).and_then(Json::text);
    match status.as_deref() {
        Some("completed") => session.tool_ended(&text("callID"), true),
        Some("error") => session.tool_ended(&text("callID"), false),
        _ => {}
    }
}

fn used(part: Json<'_>) -> UsageHint {
    let count = |names: &[&str]| -> Option<u64> {
        let tokens = part.get("tokens");
        let found = names
            .iter()
            .try_fold(tokens?, |value, name| value.get(name));
        found.and_then(Json::count)
    };
    let of = |names: &[&str]| count(names).unwrap_or(0);
    UsageHint {
        input_tokens: of(&["input"]),
        cache_read_tokens: of(&["cache", "read"]),
        cache_write_tokens: of(&["cache", "write"]),
        output_tokens: of(&["output"]).saturating_add(of(&["reasoning"])),
        cost_micro_usd: part.get("cost").and_then(Json::micro_usd),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use agent_kit::testing::{endures, read_whole};
    use agent_kit::{Event, ToolEnd};

    const SAMPLE: &str = include_str!("../samples/opencode-1.18.33.jsonl");
    const SPENT: &str = include_str!("../samples/opencode-1.18.33-spent.jsonl");
    const READS: &str = include_str!("../samples/opencode-1.18.33-reads.jsonl");

    fn read(printed: &str) -> (Vec<Event>, Ending, String) {
        let (events, end) = read_whole::<Opencode>(printed.as_bytes());
        (events, end.ending, end.summary)
    }

    fn finish(reason: &str) -> String {
        format!("{{\"type\":\"step_finish\",\"part\":{{\"reason\":\"{reason}\"}}}}\n")
    }

    const BROKEN: &str = "{\"type\":\"error\",\"error\":{\"name\":\"APIError\",\"data\":{\"message\":\"402 spent\"}}}\n";

    #[test]
    fn a_recorded_session_is_understood() {
        let (events, ending, summary) = read(SAMPLE);
        assert_eq!(ending, Ending::Completed);
        assert_eq!(summary, "Fixed the typo in hello.py.");
        assert_eq!(
            events[..2],
            [Event::Turn(1), Event::Text("Working: read".into())]
        );
        let Event::ToolStart(tool) = &events[2] else {
            panic!("{events:#?}")
        };
        assert_eq!(
            (tool.name.as_str(), tool.path.as_deref()),
            ("read", Some("hello.py"))
        );
        assert_eq!(
            events[3],
            Event::ToolEnd(ToolEnd {
                id: "call_14".into(),
                ok: true
            })
        );
        let usage = UsageHint {
            input_tokens: 614,
            cache_read_tokens: 400,
            cache_write_tokens: 0,
            output_tokens: 34,
            cost_micro_usd: Some(1_768),
        };
        assert_eq!(events[4], Event::Usage(usage));
        assert_eq!(events.last(), Some(&Event::Done(Ending::Completed)));
    }

    #[test]
    fn the_last_step_decides() {
        assert_eq!(read(&finish("stop")).1, Ending::Completed);
        for reason in ["length", "tool-calls", "content-filter", ""] {
            let (_, ending, summary) = read(&finish(reason));
            assert_eq!(ending, Ending::Failed, "{reason}");
            assert!(!summary.is_empty());
        }
        let begun = [&finish("stop"), "{\"type\":\"step_start\"}\n"].concat();
        assert_eq!(read(&begun).1, Ending::Failed, "a step was under way");
    }

    #[test]
    fn a_tool_that_is_denied_is_told_as_one_that_failed() {
        let (events, ending, _) = read(READS);
        let failed = |event: &&Event| matches!(event, Event::ToolEnd(tool) if !tool.ok);
        assert_eq!(events.iter().filter(failed).count(), 1);
        assert_eq!(ending, Ending::Completed);
    }

    #[test]
    fn an_error_is_the_end_unless_a_step_follows() {
        assert_eq!(read(SPENT).1, Ending::Failed);
        assert_eq!(read(SPENT).2, "the budget of this mission is spent");
        let (_, ending, summary) = read(&[&finish("stop"), BROKEN].concat());
        assert_eq!((ending, summary.as_str()), (Ending::Failed, "402 spent"));
        assert_eq!(
            read(&[BROKEN, &finish("stop")].concat()).1,
            Ending::Completed
        );
        let bare = "{\"type\":\"error\",\"error\":\"it broke\"}\n";
        assert_eq!(read(bare).2, "it broke");
        assert_eq!(read("{\"type\":\"error\"}\n").1, Ending::Failed);
    }

    #[test]
    fn a_tool_that_failed_is_no_success() {
        let (events, _, _) = read(
            "{\"type\":\"tool_use\",\"part\":{\"callID\":\"c\",\"tool\":\"bash\",\"state\":\
             {\"status\":\"error\",\"input\":{\"command\":\"false\"}}}}\n",
        );
        assert_eq!(
            events[1],
            Event::ToolEnd(ToolEnd {
                id: "c".into(),
                ok: false
            })
        );
    }

    #[test]
    fn any_cut_and_any_rubbish_is_borne() {
        for sample in [SAMPLE, SPENT, READS] {
            endures::<Opencode>(sample);
        }
    }
}
