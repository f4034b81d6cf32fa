//! Marks on a unit: what keeps it from running, singles it out, or lets its failures go unseen.
//!
//! A mark says what stands there, not that it is wrong: rules compare marks before and after.

mod flow;
mod skip;

pub use flow::flow_marks;
pub use skip::{condition, skip_marks};

/// What a mark says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MarkKind {
    /// The unit does not run, or its failure is expected.
    Skip,
    /// Only this unit runs.
    Focus,
    /// A failure is caught and dropped.
    Swallow,
    /// The unit ends before its assertions.
    EarlyReturn,
    /// Assertions stand where nothing waits for them or nothing gets to.
    Detached,
    /// Assertions stand behind a condition that never holds.
    FalseGuard,
}

/// On what a skip depends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cond {
    /// On nothing.
    Always,
    /// On the operating system, architecture, language version or an installed tool.
    Platform,
    /// On anything else, such as an environment variable.
    Other,
}

/// One mark.
#[derive(Clone, Debug)]
pub struct Mark {
    /// What it says.
    pub kind: MarkKind,
    /// Line index in the view.
    pub at: usize,
    /// 1-based line number.
    pub line: u32,
    /// Whether the change touched its line.
    pub changed: bool,
    /// On what it depends.
    pub cond: Cond,
    /// The source line.
    pub text: String,
}
