//! Writes the generated bindings of the Rust, Go and C SDKs from `wit/`, or with `--check` says which
//! of the committed ones differ. It never touches what people wrote: generated files have folders
//! of their own, and nothing else lives in those.

mod c;
mod go;
mod output;
mod rust;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail};
use wit_bindgen_core::wit_parser::{Resolve, WorldId};
use wit_bindgen_core::{Files, WorldGenerator};

/// The world that every scanner is written for.
const WORLD: &str = "sortie:scanner/scanner";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: failed to {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<()> {
    let check = match std::env::args().skip(1).collect::<Vec<_>>().as_slice() {
        [] => false,
        [flag] if flag == "--check" => true,
        other => bail!("understand {other:?}: the only argument is --check"),
    };
    let sdk = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .context("find the folder above this crate")?;

    let outputs = [
        c::output(World::read(sdk)?)?,
        go::output(World::read(sdk)?)?,
        rust::output(World::read(sdk)?)?,
    ];
    let mut stale = Vec::new();
    for output in &outputs {
        if check {
            stale.extend(output.differences(sdk)?);
        } else {
            output.write(sdk)?;
        }
    }
    if !stale.is_empty() {
        bail!(
            "find the bindings that wit/ makes: {} differ; run `cargo run` in sdk/bindgen and commit what it wrote",
            stale.join(", ")
        );
    }
    Ok(())
}

/// A world and the packages it stands on. A generator may change them, so each gets its own.
struct World {
    resolve: Resolve,
    id: WorldId,
}

impl World {
    fn read(sdk: &Path) -> anyhow::Result<Self> {
        let wit = sdk.join("../wit");
        let mut resolve = Resolve::default();
        let mut push = |folder: &str| {
            let path = wit.join(folder);
            resolve
                .push_dir(&path)
                .with_context(|| format!("read the WIT in {}", path.display()))
        };
        push("host")?;
        let (package, _) = push("scanner")?;
        let id = resolve
            .select_world(&[package], Some(WORLD))
            .with_context(|| format!("find the world {WORLD}"))?;
        Ok(Self { resolve, id })
    }

    /// What a generator makes of it, by file name.
    fn generate(&mut self, generator: &mut dyn WorldGenerator) -> anyhow::Result<Files> {
        let mut files = Files::default();
        generator
            .generate(&mut self.resolve, self.id, &mut files)
            .with_context(|| format!("generate bindings of {WORLD}"))?;
        Ok(files)
    }
}
