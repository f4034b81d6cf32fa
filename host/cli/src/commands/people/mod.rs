//! `sortie people`: who may speak to the host, and what their chats hear.

mod add;
mod chat;
mod list;
mod remove;

use crate::client::Client;
use crate::exit::{CliError, Exit};
use crate::out::Out;

/// Show who may speak to the host through chats, and let people in or out
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    List(list::Args),
    Add(add::Args),
    Remove(remove::Args),
    Chat(chat::Args),
}

/// Runs the subcommand.
pub async fn run(args: Args, client: &Client, out: &Out) -> Result<Exit, CliError> {
    match args.command {
        Command::List(args) => list::run(args, client, out).await,
        Command::Add(args) => add::run(args, client, out).await,
        Command::Remove(args) => remove::run(args, client, out).await,
        Command::Chat(args) => chat::run(args, client, out).await,
    }
}
