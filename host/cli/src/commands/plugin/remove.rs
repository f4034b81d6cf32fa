//! `sortie plugin remove`.

use crate::client::Client;
use crate::exit::{CliError, Exit};
use crate::out::Out;
use sortie_api::view::PluginDetail;

/// Remove a plugin; one of the host's own of that name comes back
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The plugin
    name: String,
    /// Also forget what it kept, and the events that wait for it
    #[arg(long)]
    erase: bool,
}

/// Asks the host for it.
pub async fn run(args: Args, client: &Client, out: &Out) -> Result<Exit, CliError> {
    let data = if args.erase { "erase" } else { "keep" };
    let path = super::path(&args.name, "")?;
    let plugin: PluginDetail = client.delete(&path, &[("data", data)]).await?;
    if out.is_json() {
        out.json(&plugin)?;
    } else {
        let kept = match args.erase {
            true => "",
            false => "; what it kept is there for the next install",
        };
        out.line(format!("{} is removed{kept}", args.name))?;
    }
    Ok(Exit::Ok)
}
