//! The one place that turns bytes from a disk into code.
#![allow(unsafe_code, reason = "see the SAFETY comment; nothing else is here")]

use std::path::Path;

use wasmtime::{Engine, component::Component};

/// Maps the compiled component in `path`, which the caller has checked to be
/// what this host wrote: owned by this user, writable by nobody else, in a
/// directory of mode 0700, and of the checksum recorded when it was written.
///
/// # Errors
///
/// When wasmtime finds that another version or configuration compiled it.
pub(super) fn load(engine: &Engine, path: &Path) -> wasmtime::Result<Component> {
    // SAFETY: wasmtime requires that the file is unmodified output of
    // `Engine::precompile_component`, and that it does not change while it is
    // mapped. The caller has verified its SHA-256 against the one recorded at
    // the write; only this user can open the directory, and this crate replaces
    // files by rename and never writes into one.
    unsafe { Component::deserialize_file(engine, path) }
}
