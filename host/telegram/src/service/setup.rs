//! A bot is set up, looked at and disconnected, by a person who waits for the
//! answer. Whether it then speaks is for the loop of the service to do.

use super::{Inner, Telegram};
use crate::bot::Bots;
use crate::error::TelegramError;
use crate::fault::Fault;
use crate::limits::{LOOK, SOURCE, TAKEN_UP, TOKEN_SECRET, WEBHOOK_SECRET};
use crate::me::me;
use crate::options::Mode;
use crate::settings::{Said, Settings};
use crate::state::{Bot, State};
use sortie_store::AuditEntry;
use sortie_vault::{Secret, VaultError};
use teloxide_core::requests::Requester;

/// A bot to be set up. What is left out stays as an earlier set-up said it, or
/// else as the configuration says.
#[derive(Clone, Debug)]
pub struct SetUp {
    /// Its token.
    pub token: Secret,
    /// Where the Bot API is.
    pub api_url: Option<String>,
    /// How updates come.
    pub mode: Option<Mode>,
    /// Where Telegram reaches this host.
    pub webhook_url: Option<String>,
}

impl Telegram {
    /// Asks Telegram about a token, and keeps nothing.
    ///
    /// # Errors
    ///
    /// When Telegram refuses it, or it could not be kept.
    pub async fn ask(&self, set_up: &SetUp) -> Result<Bot, TelegramError> {
        let inner = &self.0;
        if inner.vault.names().any(|name| name == TOKEN_SECRET) {
            return Err(VaultError::Configured(TOKEN_SECRET.to_owned()).into());
        }
        let settings = Settings::new(&inner.config, inner.said(set_up));
        inner.who(&set_up.token, &settings).await
    }

    /// Asks Telegram about a token, keeps it, and begins with it; returns when
    /// it speaks, or says why it does not, but does not wait for long.
    ///
    /// # Errors
    ///
    /// When Telegram refuses it, or it cannot be kept; the bot of before goes on
    /// then. When it is kept and its settings are not, it goes by those of
    /// before.
    pub async fn connect(&self, set_up: SetUp) -> Result<Bot, TelegramError> {
        let inner = &self.0;
        let said = inner.said(&set_up);
        let settings = Settings::new(&inner.config, said.clone());
        let bot = inner.who(&set_up.token, &settings).await?;
        // Made here already, so that whoever sets the bot up can read it.
        inner.hook(&settings)?;
        inner.vault.keep(TOKEN_SECRET, &set_up.token)?;
        said.write(&inner.data_dir)?;
        inner.bot.send_replace(Some(bot.clone()));
        let mut state = inner.state.subscribe();
        inner.changed.send_modify(|n| *n = n.wrapping_add(1));
        let settled = async {
            // What is shown at first is of the bot of before.
            while state.changed().await.is_ok() && *state.borrow_and_update() == State::Connecting {
            }
        };
        if tokio::time::timeout(TAKEN_UP, settled).await.is_err() {
            tracing::debug!("the bot is still about to speak");
        }
        Ok(bot)
    }

    /// Forgets the bot's token and what was said about the bot, and is silent
    /// from then on. People and chats stay. Said again it erases what is left of
    /// a bot whose token is gone.
    ///
    /// # Errors
    ///
    /// When there is no bot, or the configuration says where its token is; when
    /// something cannot be written or erased.
    pub async fn disconnect(&self, actor: &str) -> Result<(), TelegramError> {
        let inner = &self.0;
        let token = inner.token();
        let settings = Settings::new(&inner.config, Said::read(&inner.data_dir));
        if !inner.vault.forget(TOKEN_SECRET)? {
            // An earlier try may have ended here.
            return match inner.forget_said()? {
                true => Ok(()),
                false => Err(TelegramError::NoBot),
            };
        }
        let bot = inner.bot.send_replace(None);
        let mut state = inner.state.subscribe();
        inner.changed.send_modify(|n| *n = n.wrapping_add(1));
        let name = bot.map(|bot| bot.username).filter(|name| !name.is_empty());
        let row = AuditEntry {
            actor: actor.to_owned(),
            action: "telegram.removed".to_owned(),
            subject: name.unwrap_or_else(|| SOURCE.to_owned()),
            detail: serde_json::json!({ "api_url": settings.api_url }),
        };
        inner.store.audit(row).await?;
        inner.forget_said()?;
        let silent = state.wait_for(|state| *state == State::Off);
        if tokio::time::timeout(TAKEN_UP, silent).await.is_err() {
            tracing::warn!("the bot's last requests are still under way");
        }
        if let (Mode::Webhook, Some(token)) = (settings.mode, token) {
            inner.unhook(&token, &settings).await;
        }
        Ok(())
    }

    /// How the source is, once Telegram was asked whether it still takes the
    /// token: a poll that waits does not hear of it.
    pub async fn look(&self) -> State {
        let inner = &self.0;
        if let (State::Up { .. }, Some(token)) = (self.state(), inner.token()) {
            let settings = Settings::new(&inner.config, Said::read(&inner.data_dir));
            let asked = async { me(&Bots::new(&token, &settings.api_url).ok()?).await.err() };
            // That it cannot be reached now, the source finds out by itself.
            if let Ok(Some(Fault::Token)) = tokio::time::timeout(LOOK, asked).await {
                inner.show(inner.state_of(&Fault::Token));
            }
        }
        self.state()
    }
}

impl Inner {
    /// Forgets all that is kept of a bot but its token; whether there was any.
    fn forget_said(&self) -> Result<bool, TelegramError> {
        let said = Said::erase(&self.data_dir)?;
        match self.vault.forget(WEBHOOK_SECRET) {
            Ok(hook) => Ok(said || hook),
            // Where it comes from is the operator's to change.
            Err(VaultError::Configured(_)) => Ok(said),
            Err(error) => Err(error.into()),
        }
    }

    /// What holds with a set-up.
    fn said(&self, set_up: &SetUp) -> Said {
        Said::read(&self.data_dir).with(Said {
            mode: set_up.mode,
            api_url: set_up.api_url.clone(),
            webhook_url: set_up.webhook_url.clone(),
        })
    }

    /// Who a token belongs to, where those settings say.
    async fn who(&self, token: &Secret, settings: &Settings) -> Result<Bot, TelegramError> {
        settings.webhook()?;
        let bots = Bots::new(token, &settings.api_url)?;
        // Before anything is said about it, so that no error can hold it.
        self.vault.hide(TOKEN_SECRET, token);
        let asked = me(&bots).await;
        asked.map_err(|fault| TelegramError::of(&fault, &settings.api_url, &self.redactor))
    }

    /// Has Telegram bring nothing more; without a bot it would be turned away
    /// here in any case.
    async fn unhook(&self, token: &Secret, settings: &Settings) {
        let Ok(bots) = Bots::new(token, &settings.api_url) else {
            return;
        };
        let asked = tokio::time::timeout(LOOK, async { bots.send.delete_webhook().await });
        match asked.await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                tracing::warn!(error = self.redacted(&error), "the webhook stays");
            }
            Err(_) => tracing::warn!("the webhook may stay; Telegram did not answer in time"),
        }
    }
}
