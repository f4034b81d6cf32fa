//! What a plugin package is: a component with a manifest, perhaps a signature,
//! and a place it came from.
//!
//! This crate reads, checks and makes packages. It never runs one, keeps no
//! state, and gives a plugin nothing: what a manifest asks for is compared with
//! what an operator granted, and the answer is for others to act on.

pub mod componentize;
pub mod digest;
pub mod fetch;
pub mod layer;
pub mod lock;
pub mod manifest;
pub mod section;
pub mod signature;
#[cfg(test)]
mod testing;
pub mod unknown;

pub use componentize::{ComponentizeError, componentize};
pub use digest::Digest;
pub use layer::{Layer, LayerError, MAX_PACKAGE_BYTES};
pub use manifest::{Grant, Manifest, ManifestError, Requests};
