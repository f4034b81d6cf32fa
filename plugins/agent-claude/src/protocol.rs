//! The events of `claude -p --output-format stream-json`: messages of both
//! sides, then one `result`.
//!
//! A message of several parts is told in several lines with the same id and the
//! tokens of its beginning, so tokens are read from the result alone. Its
//! `subtype` is `success` also when nothing worked: `is_error` decides. Claude
//! has been seen to hang after it, which the host ends.

use agent_kit::{Ending, Json, Protocol, Session, UsageHint};

/// What is remembered between two lines.
#[derive(Default)]
pub struct Claude {
    /// The id of the last message of the model's.
    message: String,
}

impl Protocol for Claude {
    fn read(&mut self, line: Json<'_>, session: &mut Session) {
        let text = |name: &str| line.get(name).and_then(Json::text).unwrap_or_default();
        let content = line.at(["message", "content"]);
        match &*text("type") {
            "assistant" => {
                self.count(line, session);
                for part in content.into_iter().flat_map(Json::items) {
                    said(part, session);
                }
            }
            "user" => content
                .into_iter()
                .flat_map(Json::items)
                .for_each(|part| answered(part, session)),
            "system" => match &*text("subtype") {
                "api_retry" => {
                    let status = line.get("error_status").map_or("", |status| status.raw());
                    session.error(format!("{} {status}", text("error")).trim());
                }
                "compact_boundary" => session.other(line),
                _ => {}
            },
            "result" => result(line, session),
            _ => {}
        }
    }
}

impl Claude {
    /// A new message of the main conversation is a turn.
    fn count(&mut self, line: Json<'_>, session: &mut Session) {
        let of_helper = line
            .get("parent_tool_use_id")
            .is_some_and(|id| id.text().is_some());
        let id = line
            .at(["message", "id"])
            .and_then(Json::text)
            .unwrap_or_default();
        if !of_helper && (id.is_empty() || id != self.message) {
            self.message = id.into_owned();
            session.turn();
        }
    }
}

/// A part of a message of the model's.
fn said(part: Json<'_>, session: &mut Session) {
    let text = |name: &str| part.get(name).and_then(Json::text).unwrap_or_default();
    match &*text("type") {
        "text" => session.text(&text("text")),
        "tool_use" => session.tool(&text("id"), &text("name"), part.get("input")),
        _ => {}
    }
}

/// A part of what was answered to the model.
fn answered(part: Json<'_>, session: &mut Session) {
    if part.get("type").is_some_and(|kind| kind.is("tool_result")) {
        let id = part
            .get("tool_use_id")
            .and_then(Json::text)
            .unwrap_or_default();
        let failed = part.get("is_error").and_then(Json::truth).unwrap_or(false);
        session.tool_ended(&id, !failed);
    }
}

fn result(line: Json<'_>, session: &mut Session) {
    if session.ending().is_some() {
        return;
    }
    session.usage(used(line));
    let said = line.get("result").and_then(Json::text).unwrap_or_default();
    let subtype = line.get("subtype").and_then(Json::text).unwrap_or_default();
    let failed = line.get("is_error").and_then(Json::truth) != Some(false);
    if !failed && subtype == "success" {
        session.account(&said);
        return session.done(Ending::Completed);
    }
    let listed = line
        .get("errors")
        .into_iter()
        .flat_map(Json::items)
        .next()
        .and_then(Json::text);
    let why = match said.is_empty() {
        true => listed.unwrap_or(subtype),
        false => said,
    };
    session.error(&why);
    session.done(Ending::Failed);
}

