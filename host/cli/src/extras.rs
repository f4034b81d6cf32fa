//! Plugins that came with this program and are installed only when somebody
//! asks for what they do.

use sortie_package::Digest;

include!(concat!(env!("OUT_DIR"), "/extras.rs"));

/// Whether a package of that digest, in hexadecimal, is one of them.
pub fn holds(digest: &str) -> bool {
    let mut digests = EXTRAS.iter().map(|(_, bytes)| Digest::of(bytes).hex());
    digests.any(|own| own == digest)
}

/// The package of that name.
pub fn find(name: &str) -> Option<&'static [u8]> {
    let found = EXTRAS.iter().find(|(own, _)| *own == name);
    found.map(|(_, bytes)| *bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_with_the_program_is_known_by_its_digest() {
        for (_, bytes) in EXTRAS {
            assert!(holds(&Digest::of(bytes).hex()));
        }
        assert!(!holds(&Digest::of(b"another").hex()));
    }
}
