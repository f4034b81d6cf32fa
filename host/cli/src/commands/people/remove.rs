//! `sortie people remove`.

use crate::client::Client;
use crate::exit::{CliError, Exit};
use crate::out::Out;
use crate::render::plain;
use sortie_api::view::PersonView;

/// Let a person in no more, and tell them nothing more; the last owner stays
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The person's number, as `sortie people list` shows it
    id: u64,
}

/// Asks the host for it.
pub async fn run(args: Args, client: &Client, out: &Out) -> Result<Exit, CliError> {
    let path = format!("/v1/people/{}", args.id);
    let person: PersonView = client.delete(&path, &[]).await?;
    if out.is_json() {
        out.json(&person)?;
    } else {
        let who = plain(&person.name);
        out.line(format!(
            "{who} at {} is removed, and told nothing more in a chat of their own",
            plain(&person.source)
        ))?;
    }
    Ok(Exit::Ok)
}
