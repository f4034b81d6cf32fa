//! Puts a plugin's manifest into its component, as `sortie plugin build` does for everybody else's.
//!
//! It only carries the manifest over. Whether what it says makes sense is `sortie-package`'s to
//! judge, whose tests read every manifest of this repository.

use std::fs;
use std::path::Path;

use anyhow::{Context, ensure};
use wasm_encoder::{ComponentSection, CustomSection};

use super::Package;

/// Its name in a project.
pub(super) const FILE: &str = "sortie-plugin.toml";

/// Its name in a component: what `sortie-package` reads.
const SECTION: &str = "sortie:manifest";

/// A manifest as JSON, without what is only about building.
///
/// # Errors
/// When it is no TOML, or speaks of another package.
pub(super) fn read(path: &Path, package: &Package) -> anyhow::Result<Vec<u8>> {
    let text = fs::read_to_string(path).context("read it")?;
    let mut manifest: toml::Table = text.parse().context("read it as TOML")?;
    for (key, own) in [("name", &package.name), ("version", &package.version)] {
        let written = manifest.get(key).and_then(toml::Value::as_str);
        ensure!(
            written == Some(own.as_str()),
            "its `{key}` is {}; write {own:?}, as Cargo.toml has it",
            written.map_or_else(|| "missing".to_owned(), |text| format!("{text:?}"))
        );
    }
    manifest.remove("build");
    serde_json::to_vec(&manifest).context("write it as JSON")
}

/// Appends the section. Nothing else of the component changes.
///
/// # Errors
/// When the bytes are no component.
pub(super) fn embed(component: &mut Vec<u8>, manifest: &[u8]) -> anyhow::Result<()> {
    ensure!(
        component.starts_with(b"\0asm\x0d\0\x01\0"),
        "the bytes are no component"
    );
    CustomSection {
        name: SECTION.into(),
        data: manifest.into(),
    }
    .append_to_component(component);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasmparser::{Parser, Payload};

    const MANIFEST: &str = "name = \"a-hook\"\nversion = \"0.1.0\"\nsurfaces = [\"connector\"]\n\
         [build]\ncommand = [\"make\"]\noutput = \"a.wasm\"\n";

    fn read_text(text: &str) -> anyhow::Result<Vec<u8>> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        fs::write(&path, text).unwrap();
        let package = Package {
            name: "a-hook".into(),
            version: "0.1.0".into(),
            dir: dir.path().into(),
        };
        read(&path, &package)
    }

    #[test]
    fn a_manifest_is_carried_over_without_its_build() {
        let json: serde_json::Value =
            serde_json::from_slice(&read_text(MANIFEST).unwrap()).unwrap();
        assert_eq!(
            json,
            serde_json::json!({"name": "a-hook", "version": "0.1.0", "surfaces": ["connector"]})
        );
    }

    #[test]
    fn a_manifest_of_another_package_is_refused() {
        for (text, said) in [
            (
                MANIFEST.replace("a-hook", "b"),
                "its `name` is \"b\"; write \"a-hook\"",
            ),
            (
                MANIFEST.replace("0.1.0", "9.9.9"),
                "its `version` is \"9.9.9\"",
            ),
            (String::new(), "its `name` is missing"),
            ("name =".into(), "as TOML"),
        ] {
            let error = format!("{:#}", read_text(&text).unwrap_err());
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn a_section_is_found_by_a_parser_and_the_rest_stays() {
        let bare = super::super::encode(b"\0asm\x01\0\0\0").unwrap();
        // Longer than one byte of a length holds.
        let manifest = vec![b'x'; 70_000];
        let mut packed = bare.clone();
        embed(&mut packed, &manifest).unwrap();
        assert!(packed.starts_with(&bare));
        let found: Vec<_> = Parser::new(0)
            .parse_all(&packed)
            .filter_map(|payload| match payload.unwrap() {
                Payload::CustomSection(section) if section.name() == SECTION => {
                    Some(section.data().to_vec())
                }
                _ => None,
            })
            .collect();
        assert_eq!(found, [manifest]);
        assert!(embed(&mut b"\0asm\x01\0\0\0".to_vec(), b"{}").is_err());
    }
}
