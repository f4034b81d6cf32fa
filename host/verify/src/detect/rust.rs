//! Cargo.

use super::{Folder, Found, Purpose};

const MANIFEST: &str = "Cargo.toml";

pub(super) fn look(folder: Folder<'_>) -> Vec<Found> {
    if !folder.has(MANIFEST) {
        return Vec::new();
    }
    let manifest = folder
        .read(MANIFEST)
        .and_then(|text| text.parse::<toml::Table>().ok())
        .unwrap_or_default();
    let workspace = match manifest.contains_key("workspace") && manifest.contains_key("package") {
        true => " --workspace",
        false => "",
    };
    let lints = manifest.get("workspace").and_then(|w| w.get("lints"));
    let lints = [lints, manifest.get("lints")];
    let clippy = lints
        .into_iter()
        .flatten()
        .any(|lints| lints.get("clippy").is_some())
        || folder.first(&["clippy.toml", ".clippy.toml"]).is_some();
    let mut found = Vec::new();
    // Only where the project uses it: a lint that nobody runs is full of
    // findings that are not the change's.
    if clippy {
        let command = format!("cargo clippy{workspace} --all-targets");
        found.push(folder.found(Purpose::Lint, &command, MANIFEST));
    }
    let command = format!("cargo test{workspace}");
    found.push(folder.found(Purpose::Test, &command, MANIFEST));
    found
}
