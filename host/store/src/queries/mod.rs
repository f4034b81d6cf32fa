//! The queries, grouped by who asks: one function per query, typed rows out.

mod answers;
mod artifact;
mod audit;
mod budget;
mod buttons;
mod call;
mod chat;
mod chats;
mod deliveries;
mod effects;
mod egress;
mod events;
mod gate;
mod host;
mod inbound;
mod intake;
mod jobs;
mod kv;
mod lease;
mod ledger;
mod members;
pub(crate) mod meta;
mod model_calls;
mod nudge;
pub(crate) mod numbers;
mod outbox;
mod outgoing;
mod people;
#[cfg(test)]
mod plans;
mod plugins;
mod projects;
mod rows;
mod run;
mod spending;
mod state;
mod stats;
mod step;
mod threads;
pub(crate) mod timeline;
mod unanswered;

/// The tenant when there is one.
pub(crate) const DEFAULT_TENANT: i64 = 1;
