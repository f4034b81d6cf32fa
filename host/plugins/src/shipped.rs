//! The plugins that are part of the binary, pinned by the digest they had
//! when it was built.

/// One embedded plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shipped {
    /// The name it is loaded under.
    pub name: &'static str,
    /// SHA-256 of the component, in hexadecimal.
    pub digest: &'static str,
    /// The component.
    pub wasm: &'static [u8],
}

include!(concat!(env!("OUT_DIR"), "/shipped.rs"));

/// The embedded plugins by name.
pub fn shipped() -> &'static [Shipped] {
    SHIPPED
}
