//! What the plugins that drive a coding agent share: one that prints a JSON
//! object per line and asks a model over the sandbox's endpoint.
//!
//! A plugin says how its agent is launched ([`Agent::plan`]) and what the lines
//! mean ([`Protocol`]). The kit cuts the output into lines, keeps all of it
//! bounded, and decides the end from what the agent said: an exit status is
//! never taken for a result. It knows no agent by name.

mod guest;
mod json;
mod launch;
mod lines;
mod options;
mod reader;
mod session;
pub mod testing;
mod words;

/// Generated from `wit/`.
#[allow(missing_docs, clippy::all, reason = "generated code")]
pub mod bindings {
    wit_bindgen::generate!({
        path: ["../../wit/host", "../../wit/agent"],
        world: "sortie:agent/coding-agent",
        generate_all,
        additional_derives: [PartialEq, Eq],
        pub_export_macro: true,
        export_macro_name: "export_agent",
        default_bindings_module: "agent_kit::bindings",
    });
}

pub use bindings::exports::sortie::agent::agent::{
    Conclusion, Ending, Event, Exit, File, LaunchSpec, Mode, Model, ModelApi, Stream, Task,
    ToolEnd, ToolStart, UsageHint,
};
pub use guest::{Agent, Component};
pub use json::Json;
pub use launch::{Backend, Launch, TOKEN, backend};
pub use lines::MAX_LINE_BYTES;
pub use options::Options;
pub use reader::{Protocol, Reader};
pub use session::Session;
