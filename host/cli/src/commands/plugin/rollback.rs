//! `sortie plugin rollback`.

use super::{installed, stands};
use crate::client::Client;
use crate::exit::{CliError, Exit};
use crate::out::Out;
use sortie_api::view::PluginDetail;

/// Bring the version before back
///
/// What only the newer one asked for is no longer granted; a second rollback
/// goes forth again, and asks for it anew. Exits with 1 when the version before
/// cannot run with what is granted.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The plugin
    name: String,
}

/// Asks the host for it.
pub async fn run(args: Args, client: &Client, out: &Out) -> Result<Exit, CliError> {
    let path = super::path(&args.name, "/rollback")?;
    let plugin: PluginDetail = client.post_empty(&path).await?;
    let done = match &plugin.previous {
        Some(left) => format!("is back in place of {}", left.version),
        None => "is back".to_owned(),
    };
    installed(&plugin, &done, out)?;
    Ok(stands(&plugin))
}
