//! What the API asks of the chat source: the seam that keeps a chat service and
//! its client out of this crate.

use crate::view::{BotView, PairingView, TelegramBody, TelegramView};
use async_trait::async_trait;
use sortie_model::people::Role;
use sortie_store::StoreError;

/// Why something about the chat source was not done. Completes "failed to …";
/// no text holds a token.
#[derive(Debug, thiserror::Error)]
pub enum ChatFault {
    /// What was asked for makes no sense, or the service refuses it.
    #[error("{0}")]
    Invalid(String),
    /// There is no bot yet.
    #[error("{0}")]
    Off(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The service cannot be reached, or fails.
    #[error("{0}")]
    Away(String),
    /// The host failed.
    #[error("{0}")]
    Failed(String),
}

/// Why what a service brought was not taken.
#[derive(Debug, thiserror::Error)]
pub enum DoorFault {
    /// It does not show the secret, or nothing is to be brought.
    #[error("{0}")]
    Secret(String),
    /// It is no update.
    #[error("{0}")]
    Body(String),
    /// It could not be kept; the service brings it again.
    #[error("{0}")]
    Busy(String),
}

/// The chat source, as the API sees it.
#[async_trait]
pub trait ChatDoor: Send + Sync {
    /// Asks the service about the token, and unless that is all, keeps it and
    /// begins with it.
    async fn connect(&self, body: TelegramBody) -> Result<BotView, ChatFault>;

    /// Makes a code; whoever sends it to the bot first gets that role.
    async fn pairing(&self, role: Role, actor: &str) -> Result<PairingView, ChatFault>;

    /// Forgets the bot and its token.
    async fn disconnect(&self, actor: &str) -> Result<(), ChatFault>;

    /// How the source is, as last seen. Must not wait.
    fn state(&self) -> TelegramView;

    /// How the source is, once the service was asked whether it still takes the
    /// token.
    async fn look(&self) -> TelegramView;

    /// Takes what the service brings; `secret` is what it shows. What is taken
    /// is on disk when this returns.
    async fn webhook(&self, secret: Option<&[u8]>, body: &[u8]) -> Result<(), DoorFault>;
}
