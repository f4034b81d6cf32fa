//! An agent that is a shell: what was asked for is a command, run by `sh -c`
//! in the workspace, with the whole prompt on its standard input. Made for
//! codemods, formatters and `cargo fix`, and for trying everything out without
//! a model.
//!
//! It never interprets the command or its output: each line is shown as it
//! is, and success is exit status 0.

#![cfg_attr(
    not(target_arch = "wasm32"),
    allow(dead_code, reason = "only the component and the tests call it")
)]

mod output;
mod plan;

mod bindings {
    wit_bindgen::generate!({
        path: ["../../wit/host", "../../wit/agent"],
        world: "sortie:agent/coding-agent",
        generate_all,
        additional_derives: [PartialEq, Eq],
    });
}

#[cfg(target_arch = "wasm32")]
use heap as _;

#[cfg(target_arch = "wasm32")]
mod component;
