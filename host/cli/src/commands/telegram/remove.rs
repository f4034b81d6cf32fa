//! `sortie telegram remove`.

use crate::client::Client;
use crate::exit::{CliError, Exit};
use crate::out::Out;
use sortie_api::view::TelegramView;

/// Disconnect the bot, and forget its token
///
/// People, chats and the plugin `telegram` stay as they are.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Asks the host for it.
pub async fn run(_: Args, client: &Client, out: &Out) -> Result<Exit, CliError> {
    let state: TelegramView = client.delete("/v1/telegram", &[]).await?;
    if out.is_json() {
        out.json(&state)?;
    } else {
        out.line("the bot is disconnected, and its token is forgotten")?;
    }
    Ok(Exit::Ok)
}
