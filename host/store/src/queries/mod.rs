//! The queries, grouped by who asks: one function per query, typed rows out.

mod gate;
mod intake;
mod jobs;
mod lease;
mod ledger;
pub(crate) mod meta;
mod people;
#[cfg(test)]
mod plans;
mod projects;
mod rows;
mod run;
mod state;
mod step;
pub(crate) mod timeline;

/// The tenant when there is one.
pub(crate) const DEFAULT_TENANT: i64 = 1;
