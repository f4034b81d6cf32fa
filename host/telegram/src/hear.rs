//! What is done with an update: who it is from, whether they are heard, and one
//! call of the connector. When this returns without an error, what the update
//! caused is on disk together with the source's place, and it may be
//! acknowledged; otherwise it comes again.

mod press;

use crate::error::NotTaken;
use crate::limits::{NUMBER_FOR, PAIRING, RENUMBERED_AFTER, SOURCE};
use crate::note::Note;
use crate::pair;
use crate::update::{self, What, Who};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sortie_model::clock::{Clock, Timestamp};
use sortie_model::people::Role;
use sortie_platform::Platform;
use sortie_platform::sources::chat::{Heard, Hearing};
use sortie_plugins::surfaces::connector::{Payload, Place};
use sortie_store::{
    AuditEntry, ChatChange, ChatKind, Pairing, Person, SeenMessage, Store, StoreError,
};
use std::sync::Arc;
use teloxide_core::types::Update;
use tokio::sync::mpsc;

/// Where the source stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Cursor {
    /// Of which bot.
    bot: u64,
    /// The last update that was taken.
    update: u32,
    /// When.
    at: Timestamp,
}

/// Hears the updates of one bot, one after the other.
pub(crate) struct Ears {
    pub(crate) store: Store,
    pub(crate) platform: Platform,
    pub(crate) clock: Arc<dyn Clock>,
    /// The connector that hears.
    pub(crate) plugin: String,
    pub(crate) bot: u64,
    /// What the bot is called in a command, without the `@`.
    pub(crate) name: String,
    pub(crate) notes: mpsc::Sender<Note>,
}

/// What makes an update the one that it is, and the place after it.
struct Mark {
    key: [u8; 32],
    cursor: Value,
}

impl Ears {
    /// The number to poll from; none to take what Telegram has. After a week
    /// without an update Telegram numbers anew, perhaps below the last one;
    /// what it then gives twice is recognised.
    pub(crate) async fn offset(&self) -> Result<Option<i32>, StoreError> {
        let cursor = self.cursor().await?;
        let now = self.clock.now();
        let fresh = cursor
            .filter(|cursor| cursor.bot == self.bot && now.since(cursor.at) < RENUMBERED_AFTER);
        Ok(fresh.map(|cursor| i32::try_from(cursor.update.saturating_add(1)).unwrap_or(i32::MAX)))
    }

    /// Sees to it that what another bot sent is not taken for what this one did:
    /// each numbers its messages for itself. To be done before anything is sent.
    pub(crate) async fn settle_in(&self) -> Result<(), StoreError> {
        let cursor = self.cursor().await?;
        if cursor.is_none_or(|cursor| cursor.bot == self.bot) {
            return Ok(());
        }
        // So old that nothing is asked for by its number.
        let begin = Cursor {
            bot: self.bot,
            update: 0,
            at: Timestamp(0),
        };
        self.store
            .chats_renumbered(&self.plugin, SOURCE, json!(begin))
            .await
    }

    /// The place that is kept, if one is.
    async fn cursor(&self) -> Result<Option<Cursor>, StoreError> {
        let value = self.store.source_cursor(&self.plugin, SOURCE).await?;
        Ok(value.and_then(|value| serde_json::from_value(value).ok()))
    }

    /// Whether the connector runs and may hear.
    pub(crate) fn ready(&self) -> Result<(), NotTaken> {
        match self.platform.hears(&self.plugin, SOURCE) {
            true => Ok(()),
            false => Err(NotTaken::NobodyHears),
        }
    }

    /// Takes an update. One that the store can never keep is passed over: asking
    /// for it again would keep all that comes after it waiting for ever.
    pub(crate) async fn take(&self, update: &Update) -> Result<(), NotTaken> {
        self.ready()?;
        match self.take_once(update).await {
            Err(error) if error.is_the_updates_fault() => {
                tracing::error!(%error, update = update.id.0, "an update cannot be kept; it is passed over");
                self.pass(self.mark(update.id.0), None, None).await
            }
            taken => taken,
        }
    }

