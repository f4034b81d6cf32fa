//! The words of Sortie: ids, states and their transitions, findings, budgets.
//!
//! Plain data and pure decisions. This crate never does I/O, never reads a
//! clock except through [`clock::Clock`], and depends on nothing of Sortie's,
//! so that every other layer can speak of the same things.

pub mod approval;
pub mod budget;
pub mod clock;
pub mod diff;
pub mod egress;
pub mod event;
pub mod finding;
pub mod guard;
pub mod halt;
pub mod host;
pub mod id;
pub mod job;
pub mod link;
pub mod llm;
pub mod people;
pub mod project;
pub mod run;
pub mod start;
pub mod surface;
