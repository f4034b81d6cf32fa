//! Tells an agent that got stuck from one that works: silence, and the same
//! thing again and again. Pure; the time comes in with each event.
//!
//! It judges what the agent's parser says, never raw output: a program that
//! prints without end makes no progress by that.

use sortie_model::guard::Guard;
use sortie_model::halt::HaltReason;
use sortie_plugins::surfaces::agent::{Event, ToolStart};
use std::time::Duration;

/// Why an agent is stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stuck {
    pub(crate) reason: HaltReason,
    pub(crate) detail: String,
}

/// What was seen of one launch. Times count from its beginning.
#[derive(Debug)]
pub(crate) struct Watchdog {
    guard: Guard,
    /// When the last event came.
    heard: Duration,
    /// Whether the agent tells of its turns; one that never does is a command,
    /// and a command may be silent for as long as a tool.
    turns: bool,
    /// How many tools are under way.
    tools: u32,
    /// When the newest of them began.
    tool_began: Duration,
    /// Whether it tells of a tool when it begins. One that does only afterwards
    /// cannot be told from one that idles while a tool is under way.
    tells: bool,
    call: Row,
    path: Row,
}

/// The same thing in a row.
#[derive(Debug, Default)]
struct Row {
    what: String,
    times: u32,
}

impl Row {
    /// How often in a row it was that, with this time.
    fn add(&mut self, what: &str) -> u32 {
        if self.what == what {
            self.times = self.times.saturating_add(1);
        } else {
            what.clone_into(&mut self.what);
            self.times = 1;
        }
        self.times
    }

    /// Something else came in between.
    fn forget(&mut self) -> u32 {
        *self = Self::default();
        0
    }
}

impl Watchdog {
    pub(crate) fn new(guard: Guard) -> Self {
        Self {
            guard,
            heard: Duration::ZERO,
            turns: false,
            tools: 0,
            tool_began: Duration::ZERO,
            tells: false,
            call: Row::default(),
            path: Row::default(),
        }
    }

    /// When silence gets too long, unless something is heard before.
    pub(crate) fn patience_ends(&self) -> Duration {
        self.heard.saturating_add(self.patience())
    }

    fn patience(&self) -> Duration {
        Duration::from_millis(match self.turns && self.tells && self.tools == 0 {
            true => self.guard.idle_ms,
            false => self.guard.tool_ms,
        })
    }

    /// A model was at work then, which is a sign of life as well. Whether
    /// that is news.
    pub(crate) fn model_heard(&mut self, at: Duration) -> bool {
        let is_news = at > self.heard;
        self.heard = self.heard.max(at);
        is_news
    }

    /// What silence until now means.
    pub(crate) fn silent(&self) -> Stuck {
        let place = match (self.turns, self.tools) {
            (_, 1..) => " inside of a tool",
            (true, 0) => " outside of a tool",
            (false, 0) => "",
        };
        Stuck {
            reason: HaltReason::AgentStalled,
            detail: format!(
                "the agent said nothing for {} s{place}",
                self.patience().as_secs()
            ),
        }
    }

    /// Takes what the agent said; why it is to be stopped, if it is.
    pub(crate) fn hear(&mut self, at: Duration, event: &Event) -> Option<Stuck> {
        self.heard = at;
        match event {
            Event::Turn(_) => {
                self.turns = true;
                // What a turn left open did not survive it.
                self.tools = 0;
            }
            Event::ToolStart(tool) => {
                self.tools = self.tools.saturating_add(1);
                self.tool_began = at;
                return self.again(tool);
            }
            Event::ToolEnd(_) => {
                self.tells |= self.tools > 0 && at > self.tool_began;
                self.tools = self.tools.saturating_sub(1);
            }
            _ => {}
        }
        None
    }

    /// Whether this use of a tool is one too many of its kind.
    fn again(&mut self, tool: &ToolStart) -> Option<Stuck> {
        // An agent that does not say what its tools are given cannot be told
        // from one that does something else each time.
        let call = match tool.fingerprint.as_str() {
            "" => self.call.forget(),
            fingerprint => self.call.add(&format!("{} {fingerprint}", tool.name)),
        };
        let path = match &tool.path {
            Some(path) => self.path.add(path),
            None => self.path.forget(),
        };
        let (name, summary) = (&tool.name, &tool.summary);
        if call >= self.guard.same_call {
            return Some(looping(format!(
                "the agent used {name} in the same way {call} times in a row: {summary}"
            )));
        }
        if path >= self.guard.same_path {
            return Some(looping(format!(
                "the agent used its tools on {} {path} times in a row, last {name}: {summary}",
                self.path.what
            )));
        }
        None
    }
}

