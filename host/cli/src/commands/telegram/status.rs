//! `sortie telegram status`.

use crate::client::Client;
use crate::exit::{CliError, Exit};
use crate::out::Out;
use crate::render::plain;
use serde_json::Value;

/// Say how the bot is
///
/// Exits with 1 when it does not hear and send.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Asks and shows.
pub async fn run(_: Args, client: &Client, out: &Out) -> Result<Exit, CliError> {
    let state: Value = client.get("/v1/telegram").await?;
    let (text, is_up) = words(&state);
    if out.is_json() {
        out.json(&state)?;
    } else {
        out.line(text)?;
    }
    Ok(if is_up { Exit::Ok } else { Exit::Negative })
}

/// What a state means, what to do about it, and whether all is well.
pub fn words(state: &Value) -> (String, bool) {
    let text = |key: &str| plain(state[key].as_str().unwrap_or("unknown")).to_string();
    let words = match state["state"].as_str().unwrap_or_default() {
        "up" => {
            let bot = plain(state["bot"]["username"].as_str().unwrap_or("unknown")).to_string();
            return (format!("@{bot} hears and sends ({})", text("mode")), true);
        }
        "off" => "there is no bot; `sortie telegram setup` connects one".to_owned(),
        "connecting" => "it is about to speak to Telegram".to_owned(),
        "nobody-hears" => format!(
            "the plugin {} does not run, or may not hear Telegram; `sortie plugin list` says more",
            text("plugin")
        ),
        "conflict" => {
            "another program polls with the same token; stop it, or take a new token from \
             @BotFather with `sortie telegram setup`"
                .to_owned()
        }
        "refused" => format!(
            "Telegram refuses the token: {}; `sortie telegram setup` takes a new one",
            text("why")
        ),
        "unreachable" => format!("Telegram cannot be reached: {}", text("why")),
        other => format!("it is {}", plain(other)),
    };
    (words, false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_state_says_what_to_do() {
        let bot = json!({"id": 1, "username": "my_bot", "name": "Mine"});
        let up = json!({"state": "up", "bot": bot, "mode": "poll"});
        assert_eq!(words(&up), ("@my_bot hears and sends (poll)".into(), true));
        let (off, is_up) = words(&json!({"state": "off"}));
        assert!(off.contains("sortie telegram setup") && !is_up);
        for state in [
            "connecting",
            "nobody-hears",
            "conflict",
            "refused",
            "unreachable",
            "new",
        ] {
            let (text, is_up) = words(&json!({"state": state, "why": "w", "plugin": "p"}));
            assert!(!text.is_empty() && !is_up, "{state}");
        }
    }
}
