//! `sortie plugin inspect`.

use crate::client::Client;
use crate::exit::{CliError, Exit};
use crate::host::options;
use crate::out::Out;
use crate::project::package;
use crate::render;
use sortie_api::view::PluginDetail;
use std::path::Path;

/// Show all about an installed plugin, or about a package in a file
///
/// A file is looked at here, without a host and without running it.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The plugin's name, or a file that ends in .wasm
    #[arg(value_name = "NAME|FILE")]
    what: String,
}

/// Shows it.
pub async fn run(
    args: Args,
    client: impl Fn() -> Result<Client, CliError>,
    out: &Out,
) -> Result<Exit, CliError> {
    let file = Path::new(&args.what);
    if file.extension().is_some_and(|ending| ending == "wasm") || args.what.contains('/') {
        let bytes = package::read(file)?;
        let (manifest, beside) = package::manifest(file, &bytes)?;
        let bytes = match beside {
            Some(_) => package::whole(&bytes, &manifest)?,
            None => bytes,
        };
        let about = package::examine(&options::plugins_here(None)?, &manifest, &bytes).await?;
        if out.is_json() {
            out.json(&about)?;
        } else {
            out.line(render::package(out, &args.what, &about))?;
        }
        return Ok(Exit::Ok);
    }
    let path = super::path(&args.what, "")?;
    let plugin: PluginDetail = client()?.get(&path).await?;
    if out.is_json() {
        out.json(&plugin)?;
    } else {
        out.line(render::plugin(out, &plugin))?;
    }
    Ok(Exit::Ok)
}
