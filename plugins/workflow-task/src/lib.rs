//! The first workflow: an agent works, perhaps after another planned, the
//! project's commands verify, what fails goes back to the agent for some
//! rounds, the scanners judge, a person is asked when they flag something, and
//! the result is published.
//!
//! A pure function of what it is told. It never publishes what was not
//! scanned, nor what was flagged and not approved; the host would refuse it
//! anyway. A step that could not be carried out ends the attempt, and the host
//! decides whether there is another.

#![cfg_attr(
    not(target_arch = "wasm32"),
    allow(dead_code, reason = "only the component and the tests call it")
)]

mod advance;
mod options;
mod plan;
mod prompts;
mod stage;
mod words;

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
#[cfg(test)]
mod tests;
