//! `sortie plugin`: an author's commands, which need no host, and an
//! operator's, which ask the running one.

mod build;
mod keygen;
mod list;
mod new;
mod sign;
mod test;

use crate::client::Client;
use crate::exit::{CliError, Exit};
use crate::out::Out;

/// Write, test, install and look after plugins
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    New(new::Args),
    Build(build::Args),
    Test(test::Args),
    Keygen(keygen::Args),
    Sign(sign::Args),
    List(list::Args),
}

/// Runs the subcommand; `client` finds the host for those that need it.
pub async fn run(
    args: Args,
    client: impl Fn() -> Result<Client, CliError>,
    out: &Out,
) -> Result<Exit, CliError> {
    match args.command {
        Command::New(args) => new::run(&args, out),
        Command::Build(args) => build::run(args, out).await,
        Command::Test(args) => test::run(args, out).await,
        Command::Keygen(args) => keygen::run(args, out),
        Command::Sign(args) => sign::run(&args, out),
        Command::List(args) => list::run(args, &client()?, out).await,
    }
}
