//! Embeds the shipped plugins: writes a table of `dist/plugins/*.wasm` with
//! their digests. It builds none of them; `cargo xtask plugins` does.

use std::{env, error::Error, fmt::Write, fs, path::PathBuf};

use sha2::{Digest, Sha256};

/// What a host cannot do without; more in the directory are embedded too.
const REQUIRED: [&str; 9] = [
    "agent-claude",
    "agent-codex",
    "agent-opencode",
    "agent-pi",
    "agent-shell",
    "budget-profiles",
    "reward-hacking",
    "workflow-ask",
    "workflow-task",
];

fn main() -> Result<(), Box<dyn Error>> {
    let crate_dir = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let dir = crate_dir.join("../../dist/plugins");
    println!("cargo::rerun-if-changed={}", dir.display());

    let mut plugins = Vec::new();
    if dir.is_dir() {
        for entry in fs::read_dir(&dir)? {
            let path = entry?.path();
            if path.extension().is_some_and(|e| e == "wasm") {
                plugins.push(path.canonicalize()?);
            }
        }
    }
    plugins.sort();
    let out_dir = PathBuf::from(env::var("OUT_DIR")?);

    let mut names = Vec::new();
    let mut table = String::from("static SHIPPED: &[Shipped] = &[\n");
    for path in &plugins {
        println!("cargo::rerun-if-changed={}", path.display());
        let name = path
            .file_stem()
            .and_then(|stem| stem.to_str())
            .ok_or("a shipped plugin has a name that is not UTF-8")?;
        // A copy: what is embedded is what was hashed, also when the file is
        // built anew meanwhile.
        let bytes = fs::read(path)?;
        let digest = hex::encode(Sha256::digest(&bytes));
        let copy = out_dir.join(format!("{name}.wasm"));
        fs::write(&copy, bytes)?;
        writeln!(
            table,
            "    Shipped {{ name: {name:?}, digest: {digest:?}, wasm: include_bytes!({copy:?}) }},"
        )?;
        names.push(name.to_owned());
    }
    table.push_str("];\n");

    let missing: Vec<_> = REQUIRED
        .into_iter()
        .filter(|name| !names.iter().any(|n| n == name))
        .collect();
    if !missing.is_empty() {
        println!(
            "cargo::error=the shipped plugins {} are not in dist/plugins; build them with `cargo xtask plugins`",
            missing.join(", ")
        );
        return Ok(());
    }
    fs::write(out_dir.join("shipped.rs"), table)?;
    Ok(())
}
