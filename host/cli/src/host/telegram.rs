//! Telegram, from the configuration, and as the API sees it.

use super::options;
use crate::config::Loaded;
use async_trait::async_trait;
use sortie_api::chat::{BotView, ChatDoor, ChatFault, ConnectBody, PairingView};
use sortie_engine::Engine;
use sortie_model::clock::SystemClock;
use sortie_model::id::JobId;
use sortie_model::people::Role;
use sortie_platform::Platform;
use sortie_store::Store;
use sortie_telegram::{Diffs, DoorError, Mode, SetUp, Telegram, TelegramError, TelegramOptions};
use sortie_vault::{Secret, Vault};
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
    async fn diff(&self, job: JobId, base: &str, head: &str) -> Option<Vec<u8>> {
        match self.0.diff_between(job, base, head).await {
            Ok(diff) => diff.map(String::into_bytes),
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
    async fn connect(&self, body: ConnectBody) -> Result<BotView, ChatFault> {
        let mode = match body.mode.as_deref() {
            None => None,
            Some("poll") => Some(Mode::Poll),
            Some("webhook") => Some(Mode::Webhook),
            Some(other) => {
                let what = format!("use the mode {other:?}: write poll or webhook");
                return Err(ChatFault::Refused(what));
            }
        };
        let set_up = SetUp {
            token: Secret::new(body.token),
            api_url: body.api_url,
            mode,
            webhook_url: body.webhook_url,
        };
        let bot = self.0.connect(set_up).await.map_err(fault)?;
        Ok(BotView {
            id: bot.id,
            username: bot.username,
            name: bot.name,
        })
    }

    async fn pairing(&self, role: Role, actor: &str) -> Result<PairingView, ChatFault> {
        let made = self.0.pairing(role, actor).await.map_err(fault)?;
        Ok(PairingView {
            code: made.code,
            link: made.link,
            expires_at: made.expires_at,
        })
    }

    fn state(&self) -> serde_json::Value {
        serde_json::to_value(self.0.state()).unwrap_or_default()
    }

    async fn webhook(&self, secret: Option<&[u8]>, body: &[u8]) -> Result<(), ChatFault> {
        self.0
            .webhook(secret, body)
            .await
            .map_err(|error| match error {
                DoorError::Secret => ChatFault::Unverified(error.to_string()),
                DoorError::Body(_) => ChatFault::Refused(error.to_string()),
                DoorError::Busy(_) => ChatFault::Busy(error.to_string()),
            })
    }
}

fn fault(error: TelegramError) -> ChatFault {
    match error {
        TelegramError::Store(error) => ChatFault::Busy(error.to_string()),
        TelegramError::Vault(_)
        | TelegramError::Settings(_)
        | TelegramError::Client(_)
        | TelegramError::Random(_) => ChatFault::Busy(error.to_string()),
        error => ChatFault::Refused(error.to_string()),
    }
}
