//! Whether the bot can be spoken for.

use crate::checks::{Checks, Status};
use crate::client::{self, Client};
use crate::commands::telegram::status;
use crate::config::Loaded;
use crate::host::options;
use sortie_api::view::{ParkedList, TelegramView};
use sortie_model::clock::{Clock, SystemClock, Timestamp};
use sortie_telegram::limits::TOKEN_SECRET;
use std::time::Duration;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

const NAME: &str = "telegram";

const CLOCK: &str = "clock";

/// How long the Bot API may take to say what time it is there.
const LOOK: Duration = Duration::from_secs(10);

/// A clock that is off by more makes questions expire at the wrong time, and
/// TLS fail not much later.
const MAX_SKEW_SECONDS: i64 = 60;

/// Checks the token, the Bot API and, where a host runs, what it says itself.
pub(super) async fn check(loaded: &Loaded, checks: &mut Checks) {
    let Ok(vault) = options::vault(loaded) else {
        return;
    };
    let token = match vault.get(TOKEN_SECRET) {
        Ok(token) => token,
        Err(sortie_vault::VaultError::Unknown(_)) => {
            return checks.ok(NAME, "no bot; `sortie telegram setup` connects one");
        }
        Err(error) => return checks.fail(NAME, format!("failed to {error}")),
    };
    let (config, data_dir) = (options::telegram(&loaded.config), &loaded.data_dir);
    let asked = sortie_telegram::probe(&token, &config, data_dir, &vault.redactor()).await;
    let host = match client::version_at(loaded).await {
        Some(_) => Client::new(loaded).ok(),
        None => None,
    };
    let said = match &host {
        Some(host) => host.get::<TelegramView>("/v1/telegram").await.ok(),
        None => None,
    };
    let asked = asked
        .map(|bot| bot.username)
        .map_err(|error| error.to_string());
    let (status, words) = found(asked, said.as_ref());
    checks.add(NAME, status, words);
    if let Some(skew) = skew(&sortie_telegram::api_url(&config, data_dir)).await {
        match skew.abs() > MAX_SKEW_SECONDS {
            true => checks.warn(
                CLOCK,
                format!("this machine's clock is {skew} s off the Bot API's; set it by NTP"),
            ),
            false => checks.ok(CLOCK, "as the Bot API's"),
        }
    }
    let Some(host) = host else {
        return;
    };
    if let Ok(list) = host.get::<ParkedList>("/v1/telegram/parked").await
        && !list.parked.is_empty()
    {
        let what = match list.parked.len() {
            1 => "1 message".to_owned(),
            count => format!("{count} messages"),
        };
        checks.warn(
            NAME,
            format!("{what} could not be sent; `sortie telegram parked` says why"),
        );
    }
}

/// What comes of asking Telegram here, and of what the host says of itself. A
/// fault that both met is one.
fn found(asked: Result<String, String>, said: Option<&TelegramView>) -> (Status, String) {
    match (asked, said) {
        (Err(why), _) => (Status::Fail, format!("failed to {why}")),
        (Ok(bot), None) => (Status::Ok, format!("the token is @{bot}'s")),
        (Ok(_), Some(view)) => match status::words(view) {
            (words, true) => (Status::Ok, words),
            (words, false) if view.state == "connecting" => (Status::Warn, words),
            (words, false) => (Status::Fail, words),
        },
    }
}

/// How far this machine's clock is ahead of the Bot API's, in seconds.
async fn skew(api_url: &str) -> Option<i64> {
    let client = reqwest::Client::builder().timeout(LOOK).build().ok()?;
    let answer = client.head(api_url).send().await.ok()?;
    let date = answer.headers().get(reqwest::header::DATE)?.to_str().ok()?;
    // HTTP writes the zone as GMT, where the other writes +0000.
    let date = date.replace("GMT", "+0000");
    let there = OffsetDateTime::parse(&date, &Rfc2822).ok()?;
    let Timestamp(here) = SystemClock.now();
    Some(here.div_euclid(1000) - there.unix_timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_row_says_what_both_found() {
        let state = |state: &str| TelegramView {
            state: state.to_owned(),
            ..TelegramView::default()
        };
        let bot = || Ok("shop_bot".to_owned());
        let why = "speak to Telegram: x refuses the connection; check the network";
        let (status, words) = found(Err(why.to_owned()), Some(&state("unreachable")));
        assert_eq!((status, words), (Status::Fail, format!("failed to {why}")));
        let (status, words) = found(bot(), None);
        assert_eq!(status, Status::Ok);
        assert_eq!(words, "the token is @shop_bot's");
        assert_eq!(found(bot(), Some(&state("up"))).0, Status::Ok);
        assert_eq!(found(bot(), Some(&state("connecting"))).0, Status::Warn);
        assert_eq!(found(bot(), Some(&state("conflict"))).0, Status::Fail);
    }
}
