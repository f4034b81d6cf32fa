//! `sortie telegram setup`.

use super::{code, show, status};
use crate::client::Client;
use crate::commands::plugin;
use crate::exit::{CliError, Exit};
use crate::out::Out;
use crate::render::plain;
use crate::secret_input;
use serde::Serialize;
use sortie_api::view::{BotView, PairingView, PersonList, TelegramBody, TelegramView};
use sortie_model::people::Role;
use sortie_telegram::limits::SOURCE;
use sortie_telegram::{Mode, check_token};
use std::path::PathBuf;

/// The connector that hears, as it came with this program.
const PLUGIN: &str = "telegram";

/// Connect a bot to the host, which must run, and let its owner in
///
/// Make a bot with @BotFather and paste its token, which the terminal does not
/// show. Installs the plugin `telegram` after asking what it may do. What an
/// earlier set-up said of the server and of the webhook stays unless it is said
/// anew.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The file that holds the token
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Another server of the Bot API; Telegram's own is `https://api.telegram.org`
    #[arg(long, value_name = "URL")]
    api_url: Option<String>,
    /// Where Telegram reaches this host, ending in /telegram; without it the
    /// host asks Telegram for updates
    #[arg(long, value_name = "URL")]
    webhook: Option<String>,
    /// Ask Telegram for updates again, after a webhook
    #[arg(long, conflicts_with = "webhook")]
    poll: bool,
    /// Grant the plugin everything that it asks for
    #[arg(long)]
    yes: bool,
}

/// What came of it.
#[derive(Serialize)]
struct Done {
    bot: BotView,
    /// None where there is an owner already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pairing: Option<PairingView>,
    /// What the owners are called that there were before.
    owners: Vec<String>,
}

/// Connects the bot.
pub async fn run(args: Args, client: &Client, out: &Out) -> Result<Exit, CliError> {
    let what = "the token that @BotFather gave you";
    let token = secret_input::read(what, args.token_file.as_deref(), out)?;
    check_token(&token).map_err(|error| CliError::usage(error.to_string()))?;
    let mode = match (&args.webhook, args.poll) {
        (Some(_), _) => Some(Mode::Webhook),
        (None, true) => Some(Mode::Poll),
        (None, false) => None,
    };
    let mut body = TelegramBody {
        token: token.expose().to_owned(),
        api_url: args.api_url,
        mode: mode.map(|mode| mode.as_str().to_owned()),
        webhook_url: args.webhook,
        only_ask: true,
    };
    // Before anybody agrees to anything, and before anything is installed.
    let _: BotView = client.post("/v1/telegram", &body).await?;
    if !plugin::ensure_extra(PLUGIN, args.yes, client, out).await? {
        return Ok(Exit::Negative);
    }
    body.only_ask = false;
    let bot: BotView = client.post("/v1/telegram", &body).await?;
    let owners = owners(client).await?;
    let pairing = match owners.is_empty() {
        true => Some(code(Role::Owner, client).await?),
        false => None,
    };
    if out.is_json() {
        out.json(&Done {
            bot,
            pairing,
            owners,
        })?;
        return Ok(Exit::Ok);
    }
    out.line(format!(
        "{} is connected as @{}",
        plain(&bot.name),
        plain(&bot.username)
    ))?;
    match &pairing {
        Some(pairing) => show(pairing, out)?,
        None => out.line(known(&owners))?,
    }
    let state: TelegramView = client.get("/v1/telegram").await?;
    if let (words, false) = status::words(&state) {
        out.progress(words);
    }
    Ok(Exit::Ok)
}

/// What those are called who own the host on Telegram.
async fn owners(client: &Client) -> Result<Vec<String>, CliError> {
    let query = [("source", SOURCE.to_owned())];
    let list: PersonList = client.get_with("/v1/people", &query).await?;
    let people = list.people.into_iter();
    let owners = people.filter(|person| person.role == Role::Owner.as_str());
    Ok(owners.map(|person| person.name).collect())
}

/// Who is in already, and how others come in.
fn known(owners: &[String]) -> String {
    let names: Vec<_> = owners.iter().map(|name| plain(name)).collect();
    let verb = match names.len() {
        1 => "is owner",
        _ => "are owners",
    };
    format!(
        "{} {verb}; `sortie telegram pair` lets others in",
        names.join(" and ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_are_in_are_named() {
        let known = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
            known(&names)
        };
        assert_eq!(
            known(&["Ana"]),
            "Ana is owner; `sortie telegram pair` lets others in"
        );
        assert!(known(&["Ana", "Ben"]).starts_with("Ana and Ben are owners;"));
    }
}
