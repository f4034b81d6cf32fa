//! The manifest inside a component: a custom section of its own, as JSON.
//! Every other byte stays as it is. Nested components and modules are not
//! looked into, whatever sections they carry.

use std::ops::Range;

use wasm_encoder::{ComponentSection, CustomSection};
use wasmparser::{Chunk, Parser, Payload};

use crate::layer::{Layer, LayerError};
use crate::manifest::{MAX_MANIFEST_BYTES, Manifest, ManifestError};

/// The section's name.
pub const NAME: &str = "sortie:manifest";

/// Why a manifest was not written or read.
#[derive(Debug, thiserror::Error)]
pub enum SectionError {
    /// Not WebAssembly, or too much of it.
    #[error(transparent)]
    Layer(#[from] LayerError),
    /// A core module.
    #[error(
        "it is a core module, and manifests are in components; make one of it with `sortie plugin build`"
    )]
    Module,
    /// Bytes that break off or make no sense.
    #[error("the component is damaged at byte {at}: {reason}; get it or build it again")]
    Damaged {
        /// Offset.
        at: u64,
        /// Why.
        reason: String,
    },
    /// More than one.
    #[error("the component has {0} manifests; build it again from its project")]
    Several(usize),
    /// Not a manifest that can be read or written.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
}

/// A top-level manifest section.
struct Found<'a> {
    /// All of it, with its header.
    range: Range<usize>,
    data: &'a [u8],
}

/// The component with this manifest in place of the one it had.
///
/// # Errors
/// When it is no component, or has several.
pub fn embed(component: &[u8], manifest: &Manifest) -> Result<Vec<u8>, SectionError> {
    let json = manifest.to_json();
    if json.len() > MAX_MANIFEST_BYTES {
        return Err(ManifestError::TooLarge { bytes: json.len() }.into());
    }
    let mut bytes = component.to_vec();
    if let Some(old) = only(find(component)?)? {
        bytes.drain(old.range);
    }
    CustomSection {
        name: NAME.into(),
        data: json.into(),
    }
    .append_to_component(&mut bytes);
    Ok(bytes)
}

/// The component's manifest; none when it carries none.
///
/// # Errors
/// When it is no component, has several manifests or one that is not right.
pub fn read(component: &[u8]) -> Result<Option<Manifest>, SectionError> {
    match only(find(component)?)? {
        Some(found) => Ok(Some(Manifest::from_json(found.data)?)),
        None => Ok(None),
    }
}

