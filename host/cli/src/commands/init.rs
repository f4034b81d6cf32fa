//! `sortie init`.

use crate::config;
use crate::exit::{CliError, Exit};
use crate::out::Out;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Write a commented configuration
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The file to write [default: the one of --config, or sortie.toml]
    file: Option<PathBuf>,
    /// Replace a file that is there
    #[arg(long)]
    force: bool,
    /// Print the JSON Schema of the configuration instead
    #[arg(long, conflicts_with_all = ["file", "force"])]
    schema: bool,
}

/// Writes the file.
pub fn run(args: &Args, config: Option<&Path>, out: &Out) -> Result<Exit, CliError> {
    if args.schema {
        out.json(&config::schema())?;
        return Ok(Exit::Ok);
    }
    let path = args
        .file
        .as_deref()
        .or(config)
        .unwrap_or(Path::new("sortie.toml"));
    let mut options = std::fs::OpenOptions::new();
    options.write(true);
    if args.force {
        options.create(true).truncate(true);
    } else {
        options.create_new(true);
    }
    let mut file = options.open(path).map_err(|error| {
        if error.kind() == std::io::ErrorKind::AlreadyExists {
            CliError::usage(format!("write {}: it is there already", path.display()))
                .with_hint("`--force` replaces it")
        } else {
            CliError::failed(format!("write {}: {error}", path.display()))
        }
    })?;
    file.write_all(config::DEFAULT_TOML.as_bytes())
        .map_err(|error| CliError::failed(format!("write {}: {error}", path.display())))?;
    if out.is_json() {
        out.json(&serde_json::json!({ "file": path }))?;
    } else {
        out.line(format!(
            "wrote {}; add a project to it, then `sortie doctor` and `sortie serve`",
            path.display()
        ))?;
    }
    Ok(Exit::Ok)
}
