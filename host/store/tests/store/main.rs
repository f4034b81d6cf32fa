//! The store against real SQLite files: what people and runs may do, what
//! must hold whatever they do, and what happens when the machine fails.

mod plugin_support;
mod support;

mod approvals;
mod batches;
mod budget;
mod busy;
mod call_faults;
mod call_ledger;
mod calls;
mod cancels;
mod chats;
mod connections;
mod deliveries;
mod egress;
mod faults;
mod gates;
mod host;
mod inbound;
mod intake;
mod leases;
mod lines;
mod listing;
mod members;
mod model;
mod model_calls;
mod opening;
mod permits;
mod plugins;
mod steps;
mod threads;
mod timeline;
