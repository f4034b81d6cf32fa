//! `sortie telegram`: the bot that people speak to.

mod pair;
mod parked;
mod remove;
mod setup;
pub mod status;

use crate::client::Client;
use crate::exit::{CliError, Exit};
use crate::out::{Out, Tone};
use crate::render::{self, plain};
use sortie_api::view::{PairingBody, PairingView};
use sortie_model::clock::{Clock, SystemClock};
use sortie_model::people::Role;

/// Set up the Telegram bot, and let people in
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Setup(setup::Args),
    Pair(pair::Args),
    Status(status::Args),
    Parked(parked::Args),
    Remove(remove::Args),
}

/// Runs the subcommand.
pub async fn run(args: Args, client: &Client, out: &Out) -> Result<Exit, CliError> {
    match args.command {
        Command::Setup(args) => setup::run(args, client, out).await,
        Command::Pair(args) => pair::run(args, client, out).await,
        Command::Status(args) => status::run(args, client, out).await,
        Command::Parked(args) => parked::run(args, client, out).await,
        Command::Remove(args) => remove::run(args, client, out).await,
    }
}

/// Asks for a code that gives a role.
async fn code(role: Role, client: &Client) -> Result<PairingView, CliError> {
    let body = PairingBody {
        role: Some(role.to_string()),
    };
    client.post("/v1/telegram/pairing", &body).await
}

/// Says how to use a code, and what to do when nothing comes of it: the bot is
/// silent to those it does not know.
fn show(code: &PairingView, out: &Out) -> Result<(), CliError> {
    let role = plain(&code.role);
    out.line(format!(
        "open {} or send the bot {}: the first who does is {role}, and is welcomed. It counts \
         once, {}",
        plain(&code.link),
        out.paint(Tone::Strong, &plain(&code.code)),
        render::until(&code.expires_at, SystemClock.now(), render::zone())
    ))?;
    out.progress(format!(
        "no answer? A wrong code, or one that was used or whose time is over, is met with \
         silence: `sortie telegram pair --role {role}` makes another, and `sortie telegram status` \
         says whether the bot hears"
    ));
    Ok(())
}
