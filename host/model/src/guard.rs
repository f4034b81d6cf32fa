//! When an agent is stopped before its budget is, and what happens when the
//! budget is. Plain data.

use serde::{Deserialize, Serialize};

/// What happens when a run's budget is used up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnBudget {
    /// A person is asked whether to raise it; the work so far is kept.
    #[default]
    Ask,
    /// The job halts; the work so far is kept.
    Halt,
}

/// What holds for agents while they work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Guard {
    /// When the budget is used up.
    pub on_budget: OnBudget,
    /// How long an agent that tells of its turns may say nothing outside of a
    /// tool, in milliseconds.
    pub idle_ms: u64,
    /// How long any agent may say nothing at all, as inside of a tool, in
    /// milliseconds.
    pub tool_ms: u64,
    /// How often in a row an agent may use the same tool in the same way.
    pub same_call: u32,
    /// How often in a row an agent may use tools on the same path.
    pub same_path: u32,
}

impl Default for Guard {
    /// Five and fifteen minutes, twelve calls and eight uses of a path: where
    /// agents that got stuck were told from those that think.
    fn default() -> Self {
        Self {
            on_budget: OnBudget::Ask,
            idle_ms: 5 * 60_000,
            tool_ms: 15 * 60_000,
            same_call: 12,
            same_path: 8,
        }
    }
}
