//! The model endpoint between a client and a provider, over streams in memory,
//! a provider on loopback and a real ledger.

mod budget;
mod faults;
mod rig;
mod room;
mod secrets;
mod streams;
mod talk;
