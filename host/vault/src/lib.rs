//! Named secrets: where they come from, and how they stay out of text.
//!
//! A secret has a name in the configuration and a source (a literal value, an
//! environment variable, a file). [`Vault::get`] reads the source at every
//! use, so that a rotated file is picked up without a restart. Every value
//! that was ever handed out is known to the [`Redactor`], which removes it,
//! and its usual encodings, from text that is about to be logged or stored.
//!
//! This crate never sends a secret anywhere, never writes one to disk and
//! never prints one.

mod credential;
mod redact;
mod secret;
mod vault;

pub use credential::{GitCredential, PatternError, RemotePattern};
pub use redact::Redactor;
pub use secret::{Secret, SecretSource};
pub use vault::{MAX_SECRET_BYTES, MIN_SECRET_BYTES, Vault, VaultError};
