//! `sortie plugin build`.

use crate::exit::{CliError, Exit};
use crate::host::options;
use crate::out::Out;
use crate::project::package::{self, About};
use crate::project::{self, Project};
use crate::render;
use serde::Serialize;
use std::path::PathBuf;

/// Build a plugin's project into a package, dist/NAME.wasm
///
/// Runs the command of `[build]` in sortie-plugin.toml, makes a component of what
/// it leaves, puts the manifest in and checks the result without running it.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The project
    #[arg(value_name = "DIR", default_value = ".")]
    dir: PathBuf,
}

/// What was built.
#[derive(Serialize)]
struct Built {
    file: PathBuf,
    #[serde(flatten)]
    about: About,
}

/// Builds and shows what came of it.
pub async fn run(args: Args, out: &Out) -> Result<Exit, CliError> {
    let project = Project::open(&args.dir)?;
    let bytes = package::build(&project, out)?;
    out.progress("checking it");
    let plugins = options::plugins_here(None)?;
    let about = package::examine(&plugins, &project.manifest, &bytes).await?;
    let file = project.package();
    project::write(&file, &bytes)?;
    if out.is_json() {
        out.json(&Built { file, about })?;
    } else {
        out.line(render::package(out, &file.display().to_string(), &about))?;
    }
    Ok(Exit::Ok)
}
