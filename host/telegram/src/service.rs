//! The source from start to end: looks for a token, speaks to Telegram as long
//! as it holds, and begins anew with another.

mod setup;

pub use setup::SetUp;

use crate::bot::Bots;
use crate::error::{DoorError, TelegramError, mendable, reason};
use crate::fault::Fault;
use crate::hear::Ears;
use crate::limits::{
    FULL_PAUSE, NOTES, PAIRING, REFUSED, TOKEN_LOOK, TOKEN_SECRET, UNREACHABLE, WEBHOOK_SECRET,
};
use crate::me::me;
use crate::note::Note;
use crate::options::{Diffs, Mode, TelegramConfig, TelegramOptions};
use crate::profile::Hook;
use crate::settings::{Said, Settings};
use crate::state::{Bot, State};
use crate::{pair, pause, poll, profile, sender};
use sortie_model::clock::{Clock, Timestamp};
use sortie_model::people::Role;
use sortie_platform::Platform;
use sortie_store::Store;
use sortie_vault::{Redactor, Secret, Vault, VaultError};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use subtle::ConstantTimeEq;
use teloxide_core::RequestError;
use tokio::sync::{Mutex, mpsc, watch};
use tokio_util::sync::CancellationToken;

/// The handle of the source; clones share it.
#[derive(Clone)]
pub struct Telegram(Arc<Inner>);

/// A code that lets one person in.
#[derive(Clone, Debug)]
pub struct PairingCode {
    /// The code.
    pub code: String,
    /// A link that sends it.
    pub link: String,
    /// Until when it holds.
    pub expires_at: Timestamp,
}

pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) config: TelegramConfig,
    pub(crate) diffs: Arc<dyn Diffs>,
    pub(crate) notes: Mutex<mpsc::Receiver<Note>>,
    pub(crate) redactor: Redactor,
    platform: Platform,
    vault: Vault,
    data_dir: PathBuf,
    state: watch::Sender<State>,
    /// The bot that was last seen to be there.
    bot: watch::Sender<Option<Bot>>,
    /// Rises when a bot was set up.
    changed: watch::Sender<u64>,
    noted: mpsc::Sender<Note>,
    /// Who hears what the webhook brings; its lock keeps the order.
    door: Mutex<Option<Ears>>,
}

/// One bot that is spoken for.
pub(crate) struct Link {
    pub(crate) bots: Bots,
    settings: Settings,
    bot: Bot,
}

impl Link {
    pub(crate) fn up(&self) -> State {
        State::Up {
            bot: self.bot.clone(),
            mode: self.settings.mode,
        }
    }
}

impl Telegram {
    /// A source that does nothing yet.
    pub fn new(options: TelegramOptions) -> Self {
        let (noted, notes) = mpsc::channel(NOTES);
        Self(Arc::new(Inner {
            redactor: options.vault.redactor(),
            store: options.store,
            clock: options.clock,
            config: options.config,
            diffs: options.diffs,
            notes: Mutex::new(notes),
            platform: options.platform,
            vault: options.vault,
            data_dir: options.data_dir,
            state: watch::Sender::new(State::Off),
            bot: watch::Sender::new(None),
            changed: watch::Sender::new(0),
            noted,
            door: Mutex::new(None),
        }))
    }

    /// Hears and sends until `shutdown`. Without a token it looks for one.
    pub async fn run(&self, shutdown: CancellationToken) {
        let mut changed = self.0.changed.subscribe();
        while !shutdown.is_cancelled() {
            changed.mark_unchanged();
            if let Some(token) = self.0.token() {
                let until = shutdown.child_token();
                let watching = self.0.watch(&token, &mut changed, &until);
                tokio::join!(self.0.live(&token, &until), watching);
            } else {
                self.0.show(State::Off);
                tokio::select! {
                    () = shutdown.cancelled() => {}
                    _ = changed.changed() => {}
                    () = tokio::time::sleep(TOKEN_LOOK) => {}
                }
            }
        }
    }

