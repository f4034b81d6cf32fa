//! Drives opencode (`opencode-ai`), by `opencode run --format json`.
//!
//! It speaks every protocol of models. It obeys no configuration of the
//! repository and loads no plugins; nobody is there to answer its questions, so
//! the sandbox allows what the task does and denies the rest outright.

mod plan;
mod protocol;

use agent_kit::{Agent, LaunchSpec, Options, Task};

/// The agent.
pub struct Opencode;

impl Agent for Opencode {
    type Protocol = protocol::Opencode;

    fn plan(task: &Task, options: &Options) -> Result<LaunchSpec, String> {
        plan::plan(task, options)
    }
}

#[cfg(target_arch = "wasm32")]
use heap as _;

#[cfg(target_arch = "wasm32")]
mod component {
    type Component = agent_kit::Component<super::Opencode>;
    agent_kit::bindings::export_agent!(Component);
}
