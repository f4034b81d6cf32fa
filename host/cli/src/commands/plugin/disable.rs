//! `sortie plugin disable`.

use super::installed;
use crate::client::Client;
use crate::exit::{CliError, Exit};
use crate::out::Out;
use sortie_api::view::{DisableBody, PluginDetail};

/// Keep a plugin from running; it stays installed
///
/// A scanner that a project demands is then a gate that stays shut.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The plugin
    name: String,
    /// The reason, for whoever looks at it later; without one, one that was
    /// given before stays
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
}

/// Asks the host for it.
pub async fn run(args: Args, client: &Client, out: &Out) -> Result<Exit, CliError> {
    let path = super::path(&args.name, "/disable")?;
    let plugin: PluginDetail = client.post(&path, &DisableBody { why: args.why }).await?;
    installed(&plugin, "stays installed", out)
}
