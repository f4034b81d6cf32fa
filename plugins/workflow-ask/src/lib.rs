//! A question about a repository: an agent that may only read answers it in
//! prose, and its answer is the job's summary.
//!
//! A pure function of what it is told. It never lets an agent write, never
//! verifies, scans or publishes, and asks nobody: there is nothing to keep.

#![cfg_attr(
    not(target_arch = "wasm32"),
    allow(dead_code, reason = "only the component and the tests call it")
)]

mod advance;

mod bindings {
    wit_bindgen::generate!({
        path: ["../../wit/host", "../../wit/workflow"],
        world: "sortie:workflow/job-workflow",
        generate_all,
        additional_derives: [PartialEq, Eq],
    });
}

#[cfg(target_arch = "wasm32")]
use heap as _;

#[cfg(target_arch = "wasm32")]
mod component;
