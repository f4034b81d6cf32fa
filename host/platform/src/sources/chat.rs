//! What comes from chats. A chat source hears an update, says who sent it and
//! where it stands after it; here it becomes one call of the connector and one
//! transaction: the event, the cursor, what was seen of the chat, and all that
//! the call asked for.
//!
//! Nothing here knows a service. Who is heard at all, and what a button is, is
//! the source's to say before it calls.

use super::sender::Verified;
use crate::events::{self, Handled};
use crate::{Platform, PlatformError};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sortie_model::surface::Surface;
use sortie_plugins::outside::ChatMessage;
use sortie_plugins::surfaces::connector::Payload;
use sortie_store::{
    Accepted, AuditEntry, Committed, DeliveryKey, NewPluginEvent, Person, SeenMessage, StoreError,
};

/// Something that was said or pressed.
#[derive(Clone, Debug)]
pub struct Heard {
    /// The chat source.
    pub source: String,
    /// What makes a repetition of it the same one, such as a digest of the
    /// service's number of it.
    pub key: [u8; 32],
    /// Where the source stands after it.
    pub cursor: Value,
    /// The message that it brought.
    pub seen: SeenMessage,
    /// Who said it, of the operator's list.
    pub sender: Person,
    /// The name they have there now.
    pub sender_name: String,
    /// What was said or pressed.
    pub payload: Payload,
    /// The token of the button, when one was pressed.
    pub button: Option<String>,
}

/// What became of it. In each case it is on disk and may be acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hearing {
    /// The connector handled it.
    Handled,
    /// It is stored, and handled later.
    Stored,
    /// It came before.
    Duplicate,
    /// Its button was used meanwhile; nothing else of it was done.
    ButtonUsed,
}

/// A message as a chat source finds it in the queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outgoing {
    /// What it says.
    pub message: ChatMessage,
    /// A file that it is the caption of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<DiffFile>,
}

/// The diff of what a job made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiffFile {
    /// The job.
    pub job: u64,
    /// The commit it is against.
    pub base: String,
    /// The commit that holds the work.
    pub head: String,
}

impl Platform {
    /// Whether that plugin runs, is a connector, and may write to that chat
    /// source: then it hears what comes from there.
    pub fn hears(&self, plugin: &str, source: &str) -> bool {
        self.running(plugin).is_some_and(|running| {
            running.manifest.surfaces.contains(&Surface::Connector)
                && running.grant.chat.sources.contains(source)
        })
    }

    /// Hands what was heard to the connector, or stores it for later.
    ///
    /// # Errors
    ///
    /// When nothing of it was kept: do not acknowledge it, and hear it again.
    pub async fn hear(&self, plugin: &str, heard: Heard) -> Result<Hearing, PlatformError> {
        let running = self
            .running(plugin)
            .filter(|_| self.hears(plugin, &heard.source));
        let running = running.ok_or_else(|| PlatformError::NotInstalled {
            plugin: plugin.to_owned(),
        })?;
        let delivery = DeliveryKey {
            hash: heard.key,
            window_ms: None,
        };
        let (cursor, seen) = (heard.cursor.clone(), heard.seen.clone());
        let store = self.store();
        if store
            .known_event(plugin, &heard.source, delivery)
            .await?
            .is_some()
        {
            self.pass(plugin, &heard.source, cursor, seen, None).await?;
            return Ok(Hearing::Duplicate);
        }
        let verified = Verified::of(&heard.sender, heard.sender_name, heard.button);
        let mut new = NewPluginEvent {
            id: store.reserve_event_id().await?,
            plugin: plugin.to_owned(),
            source: heard.source.clone(),
            in_line: true,
            delivery: Some(delivery),
            sender: events::stored(Some(&verified)),
            payload: Vec::new(),
            cursor: Some(heard.cursor),
            seen: Some(heard.seen),
        };
        let who = verified.sender.id.clone();
        let (sender, payload) = (Some(verified), heard.payload.clone());
        let error = match events::at_once(self, &running, new.clone(), sender, payload).await {
            Ok(Handled {
                committed: Committed::Done { .. },
                ..
            }) => return Ok(Hearing::Handled),
            Ok(_) => return Ok(Hearing::Duplicate),
            Err(error) => error,
        };
        match error {
            PlatformError::Store(StoreError::ButtonUsed) => {
                let note = press_refused(&heard.source, &who, &seen.chat, "it was used before");
                self.pass(plugin, &heard.source, cursor, seen, Some(note))
                    .await?;
                return Ok(Hearing::ButtonUsed);
            }
            // Room on the disk is what keeping it needs as well.
            PlatformError::Store(error) if error.may_pass() => return Err(error.into()),
            PlatformError::Store(StoreError::Behind { .. }) => {}
            error => {
                tracing::warn!(%error, plugin, source = heard.source, event = new.id.0, "what was said waits for its next try");
            }
        }
        new.payload = serde_json::to_vec(&heard.payload).unwrap_or_default();
        Ok(match store.accept_event(new).await? {
            Accepted::New(_) => Hearing::Stored,
            Accepted::Duplicate(..) => Hearing::Duplicate,
        })
    }

    /// Leaves something behind that no plugin hears.
    async fn pass(
        &self,
        plugin: &str,
        source: &str,
        cursor: Value,
        seen: SeenMessage,
        note: Option<AuditEntry>,
    ) -> Result<(), StoreError> {
        self.store()
            .move_cursor(plugin, source, cursor, Some(seen), note)
            .await
    }
}

fn press_refused(source: &str, who: &str, chat: &str, why: &str) -> AuditEntry {
    AuditEntry {
        actor: format!("{source}:{who}"),
        action: "chat.press_refused".to_owned(),
        subject: chat.to_owned(),
        detail: json!({ "why": why }),
    }
}
