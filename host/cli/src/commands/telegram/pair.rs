//! `sortie telegram pair`.

use super::{code, show};
use crate::client::Client;
use crate::exit::{CliError, Exit};
use crate::out::Out;
use crate::role::Role;

/// Make a code that lets one person in
///
/// It holds for a quarter of an hour and for one person. Several may be open at
/// once.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What the person may do
    #[arg(long, value_enum, value_name = "ROLE", default_value_t = Role::Requester)]
    role: Role,
}

/// Asks for the code and shows it.
pub async fn run(args: Args, client: &Client, out: &Out) -> Result<Exit, CliError> {
    let code = code(args.role.into(), client).await?;
    if out.is_json() {
        out.json(&code)?;
    } else {
        show(&code, out)?;
    }
    Ok(Exit::Ok)
}