    async fn take_once(&self, update: &Update) -> Result<(), NotTaken> {
        let mark = self.mark(update.id.0);
        match update::read(update) {
            What::Said {
                who,
                seen,
                thread,
                text,
                reply_to,
            } => match update::to_us(&text, &self.name) {
                Some(text) => self.said(mark, who, seen, thread, text, reply_to).await,
                None => self.pass(mark, None, None).await,
            },
            What::Pressed {
                who,
                seen,
                thread,
                interaction,
                token,
            } => {
                self.pressed(mark, who, seen, thread, interaction, token)
                    .await
            }
            What::Membership { who, seen, present } => {
                self.membership(mark, who, seen, present).await
            }
            What::Moved { old, new } => {
                self.store.chat_moved(SOURCE, &old, &new).await?;
                self.pass(mark, None, None).await
            }
            What::Nothing(why) => {
                tracing::debug!(update = update.id.0, why, "an update is passed over");
                self.pass(mark, None, None).await
            }
        }
    }

    async fn said(
        &self,
        mark: Mark,
        who: Who,
        seen: SeenMessage,
        thread: Option<String>,
        text: String,
        reply_to: Option<String>,
    ) -> Result<(), NotTaken> {
        let known = self.store.person(SOURCE, &who.id).await?;
        let is_private = seen.kind == ChatKind::Private;
        // Someone who is known may say any eight letters, unless these may be
        // the ones that let them in a moment ago, heard again after a crash.
        let now = self.clock.now();
        let code = match &known {
            _ if !is_private => None,
            Some(person) if now.since(person.added_at) < PAIRING => pair::sent(&text),
            Some(_) => pair::started(&text),
            None => pair::sent(&text),
        };
        let paired = match code {
            Some(code) => self.pair(&who, &seen, &code).await?,
            None => None,
        };
        let text = if paired.is_some() {
            "/start".to_owned()
        } else {
            text
        };
        let Some(sender) = paired.or(known) else {
            return self.stranger(mark, &who, &seen).await;
        };
        if !self.is_open(&seen).await? {
            return self.shut_out(mark, &who, &seen).await;
        }
        let reply_to_number = match &reply_to {
            Some(id) => self.number_when_sent(&seen.chat, id).await?,
            None => None,
        };
        let payload = Payload::Message {
            place: place(&seen, thread),
            message: seen.id.to_string(),
            text,
            reply_to,
            reply_to_number,
            edited: false,
        };
        self.hand_over(mark, who, sender, seen, payload, None)
            .await
            .map(drop)
    }

    async fn membership(
        &self,
        mark: Mark,
        who: Who,
        seen: SeenMessage,
        present: bool,
    ) -> Result<(), NotTaken> {
        if !present {
            let why = "the bot was put out of the chat";
            self.store.chat_gone(SOURCE, &seen.chat, why).await?;
            return self.pass(mark, None, None).await;
        }
        let known = self.store.person(SOURCE, &who.id).await?;
        if seen.kind == ChatKind::Private {
            // Somebody who let the bot speak again hears it again.
            return self.pass(mark, known.map(|_| seen), None).await;
        }
        let Some(person) = known else {
            return self.stranger(mark, &who, &seen).await;
        };
        // Others may let the bot in, but an owner says that it is heard there.
        let change = ChatChange {
            admitted: (person.role == Role::Owner).then_some(true),
            kind: Some(seen.kind),
            title: Some(seen.title.clone()),
            ..ChatChange::default()
        };
        self.store
            .change_chat(SOURCE, &seen.chat, change, &actor(&who))
            .await?;
        self.pass(mark, Some(seen), None).await
    }

    /// Hands something to the connector: one call, one transaction.
    async fn hand_over(
        &self,
        mark: Mark,
        who: Who,
        sender: Person,
        seen: SeenMessage,
        payload: Payload,
        button: Option<String>,
    ) -> Result<Hearing, NotTaken> {
        let heard = Heard {
            source: SOURCE.to_owned(),
            key: mark.key,
            cursor: mark.cursor,
            seen,
            sender,
            sender_name: who.name,
            payload,
            button,
        };
        Ok(self.platform.hear(&self.plugin, heard).await?)
    }

    async fn pair(
        &self,
        who: &Who,
        seen: &SeenMessage,
        code: &str,
    ) -> Result<Option<Person>, StoreError> {
        let hash = pair::hash(code);
        let paired = self
            .store
            .pair(SOURCE, &who.id, &who.name, seen.clone(), hash)
            .await?;
        Ok(match paired {
            Pairing::Paired(person) | Pairing::Again(person) => Some(person),
            Pairing::Wrong | Pairing::NoneOpen => None,
        })
    }

