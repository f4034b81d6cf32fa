//! The events of pi's JSON mode, as its `docs/json.md` has them.
//!
//! Messages are read where they end, not where they grow. `agent_end` repeats
//! with every retry, so the end is `agent_settled`, and before 0.74, which had
//! none, the end of the program. How it ended stands in the last answer: pi
//! 0.73 exits with 0 also when its provider failed.

use agent_kit::{Ending, Json, Protocol, Session, UsageHint};

/// What is remembered between two lines.
#[derive(Default)]
pub struct Pi {
    /// Why the last answer stopped; forgotten when another begins.
    stop: Option<Stop>,
    /// Whether pi said that it goes on by itself no more.
    ended: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stop {
    Said,
    CutOff,
    Failed,
    Aborted,
    /// It wants a tool, or is not done: there must be more.
    Open,
}

impl Protocol for Pi {
    fn read(&mut self, line: Json<'_>, session: &mut Session) {
        let text = |name: &str| line.get(name).and_then(Json::text).unwrap_or_default();
        match &*text("type") {
            "turn_start" => {
                self.stop = None;
                session.turn();
            }
            "message_end" => {
                if let Some(message) = line.get("message") {
                    self.message(message, session);
                }
            }
            "tool_execution_start" => {
                session.tool(&text("toolCallId"), &text("toolName"), line.get("args"));
            }
            "tool_execution_end" => {
                let failed = line.get("isError").and_then(Json::truth).unwrap_or(false);
                session.tool_ended(&text("toolCallId"), !failed);
            }
            "auto_retry_end" if line.get("success").and_then(Json::truth) == Some(true) => {
                session.recovered();
            }
            "compaction_start" | "compaction_end" | "auto_retry_start" => session.other(line),
            "agent_start" => self.ended = false,
            "agent_end" => {
                self.ended = line.get("willRetry").and_then(Json::truth) != Some(true);
            }
            "agent_settled" => {
                let ending = self.judge(session);
                session.done(ending);
            }
            _ => {}
        }
    }

    fn ending(&mut self, session: &mut Session) -> Option<Ending> {
        self.ended.then(|| self.judge(session))
    }
}

impl Pi {
    fn message(&mut self, message: Json<'_>, session: &mut Session) {
        let is_answer = message.get("role").is_some_and(|role| role.is("assistant"));
        if !is_answer {
            return;
        }
        for part in message.get("content").into_iter().flat_map(Json::items) {
            if part.get("type").is_some_and(|kind| kind.is("text"))
                && let Some(text) = part.get("text").and_then(Json::text)
            {
                session.text(&text);
            }
        }
        if let Some(usage) = message.get("usage") {
            let count = |name| usage.get(name).and_then(Json::count).unwrap_or(0);
            session.usage(UsageHint {
                input_tokens: count("input"),
                cache_read_tokens: count("cacheRead"),
                cache_write_tokens: count("cacheWrite"),
                output_tokens: count("output"),
                cost_micro_usd: usage.at(["cost", "total"]).and_then(Json::micro_usd),
            });
        }
        let stop = message.get("stopReason").and_then(Json::text);
        let stop = match stop.as_deref() {
            Some("stop") => Stop::Said,
            Some("length") => Stop::CutOff,
            Some("error") => Stop::Failed,
            Some("aborted") => Stop::Aborted,
            _ => Stop::Open,
        };
        self.stop = Some(stop);
        match stop {
            Stop::Failed | Stop::Aborted => {
                let error = message.get("errorMessage").and_then(Json::text);
                session.error(&error.unwrap_or_default());
            }
            // An answer after an error: it was retried.
            Stop::Said | Stop::Open => session.recovered(),
            Stop::CutOff => {}
        }
    }

