//! `sortie plugin upgrade`.

use super::consent::Wishes;
use super::fetched;
use super::install::{self, Change};
use crate::client::Client;
use crate::exit::{CliError, Exit};
use crate::out::Out;

/// Put another version in place of an installed plugin
///
/// Calls under way finish on the old one. A version that asks for more than was
/// granted is disabled until that is granted too; the command then exits with 1.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    from: fetched::From,
    #[command(flatten)]
    wishes: Wishes,
}

/// Fetches, asks and upgrades.
pub async fn run(args: Args, client: &Client, out: &Out) -> Result<Exit, CliError> {
    let package = args.from.fetch(out).await?;
    install::put(&package, &args.wishes, Change::Upgrade, client, out).await
}
