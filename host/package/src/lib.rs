//! What a plugin package is: a component with a manifest, perhaps a signature,
//! and a place it came from.
//!
//! This crate reads, checks and makes packages. It never runs one, keeps no
//! state, and gives a plugin nothing: what a manifest asks for is compared with
//! what an operator granted, and the answer is for others to act on.

pub mod digest;
pub mod manifest;
pub mod unknown;
pub use digest::Digest;
pub use manifest::{Grant, Manifest, ManifestError, Requests, Surface};
