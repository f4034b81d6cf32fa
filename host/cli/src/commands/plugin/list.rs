//! `sortie plugin list`.

use crate::client::Client;
use crate::exit::{CliError, Exit};
use crate::out::Out;
use crate::render;
use sortie_api::view::PluginList;

/// List the installed plugins
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Shows them.
pub async fn run(_: Args, client: &Client, out: &Out) -> Result<Exit, CliError> {
    let list: PluginList = client.get("/v1/plugins").await?;
    if out.is_json() {
        out.json(&list)?;
    } else {
        out.line(render::plugins(&list.plugins))?;
    }
    Ok(Exit::Ok)
}
