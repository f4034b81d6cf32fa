//! `sortie telegram status`.

use crate::client::Client;
use crate::exit::{CliError, Exit};
use crate::out::Out;
use crate::render::plain;
use sortie_api::view::TelegramView;

/// Say how the bot is
///
/// Exits with 1 when it does not hear and send.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Asks and shows.
pub async fn run(_: Args, client: &Client, out: &Out) -> Result<Exit, CliError> {
    let query = [("ask", "true".to_owned())];
    let state: TelegramView = client.get_with("/v1/telegram", &query).await?;
    let (text, is_up) = words(&state);
    if out.is_json() {
        out.json(&state)?;
    } else {
        out.line(text)?;
    }
    Ok(if is_up { Exit::Ok } else { Exit::Negative })
}

/// What a state means, what to do about it, and whether all is well.
pub fn words(view: &TelegramView) -> (String, bool) {
    let detail = plain(view.detail.as_deref().unwrap_or("it does not say why"));
    let words = match view.state.as_str() {
        "up" => {
            let bot = view.bot.as_ref().map_or("", |bot| bot.username.as_str());
            let mode = view.mode.as_deref().unwrap_or("poll");
            let words = format!("@{} hears and sends ({})", plain(bot), plain(mode));
            return (words, true);
        }
        "off" => "there is no bot; `sortie telegram setup` connects one".to_owned(),
        "connecting" => "it connects to Telegram just now; ask again in a moment".to_owned(),
        "nobody-hears" => format!(
            "the plugin {detail} does not run, or may not hear Telegram; `sortie plugin list` \
             says more"
        ),
        "conflict" => {
            "another program polls with the same token; stop that program, or take a new token \
             from @BotFather and give it to `sortie telegram setup`"
                .to_owned()
        }
        "refused" => {
            format!("the bot cannot be used: {detail}; `sortie telegram setup` connects it again")
        }
        // The host says what to do about it, and goes on by itself.
        "unreachable" => format!("nothing is heard and sent: {detail}"),
        other => format!("it is {}", plain(other)),
    };
    (words, false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sortie_api::view::BotView;

    #[test]
    fn each_state_says_what_to_do() {
        let of = |state: &str| TelegramView {
            state: state.to_owned(),
            bot: Some(BotView {
                username: "my_bot".into(),
                ..BotView::default()
            }),
            ..TelegramView::default()
        };
        assert_eq!(
            words(&of("up")),
            ("@my_bot hears and sends (poll)".into(), true)
        );
        let (off, is_up) = words(&of("off"));
        assert!(off.contains("sortie telegram setup") && !is_up);
        for state in [
            "connecting",
            "nobody-hears",
            "conflict",
            "refused",
            "unreachable",
            "new",
        ] {
            let (text, is_up) = words(&of(state));
            assert!(!text.is_empty() && !is_up, "{state}");
        }
    }
}
