//! From a project to its package, and what a package says of itself. No code
//! of a plugin runs here.

use super::program::{self, Program};
use super::{Project, toolchain};
use crate::exit::CliError;
use crate::out::Out;
use serde::Serialize;
use serde_json::Value;
use sortie_package::manifest::Difference;
use sortie_package::{Digest, Grant, Layer, MAX_PACKAGE_BYTES, Manifest, componentize, section};
use sortie_plugins::{Capabilities, PluginInfo, Plugins};
use std::io::Read;
use std::path::Path;

/// What a look at a package found.
#[derive(Debug, Serialize)]
pub struct About {
    pub name: String,
    pub version: String,
    pub description: String,
    pub digest: String,
    pub bytes: usize,
    pub surfaces: Vec<String>,
    pub imports: Vec<String>,
    /// What it asks for.
    pub asks: Vec<Difference>,
}

/// Builds the project's package and gives its bytes.
pub fn build(project: &Project, out: &Out) -> Result<Vec<u8>, CliError> {
    let Some(build) = &project.manifest.build else {
        return Err(CliError::usage(format!(
            "build {}: its manifest does not say how",
            project.manifest.name
        ))
        .with_hint("add a table [build] with `command` and `output` to sortie-plugin.toml"));
    };
    let Some((program, args)) = build.command.split_first() else {
        return Err(CliError::usage("build the plugin: build.command is empty"));
    };
    let mut command = Program {
        program: program::named(program, &project.dir),
        args: args.iter().map(Into::into).collect(),
        dir: project.dir.clone(),
        ..Program::default()
    };
    if toolchain::concerns(&build.command) {
        toolchain::choose(&mut command, out)?;
    }
    out.progress(format!(
        "building {} with {}",
        project.manifest.name,
        build.command.join(" ")
    ));
    command.run(out)?;
    let output = project.dir.join(&build.output);
    let module = read(&output).map_err(|error| CliError {
        hint: Some(
            "build.output in sortie-plugin.toml names what build.command leaves behind".into(),
        ),
        ..error
    })?;
    let failed = |error: &dyn std::fmt::Display| {
        CliError::failed(format!("make a component of {}: {error}", output.display()))
    };
    let component = componentize(&module).map_err(|error| failed(&error))?;
    section::embed(&component, &project.manifest).map_err(|error| failed(&error))
}

/// The bytes of a package or module.
pub fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    let failed = |error: &dyn std::fmt::Display| {
        CliError::failed(format!("read {}: {error}", path.display()))
    };
    let file = std::fs::File::open(path).map_err(|error| failed(&error))?;
    if !file.metadata().is_ok_and(|metadata| metadata.is_file()) {
        return Err(failed(&"it is not a regular file"));
    }
    let mut bytes = Vec::new();
    file.take(MAX_PACKAGE_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| failed(&error))?;
    match bytes.len() as u64 > MAX_PACKAGE_BYTES {
        true => Err(failed(&format!(
            "it has more than {MAX_PACKAGE_BYTES} bytes"
        ))),
        false => Ok(bytes),
    }
}

/// The manifest in a package, or beside it in a file of its name that ends in
/// `.toml` or `.json`; with it the text of the one beside.
pub fn manifest(path: &Path, bytes: &[u8]) -> Result<(Manifest, Option<String>), CliError> {
    let failed = |error: &dyn std::fmt::Display| {
        CliError::usage(format!("read the manifest of {}: {error}", path.display()))
    };
    if Layer::of(bytes).map_err(|error| failed(&error))? == Layer::Component
        && let Some(manifest) = section::read(bytes).map_err(|error| failed(&error))?
    {
        return Ok((manifest, None));
    }
    for ending in ["toml", "json"] {
        let beside = path.with_extension(ending);
        if !beside.is_file() {
            continue;
        }
        let text = super::read_text(&beside, sortie_package::manifest::MAX_MANIFEST_BYTES)
            .map_err(|error| failed(&error))?;
        let read = match ending {
            "json" => Manifest::from_json(text.as_bytes()),
            _ => Manifest::from_toml(&text),
        };
        return Ok((read.map_err(|error| failed(&error))?, Some(text)));
    }
    Err(failed(&"it has none inside and none beside it")
        .with_hint("build it with `sortie plugin build`, which puts it in"))
}

/// A component with the manifest that stands beside it put in, as the host does
/// before it takes the digest.
pub fn whole(bytes: &[u8], manifest: &Manifest) -> Result<Vec<u8>, CliError> {
    section::embed(bytes, manifest)
        .map_err(|error| CliError::failed(format!("put the manifest in: {error}")))
}

/// Compiles a package without running it and holds its exports against its
/// manifest. It stays unnamed; nobody can call it.
pub async fn examine(
    plugins: &Plugins,
    manifest: &Manifest,
    bytes: &[u8],
) -> Result<About, CliError> {
    let prepared = plugins
        .prepare(
            &manifest.name,
            bytes.to_vec(),
            Value::Null,
            Capabilities::default(),
        )
        .await
        .map_err(CliError::failed)?;
    let info = prepared.info();
    let mut declared: Vec<String> = manifest
        .surfaces
        .iter()
        .map(|surface| surface.name().to_owned())
        .collect();
    let mut surfaces = exported(info);
    declared.sort();
    surfaces.sort();
    if declared != surfaces {
        return Err(CliError::failed(format!(
            "use plugin `{}`: its manifest names the surfaces {} and it exports {}",
            manifest.name,
            declared.join(", "),
            surfaces.join(", ")
        ))
        .with_hint("say the same in `surfaces` of sortie-plugin.toml"));
    }
    Ok(About {
        name: manifest.name.clone(),
        version: manifest.version.to_string(),
        description: manifest.description.clone(),
        digest: Digest::of(bytes).to_string(),
        bytes: bytes.len(),
        surfaces,
        imports: info.imports.clone(),
        asks: manifest.requests().beyond(&Grant::default()),
    })
}

fn exported(info: &PluginInfo) -> Vec<String> {
    info.surfaces
        .iter()
        .map(|info| info.surface.name().to_owned())
        .collect()
}
