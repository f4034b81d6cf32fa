//! Plugins that came with this program and are installed only when somebody
//! asks for what they do.

include!(concat!(env!("OUT_DIR"), "/extras.rs"));

/// The package of that name.
pub fn find(name: &str) -> Option<&'static [u8]> {
    let found = EXTRAS.iter().find(|(own, _)| *own == name);
    found.map(|(_, bytes)| *bytes)
}
