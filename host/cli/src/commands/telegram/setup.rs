//! `sortie telegram setup`.

use super::{code, show};
use crate::client::Client;
use crate::commands::plugin;
use crate::exit::{CliError, Exit};
use crate::out::Out;
use crate::render::plain;
use crate::secret_input;
use serde::Serialize;
use sortie_api::view::{BotView, PairingView, TelegramBody};
use sortie_model::people::Role;
use std::path::PathBuf;

/// The connector that hears, as it came with this program.
const PLUGIN: &str = "telegram";

/// Connect a bot to the host, which must run, and let its owner in
///
/// Make a bot with @BotFather and paste its token, which the terminal does not
/// show. Installs the plugin `telegram` after asking what it may do.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The file that holds the token
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Another server of the Bot API
    #[arg(long, value_name = "URL")]
    api_url: Option<String>,
    /// Where Telegram reaches this host, ending in /telegram; without it the
    /// host asks Telegram for updates
    #[arg(long, value_name = "URL")]
    webhook: Option<String>,
    /// Grant the plugin everything that it asks for
    #[arg(long)]
    yes: bool,
}

/// What came of it.
#[derive(Serialize)]
struct Done {
    bot: BotView,
    pairing: PairingView,
}

/// Connects the bot.
pub async fn run(args: Args, client: &Client, out: &Out) -> Result<Exit, CliError> {
    let token = secret_input::read("the bot's token", args.token_file.as_deref(), out)?;
    if !plugin::ensure_extra(PLUGIN, args.yes, client, out).await? {
        return Ok(Exit::Negative);
    }
    let body = TelegramBody {
        token: token.expose().to_owned(),
        api_url: args.api_url,
        mode: args.webhook.as_ref().map(|_| "webhook".to_owned()),
        webhook_url: args.webhook,
    };
    let bot: BotView = client.post("/v1/telegram", &body).await?;
    let pairing = code(Role::Owner, client).await?;
    if out.is_json() {
        out.json(&Done { bot, pairing })?;
        return Ok(Exit::Ok);
    }
    out.line(format!(
        "{} is connected as @{}",
        plain(&bot.name),
        plain(&bot.username)
    ))?;
    show(&pairing, out)?;
    Ok(Exit::Ok)
}
