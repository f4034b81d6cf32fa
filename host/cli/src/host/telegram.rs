//! Telegram, from the configuration, and as the API sees it.

use super::options;
use crate::config::Loaded;
use async_trait::async_trait;
use sortie_api::view::{BotView, PairingView, TelegramBody, TelegramView};
use sortie_api::{ChatDoor, ChatFault, DoorFault};
use sortie_engine::Engine;
use sortie_model::clock::SystemClock;
use sortie_model::id::JobId;
use sortie_model::people::Role;
use sortie_platform::Platform;
use sortie_store::Store;
use sortie_telegram::{
    Bot, Diffs, DoorError, Mode, SetUp, State, Telegram, TelegramError, TelegramOptions,
};
use sortie_vault::{Secret, Vault, VaultError};
use std::sync::Arc;

/// The source of a host. It does nothing before there is a token.
pub fn open(
    loaded: &Loaded,
    store: &Store,
    platform: &Platform,
    vault: Vault,
    engine: &Engine,
) -> Telegram {
    Telegram::new(TelegramOptions {
        store: store.clone(),
        platform: platform.clone(),
        vault,
        clock: Arc::new(SystemClock),
        data_dir: loaded.data_dir.clone(),
        config: options::telegram(&loaded.config),
        diffs: Arc::new(EngineDiffs(engine.clone())),
    })
}

/// Diffs as the engine makes them.
struct EngineDiffs(Engine);

#[async_trait]
impl Diffs for EngineDiffs {
    async fn diff(&self, job: JobId, base: &str, head: &str) -> Option<String> {
        match self.0.diff_between(job, base, head).await {
            Ok(diff) => diff,
            Err(error) => {
                tracing::warn!(%error, %job, "the diff for a chat cannot be had");
                None
            }
        }
    }
}

/// The source, as the API sees it.
pub struct Door(pub Telegram);

#[async_trait]
impl ChatDoor for Door {
    async fn connect(&self, body: TelegramBody) -> Result<BotView, ChatFault> {
        let mode = body.mode.as_deref().map(|name| {
            Mode::parse(name).ok_or_else(|| {
                ChatFault::Invalid(format!("use the mode {name:?}: write poll or webhook"))
            })
        });
        let set_up = SetUp {
            token: Secret::new(body.token),
            api_url: body.api_url,
            mode: mode.transpose()?,
            webhook_url: body.webhook_url,
        };
        let bot = match body.only_ask {
            true => self.0.ask(&set_up).await,
            false => self.0.connect(set_up).await,
        };
        bot.map(view).map_err(fault)
    }

    async fn disconnect(&self, actor: &str) -> Result<(), ChatFault> {
        self.0.disconnect(actor).await.map_err(fault)
    }

    async fn pairing(&self, role: Role, actor: &str) -> Result<PairingView, ChatFault> {
        let made = self.0.pairing(role, actor).await.map_err(fault)?;
        Ok(PairingView {
            code: made.code,
            link: made.link,
            role: role.to_string(),
            expires_at: made.expires_at.to_string(),
        })
    }

    fn state(&self) -> TelegramView {
        shown(self.0.state())
    }

    async fn look(&self) -> TelegramView {
        shown(self.0.look().await)
    }

    async fn webhook(&self, secret: Option<&[u8]>, body: &[u8]) -> Result<(), DoorFault> {
        let taken = self.0.webhook(secret, body).await;
        taken.map_err(|error| match error {
            DoorError::Secret => DoorFault::Secret(error.to_string()),
            DoorError::Body(_) => DoorFault::Body(error.to_string()),
            DoorError::Busy(_) => DoorFault::Busy(error.to_string()),
        })
    }
}

fn shown(state: State) -> TelegramView {
    let mut shown = TelegramView::default();
    let (state, detail) = match state {
        State::Off => ("off", None),
        State::Connecting => ("connecting", None),
        State::Up { bot, mode } => {
            shown.bot = Some(view(bot));
            shown.mode = Some(mode.as_str().to_owned());
            ("up", None)
        }
        State::NobodyHears { plugin } => ("nobody-hears", Some(plugin)),
        State::Conflict => ("conflict", None),
        State::Refused { why } => ("refused", Some(why)),
        State::Unreachable { why } => ("unreachable", Some(why)),
    };
    shown.state = state.to_owned();
    shown.detail = detail;
    shown
}

fn view(bot: Bot) -> BotView {
    BotView {
        id: bot.id,
        username: bot.username,
        name: bot.name,
    }
}

fn fault(error: TelegramError) -> ChatFault {
    match error {
        TelegramError::Store(error) => ChatFault::Store(error),
        TelegramError::Off | TelegramError::NoBot => ChatFault::Off(error.to_string()),
        TelegramError::Token
        | TelegramError::ApiUrl(_)
        | TelegramError::WebhookUrl(_)
        | TelegramError::NoWebhookUrl
        | TelegramError::Refused(_)
        | TelegramError::Vault(VaultError::Configured(_)) => ChatFault::Invalid(error.to_string()),
        TelegramError::Unreachable(_) => ChatFault::Away(error.to_string()),
        TelegramError::Vault(_)
        | TelegramError::Settings(_)
        | TelegramError::Client(_)
        | TelegramError::Random(_) => ChatFault::Failed(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_can_mend_is_no_failure_of_the_host() {
        let configured = VaultError::Configured("telegram-token".into());
        for error in [
            TelegramError::Token,
            TelegramError::Refused("https://api.telegram.org".into()),
            TelegramError::Vault(configured),
        ] {
            assert!(matches!(fault(error), ChatFault::Invalid(_)));
        }
        let away = TelegramError::Unreachable("x refuses the connection".into());
        assert!(matches!(fault(away), ChatFault::Away(_)));
        assert!(matches!(fault(TelegramError::NoBot), ChatFault::Off(_)));
    }
}
