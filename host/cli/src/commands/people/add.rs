//! `sortie people add`.

use crate::client::Client;
use crate::exit::{CliError, Exit};
use crate::out::Out;
use crate::render::plain;
use crate::role::Role;
use sortie_api::view::{PersonBody, PersonView};
use sortie_model::people;

/// Let a person in, or give one another role
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The source: telegram, slack or discord
    source: String,
    /// What the service calls the person: a number or an id, never a name
    user: String,
    /// What the person may do
    #[arg(long, value_enum, value_name = "ROLE")]
    role: Role,
    /// The name that people see [default: the one the person has, else the id]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
}

/// Asks the host for it.
pub async fn run(args: Args, client: &Client, out: &Out) -> Result<Exit, CliError> {
    let body = PersonBody {
        source: args.source,
        user: args.user,
        role: people::Role::from(args.role).to_string(),
        name: args.name,
    };
    let person: PersonView = client.post("/v1/people", &body).await?;
    if out.is_json() {
        out.json(&person)?;
    } else {
        let who = plain(&person.name);
        out.line(format!("{who} at {} is {}", person.source, person.role))?;
    }
    Ok(Exit::Ok)
}
