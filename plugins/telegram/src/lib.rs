//! Jobs by chat: a person asks for them with commands, follows each in one
//! message that changes, and answers its question with a button.
//!
//! It never speaks to the chat service: the host brings what was said and by
//! whom, checks what that person may do, and sends what is queued here.

#![cfg_attr(
    not(target_arch = "wasm32"),
    allow(dead_code, reason = "only the component and the tests call it")
)]

mod button;
mod command;
mod cut;
mod follow;
mod hunks;
mod md;
mod memory;
mod options;
mod pages;
mod talk;
mod words;
mod world;

mod bindings {
    wit_bindgen::generate!({
        inline: "
            package sortie:telegram;
            world plugin {
                include sortie:connector/job-connector@0.1.0;
                include sortie:notifier/job-notifier@0.1.0;
            }
        ",
        path: ["../../wit/host", "../../wit/connector", "../../wit/notifier"],
        world: "sortie:telegram/plugin",
        generate_all,
        additional_derives: [PartialEq],
    });
}

/// The chat source of the manifest.
const SOURCE: &str = "telegram";

#[cfg(target_arch = "wasm32")]
use heap as _;

#[cfg(target_arch = "wasm32")]
mod component;
#[cfg(test)]
mod fake;