/// The tokens of all models, helpers' too; those of the conversation alone when
/// there is no such list.
fn used(line: Json<'_>) -> UsageHint {
    let cost_micro_usd = line.get("total_cost_usd").and_then(Json::micro_usd);
    let sum = |usage: Json<'_>, [input, read, write, output]: [&str; 4]| {
        let count = |name| usage.get(name).and_then(Json::count).unwrap_or(0);
        [count(input), count(read), count(write), count(output)]
    };
    let models = line.get("modelUsage").into_iter().flat_map(Json::members);
    let mut total = models
        .map(|(_, usage)| {
            sum(
                usage,
                [
                    "inputTokens",
                    "cacheReadInputTokens",
                    "cacheCreationInputTokens",
                    "outputTokens",
                ],
            )
        })
        .fold([0_u64; 4], |total, one| {
            core::array::from_fn(|at| total[at].saturating_add(one[at]))
        });
    if total == [0; 4]
        && let Some(usage) = line.get("usage")
    {
        total = sum(
            usage,
            [
                "input_tokens",
                "cache_read_input_tokens",
                "cache_creation_input_tokens",
                "output_tokens",
            ],
        );
    }
    UsageHint {
        input_tokens: total[0],
        cache_read_tokens: total[1],
        cache_write_tokens: total[2],
        output_tokens: total[3],
        cost_micro_usd,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use agent_kit::testing::{endures, read_whole};
    use agent_kit::{Event, ToolEnd};

    const SAMPLE: &str = include_str!("../samples/claude-2.1.197.jsonl");
    const NEW: &str = include_str!("../samples/claude-2.1.332.jsonl");
    const SPENT: &str = include_str!("../samples/claude-2.1.332-spent.jsonl");

    fn read(printed: &str) -> (Vec<Event>, Ending, String) {
        let (events, end) = read_whole::<Claude>(printed.as_bytes());
        (events, end.ending, end.summary)
    }

    #[test]
    fn a_recorded_session_is_understood() {
        let (events, ending, summary) = read(SAMPLE);
        assert_eq!(ending, Ending::Completed);
        assert_eq!(summary, "Fixed the typo in hello.py.");
        assert_eq!(events[0], Event::Turn(1));
        let Event::ToolStart(tool) = &events[1] else {
            panic!("{events:#?}")
        };
        assert_eq!(
            (
                tool.name.as_str(),
                tool.summary.as_str(),
                tool.path.as_deref()
            ),
            ("Read", "/workspace/hello.py", Some("/workspace/hello.py"))
        );
        assert_eq!(
            events[2],
            Event::ToolEnd(ToolEnd {
                id: "toolu_1".into(),
                ok: true
            })
        );
        assert_eq!(events[3], Event::Turn(2));
        let usage = UsageHint {
            input_tokens: 3_006,
            cache_read_tokens: 1_200,
            cache_write_tokens: 0,
            output_tokens: 66,
            cost_micro_usd: Some(17_280),
        };
        assert_eq!(
            events[6..],
            [
                Event::Turn(3),
                Event::Text("Fixed the typo in hello.py.".into()),
                Event::Usage(usage),
                Event::Done(Ending::Completed)
            ]
        );
    }

    #[test]
    fn a_newer_one_is_understood_the_same() {
        let (events, ending, summary) = read(NEW);
        assert_eq!(ending, Ending::Completed);
        assert_eq!(summary, "Fixed the typo in hello.py.");
        let turns = events
            .iter()
            .filter(|event| matches!(event, Event::Turn(_)));
        assert_eq!(turns.count(), 3);
        let edits = events.iter().filter(
            |event| matches!(event, Event::ToolStart(tool) if tool.path.as_deref() == Some("/workspace/hello.py")),
        );
        assert_eq!(edits.count(), 2);
    }

    #[test]
    fn success_with_an_error_is_a_failure() {
        let (_, ending, summary) = read(SPENT);
        assert_eq!(ending, Ending::Failed);
        assert_eq!(
            summary,
            "API Error: 402 the budget of this mission is spent"
        );
        let (events, ending, summary) = read(
            "{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":true,\
             \"result\":\"API Error: 402 no credit left\"}\n",
        );
        assert_eq!(
            (ending, summary.as_str()),
            (Ending::Failed, "API Error: 402 no credit left")
        );
        assert_eq!(events.last(), Some(&Event::Done(Ending::Failed)));
        let turns = "{\"type\":\"result\",\"subtype\":\"error_max_turns\",\"is_error\":false}\n";
        assert_eq!(read(turns).2, "error_max_turns");
        let listed = "{\"type\":\"result\",\"subtype\":\"error_during_execution\",\"is_error\":true,\"errors\":[\"it broke\"]}\n";
        assert_eq!(read(listed).2, "it broke");
        let unknown = "{\"type\":\"result\",\"subtype\":\"success\"}\n";
        assert_eq!(
            read(unknown).1,
            Ending::Failed,
            "silence about errors is no success"
        );
    }

    #[test]
    fn a_message_in_several_lines_is_one_turn_and_helpers_have_none() {
        let line = |id: &str, parent: &str| {
            format!(
                "{{\"type\":\"assistant\",\"message\":{{\"id\":\"{id}\",\"content\":\
                 [{{\"type\":\"text\",\"text\":\"x\"}}]}},\"parent_tool_use_id\":{parent}}}\n"
            )
        };
        let printed = [
            line("m1", "null"),
            line("m1", "null"),
            line("h1", "\"t1\""),
            line("m2", "null"),
        ];
        let (events, _, _) = read(&printed.concat());
        let turns = events
            .iter()
            .filter(|event| matches!(event, Event::Turn(_)));
        assert_eq!(turns.count(), 2);
    }

    #[test]
    fn the_first_result_counts() {
        let (events, ending, _) = read(&[SAMPLE, SAMPLE].concat());
        let count = |kind: fn(&Event) -> bool| events.iter().filter(|event| kind(event)).count();
        assert_eq!(count(|event| matches!(event, Event::Usage(_))), 1);
        assert_eq!(count(|event| matches!(event, Event::Done(_))), 1);
        assert_eq!(ending, Ending::Completed);
    }

    #[test]
    fn any_cut_and_any_rubbish_is_borne() {
        endures::<Claude>(SAMPLE);
        endures::<Claude>(NEW);
        endures::<Claude>(SPENT);
    }
}
