//! Lays out the component's memory so that a small scan stays within few pages: the stack is no larger than
//! it must be, and the heap begins in the memory that the instance starts with.

/// Nothing in the scanner recurses; the deepest call of a scan of 20 MB takes a few kilobytes.
const STACK_BYTES: u32 = 64 << 10;

/// Stack, constants and the heap of a change of some dozen lines.
const INITIAL_BYTES: u32 = 512 << 10;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_ARCH").as_deref() == Ok("wasm32") {
        println!("cargo::rustc-cdylib-link-arg=-zstack-size={STACK_BYTES}");
        println!("cargo::rustc-cdylib-link-arg=--initial-memory={INITIAL_BYTES}");
    }
}
