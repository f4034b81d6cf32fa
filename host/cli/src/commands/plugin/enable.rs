//! `sortie plugin enable`.

use super::installed;
use crate::client::Client;
use crate::exit::{CliError, Exit};
use crate::out::Out;
use sortie_api::view::PluginDetail;

/// Let a disabled plugin run again
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The plugin
    name: String,
}

/// Asks the host for it.
pub async fn run(args: Args, client: &Client, out: &Out) -> Result<Exit, CliError> {
    let path = super::path(&args.name, "/enable")?;
    let plugin: PluginDetail = client.post_empty(&path).await?;
    installed(&plugin, "is enabled", out)
}
