//! Exports the surface. Nothing is decided here.

use core::cell::RefCell;

use crate::bindings::{
    self, export,
    exports::sortie::agent::agent::{
        Conclusion, Event, Exit, Guest, GuestParser, LaunchSpec, Stream, Task,
    },
    sortie::host::config,
};
use crate::{output::Output, plan};

struct Component;

impl Guest for Component {
    type Parser = Parser;

    fn plan(task: Task) -> Result<LaunchSpec, String> {
        plan::plan(task, config::get("shell"), config::get("questions"))
    }
}

struct Parser(RefCell<Output>);

impl GuestParser for Parser {
    fn new() -> Self {
        Self(RefCell::new(Output::default()))
    }

    fn push(&self, source: Stream, bytes: Vec<u8>) -> Vec<Event> {
        self.0.borrow_mut().push(source, &bytes)
    }

    fn finish(&self, exit: Exit) -> Conclusion {
        self.0.borrow_mut().finish(exit)
    }
}

export!(Component with_types_in bindings);