fn looping(detail: String) -> Stuck {
    Stuck {
        reason: HaltReason::AgentLooping,
        detail,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sortie_plugins::surfaces::agent::ToolEnd;

    const GUARD: Guard = Guard {
        on_budget: sortie_model::guard::OnBudget::Ask,
        idle_ms: 300_000,
        tool_ms: 900_000,
        same_call: 3,
        same_path: 4,
    };

    fn minutes(minutes: u64) -> Duration {
        Duration::from_secs(minutes * 60)
    }

    fn tool(fingerprint: &str, path: Option<&str>) -> Event {
        Event::ToolStart(ToolStart {
            id: String::new(),
            name: "read".into(),
            summary: "a file".into(),
            fingerprint: fingerprint.into(),
            path: path.map(str::to_owned),
        })
    }

    fn end() -> Event {
        Event::ToolEnd(ToolEnd {
            id: String::new(),
            ok: true,
        })
    }

    #[test]
    fn a_command_may_be_silent_as_long_as_a_tool() {
        let dog = Watchdog::new(GUARD);
        assert_eq!(dog.patience_ends(), minutes(15));
        assert_eq!(dog.silent().detail, "the agent said nothing for 900 s");
    }

    #[test]
    fn outside_of_tools_patience_is_shorter_and_every_word_renews_it() {
        let mut dog = Watchdog::new(GUARD);
        assert_eq!(dog.hear(minutes(1), &Event::Turn(1)), None);
        // It may have begun a tool and tell of it afterwards.
        assert_eq!(dog.patience_ends(), minutes(16));
        assert_eq!(dog.hear(minutes(2), &tool("a", None)), None);
        assert_eq!(dog.patience_ends(), minutes(17));
        assert_eq!(dog.silent().reason, HaltReason::AgentStalled);
        assert!(dog.silent().detail.contains("inside of a tool"));
        assert_eq!(dog.hear(minutes(4), &end()), None);
        assert_eq!(dog.patience_ends(), minutes(9));
        assert!(dog.silent().detail.contains("outside of a tool"));
    }

    #[test]
    fn one_that_tells_of_tools_afterwards_has_the_patience_of_a_tool() {
        let mut dog = Watchdog::new(GUARD);
        for event in [Event::Turn(1), tool("a", None), end()] {
            assert_eq!(dog.hear(minutes(1), &event), None);
        }
        assert_eq!(dog.patience_ends(), minutes(16));
    }

    #[test]
    fn a_model_at_work_is_a_sign_of_life() {
        let mut dog = Watchdog::new(GUARD);
        assert_eq!(dog.hear(minutes(1), &Event::Turn(1)), None);
        assert!(dog.model_heard(minutes(3)));
        assert_eq!(dog.patience_ends(), minutes(18));
        assert!(!dog.model_heard(minutes(2)), "that is no news");
        assert_eq!(dog.patience_ends(), minutes(18));
    }

    #[test]
    fn two_tools_at_once_are_two() {
        let mut dog = Watchdog::new(GUARD);
        let events = [Event::Turn(1), tool("a", None), tool("b", None)];
        for event in events {
            assert_eq!(dog.hear(Duration::ZERO, &event), None);
        }
        assert_eq!(dog.hear(minutes(1), &end()), None);
        assert_eq!(dog.patience_ends(), minutes(16));
        // The next turn begins without what the last one left open.
        assert_eq!(dog.hear(minutes(1), &Event::Turn(2)), None);
        assert_eq!(dog.patience_ends(), minutes(6));
    }

    #[test]
    fn the_same_call_in_a_row_is_a_loop_and_another_between_is_none() {
        let mut dog = Watchdog::new(GUARD);
        for fingerprint in ["a", "a", "b", "a", "a"] {
            assert_eq!(dog.hear(minutes(1), &tool(fingerprint, None)), None);
        }
        let stuck = dog.hear(minutes(1), &tool("a", None)).unwrap();
        assert_eq!(stuck.reason, HaltReason::AgentLooping);
        assert!(
            stuck.detail.contains("3 times in a row"),
            "{}",
            stuck.detail
        );
    }

    #[test]
    fn the_same_path_in_a_row_is_a_loop_whatever_is_done_with_it() {
        let mut dog = Watchdog::new(GUARD);
        for fingerprint in ["a", "b", "c"] {
            assert_eq!(dog.hear(minutes(1), &tool(fingerprint, Some("x"))), None);
        }
        let stuck = dog.hear(minutes(1), &tool("d", Some("x"))).unwrap();
        assert!(stuck.detail.contains("on x 4 times"), "{}", stuck.detail);
    }

    #[test]
    fn what_nobody_tells_apart_is_no_loop() {
        let mut dog = Watchdog::new(GUARD);
        for _ in 0..100 {
            assert_eq!(dog.hear(minutes(1), &tool("", None)), None);
        }
    }
}