fn only(mut found: Vec<Found<'_>>) -> Result<Option<Found<'_>>, SectionError> {
    match found.len() {
        0 | 1 => Ok(found.pop()),
        several => Err(SectionError::Several(several)),
    }
}

fn find(component: &[u8]) -> Result<Vec<Found<'_>>, SectionError> {
    if Layer::of(component)? == Layer::Module {
        return Err(SectionError::Module);
    }
    let mut found = Vec::new();
    let mut parser = Parser::new(0);
    let mut at = 0;
    loop {
        let damaged = |reason: String| SectionError::Damaged {
            at: at as u64,
            reason,
        };
        let chunk = parser
            .parse(&component[at..], true)
            .map_err(|error| damaged(error.message().to_owned()))?;
        let Chunk::Parsed { consumed, payload } = chunk else {
            return Err(damaged("it ends in the middle of a section".into()));
        };
        let start = at;
        at += consumed;
        let nested = match payload {
            Payload::End(_) => return Ok(found),
            Payload::CustomSection(section) if section.name() == NAME => {
                found.push(Found {
                    range: start..at,
                    data: section.data(),
                });
                continue;
            }
            Payload::ModuleSection {
                unchecked_range, ..
            }
            | Payload::ComponentSection {
                unchecked_range, ..
            } => unchecked_range,
            _ => continue,
        };
        let end = usize::try_from(nested.end.saturating_sub(nested.start))
            .ok()
            .and_then(|len| at.checked_add(len))
            .filter(|end| *end <= component.len())
            .ok_or_else(|| SectionError::Damaged {
                at: at as u64,
                reason: "it ends in the middle of a nested module".into(),
            })?;
        at = end;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{component, manifest};

    /// A component with these custom sections after its own.
    fn with(sections: &[&[u8]]) -> Vec<u8> {
        let mut bytes = component();
        for data in sections {
            CustomSection {
                name: NAME.into(),
                data: (*data).into(),
            }
            .append_to_component(&mut bytes);
        }
        bytes
    }

    #[test]
    fn what_is_embedded_is_read_and_the_rest_stays() {
        let bare = component();
        assert!(read(&bare).unwrap().is_none());
        let packed = embed(&bare, &manifest("one")).unwrap();
        assert_eq!(read(&packed).unwrap().unwrap(), manifest("one"));
        assert!(packed.starts_with(&bare));
    }

    #[test]
    fn an_old_manifest_is_replaced_wherever_it_stands() {
        let bare = component();
        let mut early = bare[..8].to_vec();
        CustomSection {
            name: NAME.into(),
            data: b"{}"[..].into(),
        }
        .append_to_component(&mut early);
        early.extend_from_slice(&bare[8..]);
        let replaced = embed(&early, &manifest("two")).unwrap();
        assert_eq!(replaced, embed(&bare, &manifest("two")).unwrap());
        assert_eq!(
            embed(&replaced, &manifest("two")).unwrap(),
            replaced,
            "twice is once"
        );
    }

    #[test]
    fn a_nested_components_manifest_is_not_its_own() {
        let inner = embed(&component(), &manifest("inner")).unwrap();
        let mut outer = bytes_of_a_component();
        wasm_encoder::RawSection {
            id: wasm_encoder::ComponentSectionId::Component.into(),
            data: &inner,
        }
        .append_to_component(&mut outer);
        assert!(read(&outer).unwrap().is_none());
        let packed = embed(&outer, &manifest("outer")).unwrap();
        assert_eq!(read(&packed).unwrap().unwrap().name, "outer");
    }

    fn bytes_of_a_component() -> Vec<u8> {
        b"\0asm\x0d\0\x01\0".to_vec()
    }

    #[test]
    fn what_is_wrong_is_told_apart() {
        let good = manifest("one").to_json();
        let huge = vec![b' '; MAX_MANIFEST_BYTES + 1];
        for (bytes, said) in [
            (b"not wasm at all".to_vec(), "no WebAssembly"),
            (b"\0asm\x01\0\0\0".to_vec(), "core module"),
            (with(&[&good, &good]), "has 2 manifests"),
            (with(&[b"{"]), "not valid JSON"),
            (with(&[b""]), "not valid JSON"),
            (with(&[b"{\"nam\":1}"]), "did you mean `name`?"),
            (with(&[&huge]), "more than the 262144"),
            (component()[..40].to_vec(), "damaged at byte"),
        ] {
            let error = read(&bytes).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
        assert!(matches!(
            embed(&with(&[&good, &good]), &manifest("one")),
            Err(SectionError::Several(2))
        ));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(tail in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&[&bytes_of_a_component(), &tail[..]].concat());
            let _ = crate::componentize::componentize(&[b"\0asm\x01\0\0\0", &tail[..]].concat());
        }

        #[test]
        fn no_damage_makes_it_panic(at in 0..4096usize, byte in any::<u8>(), cut in 0..4096usize) {
            let mut packed = embed(&component(), &manifest("one")).unwrap();
            let len = packed.len();
            packed[at % len] = byte;
            let _ = read(&packed);
            packed.truncate(cut % len);
            let _ = read(&packed);
            let mut module = crate::testing::module("(module (func (export \"run\")))");
            let len = module.len();
            module[at % len] = byte;
            let _ = crate::componentize::componentize(&module);
        }
    }
}
