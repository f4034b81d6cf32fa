//! What the bot is called, and what its menu lists.

use crate::bot::Bots;
use crate::error::TelegramError;
use crate::me::me;
use crate::options::TelegramConfig;
use crate::settings::{Said, Settings};
use crate::state::Bot;
use sortie_vault::{Redactor, Secret};
use std::path::Path;
use teloxide_core::RequestError;
use teloxide_core::payloads::SetWebhookSetters;
use teloxide_core::requests::Requester;
use teloxide_core::types::{AllowedUpdate, BotCommand};
use url::Url;

/// What the menu lists, in the words of the shipped plugin's `/help`.
const COMMANDS: [(&str, &str); 10] = [
    ("task", "Start a task"),
    ("ask", "Ask about a repository"),
    ("status", "How a job stands"),
    ("list", "The newest jobs"),
    ("cancel", "End a job"),
    ("retry", "Try a job again"),
    ("stats", "What happened lately"),
    ("budget", "What today cost"),
    ("projects", "The projects"),
    ("help", "What I understand"),
];

/// What the host is told of.
pub(crate) const UPDATES: [AllowedUpdate; 3] = [
    AllowedUpdate::Message,
    AllowedUpdate::CallbackQuery,
    AllowedUpdate::MyChatMember,
];

/// Where a host of that configuration and data directory finds the Bot API.
pub fn api_url(config: &TelegramConfig, data_dir: &Path) -> String {
    Settings::new(config, Said::read(data_dir)).api_url
}

/// Asks Telegram who the token belongs to, where that host would ask, for
/// whoever checks a set-up. Writes nothing anywhere.
///
/// # Errors
///
/// When Telegram refuses, or cannot be reached.
pub async fn probe(
    token: &Secret,
    config: &TelegramConfig,
    data_dir: &Path,
    redactor: &Redactor,
) -> Result<Bot, TelegramError> {
    let url = api_url(config, data_dir);
    me(&Bots::new(token, &url)?)
        .await
        .map_err(|fault| TelegramError::of(&fault, &url, redactor))
}

/// Where Telegram is to bring updates, and what it is to show there.
pub(crate) struct Hook {
    pub(crate) url: Url,
    pub(crate) secret: Secret,
}

/// Writes the menu and says how updates come: brought there, or asked for
/// without a hook. In either mode nothing is dropped that waits.
pub(crate) async fn prepare(bots: &Bots, hook: Option<Hook>) -> Result<(), RequestError> {
    let commands = COMMANDS.map(|(name, what)| BotCommand::new(name, what));
    bots.send.set_my_commands(commands).await?;
    match hook {
        None => {
            bots.send.delete_webhook().await?;
        }
        Some(hook) => {
            bots.send
                .set_webhook(hook.url)
                .max_connections(1)
                .secret_token(hook.secret.expose())
                .allowed_updates(UPDATES)
                .await?;
        }
    }
    Ok(())
}
