//! The store: jobs, runs, steps, approvals, the timeline, the ledger, and what
//! plugins were granted, keep, take in and send out, in one SQLite database.
//! The only place with SQL.
//!
//! Every write goes through one writer thread that commits what has gathered
//! in one transaction and answers only after the commit is on disk. A write of
//! a run shows its [`Fence`](sortie_model::id::Fence); one whose lease is over
//! is dropped. A state moves only by the model's transitions, in the same
//! transaction as the event that tells of it.
//!
//! The store never decides what to do next, never talks to the network, and
//! never reads a clock but the one it was given.

mod calls;
mod checkpoint;
mod db;
mod error;
pub mod limits;
mod lock;
mod migrate;
mod numbers;
mod options;
mod persist;
mod queries;
mod reader;
mod store;
mod types;
mod writer;

pub use calls::CallLedger;
pub use error::{Result, StoreError};
pub use lock::Holder;
pub use options::StoreOptions;
pub use persist::persist;
pub use store::Store;
pub use types::*;
