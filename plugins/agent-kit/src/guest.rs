//! Between the exported functions and an [`Agent`]. Decides nothing.

use core::cell::RefCell;
use core::marker::PhantomData;

use crate::bindings::exports::sortie::agent::agent::{Guest, GuestParser};
use crate::bindings::sortie::host::config;
use crate::{Conclusion, Event, Exit, LaunchSpec, Options, Protocol, Reader, Stream, Task};

/// A coding agent.
pub trait Agent: 'static {
    /// What its output means.
    type Protocol: Protocol;

    /// How to launch it for a task.
    ///
    /// # Errors
    /// Why this task cannot be done with it, for people.
    fn plan(task: &Task, options: &Options) -> Result<LaunchSpec, String>;
}

/// The exports of an agent: `type Component = agent_kit::Component<Pi>;
/// agent_kit::bindings::export_agent!(Component);`
pub struct Component<A>(PhantomData<A>);

impl<A: Agent> Guest for Component<A> {
    type Parser = Parser<A::Protocol>;

    fn plan(task: Task) -> Result<LaunchSpec, String> {
        let options = Options::read(config::get("binary"), config::get("args"))?;
        A::plan(&task, &options)
    }
}

/// The exported parser.
pub struct Parser<P>(RefCell<Reader<P>>);

impl<P: Protocol> GuestParser for Parser<P> {
    fn new() -> Self {
        Self(RefCell::new(Reader::default()))
    }

    fn push(&self, source: Stream, bytes: Vec<u8>) -> Vec<Event> {
        self.0.borrow_mut().push(source, &bytes)
    }

    fn finish(&self, exit: Exit) -> Conclusion {
        self.0.borrow_mut().finish(&exit)
    }
}
