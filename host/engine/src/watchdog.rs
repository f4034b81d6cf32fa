//! Tells an agent that got stuck from one that works: silence, and the same
//! thing again and again. Pure; the time comes in with each event.
//!
//! It judges what the agent's parser says, never raw output: a program that
//! prints without end makes no progress by that.

use sortie_model::guard::Guard;
use sortie_model::halt::HaltReason;
use sortie_plugins::surfaces::agent::Event;
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
}

impl Watchdog {
    pub(crate) fn new(guard: Guard) -> Self {
        Self {
            guard,
            heard: Duration::ZERO,
            turns: false,
            tools: 0,
            call: Row::default(),
            path: Row::default(),
        }
    }

    /// When silence gets too long, unless something is heard before.
    pub(crate) fn patience_ends(&self) -> Duration {
        self.heard.saturating_add(self.patience())
    }

    fn patience(&self) -> Duration {
        Duration::from_millis(match self.turns && self.tools == 0 {
            true => self.guard.idle_ms,
            false => self.guard.tool_ms,
        })
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
                let call = self.call.add(&format!("{} {}", tool.name, tool.summary));
                if call >= self.guard.same_call {
                    return Some(looping(format!(
                        "the agent used {} in the same way {call} times in a row: {}",
                        tool.name, tool.summary
                    )));
                }
            }
            Event::ToolEnd(_) => self.tools = self.tools.saturating_sub(1),
            _ => {}
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