    /// Whether people who are known are heard in a chat: in their own unless it
    /// was shut, in others once it was admitted.
    async fn is_open(&self, seen: &SeenMessage) -> Result<bool, StoreError> {
        let row = self.store.chat(SOURCE, &seen.chat).await?;
        Ok(match seen.kind {
            ChatKind::Private => row.is_none_or(|row| !row.shut),
            _ => row.is_some_and(|row| row.admitted),
        })
    }

    /// The same of one that may be shown before the answer about it came.
    async fn number_when_sent(&self, chat: &str, id: &str) -> Result<Option<u64>, StoreError> {
        let Ok(called) = id.parse::<i64>() else {
            return self.number_of(chat, id).await;
        };
        let mut changed = self.store.chat_signal();
        let number = async {
            loop {
                changed.mark_unchanged();
                let sending = self.store.chat_is_sending(SOURCE, chat, called).await?;
                let number = self.number_of(chat, id).await?;
                if number.is_some() || !sending || changed.changed().await.is_err() {
                    return Ok(number);
                }
            }
        };
        match tokio::time::timeout(NUMBER_FOR, number).await {
            Ok(number) => number,
            Err(_) => self.number_of(chat, id).await,
        }
    }

    /// The plugin's number of a message.
    async fn number_of(&self, chat: &str, id: &str) -> Result<Option<u64>, StoreError> {
        let found = self.store.chat_message_of_service(SOURCE, chat, id).await?;
        let own = found.filter(|message| message.plugin == self.plugin);
        Ok(own.map(|message| message.number.0))
    }

    /// Somebody who is not known: silence, and a line in the audit log once in
    /// a while.
    async fn stranger(&self, mark: Mark, who: &Who, seen: &SeenMessage) -> Result<(), NotTaken> {
        let note = self.platform.is_news(&actor(who));
        let note = note.then_some("telegram.stranger");
        self.unheard(mark, who, seen, note).await
    }

    /// Somebody who is known, where nobody is heard. The line is about the chat.
    async fn shut_out(&self, mark: Mark, who: &Who, seen: &SeenMessage) -> Result<(), NotTaken> {
        let action = match seen.kind {
            ChatKind::Private => "telegram.chat_shut",
            _ => "telegram.chat_not_admitted",
        };
        let note = self
            .platform
            .is_news(&format!("{SOURCE}:chat:{}", seen.chat));
        self.unheard(mark, who, seen, note.then_some(action)).await
    }

    /// Passes over what somebody said. A chat with several people is known from
    /// then on, so that whoever is asked to admit it finds it.
    async fn unheard(
        &self,
        mark: Mark,
        who: &Who,
        seen: &SeenMessage,
        note: Option<&str>,
    ) -> Result<(), NotTaken> {
        let detail = json!({ "name": who.name, "chat": seen.title });
        let entry = note.map(|action| entry(action, who, seen, &detail));
        let kept = (seen.kind != ChatKind::Private).then(|| seen.clone());
        self.pass(mark, kept, entry).await
    }

    /// Nothing is handed over; the place moves all the same.
    /// With what was seen, a chat is known and there from now on.
    async fn pass(
        &self,
        mark: Mark,
        seen: Option<SeenMessage>,
        entry: Option<AuditEntry>,
    ) -> Result<(), NotTaken> {
        self.store
            .move_cursor(&self.plugin, SOURCE, mark.cursor, seen, entry)
            .await?;
        Ok(())
    }

    fn mark(&self, update: u32) -> Mark {
        let cursor = Cursor {
            bot: self.bot,
            update,
            at: self.clock.now(),
        };
        let name = format!("{SOURCE}\0{}\0{update}", self.bot);
        Mark {
            key: Sha256::digest(name.as_bytes()).into(),
            cursor: json!(cursor),
        }
    }
}

fn place(seen: &SeenMessage, thread: Option<String>) -> Place {
    Place {
        chat: seen.chat.clone(),
        thread,
        private: seen.kind == ChatKind::Private,
    }
}

fn actor(who: &Who) -> String {
    format!("{SOURCE}:{}", who.id)
}

fn entry(action: &str, who: &Who, seen: &SeenMessage, detail: &Value) -> AuditEntry {
    AuditEntry {
        actor: actor(who),
        action: action.to_owned(),
        subject: seen.chat.clone(),
        detail: detail.clone(),
    }
}
