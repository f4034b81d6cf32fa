//! What the source needs and what an operator may say about it.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use sortie_model::clock::Clock;
use sortie_model::id::JobId;
use sortie_model::people::Level;
use sortie_platform::Platform;
use sortie_store::Store;
use sortie_vault::Vault;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// What the source works with.
pub struct TelegramOptions {
    /// Where everything is written.
    pub store: Store,
    /// Who hears.
    pub platform: Platform,
    /// Where the token is.
    pub vault: Vault,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Where settings are kept that were made while the host ran.
    pub data_dir: PathBuf,
    /// What the operator says.
    pub config: TelegramConfig,
    /// Where files come from.
    pub diffs: Arc<dyn Diffs>,
}

/// What the operator says.
#[derive(Clone, Debug)]
pub struct TelegramConfig {
    /// The connector that hears.
    pub plugin: String,
    /// How updates come.
    pub mode: Mode,
    /// Where the Bot API is.
    pub api_url: String,
    /// Where Telegram reaches this host.
    pub webhook_url: Option<String>,
    /// How much chats hear of a project, where that is less than all.
    pub levels: BTreeMap<String, Level>,
}

/// How updates come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// The host asks for them.
    Poll,
    /// Telegram brings them.
    Webhook,
}

impl Mode {
    /// Every mode.
    pub const ALL: [Self; 2] = [Self::Poll, Self::Webhook];

    /// The stable name, as configured and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Poll => "poll",
            Self::Webhook => "webhook",
        }
    }

    /// The mode of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == name)
    }
}

/// Where the contents of files come from.
#[async_trait]
pub trait Diffs: Send + Sync {
    /// The diff between two commits of a job, with whatever stands in it; none
    /// when it cannot be had any more.
    async fn diff(&self, job: JobId, base: &str, head: &str) -> Option<String>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_read_by_the_names_they_are_written_with() {
        for mode in Mode::ALL {
            assert_eq!(Mode::parse(mode.as_str()), Some(mode));
            assert_eq!(serde_json::json!(mode), mode.as_str());
        }
        assert_eq!(Mode::parse("push"), None);
    }
}
