//! Finds changes that make a project's tests prove less: skipped, removed and weakened tests, answers copied
//! into the source, and harnesses that no longer tell red from green.
//!
//! The core is pure: a [`model::Change`] goes in, findings come out, in an order that depends on nothing else.
//! It never reads a file, never runs anything, and never believes a comment.

#[cfg_attr(
    not(target_arch = "wasm32"),
    allow(dead_code, reason = "only the component calls the host")
)]
mod bindings {
    wit_bindgen::generate!({
        path: ["../../wit/host", "../../wit/scanner"],
        world: "sortie:scanner/scanner",
        generate_all,
    });
}

#[cfg(any(target_arch = "wasm32", test))]
mod blocks;
#[cfg(target_arch = "wasm32")]
mod component;
#[cfg(target_arch = "wasm32")]
mod heap;

pub mod assertion;
pub mod awaited;
pub mod change;
pub mod checks;
pub mod constants;
pub mod context;
pub mod doctests;
pub mod engine;
pub mod facts;
pub mod fixtures;
pub mod harness;
pub mod lang;
pub mod lexer;
pub mod limits;
pub mod marks;
pub mod meta;
pub mod mock;
pub mod model;
pub mod pairing;
pub mod parts;
pub mod role;
pub mod rows;
pub mod sides;
pub mod snapshot;
pub mod source;
pub mod text;
pub mod torn;
pub mod unit;
pub mod view;

pub use change::{analyze, analyze_within};
pub use engine::Analysis;
pub use meta::{RuleMeta, rules};
pub use model::{Change, ChangeKind, FileChange, Finding, Hunk, Line, LineKind, Severity, Side};
pub use parts::Room;
