//! The one place that turns bytes from a disk into code.
#![allow(unsafe_code, reason = "see the SAFETY comment; nothing else is here")]

use std::{ffi::c_void, path::Path, ptr::NonNull};

use nix::sys::mman::{MmapAdvise, madvise};
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
    let component = unsafe { Component::deserialize_file(engine, path) }?;
    rest(&component);
    Ok(component)
}

/// Takes the pages of a mapped component out of this process until something
/// of it is called. Loading has looked at some of each part, and the kernel
/// maps their neighbours with them: most of the code of a plugin that may never
/// be called.
fn rest(component: &Component) {
    let image = component.image_range();
    let length = image.end as usize - image.start as usize;
    if let Some(start) = NonNull::new(image.start.cast_mut().cast::<c_void>()) {
        // SAFETY: the range is a private mapping of a whole file, made above.
        // wasmtime refuses code with relocations and has made the mapping
        // read-only, so no page of it differs from the file's: what is given
        // back here is read from there again, the same bytes.
        if let Err(error) = unsafe { madvise(start, length, MmapAdvise::MADV_DONTNEED) } {
            // It costs memory, and nothing else.
            tracing::debug!(%error, "the pages of a component stay in memory");
        }
    }
}
