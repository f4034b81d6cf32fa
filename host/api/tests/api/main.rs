//! The API over a real socket, a real store and a real intake. Every answer is
//! held against the description that the API gives of itself.
#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod actions;
mod contract;
mod faults;
mod jobs;
mod refusals;
mod rig;
mod streams;
