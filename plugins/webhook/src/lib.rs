//! Webhooks both ways: a signed JSON request becomes a job, and what happens to
//! jobs becomes a JSON request.
//!
//! It never sees a secret. The host verifies what comes in, signs what goes
//! out by the credential of the egress grant, and decides which hosts can be
//! reached at all.

#![cfg_attr(
    not(target_arch = "wasm32"),
    allow(dead_code, reason = "only the component and the tests call it")
)]

mod date;
mod inbound;
mod order;
mod outbound;
mod view;

mod bindings {
    wit_bindgen::generate!({
        inline: "
            package sortie:webhook;
            world plugin {
                include sortie:connector/job-connector@0.1.0;
                include sortie:notifier/job-notifier@0.1.0;
            }
        ",
        path: ["../../wit/host", "../../wit/connector", "../../wit/notifier"],
        world: "sortie:webhook/plugin",
        generate_all,
        additional_derives: [PartialEq],
    });
}

#[cfg(target_arch = "wasm32")]
use heap as _;

#[cfg(target_arch = "wasm32")]
mod component;
