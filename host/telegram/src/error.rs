//! What can go wrong between the host and Telegram.

use crate::fault::Fault;
use crate::limits::MAX_REASON_BYTES;
use sortie_platform::PlatformError;
use sortie_store::StoreError;
use sortie_vault::{Redactor, VaultError};
use teloxide_core::RequestError;

/// Why Telegram could not be set up. Completes "failed to …"; no text holds a
/// token.
#[derive(Debug, thiserror::Error)]
pub enum TelegramError {
    /// The token has not the form of one.
    #[error("use the token: it is not of the form 123456:ABC…; copy it from @BotFather")]
    Token,
    /// The address of the Bot API cannot be used.
    #[error("use the Bot API at {0:?}: write an http:// or https:// address")]
    ApiUrl(String),
    /// The address of the webhook cannot be used.
    #[error("use the webhook {0:?}: write an https:// address that ends in /telegram")]
    WebhookUrl(String),
    /// Webhook mode was asked for without an address.
    #[error("use a webhook: set telegram.webhook_url")]
    NoWebhookUrl,
    /// The Bot API at that address knows no bot by the token.
    #[error(
        "use the token: the Bot API at {0} knows no bot by it; copy the token from @BotFather again"
    )]
    Refused(String),
    /// Telegram gave no answer that says who the token belongs to; with what to
    /// do about it.
    #[error("speak to Telegram: {0}")]
    Unreachable(String),
    /// There is no bot to be disconnected.
    #[error("disconnect the bot: there is none; `sortie telegram setup` connects one")]
    NoBot,
    /// There is no bot yet.
    #[error("pair: no bot is connected; run `sortie telegram setup`")]
    Off,
    /// The token could not be kept.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Settings could not be written.
    #[error("keep Telegram's settings: {0}")]
    Settings(std::io::Error),
    /// The HTTP client could not be made.
    #[error("make an HTTP client: {0}")]
    Client(String),
    /// The machine has no randomness.
    #[error("make a code: {0}")]
    Random(String),
}

impl TelegramError {
    /// Why the Bot API at that address did not say who a token belongs to.
    pub(crate) fn of(fault: &Fault, api_url: &str, redactor: &Redactor) -> Self {
        match fault {
            Fault::Token => Self::Refused(api_url.to_owned()),
            fault => Self::Unreachable(mendable(fault, redactor)),
        }
    }
}

/// What an answer said, as it may be shown and logged.
pub(crate) fn reason(error: &RequestError, redactor: &Redactor) -> String {
    shown(&Fault::of(error).to_string(), redactor)
}

/// A fault with what to do about it, as it may be shown and logged.
pub(crate) fn mendable(fault: &Fault, redactor: &Redactor) -> String {
    shown(&format!("{fault}; {}", fault.mend()), redactor)
}

fn shown(text: &str, redactor: &Redactor) -> String {
    let mut shown = redactor.redact(text).into_owned();
    shown.truncate(shown.floor_char_boundary(MAX_REASON_BYTES));
    shown
}

/// Why a request to the webhook was not taken.
#[derive(Debug, thiserror::Error)]
pub enum DoorError {
    /// It does not show the secret, or no webhook is in use.
    #[error("take the update: its secret is not the webhook's")]
    Secret,
    /// It is no update.
    #[error("read the update: {0}")]
    Body(String),
    /// It could not be kept; Telegram sends it again.
    #[error("keep the update: {0}")]
    Busy(String),
}

/// Why an update was not taken: it is not acknowledged and comes again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotTaken {
    #[error("no plugin hears Telegram")]
    NobodyHears,
    #[error(transparent)]
    Platform(#[from] PlatformError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl NotTaken {
    /// Whether what the update says can never be kept, however often it comes.
    pub(crate) fn is_the_updates_fault(&self) -> bool {
        matches!(
            self,
            Self::Store(StoreError::Invalid { .. })
                | Self::Platform(PlatformError::Store(StoreError::Invalid { .. }))
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sortie_vault::Vault;
    use std::time::Duration;

    const API: &str = "https://api.telegram.org";

    #[test]
    fn only_an_answer_about_the_token_refuses_it() {
        let redactor = Vault::default().redactor();
        let refused = TelegramError::of(&Fault::Token, API, &redactor);
        assert!(matches!(refused, TelegramError::Refused(_)), "{refused}");
        for fault in [
            Fault::Pause(Duration::from_secs(7)),
            Fault::Trouble("Bad Gateway".to_owned()),
            Fault::Foreign,
            Fault::Conflict,
        ] {
            let error = TelegramError::of(&fault, API, &redactor);
            assert!(matches!(error, TelegramError::Unreachable(_)), "{error}");
        }
    }

    #[test]
    fn what_to_do_is_said_last() {
        let redactor = Vault::default().redactor();
        let told = |fault| TelegramError::of(&fault, API, &redactor).to_string();
        assert_eq!(
            told(Fault::Foreign),
            "speak to Telegram: something answers there, but not as a Bot API does; check the \
             address of the Bot API"
        );
        assert!(
            told(Fault::Conflict)
                .ends_with("stop that program, or take a new token from @BotFather")
        );
        assert!(told(Fault::Token).ends_with("copy the token from @BotFather again"));
    }
}
