//! Drives Claude Code (`@anthropic-ai/claude-code`), by `claude -p` with
//! `stream-json`.
//!
//! It speaks the messages API alone. It obeys no settings, hooks or servers of
//! the repository, and sends nothing to its maker.

mod plan;
mod protocol;

use agent_kit::{Agent, LaunchSpec, Options, Task};

/// The agent.
pub struct Claude;

impl Agent for Claude {
    type Protocol = protocol::Claude;

    fn plan(task: &Task, options: &Options) -> Result<LaunchSpec, String> {
        plan::plan(task, options)
    }
}

#[cfg(target_arch = "wasm32")]
use heap as _;

#[cfg(target_arch = "wasm32")]
mod component {
    type Component = agent_kit::Component<super::Claude>;
    agent_kit::bindings::export_agent!(Component);
}
