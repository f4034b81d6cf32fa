//! What one launch of an agent came to: the events that are said of it, and
//! what its end will be judged by. Bounded, whatever the agent prints.

use crate::words::{self, MAX_TEXT_BYTES};
use crate::{Ending, Event, Json, ToolEnd, ToolStart, UsageHint};

/// The longest error in bytes. Providers answer with whole pages.
const MAX_ERROR_BYTES: usize = 2_000;

/// The longest id or name of a tool in bytes.
const MAX_NAME_BYTES: usize = 200;

/// The longest path in bytes: what the kernel takes.
const MAX_PATH_BYTES: usize = 4_096;

/// The most events of one line: a message with more parts than any has.
const MAX_LINE_EVENTS: usize = 200;

/// Takes what a protocol understood.
#[derive(Debug, Default)]
pub struct Session {
    events: Vec<Event>,
    /// Where the events of this line begin.
    line: usize,
    turns: u32,
    account: String,
    error: Option<String>,
    done: Option<Ending>,
}

impl Session {
    /// The agent asks its model once more.
    pub fn turn(&mut self) {
        self.turns = self.turns.saturating_add(1);
        self.say(Event::Turn(self.turns));
    }

    /// The agent said something; the last of it is its account of what it did.
    pub fn text(&mut self, text: &str) {
        let text = text.trim();
        if text.is_empty() {
            return;
        }
        self.account = words::cut(text, MAX_TEXT_BYTES);
        self.say(Event::Text(self.account.clone()));
    }

    /// The agent's account in its own words, when its protocol has a place for
    /// it; said to nobody before the end.
    pub fn account(&mut self, text: &str) {
        let text = text.trim();
        if !text.is_empty() {
            self.account = words::cut(text, MAX_TEXT_BYTES);
        }
    }

    /// A tool began, with the arguments that it was given.
    pub fn tool(&mut self, id: &str, name: &str, arguments: Option<Json<'_>>) {
        let path = arguments.and_then(words::path);
        self.tool_about(id, name, arguments, path);
    }

    /// The same, about a file that the protocol names in its own way.
    pub fn tool_about(
        &mut self,
        id: &str,
        name: &str,
        arguments: Option<Json<'_>>,
        path: Option<String>,
    ) {
        self.say(Event::ToolStart(ToolStart {
            id: words::cut(id, MAX_NAME_BYTES),
            name: words::line(name, MAX_NAME_BYTES),
            summary: arguments.map(words::summary).unwrap_or_default(),
            fingerprint: arguments
                .map(|given| words::fingerprint(given.raw()))
                .unwrap_or_default(),
            path: path.map(|path| words::cut(&path, MAX_PATH_BYTES)),
        }));
    }

    /// A tool ended.
    pub fn tool_ended(&mut self, id: &str, ok: bool) {
        let id = words::cut(id, MAX_NAME_BYTES);
        self.say(Event::ToolEnd(ToolEnd { id, ok }));
    }

    /// Tokens were used; nothing is said of none.
    pub fn usage(&mut self, mut usage: UsageHint) {
        // An agent that was told no prices reckons with none.
        usage.cost_micro_usd = usage.cost_micro_usd.filter(|&cost| cost > 0);
        let tokens = [
            usage.input_tokens,
            usage.cache_read_tokens,
            usage.cache_write_tokens,
            usage.output_tokens,
        ];
        if tokens.iter().any(|&tokens| tokens > 0) || usage.cost_micro_usd.is_some() {
            self.say(Event::Usage(usage));
        }
    }

    /// Something failed. What was said last is not said again.
    pub fn error(&mut self, text: &str) {
        let text = match text.trim() {
            "" => "the agent does not say what failed",
            text => text,
        };
        let text = words::cut(text, MAX_ERROR_BYTES);
        if self.error.as_ref() != Some(&text) {
            self.say(Event::Error(text.clone()));
            self.error = Some(text);
        }
    }

    /// What failed before did not matter in the end.
    pub fn recovered(&mut self) {
        self.error = None;
    }

    /// Something worth keeping that is none of these; the line as it is.
    pub fn other(&mut self, line: Json<'_>) {
        // Half of an object would be no JSON any more.
        if line.raw().len() <= MAX_TEXT_BYTES {
            self.say(Event::Other(line.raw().into()));
        }
    }

    /// The agent ended. Only the first end counts.
    pub fn done(&mut self, ending: Ending) {
        if self.done.is_none() {
            self.done = Some(ending);
            self.say(Event::Done(ending));
        }
    }

    /// How it ended, once it said so.
    #[must_use]
    pub fn ending(&self) -> Option<Ending> {
        self.done
    }

    /// What failed last and was not put right.
    #[must_use]
    pub fn last_error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// A new line begins.
    pub(crate) fn begin_line(&mut self) {
        self.line = self.events.len();
    }

    /// What was said since this was asked last.
    pub(crate) fn take(&mut self) -> Vec<Event> {
        self.line = 0;
        core::mem::take(&mut self.events)
    }

    /// What the agent did, for people; what failed comes first when it failed.
    pub(crate) fn summary(&mut self, ending: Ending) -> String {
        let account = core::mem::take(&mut self.account);
        match self.error.take() {
            Some(error) if ending != Ending::Completed && error != account => {
                let gap = if account.is_empty() { "" } else { "\n" };
                words::cut(&[&error, gap, &account].concat(), MAX_TEXT_BYTES)
            }
            _ => account,
        }
    }

    fn say(&mut self, event: Event) {
        // Ends and errors decide, so they have their place in any case.
        let decides = matches!(event, Event::Done(_) | Event::Error(_));
        if decides || self.events.len() - self.line < MAX_LINE_EVENTS {
            self.events.push(event);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_said_once() {
        let mut session = Session::default();
        session.done(Ending::Failed);
        session.done(Ending::Completed);
        assert_eq!(session.take(), [Event::Done(Ending::Failed)]);
        assert_eq!(session.ending(), Some(Ending::Failed));
    }

    #[test]
    fn an_error_is_said_once_until_another_or_better_times() {
        let mut session = Session::default();
        for text in ["busy", "busy", "gone", "busy"] {
            session.error(text);
        }
        session.recovered();
        assert_eq!(session.last_error(), None);
        session.error("busy");
        let said: Vec<_> = ["busy", "gone", "busy", "busy"]
            .map(|text| Event::Error(text.into()))
            .into();
        assert_eq!(session.take(), said);
    }

    #[test]
    fn a_summary_begins_with_what_failed() {
        let mut session = Session::default();
        session.text("I will look.");
        session.error("402 payment required");
        assert_eq!(
            session.summary(Ending::Failed),
            "402 payment required\nI will look."
        );
        session.text("Done.");
        session.error("a tool broke");
        assert_eq!(session.summary(Ending::Completed), "Done.");
    }

    #[test]
    fn one_line_cannot_say_without_end() {
        let mut session = Session::default();
        session.begin_line();
        for _ in 0..1_000 {
            session.text("word");
        }
        session.done(Ending::Completed);
        assert_eq!(session.take().len(), MAX_LINE_EVENTS + 1);
        session.begin_line();
        session.text("word");
        assert_eq!(session.take().len(), 1, "the next line can");
    }
}
