//! `sortie people list`.

use crate::client::Client;
use crate::exit::{CliError, Exit};
use crate::out::Out;
use crate::render;
use sortie_api::view::PersonList;

/// List the people who may speak to the host
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only those of this source, such as telegram
    #[arg(long, value_name = "SOURCE")]
    source: Option<String>,
}

/// Shows them.
pub async fn run(args: Args, client: &Client, out: &Out) -> Result<Exit, CliError> {
    let query: Vec<(&str, String)> = args.source.map(|own| ("source", own)).into_iter().collect();
    let list: PersonList = client.get_with("/v1/people", &query).await?;
    if out.is_json() {
        out.json(&list)?;
    } else if list.people.is_empty() {
        out.line("nobody; `sortie telegram setup` lets the first one in")?;
    } else {
        out.line(render::people(&list.people))?;
    }
    Ok(Exit::Ok)
}
