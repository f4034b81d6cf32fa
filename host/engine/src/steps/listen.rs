//! What an agent says while it works: on the timeline, and under the eyes of
//! the watchdog.

use super::nudge::Nudge;
use crate::fault::Fault;
use crate::meter::AtWork;
use crate::program::Reader;
use crate::progress::Progress;
use crate::watchdog::{Stuck, Watchdog};
use sortie_model::guard::Guard;
use sortie_plugins::Parser;
use sortie_plugins::surfaces::agent::{Ending, Event, Stream};
use sortie_sandbox::{Output, OutputStream};
use std::time::Instant;

/// Feeds a parser and puts what it says on the timeline.
pub(super) struct Listener<'a> {
    /// None when nothing is read any more.
    parser: Option<Parser>,
    watch: Watch,
    at_work: &'a AtWork<'a>,
    progress: Progress<'a>,
    /// How it may be told to go on; none for a launch that was.
    nudge: Option<Nudge<'a>>,
    nudged: bool,
    heard: bool,
    done: Option<Ending>,
}

impl<'a> Listener<'a> {
    /// Hears a launch from its beginning.
    pub(super) async fn new(
        launched: Nudge<'a>,
        nudge: Option<Nudge<'a>>,
        at_work: &'a AtWork<'a>,
    ) -> Result<Self, Fault> {
        let context = launched.context;
        let plugins = &context.options.plugins;
        Ok(Self {
            parser: Some(plugins.agent_parser(launched.agent).await?),
            watch: Watch::new(context.job.policy.guard),
            at_work,
            progress: Progress::of(context, &launched.step.name),
            nudge,
            nudged: false,
            heard: false,
            done: None,
        })
    }

    /// What takes in how the program ended.
    pub(super) fn into_parser(self) -> Option<Parser> {
        self.parser
    }

    /// Gives the parser's place back.
    pub(super) fn hang_up(&mut self) {
        self.parser = None;
    }

    /// Whether it said that its task is done.
    pub(super) fn has_completed(&self) -> bool {
        self.done == Some(Ending::Completed)
    }

    /// Why the agent is to be stopped.
    pub(super) fn stuck(&self) -> Option<&Stuck> {
        self.watch.stuck.as_ref()
    }

    /// Whether it is to be told to go on.
    pub(super) fn is_nudged(&self) -> bool {
        self.nudged
    }

    /// Whether it did or said anything.
    pub(super) fn has_heard(&self) -> bool {
        self.heard
    }
}

impl Reader for Listener<'_> {
    async fn read(&mut self, output: &Output) -> Result<(), Fault> {
        let stream = match output.stream {
            OutputStream::Stdout => Stream::Stdout,
            OutputStream::Stderr => Stream::Stderr,
        };
        let Some(parser) = &mut self.parser else {
            return Ok(());
        };
        let events = parser.push(stream, &output.bytes).await?;
        self.watch.hear(&events);
        self.heard |= events
            .iter()
            .any(|event| matches!(event, Event::Turn(_) | Event::ToolStart(_) | Event::Text(_)));
        for event in &events {
            if let Event::Done(ending) = event {
                self.done.get_or_insert(*ending);
            }
        }
        self.heard |= self.has_completed();
        self.progress.hear(&events).await
    }

    fn is_done(&self) -> bool {
        self.done.is_some()
    }

    fn alarm(&self) -> Option<Instant> {
        self.watch.alarm()
    }

    fn ring(&mut self) {
        let heard = self.at_work.heard();
        let heard = heard.map(|at| at.saturating_duration_since(self.watch.began));
        if heard.is_some_and(|at| self.watch.dog.model_heard(at)) {
            return;
        }
        self.watch.stuck = Some(self.watch.dog.silent());
    }

    fn stops(&self) -> bool {
        self.watch.stuck.is_some()
    }

    async fn stopping(&mut self) -> Result<(), Fault> {
        if let (Some(stuck), Some(nudge)) = (&self.watch.stuck, self.nudge)
            && self.at_work.stopped().is_none()
        {
            self.nudged = nudge.decide(stuck).await?;
        }
        Ok(())
    }
}

/// Looks after the program while it works.
struct Watch {
    began: Instant,
    dog: Watchdog,
    stuck: Option<Stuck>,
}

impl Watch {
    fn new(guard: Guard) -> Self {
        Self {
            began: Instant::now(),
            dog: Watchdog::new(guard),
            stuck: None,
        }
    }

    fn hear(&mut self, events: &[Event]) {
        let at = self.began.elapsed();
        for event in events {
            if self.stuck.is_none() && !matches!(event, Event::Done(_)) {
                self.stuck = self.dog.hear(at, event);
            }
        }
    }

    fn alarm(&self) -> Option<Instant> {
        self.began.checked_add(self.dog.patience_ends())
    }
}
