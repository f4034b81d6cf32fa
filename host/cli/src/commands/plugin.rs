//! `sortie plugin`.

use crate::client::Client;
use crate::exit::{CliError, Exit};
use crate::out::Out;
use crate::render;
use sortie_api::view::PluginList;

/// Look after plugins
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: PluginCommand,
}

#[derive(Debug, clap::Subcommand)]
enum PluginCommand {
    /// List the installed plugins
    List,
}

/// Runs the subcommand.
pub async fn run(args: Args, client: &Client, out: &Out) -> Result<Exit, CliError> {
    match args.command {
        PluginCommand::List => {
            let list: PluginList = client.get("/v1/plugins").await?;
            if out.is_json() {
                out.json(&list)?;
            } else {
                out.line(render::plugins(&list.plugins))?;
            }
        }
    }
    Ok(Exit::Ok)
}
