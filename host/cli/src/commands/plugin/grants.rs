//! `sortie plugin grants`.

use crate::client::Client;
use crate::exit::{CliError, Exit};
use crate::out::Out;
use crate::render;
use serde::Serialize;
use serde_json::Value;
use sortie_api::view::PluginDetail;

/// Show what plugins were granted
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only this one
    name: Option<String>,
}

#[derive(Serialize)]
struct Granted {
    plugin: String,
    grant: Option<Value>,
}

/// Shows them.
pub async fn run(args: Args, client: &Client, out: &Out) -> Result<Exit, CliError> {
    let plugins: Vec<PluginDetail> = match &args.name {
        Some(name) => vec![client.get(&super::path(name, "")?).await?],
        None => super::all_installed(client).await?,
    };
    if out.is_json() {
        let grants: Vec<Granted> = plugins
            .into_iter()
            .map(|plugin| Granted {
                plugin: plugin.plugin.name,
                grant: plugin.grant,
            })
            .collect();
        out.json(&grants)?;
    } else if plugins.is_empty() {
        out.line("no plugin is installed beside the host's own")?;
    } else {
        for plugin in &plugins {
            out.line(render::grant(out, plugin))?;
        }
    }
    Ok(Exit::Ok)
}
