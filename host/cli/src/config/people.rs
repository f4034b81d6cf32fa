//! The words of `[telegram]`, `[digest]` and `[alarm]`, and their checks.

use schemars::JsonSchema;
use serde::Deserialize;
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
        let mut faults = Vec::new();
        if !self.at.is_empty() && minute_of_day(&self.at).is_none() {
            faults.push(format!(
                "digest.at: {:?} is no time of day; write HH:MM, or \"\" for none",
                self.at
            ));
        }
        if jiff::tz::TimeZone::get(&self.time_zone).is_err() {
            faults.push(format!(
                "digest.time_zone: {:?} is unknown; write a name such as \"Europe/Berlin\"",
                self.time_zone
            ));
        }
        faults
    }
}

/// Reads HH:MM.
fn minute_of_day(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let digits = |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(hour) || !digits(minute) {
        return None;
    }
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    (hour < 24 && minute < 60).then_some(hour * 60 + minute)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_day_are_read() {
        assert_eq!(minute_of_day("20:00"), Some(1_200));
        assert_eq!(minute_of_day("00:59"), Some(59));
        for text in ["", "8:00", "24:00", "12:60", "+1:00", "noon"] {
            assert_eq!(minute_of_day(text), None, "{text}");
        }
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
