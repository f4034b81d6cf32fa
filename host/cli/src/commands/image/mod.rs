//! `sortie image`: the images that runs start from. It needs no running host.

mod check;
mod probe;

use crate::exit::{CliError, Exit};
use crate::out::Out;
use std::path::Path;

/// Look at the images that runs start from
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Check(check::Args),
}

/// Runs the subcommand.
pub async fn run(args: Args, config: Option<&Path>, out: &Out) -> Result<Exit, CliError> {
    match args.command {
        Command::Check(args) => check::run(args, config, out).await,
    }
}
