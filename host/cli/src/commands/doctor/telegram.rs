//! Whether the bot can be spoken to. Without a token there is nothing to say.

use crate::checks::Checks;
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
        Err(sortie_vault::VaultError::Unknown(_)) => return,
        Err(error) => return checks.fail(NAME, format!("failed to {error}")),
    };
    let (config, data_dir) = (options::telegram(&loaded.config), &loaded.data_dir);
    match sortie_telegram::probe(&token, &config, data_dir, &vault.redactor()).await {
        Ok(bot) => checks.ok(NAME, format!("the token is @{}'s", bot.username)),
        Err(error) => checks.fail(NAME, format!("failed to {error}")),
    }
    if let Some(skew) = skew(&sortie_telegram::api_url(&config, data_dir)).await
        && skew.abs() > MAX_SKEW_SECONDS
    {
        checks.warn(
            NAME,
            format!("this machine's clock is {skew} seconds off; set it by NTP"),
        );
    }
    if client::version_at(loaded).await.is_none() {
        return;
    }
    let Ok(host) = Client::new(loaded) else {
        return;
    };
    if let Ok(state) = host.get::<TelegramView>("/v1/telegram").await {
        match status::words(&state) {
            (words, true) => checks.ok(NAME, words),
            (words, false) => checks.fail(NAME, words),
        }
    }
    if let Ok(list) = host.get::<ParkedList>("/v1/telegram/parked").await
        && !list.parked.is_empty()
    {
        let count = list.parked.len();
        checks.warn(
            NAME,
            format!("{count} messages could not be sent; GET /v1/telegram/parked says why"),
        );
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