    fn judge(&self, session: &mut Session) -> Ending {
        match self.stop {
            Some(Stop::Said) => Ending::Completed,
            Some(Stop::Aborted) => Ending::Aborted,
            Some(Stop::Failed) => Ending::Failed,
            Some(Stop::CutOff) => {
                session.error("the last answer was cut off at the model's limit");
                Ending::Failed
            }
            Some(Stop::Open) | None => {
                session.error("the agent ended in the middle of a turn");
                Ending::Failed
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use agent_kit::testing::{endures, read_whole};
    use agent_kit::{Event, ToolEnd, ToolStart};

    const NEW: &str = include_str!("../samples/pi-0.87.1.jsonl");
    const OLD: &str = include_str!("../samples/pi-0.73.1.jsonl");

    fn answer(stop: &str, more: &str) -> String {
        format!(
            "{{\"type\":\"agent_start\"}}\n{{\"type\":\"turn_start\"}}\n\
             {{\"type\":\"message_end\",\"message\":{{\"role\":\"assistant\",\
             \"content\":[],\"stopReason\":\"{stop}\"{more}}}}}\n\
             {{\"type\":\"agent_end\",\"messages\":[]}}\n"
        )
    }

    fn ended(printed: &str) -> (Ending, String) {
        let (_, end) = read_whole::<Pi>(printed.as_bytes());
        (end.ending, end.summary)
    }

    #[test]
    fn a_recorded_session_is_understood() {
        for sample in [NEW, OLD] {
            let (events, end) = read_whole::<Pi>(sample.as_bytes());
            assert_eq!(end.ending, Ending::Completed);
            assert_eq!(end.summary, "Fixed the typo in hello.py.");
            assert_eq!(events[0], Event::Turn(1));
            assert_eq!(events[1], Event::Text("Working: read".into()));
            let Event::ToolStart(read) = &events[3] else {
                panic!("{events:#?}")
            };
            assert_eq!(
                (
                    read.name.as_str(),
                    read.summary.as_str(),
                    read.path.as_deref()
                ),
                ("read", "hello.py", Some("hello.py"))
            );
            assert_eq!(
                events[4],
                Event::ToolEnd(ToolEnd {
                    id: read.id.clone(),
                    ok: true
                })
            );
            let used: u64 = events
                .iter()
                .map(|event| match event {
                    Event::Usage(usage) => usage.input_tokens + usage.output_tokens,
                    _ => 0,
                })
                .sum();
            // 607 + 27, 608 + 28, 609 + 29: each answer once.
            assert!(used > 1_800 && used < 2_000, "{used}");
            let done = events
                .iter()
                .filter(|event| matches!(event, Event::Done(_)));
            assert_eq!(done.count(), 1);
        }
    }

    #[test]
    fn usage_and_cost_are_those_of_the_answers() {
        let (events, _) = read_whole::<Pi>(NEW.as_bytes());
        let usage = events.iter().find_map(|event| match event {
            Event::Usage(usage) => Some(*usage),
            _ => None,
        });
        let expected = UsageHint {
            input_tokens: 607,
            cache_read_tokens: 400,
            cache_write_tokens: 0,
            output_tokens: 27,
            cost_micro_usd: Some(1_684),
        };
        assert_eq!(usage, Some(expected));
    }

    #[test]
    fn the_same_call_has_the_same_fingerprint() {
        let call = |id: &str, path: &str| {
            format!(
                "{{\"type\":\"tool_execution_start\",\"toolCallId\":\"{id}\",\
                 \"toolName\":\"read\",\"args\":{{\"path\":\"{path}\"}}}}\n"
            )
        };
        let printed = [call("1", "a"), call("2", "a"), call("3", "b")].concat();
        let (events, _) = read_whole::<Pi>(printed.as_bytes());
        let prints: Vec<_> = events
            .iter()
            .filter_map(|event| match event {
                Event::ToolStart(ToolStart { fingerprint, .. }) => Some(fingerprint),
                _ => None,
            })
            .collect();
        assert_eq!(prints[0], prints[1]);
        assert_ne!(prints[1], prints[2]);
    }

    #[test]
    fn a_provider_that_failed_is_a_failure_whatever_the_exit() {
        let failed = answer("error", r#","errorMessage":"402 budget exhausted""#);
        assert_eq!(
            ended(&failed),
            (Ending::Failed, "402 budget exhausted".into())
        );
        let settled = [&failed, "{\"type\":\"agent_settled\"}\n"].concat();
        assert_eq!(ended(&settled).0, Ending::Failed);
        assert_eq!(ended(&answer("aborted", "")).0, Ending::Aborted);
        assert!(ended(&answer("length", "")).1.contains("cut off"));
        assert!(ended(&answer("toolUse", "")).1.contains("middle of a turn"));
    }

    #[test]
    fn retries_end_with_the_last_answer() {
        let busy = answer("error", r#","errorMessage":"529 overloaded""#);
        let fine = answer("stop", "");
        assert_eq!(
            ended(&[&busy[..], &busy, &fine].concat()).0,
            Ending::Completed
        );
        assert_eq!(ended(&[&fine[..], &busy].concat()).0, Ending::Failed);
        let (events, _) = read_whole::<Pi>([&busy[..], &busy, &fine].concat().as_bytes());
        let count = |kind: fn(&Event) -> bool| events.iter().filter(|event| kind(event)).count();
        assert_eq!(count(|event| matches!(event, Event::Error(_))), 1);
        assert_eq!(count(|event| matches!(event, Event::Done(_))), 1);
    }

    #[test]
    fn a_retry_that_is_announced_is_no_end() {
        let busy = answer("error", r#","errorMessage":"busy""#);
        let announced = busy.replace("\"messages\":[]", "\"messages\":[],\"willRetry\":true");
        let (ending, summary) = ended(&announced);
        assert_eq!(ending, Ending::Failed);
        assert!(
            summary.contains("before it said that it was done"),
            "{summary}"
        );
    }

    #[test]
    fn any_cut_and_any_rubbish_is_borne() {
        endures::<Pi>(NEW);
        endures::<Pi>(OLD);
    }
}
