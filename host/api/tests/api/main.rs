//! The API over a real socket, a real store and a real intake. Every answer is
//! held against the description that the API gives of itself.
#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod actions;
mod contract;
mod egress;
mod faults;
mod hooks;
mod jobs;
mod packages;
#[path = "../../../platform/tests/platform/parts.rs"]
#[expect(dead_code, reason = "others use the rest")]
mod parts;
mod people;
mod plugins;
mod refusals;
mod rig;
mod streams;
mod usage;
#[path = "../../../platform/tests/platform/worker.rs"]
#[expect(dead_code, reason = "others use the rest")]
mod worker;

use sortie_guests as guests;
