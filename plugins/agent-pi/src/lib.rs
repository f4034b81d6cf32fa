//! Drives pi (`@earendil-works/pi-coding-agent`, before 0.74
//! `@mariozechner/pi-coding-agent`), in its JSON mode.
//!
//! It speaks every protocol of models. It loads nothing that
//! the repository would have it execute, and asks no server for news.

mod plan;
mod protocol;

use agent_kit::{Agent, LaunchSpec, Options, Task};

/// The agent.
pub struct Pi;

impl Agent for Pi {
    type Protocol = protocol::Pi;

    fn plan(task: &Task, options: &Options) -> Result<LaunchSpec, String> {
        plan::plan(task, options)
    }
}

#[cfg(target_arch = "wasm32")]
use heap as _;

#[cfg(target_arch = "wasm32")]
mod component {
    type Component = agent_kit::Component<super::Pi>;
    agent_kit::bindings::export_agent!(Component);
}
