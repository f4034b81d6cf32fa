//! Drives Codex (`@openai/codex`), by `codex exec --json`.
//!
//! It speaks the responses API alone. It obeys no configuration of
//! the repository, and sends nothing to its maker.

mod plan;
mod protocol;

use agent_kit::{Agent, LaunchSpec, Options, Task};

/// The agent.
pub struct Codex;

impl Agent for Codex {
    type Protocol = protocol::Codex;

    fn plan(task: &Task, options: &Options) -> Result<LaunchSpec, String> {
        plan::plan(task, options)
    }
}

#[cfg(target_arch = "wasm32")]
use heap as _;

#[cfg(target_arch = "wasm32")]
mod component {
    type Component = agent_kit::Component<super::Codex>;
    agent_kit::bindings::export_agent!(Component);
}