    /// Makes a code that gives a role to the first who sends it to the bot.
    /// Those before it count as well, each once.
    ///
    /// # Errors
    ///
    /// When there is no bot.
    pub async fn pairing(&self, role: Role, actor: &str) -> Result<PairingCode, TelegramError> {
        let bot = self.0.bot.borrow().clone().ok_or(TelegramError::Off)?;
        let code = pair::make().map_err(|error| TelegramError::Random(error.to_string()))?;
        let expires_at = self.0.clock.now().plus(PAIRING);
        self.0
            .store
            .open_pairing(role, pair::hash(&code), expires_at, actor)
            .await?;
        Ok(PairingCode {
            link: format!("https://t.me/{}?start={code}", bot.username),
            code,
            expires_at,
        })
    }

    /// How the source is.
    pub fn state(&self) -> State {
        self.0.state.borrow().clone()
    }

    /// Takes what Telegram brings, in the order it comes. When this returns
    /// without an error, it is on disk. Whoever lets it in bounds its size.
    ///
    /// # Errors
    ///
    /// When it is not from Telegram, is no update, or could not be kept.
    pub async fn webhook(&self, secret: Option<&[u8]>, body: &[u8]) -> Result<(), DoorError> {
        let own = self.0.vault.get(WEBHOOK_SECRET);
        let own = own.map_err(|_| DoorError::Secret)?;
        let shown = secret.ok_or(DoorError::Secret)?;
        if !bool::from(own.expose().as_bytes().ct_eq(shown)) {
            return Err(DoorError::Secret);
        }
        let door = self.0.door.lock().await;
        let ears = door.as_ref().ok_or_else(|| {
            DoorError::Busy("the host does not hear Telegram just now".to_owned())
        })?;
        let update =
            serde_json::from_slice(body).map_err(|error| DoorError::Body(error.to_string()))?;
        ears.take(&update)
            .await
            .map_err(|error| DoorError::Busy(error.to_string()))
    }
}

impl Inner {
    pub(crate) fn show(&self, state: State) {
        self.state.send_if_modified(|shown| {
            let news = *shown != state;
            if news {
                match &state {
                    State::Up { .. } | State::Off | State::Connecting => {
                        tracing::info!("telegram: {state}");
                    }
                    State::Conflict | State::Unreachable { .. } => {
                        tracing::warn!("telegram: {state}");
                    }
                    State::NobodyHears { .. } | State::Refused { .. } => {
                        tracing::error!("telegram: {state}");
                    }
                }
                *shown = state;
            }
            news
        });
    }

    /// How the source is when it meets that.
    pub(crate) fn state_of(&self, fault: &Fault) -> State {
        match fault {
            Fault::Token => State::Refused {
                why: fault.to_string(),
            },
            Fault::Conflict => State::Conflict,
            fault => State::Unreachable {
                why: mendable(fault, &self.redactor),
            },
        }
    }

    pub(crate) fn redacted(&self, error: &RequestError) -> String {
        reason(error, &self.redactor)
    }

    fn token(&self) -> Option<Secret> {
        self.vault.get(TOKEN_SECRET).ok()
    }

    /// Ends what is done for a token when there is another. `changed` has seen
    /// nothing since before the token was read.
    async fn watch(
        &self,
        token: &Secret,
        changed: &mut watch::Receiver<u64>,
        until: &CancellationToken,
    ) {
        loop {
            let set_up = tokio::select! {
                () = until.cancelled() => return,
                _ = changed.changed() => true,
                () = tokio::time::sleep(TOKEN_LOOK) => false,
            };
            let same = |new: Secret| new.expose() == token.expose();
            if set_up || !self.token().is_some_and(same) {
                return until.cancel();
            }
        }
    }

