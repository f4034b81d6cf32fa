//! A press of a button: whether the button is one that still counts, and a note
//! to whoever pressed one that does not.

use super::{Ears, Mark, entry, place};
use crate::error::NotTaken;
use crate::limits::SOURCE;
use crate::note::{self, Note};
use crate::update::Who;
use serde_json::json;
use sortie_model::clock::Timestamp;
use sortie_platform::sources::chat::Hearing;
use sortie_plugins::surfaces::connector::Payload;
use sortie_store::{Button, SeenMessage};

impl Ears {
    pub(super) async fn pressed(
        &self,
        mark: Mark,
        who: Who,
        seen: SeenMessage,
        thread: Option<String>,
        interaction: String,
        token: String,
    ) -> Result<(), NotTaken> {
        let sender = self.store.person(SOURCE, &who.id).await?;
        let is_open = self.is_open(&seen).await?;
        let button = self.store.button(&token).await?;
        let button = button.filter(|button| button.plugin == self.plugin);
        let (sender, button) = match (sender.filter(|_| is_open), button) {
            (None, _) => {
                // One note in a while: nobody may fill the log by pressing.
                if !self.platform.is_news(&format!("{SOURCE}:press:{}", who.id)) {
                    return self.pass(mark, None, None).await;
                }
                return self
                    .refuse(mark, &who, &seen, interaction, note::NOT_ALLOWED)
                    .await;
            }
            (_, None) => {
                return self
                    .refuse(mark, &who, &seen, interaction, note::OTHER)
                    .await;
            }
            (Some(sender), Some(button)) => (sender, button),
        };
        if let Some(why) = objection(&button, &seen, self.clock.now()) {
            return self.refuse(mark, &who, &seen, interaction, why).await;
        }
        let gone = used_up(&button);
        let payload = Payload::Press {
            place: place(&seen, thread),
            interaction: interaction.clone(),
            number: Some(button.number.0),
            action: button.action,
        };
        let hearing = self
            .hand_over(mark, who, sender, seen, payload, Some(token))
            .await?;
        // Somebody else was quicker, which the platform has noted.
        if hearing == Hearing::ButtonUsed {
            self.say(interaction, gone);
        }
        Ok(())
    }

    /// A press that reaches no plugin.
    async fn refuse(
        &self,
        mark: Mark,
        who: &Who,
        seen: &SeenMessage,
        interaction: String,
        why: &'static str,
    ) -> Result<(), NotTaken> {
        let entry = entry("chat.press_refused", who, seen, &json!({ "why": why }));
        self.pass(mark, None, Some(entry)).await?;
        self.say(interaction, why);
        Ok(())
    }

    /// Shows a note at a pressed button.
    fn say(&self, interaction: String, text: &'static str) {
        if self.notes.try_send(Note { interaction, text }).is_err() {
            tracing::debug!("a note to a pressed button is left out: too many wait");
        }
    }
}

/// Why a button does nothing; none when it does.
fn objection(button: &Button, seen: &SeenMessage, now: Timestamp) -> Option<&'static str> {
    let here = button.source == SOURCE
        && button.chat == seen.chat
        // The message may be shown before the answer about it came.
        && button
            .service_id
            .as_ref()
            .is_none_or(|id| *id == seen.id.to_string());
    if !here {
        Some(note::OTHER)
    } else if button.used_by.is_some() || !button.is_open {
        Some(used_up(button))
    } else if button.expires_at <= now {
        Some(note::EXPIRED)
    } else {
        None
    }
}

/// Why a button counts no more: only a question is answered.
fn used_up(button: &Button) -> &'static str {
    match button.approval {
        Some(_) => note::ANSWERED,
        None => note::USED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sortie_model::id::{ApprovalId, ChatNumber};
    use sortie_store::ChatKind;

    #[test]
    fn each_reason_against_a_press_has_its_note() {
        let seen = SeenMessage {
            chat: "7".into(),
            kind: ChatKind::Private,
            title: "Ann".into(),
            id: 5,
        };
        let good = Button {
            plugin: "telegram".into(),
            number: ChatNumber(1),
            source: SOURCE.into(),
            chat: "7".into(),
            service_id: Some("5".into()),
            action: "answer:1:yes".into(),
            approval: Some(ApprovalId(1)),
            is_open: true,
            expires_at: Timestamp(100),
            used_by: None,
        };
        let judged = |change: fn(&mut Button), now| {
            let mut button = good.clone();
            change(&mut button);
            objection(&button, &seen, Timestamp(now))
        };
        assert_eq!(judged(|_| {}, 99), None);
        assert_eq!(judged(|_| {}, 100), Some(note::EXPIRED));
        assert_eq!(judged(|b| b.is_open = false, 0), Some(note::ANSWERED));
        assert_eq!(
            judged(|b| b.used_by = Some("x".into()), 0),
            Some(note::ANSWERED)
        );
        let retry = |b: &mut Button| (b.approval, b.used_by) = (None, Some("x".into()));
        assert_eq!(judged(retry, 0), Some(note::USED));
        assert_eq!(judged(|b| b.chat = "8".into(), 0), Some(note::OTHER));
        assert_eq!(
            judged(|b| b.service_id = Some("6".into()), 0),
            Some(note::OTHER)
        );
        assert_eq!(judged(|b| b.service_id = None, 0), None);
        assert_eq!(judged(|b| b.source = "slack".into(), 0), Some(note::OTHER));
    }
}
