//! `sortie secret`.

use crate::config::Loaded;
use crate::exit::{CliError, Exit};
use crate::host::options;
use crate::out::Out;
use crate::secret_input;
use std::path::PathBuf;

/// Hand the host a secret that its configuration does not name
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Set(Set),
}

/// Keep a secret in the host's data directory, for the host's user alone
///
/// Reads it from the terminal without showing it, from a pipe, or from a file.
/// A host that runs takes it at its next use.
#[derive(Debug, clap::Args)]
struct Set {
    /// Its name, as plugins and the configuration call it
    name: String,
    /// The file that holds it
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

/// Keeps the secret.
pub fn run(args: &Args, loaded: &Loaded, out: &Out) -> Result<Exit, CliError> {
    let Command::Set(Set { name, file }) = &args.command;
    let vault = options::vault(loaded)?;
    let secret = secret_input::read(&format!("the secret {name}"), file.as_deref(), out)?;
    vault
        .keep(name, &secret)
        .map_err(|error| CliError::failed(error.to_string()))?;
    if out.is_json() {
        out.json(&serde_json::json!({ "name": name }))?;
    } else {
        out.line(format!("{name} is kept"))?;
    }
    Ok(Exit::Ok)
}
