//! Tells Discord what happens to jobs, and takes the answers of its buttons.
//!
//! It never sees a secret: the host verifies what comes in, and puts the path of
//! the incoming webhook into what goes out.

#![cfg_attr(
    not(target_arch = "wasm32"),
    allow(dead_code, reason = "only the component and the tests call it")
)]

mod inbound;
mod message;
mod outbound;

mod bindings {
    wit_bindgen::generate!({
        inline: "
            package sortie:discord;
            world plugin {
                include sortie:connector/job-connector@0.1.0;
                include sortie:notifier/job-notifier@0.1.0;
            }
        ",
        path: ["../../wit/host", "../../wit/connector", "../../wit/notifier"],
        world: "sortie:discord/plugin",
        generate_all,
        additional_derives: [PartialEq],
    });
}

#[cfg(target_arch = "wasm32")]
mod component;
