//! Between the exported functions and a [`Scanner`]. Decides nothing.

use crate::bindings::sortie::scanner::change::Diff;
use crate::change::Source;
use crate::{Change, FileChange, Finding, Hunk, Rule, Scanner, log};

/// The exported `rules`.
pub fn rules(scanner: &impl Scanner) -> Vec<Rule> {
    log_panics();
    scanner.rules()
}

/// The exported `scan`.
pub fn scan(scanner: &impl Scanner, change: &Diff) -> Vec<Finding> {
    log_panics();
    scanner.scan(&Change::new(change))
}

/// Without this the operator would only see that the component trapped.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        log::write(log::Level::Error, &panic.to_string())
    }));
}

impl Source for Diff {
    fn files(&self) -> Vec<FileChange> {
        Diff::files(self)
    }

    fn hunks(&self, file: u32) -> Vec<Hunk> {
        Diff::hunks(self, file)
    }

    fn before(&self, file: u32) -> Option<Vec<u8>> {
        Diff::before(self, file)
    }

    fn after(&self, file: u32) -> Option<Vec<u8>> {
        Diff::after(self, file)
    }
}
