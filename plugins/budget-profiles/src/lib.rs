//! Three budgets with names: `quick`, `default` and `deep`; the operator may
//! change them and add more.
//!
//! It only advises: the host lays its own ceilings over every answer and
//! enforces the limits itself.

#![cfg_attr(
    not(target_arch = "wasm32"),
    allow(dead_code, reason = "only the component and the tests call it")
)]

mod evaluate;
mod profiles;

mod bindings {
    wit_bindgen::generate!({
        path: ["../../wit/host", "../../wit/budget"],
        world: "sortie:budget/budget-profiles",
        generate_all,
        additional_derives: [PartialEq, Eq],
    });
}

#[cfg(target_arch = "wasm32")]
use heap as _;

#[cfg(target_arch = "wasm32")]
mod component;
