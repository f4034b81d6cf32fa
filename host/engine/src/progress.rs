//! What an agent is at, for people: the last thing it did, with what the run
//! used so far. Display text, from which nothing is decided.

use crate::drive::RunContext;
use crate::fault::Fault;
use serde_json::json;
use sortie_model::clock::Timestamp;
use sortie_plugins::surfaces::agent::Event;
use sortie_store::StoreError;
use std::time::Duration;

/// People look at progress once in a while; the timeline gets at most one row
/// of it in two seconds.
const EVERY: Duration = Duration::from_secs(2);
/// The longest text, in characters.
const TEXT_CHARS: usize = 200;
/// The longest name of a tool, in characters.
const TOOL_CHARS: usize = 40;

/// The progress of one step.
pub(crate) struct Progress<'a> {
    context: &'a RunContext,
    step: &'a str,
    shown_at: Option<Timestamp>,
    turn: Option<u32>,
    tool: Option<String>,
}

impl<'a> Progress<'a> {
    pub(crate) fn of(context: &'a RunContext, step: &'a str) -> Self {
        Self {
            context,
            step,
            shown_at: None,
            turn: None,
            tool: None,
        }
    }

    /// Hears what the agent did and tells of it when it is time.
    pub(crate) async fn hear(&mut self, events: &[Event]) -> Result<(), Fault> {
        for event in events {
            match event {
                Event::Turn(turn) => self.turn = Some(*turn),
                Event::ToolStart(tool) => self.tool = Some(cut(&tool.name, TOOL_CHARS)),
                _ => {}
            }
        }
        let Some(text) = events.iter().rev().find_map(text_of) else {
            return Ok(());
        };
        let now = self.context.options.clock.now();
        let due = self.shown_at.is_none_or(|shown| now.since(shown) >= EVERY);
        if !due {
            return Ok(());
        }
        self.shown_at = Some(now);
        match self.tell(now, &text).await {
            Err(StoreError::Stale { .. }) => Err(Fault::Stale),
            // Progress is worth a row, not a failed run.
            Ok(()) | Err(_) => Ok(()),
        }
    }

    async fn tell(&self, now: Timestamp, text: &str) -> Result<(), StoreError> {
        let context = self.context;
        let store = &context.options.store;
        let redactor = &context.options.redactor;
        let used = store.used(context.fence.run).await?;
        let elapsed = now.since(context.run.started_at);
        let mut data = json!({
            "run": context.fence.run.0,
            "phase": "executing",
            "step": self.step,
            "text": redactor.redact(text),
            "calls": used.calls,
            "cost_micro_usd": used.cost_micro_usd,
            "elapsed_ms": u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
            "limits": context.limits,
        });
        if let Some(turn) = self.turn {
            data["iteration"] = turn.into();
        }
        if let Some(tool) = &self.tool {
            data["tool"] = redactor.redact(tool).into();
        }
        store.emit(context.fence, "agent.progress", data).await?;
        Ok(())
    }
}

/// What a person would like to see of an event.
fn text_of(event: &Event) -> Option<String> {
    let text = match event {
        Event::Turn(turn) => format!("turn {turn}"),
        Event::ToolStart(tool) => format!("{} {}", tool.name, tool.summary),
        Event::Text(text) => text.lines().next_back()?.trim().to_owned(),
        Event::Error(error) => error.clone(),
        _ => return None,
    };
    (!text.is_empty()).then(|| cut(&text, TEXT_CHARS))
}

/// At most `chars` characters.
pub(crate) fn cut(text: &str, chars: usize) -> String {
    text.chars().take(chars).collect()
}
