//! What every plugin of a surface must do, whatever it is for: one suite per
//! surface, run against the shipped plugins, each language's example, and by
//! authors through `sortie plugin test`.
//!
//! A suite asks a loaded plugin on the real engine and reports every check,
//! also after one failed. It never judges whether a plugin is any good at what
//! it is for; that is what its author's own cases say.

mod samples;
pub mod scanner;

use std::fmt;

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What must hold, in a few words.
    pub name: String,
    /// Why it does not; none when it does.
    pub problem: Option<String>,
}

impl Check {
    /// A check that failed when there is a problem.
    pub fn new(name: impl Into<String>, problem: Option<String>) -> Self {
        Self {
            name: name.into(),
            problem,
        }
    }

    /// Whether it holds.
    pub fn passed(&self) -> bool {
        self.problem.is_none()
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.problem {
            None => write!(f, "ok: {}", self.name),
            Some(problem) => write!(f, "failed: {}: {problem}", self.name),
        }
    }
}
