//! The store against real SQLite files: what people and runs may do, what
//! must hold whatever they do, and what happens when the machine fails.

mod plugin_support;
mod support;

mod batches;
mod busy;
mod call_faults;
mod calls;
mod deliveries;
mod faults;
mod gates;
mod inbound;
mod intake;
mod leases;
mod lines;
mod listing;
mod model;
mod opening;
mod plugins;
mod steps;
mod timeline;
