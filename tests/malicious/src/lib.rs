//! Plugins that misbehave, each with the error it must end in.
//!
//! A [`Case`] is one component, what is done with it, and its [`End`]. Those
//! that attack the engine or the machine run on a [`Bench`]; those that attack
//! the network or other people's jobs run on a whole [`Town`], with a store,
//! grants, the egress service and real servers. The tests run each beside a
//! neighbour that behaves, and the benchmarks measure how long each takes.
//! Nothing here decides what is allowed.

mod bench;
mod case;
pub mod cases;
mod neighbour;
mod table;
mod town;

pub use bench::Bench;
pub use case::{Act, Case, End, Setting};
pub use neighbour::Change;
pub use table::table;
pub use town::{Attack, TOKEN, Told, Town};
