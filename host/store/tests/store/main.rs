//! The store against real SQLite files: what people and runs may do, what
//! must hold whatever they do, and what happens when the machine fails.

mod support;

mod busy;
mod faults;
mod gates;
mod intake;
mod leases;
mod listing;
mod model;
mod opening;
mod steps;
mod timeline;
