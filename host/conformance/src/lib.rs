//! What every plugin of a surface must do, whatever it is for: one suite per
//! surface, run against the shipped plugins, each language's example, and by
//! authors through `sortie plugin test`. `docs/CONFORMANCE.md` lists the
//! promises that the suites try, by the names that their checks begin with.
//!
//! A suite asks a loaded plugin on the real engine and reports every check,
//! also after one failed. It never judges whether a plugin is any good at what
//! it is for; that is what its author's own cases say. Nor does it ask what no
//! guest can answer wrongly: that a pure plugin says the same twice is the
//! host's to keep.

pub mod agent;
mod asked;
pub mod budget;
pub mod cases;
pub mod connector;
mod decisions;
mod deliveries;
mod effectful;
mod events;
mod folder;
pub mod notifier;
mod outputs;
mod samples;
pub mod scanner;
mod stage;
pub mod workflow;
mod world;

pub use folder::{Case, Folder};
pub use stage::Subject;

use sortie_plugins::PluginError;
use std::fmt;

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What must hold, in a few words.
    pub name: String,
    /// Whether it does.
    pub verdict: Verdict,
}

/// How a check ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It holds.
    Holds,
    /// It does not, and why.
    Fails(String),
    /// There was nothing to try it with, and what would be.
    Untried(String),
}

impl Check {
    /// A check that failed when there is a problem.
    pub fn new(name: impl Into<String>, problem: Option<String>) -> Self {
        Self {
            name: name.into(),
            verdict: problem.map_or(Verdict::Holds, Verdict::Fails),
        }
    }

    /// A check of several things, which tells of the first that went wrong.
    pub(crate) fn all(name: impl Into<String>, problems: impl IntoIterator<Item = String>) -> Self {
        let mut problems = problems.into_iter();
        let first = problems.next();
        let more = problems.count();
        let problem = first.map(|first| match more {
            0 => first,
            more => format!("{first}; and {more} more"),
        });
        Self::new(name, problem)
    }

    /// A check that nothing at hand can fail, and what could.
    pub(crate) fn untried(name: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            verdict: Verdict::Untried(why.into()),
        }
    }

    /// Whether nothing speaks against it.
    pub fn passed(&self) -> bool {
        self.problem().is_none()
    }

    /// Why it does not hold.
    pub fn problem(&self) -> Option<&str> {
        match &self.verdict {
            Verdict::Fails(problem) => Some(problem),
            Verdict::Holds | Verdict::Untried(_) => None,
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.verdict {
            Verdict::Holds => write!(f, "ok: {}", self.name),
            Verdict::Fails(problem) => write!(f, "failed: {}: {problem}", self.name),
            Verdict::Untried(why) => write!(f, "not tried: {}: {why}", self.name),
        }
    }
}

fn shown(error: PluginError) -> String {
    format!("failed to {error}")
}