    /// Speaks for a token until `until`.
    async fn live(self: &Arc<Self>, token: &Secret, until: &CancellationToken) {
        let Some(link) = self.link(token, until).await else {
            return;
        };
        let link = Arc::new(link);
        let ears = Ears {
            store: self.store.clone(),
            platform: self.platform.clone(),
            clock: Arc::clone(&self.clock),
            plugin: self.config.plugin.clone(),
            bot: link.bot.id,
            name: link.bot.username.clone(),
            notes: self.noted.clone(),
        };
        while let Err(error) = ears.settle_in().await {
            tracing::warn!(%error, "it cannot be read where the source stands");
            tokio::select! {
                () = until.cancelled() => return,
                () = tokio::time::sleep(FULL_PAUSE) => {}
            }
        }
        let sending = sender::run(self, &link, until);
        match link.settings.mode {
            Mode::Poll => {
                self.show(link.up());
                tokio::join!(poll::run(self, &link, &ears, until), sending);
            }
            Mode::Webhook => {
                *self.door.lock().await = Some(ears);
                self.show(link.up());
                sending.await;
                *self.door.lock().await = None;
            }
        }
    }

    /// Reaches Telegram with a token, however long it takes; none when it is
    /// told to stop.
    async fn link(&self, token: &Secret, until: &CancellationToken) -> Option<Link> {
        self.show(State::Connecting);
        let settings = Settings::new(&self.config, Said::read(&self.data_dir));
        let mut failures = 0;
        loop {
            let tried = tokio::select! {
                () = until.cancelled() => return None,
                tried = self.reach(token, &settings) => tried,
            };
            let wait = match tried {
                Ok(link) => return Some(link),
                Err((state, wait)) => {
                    self.show(state);
                    failures += 1;
                    wait.unwrap_or_else(|| pause::after(failures, UNREACHABLE))
                }
            };
            tokio::select! {
                () = until.cancelled() => return None,
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    async fn reach(
        &self,
        token: &Secret,
        settings: &Settings,
    ) -> Result<Link, (State, Option<Duration>)> {
        let own_fault = |error: TelegramError| {
            let why = format!("the host failed to {error}");
            (State::Refused { why }, Some(REFUSED))
        };
        let bots = Bots::new(token, &settings.api_url).map_err(own_fault)?;
        let hook = self.hook(settings).map_err(own_fault)?;
        let judged = |fault: Fault| {
            let wait = match &fault {
                Fault::Token => Some(REFUSED),
                Fault::Pause(pause) => Some(*pause),
                _ => None,
            };
            (self.state_of(&fault), wait)
        };
        let bot = me(&bots).await.map_err(judged)?;
        let prepared = profile::prepare(&bots, hook).await;
        prepared.map_err(|error| judged(Fault::of(&error)))?;
        self.bot.send_replace(Some(bot.clone()));
        Ok(Link {
            bots,
            settings: settings.clone(),
            bot,
        })
    }

    /// How Telegram is to bring updates; none when it is asked for them. Makes
    /// the secret when there is none.
    fn hook(&self, settings: &Settings) -> Result<Option<Hook>, TelegramError> {
        let Some(url) = settings.webhook()? else {
            return Ok(None);
        };
        let secret = match self.vault.get(WEBHOOK_SECRET) {
            Err(VaultError::Unknown(_)) => {
                let secret = Secret::new(random()?);
                self.vault.keep(WEBHOOK_SECRET, &secret)?;
                secret
            }
            known => known?,
        };
        Ok(Some(Hook { url, secret }))
    }
}

/// A secret for the webhook, of the signs that Telegram takes.
fn random() -> Result<String, TelegramError> {
    let parts: Result<Vec<String>, _> = (0..4).map(|_| pair::make()).collect();
    let parts = parts.map_err(|error| TelegramError::Random(error.to_string()))?;
    Ok(parts.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhooks_secret_is_long_and_of_what_telegram_takes() {
        let secret = random().expect("random");
        assert_eq!(secret.len(), 32);
        assert!(secret.bytes().all(|b| b.is_ascii_alphanumeric()));
    }
}
