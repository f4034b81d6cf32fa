//! The words of `[telegram]`, `[digest]` and `[alarm]`, and their checks.

use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::Deserialize;
use sortie_model::people::minute_of_day;
use sortie_package::manifest::zone;
use sortie_telegram::{Mode, TelegramError, api_address, webhook_address};

/// The bot that people speak to.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TelegramConfig {
    /// The connector that hears.
    pub plugin: String,
    /// How updates come.
    #[schemars(with = "String", extend("enum" = ["poll", "webhook"]))]
    pub mode: Mode,
    /// Where the Bot API is.
    pub api_url: String,
    /// Where Telegram reaches this host in webhook mode.
    pub webhook_url: Option<String>,
}

impl Default for TelegramConfig {
    fn default() -> Self {
        Self {
            plugin: "telegram".into(),
            mode: Mode::Poll,
            api_url: "https://api.telegram.org".into(),
            webhook_url: None,
        }
    }
}

/// The daily digest.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DigestConfig {
    /// The time of day, as HH:MM; empty for none.
    pub at: String,
    /// The time zone of that time, by its name in the IANA's list.
    pub time_zone: String,
}

impl Default for DigestConfig {
    fn default() -> Self {
        Self {
            at: "20:00".into(),
            time_zone: "UTC".into(),
        }
    }
}

/// When the host raises an alarm.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AlarmConfig {
    /// Jobs that halted within an hour; 0 for no alarm.
    pub halts_per_hour: u32,
    /// Whether no new run begins then until a person says so.
    pub pause: bool,
}

impl Default for AlarmConfig {
    fn default() -> Self {
        Self {
            halts_per_hour: 10,
            pause: true,
        }
    }
}

impl TelegramConfig {
    /// What cannot work.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if api_address(&self.api_url).is_err() {
            faults.push("telegram.api_url: write an https:// address".to_owned());
        }
        match webhook_address(self.webhook_url.as_deref()) {
            Ok(_) => {}
            Err(TelegramError::NoWebhookUrl) if self.mode == Mode::Poll => {}
            Err(TelegramError::NoWebhookUrl) => {
                faults.push("telegram.mode: a webhook needs telegram.webhook_url".to_owned());
            }
            Err(_) => faults.push(
                "telegram.webhook_url: write an https:// address that ends in /telegram".to_owned(),
            ),
        }
        faults
    }
}

impl DigestConfig {
    /// What cannot work.
    pub fn faults(&self) -> Vec<String> {
        let faults = [self.minute().err(), self.zone().err()];
        faults.into_iter().flatten().collect()
    }

    /// The minute of the day; none when there is no digest. An error says what
    /// to write instead.
    pub fn minute(&self) -> Result<Option<u16>, String> {
        if self.at.is_empty() {
            return Ok(None);
        }
        minute_of_day(&self.at).map(Some).ok_or_else(|| {
            format!(
                "digest.at: {:?} is no time of day; write HH:MM, or \"\" for none",
                self.at
            )
        })
    }

    /// The zone of that time. An error says what to write instead.
    pub fn zone(&self) -> Result<TimeZone, String> {
        zone(&self.time_zone).map_err(|error| format!("digest.time_zone: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_has_a_time_or_there_is_none() {
        let minute = |at: &str| {
            let digest = DigestConfig {
                at: at.into(),
                ..DigestConfig::default()
            };
            digest.minute()
        };
        assert_eq!(minute("7:05"), Ok(Some(425)));
        assert_eq!(minute(""), Ok(None));
        assert!(minute("24:00").is_err());
    }

    #[test]
    fn what_cannot_work_is_named() {
        let webhook = TelegramConfig {
            mode: Mode::Webhook,
            api_url: "api.telegram.org".into(),
            ..TelegramConfig::default()
        };
        assert_eq!(webhook.faults().len(), 2, "{:?}", webhook.faults());
        let digest = DigestConfig {
            at: "late".into(),
            time_zone: "Mars/Olympus".into(),
        };
        assert_eq!(digest.faults().len(), 2, "{:?}", digest.faults());
        assert!(DigestConfig::default().faults().is_empty());
        assert!(TelegramConfig::default().faults().is_empty());
    }
}
