//! The events of `codex exec --json`: a thread, its one turn, and the items of
//! it, which begin and are completed. Tokens are told when the turn ends.

use agent_kit::{Ending, Json, Protocol, Session, UsageHint};

/// The most items that are remembered to have begun.
const MAX_OPEN: usize = 64;

/// What is remembered between two lines.
#[derive(Default)]
pub struct Codex {
    /// The items that began and did not end.
    open: Vec<String>,
}

impl Protocol for Codex {
    fn read(&mut self, line: Json<'_>, session: &mut Session) {
        let kind = line.get("type").and_then(Json::text).unwrap_or_default();
        let item = line.get("item");
        match &*kind {
            "turn.started" => session.turn(),
            "item.started" => item
                .into_iter()
                .for_each(|item| self.started(item, session)),
            "item.completed" => item
                .into_iter()
                .for_each(|item| self.completed(item, session)),
            "turn.completed" => {
                if let Some(usage) = line.get("usage") {
                    session.usage(used(usage));
                }
                session.done(Ending::Completed);
            }
            "turn.failed" => {
                let error = line.at(["error", "message"]).and_then(Json::text);
                session.error(&error.unwrap_or_default());
                session.done(Ending::Failed);
            }
            "error" => {
                let error = line.get("message").and_then(Json::text);
                session.error(&error.unwrap_or_default());
            }
            _ => {}
        }
    }
}

/// Codex counts what came from the cache as input too.
fn used(usage: Json<'_>) -> UsageHint {
    let count = |name| usage.get(name).and_then(Json::count).unwrap_or(0);
    let (read, written) = (
        count("cached_input_tokens"),
        count("cache_write_input_tokens"),
    );
    UsageHint {
        input_tokens: count("input_tokens")
            .saturating_sub(read)
            .saturating_sub(written),
        cache_read_tokens: read,
        cache_write_tokens: written,
        output_tokens: count("output_tokens"),
        cost_micro_usd: None,
    }
}

impl Codex {
    fn started(&mut self, item: Json<'_>, session: &mut Session) {
        let text = |name: &str| item.get(name).and_then(Json::text).unwrap_or_default();
        let id = text("id");
        let (name, given, path) = match &*text("type") {
            "command_execution" => ("shell".into(), item.get("command"), None),
            "file_change" => ("edit".into(), item.get("changes"), only_path(item)),
            "mcp_tool_call" => (text("tool"), item.get("arguments"), None),
            "web_search" => ("web_search".into(), item.get("query"), None),
            _ => return,
        };
        session.tool_about(&id, &name, given, path);
        if self.open.len() < MAX_OPEN {
            self.open.push(id.into_owned());
        }
    }

    fn completed(&mut self, item: Json<'_>, session: &mut Session) {
        let text = |name: &str| item.get(name).and_then(Json::text).unwrap_or_default();
        match &*text("type") {
            "agent_message" => session.text(&text("text")),
            // What it warns of, such as a model that it does not know.
            "error" => session.other(item),
            "command_execution" | "file_change" | "mcp_tool_call" | "web_search" => {
                let id = text("id");
                // Short ones may be told only when they ended.
                match self.open.iter().position(|open| *open == id) {
                    Some(at) => drop(self.open.swap_remove(at)),
                    None => {
                        let before = self.open.len();
                        self.started(item, session);
                        self.open.truncate(before);
                    }
                }
                let exit = item.get("exit_code").map(|code| code.raw());
                let ok = matches!(exit, None | Some("0" | "null"))
                    && !matches!(&*text("status"), "failed" | "declined");
                session.tool_ended(&id, ok);
            }
            _ => {}
        }
    }
}

