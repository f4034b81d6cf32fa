//! The heap of a guest, for whoever names this crate. It is the standard library's, of a release that takes
//! blocks off the memory that the instance starts with: a guest that asks for more is made smaller again by the
//! host after each call, and both stop every processor for a moment. To go when the standard library has that
//! release.

#![no_std]

#[cfg(target_arch = "wasm32")]
#[global_allocator]
static HEAP: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;
