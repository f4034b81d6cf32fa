//! What was said about the bot while the host ran, in a file of the data
//! directory. It stands over the configuration: whoever set the bot up last
//! knew which Bot API the token is of.

use crate::bot::webhook_address;
use crate::error::TelegramError;
use crate::options::{Mode, TelegramConfig};
use serde::{Deserialize, Serialize};
use std::io::{ErrorKind, Write};
use std::path::Path;
use url::Url;

const FILE: &str = "telegram.json";

/// Where the Bot API is and how updates come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) mode: Mode,
    pub(crate) api_url: String,
    pub(crate) webhook_url: Option<String>,
}

/// What differs from the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Said {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mode: Option<Mode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) api_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) webhook_url: Option<String>,
}

impl Settings {
    /// The configuration, with what was said over it.
    pub(crate) fn new(config: &TelegramConfig, said: Said) -> Self {
        Self {
            mode: said.mode.unwrap_or(config.mode),
            api_url: said.api_url.unwrap_or_else(|| config.api_url.clone()),
            webhook_url: said.webhook_url.or_else(|| config.webhook_url.clone()),
        }
    }

    /// Where Telegram is to bring updates; none when it is asked for them.
    pub(crate) fn webhook(&self) -> Result<Option<Url>, TelegramError> {
        match self.mode {
            Mode::Poll => Ok(None),
            Mode::Webhook => webhook_address(self.webhook_url.as_deref()).map(Some),
        }
    }
}

impl Said {
    /// What the file says; nothing when there is none, or none that is one.
    pub(crate) fn read(data_dir: &Path) -> Self {
        let text = std::fs::read(data_dir.join(FILE)).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    /// The same, with what is said now over it; what is left out stays.
    pub(crate) fn with(self, now: Self) -> Self {
        Self {
            mode: now.mode.or(self.mode),
            api_url: now.api_url.or(self.api_url),
            webhook_url: now.webhook_url.or(self.webhook_url),
        }
    }

    /// Removes the file; whether there was one.
    pub(crate) fn erase(data_dir: &Path) -> Result<bool, TelegramError> {
        match std::fs::remove_file(data_dir.join(FILE)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(TelegramError::Settings(error)),
        }
    }

    /// Writes the file, whole or not at all.
    pub(crate) fn write(&self, data_dir: &Path) -> Result<(), TelegramError> {
        let write = || {
            let mut file = tempfile::NamedTempFile::new_in(data_dir)?;
            file.write_all(&serde_json::to_vec(self)?)?;
            file.as_file().sync_all()?;
            file.persist(data_dir.join(FILE))?;
            Ok(())
        };
        write().map_err(TelegramError::Settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn what_was_said_stands_over_the_configuration() {
        let dir = tempfile::tempdir().expect("a directory");
        assert_eq!(Said::read(dir.path()), Said::default());
        let said = Said {
            api_url: Some("http://127.0.0.1:9".into()),
            ..Said::default()
        };
        said.write(dir.path()).expect("writes");
        let config = TelegramConfig {
            plugin: "telegram".into(),
            mode: Mode::Poll,
            api_url: "https://api.telegram.org".into(),
            webhook_url: None,
            levels: BTreeMap::new(),
        };
        let settings = Settings::new(&config, Said::read(dir.path()));
        assert_eq!(settings.api_url, "http://127.0.0.1:9");
        assert_eq!(settings.mode, Mode::Poll);
    }

    #[test]
    fn what_is_said_again_replaces_its_own_part_and_nothing_else() {
        let dir = tempfile::tempdir().expect("a directory");
        let local = Said {
            api_url: Some("http://127.0.0.1:9".into()),
            mode: Some(Mode::Webhook),
            webhook_url: Some("https://x.org/telegram".into()),
        };
        assert_eq!(local.clone().with(Said::default()), local);
        let polled = Said {
            mode: Some(Mode::Poll),
            ..Said::default()
        };
        let polled = local.clone().with(polled);
        assert_eq!(polled.mode, Some(Mode::Poll));
        assert_eq!(polled.api_url, local.api_url);
        polled.write(dir.path()).expect("writes");
        for _ in 0..2 {
            Said::erase(dir.path()).expect("erases");
            assert_eq!(Said::read(dir.path()), Said::default());
        }
    }
}