/// The file of a change, when it is one.
fn only_path(item: Json<'_>) -> Option<String> {
    let mut changes = item.get("changes")?.items();
    let path = changes.next()?.get("path")?.text()?.into_owned();
    changes.next().is_none().then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use agent_kit::testing::{endures, read_whole};
    use agent_kit::{Event, ToolEnd};

    const SAMPLE: &str = include_str!("../samples/codex-0.169.0.jsonl");
    const SPENT: &str = include_str!("../samples/codex-0.169.0-spent.jsonl");

    fn events_of(printed: &str) -> (Vec<Event>, Ending, String) {
        let (events, end) = read_whole::<Codex>(printed.as_bytes());
        (events, end.ending, end.summary)
    }

    #[test]
    fn a_recorded_session_is_understood() {
        let (events, ending, summary) = events_of(SAMPLE);
        assert_eq!(ending, Ending::Completed);
        assert_eq!(summary, "Fixed the typo in hello.py.");
        let Event::Other(warning) = &events[0] else {
            panic!("{events:#?}")
        };
        assert!(warning.contains("Model metadata"), "{warning}");
        assert_eq!(events[1], Event::Turn(1));
        let Event::ToolStart(shell) = &events[2] else {
            panic!("{events:#?}")
        };
        assert_eq!(
            (shell.name.as_str(), shell.summary.as_str()),
            ("shell", "/bin/bash -lc 'cat hello.py'")
        );
        assert_eq!(
            events[3],
            Event::ToolEnd(ToolEnd {
                id: "item_1".into(),
                ok: true
            })
        );
        let Event::ToolStart(edit) = &events[4] else {
            panic!("{events:#?}")
        };
        assert_eq!(edit.path.as_deref(), Some("/workspace/hello.py"));
        let usage = UsageHint {
            input_tokens: 1_833,
            cache_read_tokens: 1_200,
            cache_write_tokens: 0,
            output_tokens: 93,
            cost_micro_usd: None,
        };
        assert_eq!(
            events[6..],
            [
                Event::Text("Fixed the typo in hello.py.".into()),
                Event::Usage(usage),
                Event::Done(Ending::Completed)
            ]
        );
    }

    #[test]
    fn a_turn_that_failed_says_why() {
        let (_, ending, summary) = events_of(SPENT);
        assert_eq!(ending, Ending::Failed);
        assert!(
            summary.contains("402 Payment Required: the budget of this mission is spent"),
            "{summary}"
        );
        let (events, ending, summary) = events_of(
            "{\"type\":\"turn.started\"}\n\
             {\"type\":\"error\",\"message\":\"Reconnecting... 1/5\"}\n\
             {\"type\":\"turn.failed\",\"error\":{\"message\":\"unexpected status 402\"}}\n",
        );
        assert_eq!(
            (ending, summary.as_str()),
            (Ending::Failed, "unexpected status 402")
        );
        assert_eq!(events.len(), 4, "{events:#?}");
    }

    #[test]
    fn a_command_that_failed_is_no_success_and_is_told_once() {
        let item = r#"{"id":"i1","type":"command_execution","command":"false","exit_code":1,"status":"failed"}"#;
        let completed = format!("{{\"type\":\"item.completed\",\"item\":{item}}}\n");
        let (events, ending, _) = events_of(&completed);
        assert!(matches!(&events[0], Event::ToolStart(tool) if tool.summary == "false"));
        assert_eq!(
            events[1],
            Event::ToolEnd(ToolEnd {
                id: "i1".into(),
                ok: false
            })
        );
        assert_eq!(ending, Ending::Failed, "it never said that it was done");
        let started = format!(
            "{{\"type\":\"item.started\",\"item\":{}}}\n",
            item.replace("\"exit_code\":1", "\"exit_code\":null")
                .replace("failed", "in_progress")
        );
        let (again, _, _) = events_of(&[started, completed].concat());
        assert_eq!(again[..2], events[..2]);
    }

    #[test]
    fn a_change_of_several_files_is_about_none() {
        let (events, _, _) = events_of(
            "{\"type\":\"item.started\",\"item\":{\"id\":\"i\",\"type\":\"file_change\",\
             \"changes\":[{\"path\":\"a\"},{\"path\":\"b\"}]}}\n",
        );
        assert!(matches!(&events[0], Event::ToolStart(tool) if tool.path.is_none()));
    }

    #[test]
    fn any_cut_and_any_rubbish_is_borne() {
        endures::<Codex>(SAMPLE);
        endures::<Codex>(SPENT);
    }
}
