//! The requests that carry a message: each is one question to Telegram and its
//! answer. Whether one may go, and what an answer means, is decided elsewhere.

use crate::content::{Content, File, Part};
use crate::deliver::Delivery;
use crate::limits::{CAPTION_UNITS, SOURCE, TEXT_UNITS};
use crate::pacer::Shape;
use crate::rich::Rich;
use crate::verdict::{self, Remedy, Verdict};
use sortie_store::StoreError;
use teloxide_core::RequestError;
use teloxide_core::payloads::{
    EditMessageCaptionSetters, EditMessageTextSetters, SendDocumentSetters, SendMessageSetters,
};
use teloxide_core::requests::Requester;
use teloxide_core::types::{
    ChatId, InlineKeyboardMarkup, InputFile, LinkPreviewOptions, MessageId, ParseMode,
    ReplyParameters, ThreadId,
};

/// Where a message goes.
#[derive(Clone, Copy)]
pub(crate) struct Target {
    pub(crate) chat: i64,
    pub(crate) thread: Option<i32>,
    /// The newest message of the chat that is known.
    pub(crate) newest: i64,
}

impl Target {
    /// What a message there counts for.
    pub(crate) fn shape(self) -> Shape {
        Shape {
            chat: Some(self.chat),
            edits: None,
        }
    }
}

/// Where a message shows what it says.
#[derive(Clone, Copy)]
enum Place {
    /// It is a text.
    Text,
    /// Under a file.
    Caption,
}

impl Place {
    /// The most that Telegram takes there.
    fn units(self) -> usize {
        match self {
            Self::Text => TEXT_UNITS,
            Self::Caption => CAPTION_UNITS,
        }
    }
}

impl Delivery {
    /// Whether the chat was shut since then.
    pub(crate) async fn is_shut(&self, target: Target) -> Result<bool, StoreError> {
        let chat = target.chat.to_string();
        let row = self.inner.store.chat(SOURCE, &chat).await?;
        Ok(row.is_some_and(|row| row.shut))
    }

    /// Notes how far a chat got with those parts: whoever looks for a later message
    /// begins above all of them.
    pub(crate) async fn reached(&self, target: Target, sent: &[i32]) -> Result<(), StoreError> {
        let Some(last) = sent.last() else {
            return Ok(());
        };
        let (store, chat) = (&self.inner.store, target.chat.to_string());
        store.chat_reached(SOURCE, &chat, i64::from(*last)).await
    }

    /// Sends a part of a message, as an answer to another one; gives its id.
    pub(crate) async fn send_part(
        &self,
        target: Target,
        content: &Content,
        part: &Part,
        reply_to: Option<i32>,
    ) -> Result<i32, RequestError> {
        let (bot, chat) = (&self.link.bots.send, ChatId(target.chat));
        let thread = target.thread.map(|id| ThreadId(MessageId(id)));
        let reply =
            reply_to.map(|id| ReplyParameters::new(MessageId(id)).allow_sending_without_reply());
        let (text, keyboard) = (part.text.clone(), part.keyboard.clone());
        let sent = if let Some(File { name, bytes }) = &content.file {
            let file = InputFile::memory(bytes.clone()).file_name(name.clone());
            let mut request = bot
                .send_document(chat, file)
                .caption(text)
                .parse_mode(ParseMode::Html)
                .disable_notification(content.silent);
            request.message_thread_id = thread;
            request.reply_parameters = reply;
            if let Some(keyboard) = keyboard {
                request = request.reply_markup(keyboard);
            }
            request.await
        } else {
            let mut request = bot
                .send_message(chat, text)
                .parse_mode(ParseMode::Html)
                .link_preview_options(no_preview())
                .disable_notification(content.silent);
            request.message_thread_id = thread;
            request.reply_parameters = reply;
            if let Some(keyboard) = keyboard {
                request = request.reply_markup(keyboard);
            }
            request.await
        };
        match sent {
            Ok(message) => Ok(message.id.0),
            Err(error) => verdict::sent_after_all(&error)
                .and_then(|id| i32::try_from(id).ok())
                .ok_or(error),
        }
    }

    /// Gives a message a content, cut to one message. Whether it shows that as
    /// its text or as the caption of a file, Telegram knows.
    pub(crate) async fn edit(
        &self,
        target: Target,
        id: i32,
        content: &Content,
    ) -> Result<(), RequestError> {
        match self.edit_whole(target, id, content, Place::Text).await {
            Err(error) if verdict::of(&error) == Verdict::Wrong(Remedy::Caption) => {
                let _turn = self.pace.take(target.shape()).await;
                self.edit_whole(target, id, content, Place::Caption).await
            }
            edited => edited,
        }
    }

    /// The same where it is known which of them it is; as plain text where
    /// Telegram does not take the marks.
    async fn edit_whole(
        &self,
        target: Target,
        id: i32,
        content: &Content,
        place: Place,
    ) -> Result<(), RequestError> {
        let text = content.rich.cut(place.units());
        let keyboard = || content.keyboard.clone();
        let edited = self.edit_place(target, id, place, text, keyboard()).await;
        match edited {
            Err(error) if verdict::of(&error) == Verdict::Wrong(Remedy::Plain) => {
                let _turn = self.pace.take(target.shape()).await;
                let text = Rich::plain(content.rich.text()).cut(place.units());
                self.edit_place(target, id, place, text, keyboard()).await
            }
            edited => edited,
        }
    }

    /// Gives a message the content of a part.
    pub(crate) async fn edit_part(
        &self,
        target: Target,
        id: i32,
        content: &Content,
        part: &Part,
    ) -> Result<(), RequestError> {
        let place = match content.file {
            Some(_) => Place::Caption,
            None => Place::Text,
        };
        let (text, keyboard) = (part.text.clone(), part.keyboard.clone());
        self.edit_place(target, id, place, text, keyboard).await
    }

    async fn edit_place(
        &self,
        target: Target,
        id: i32,
        place: Place,
        text: String,
        keyboard: Option<InlineKeyboardMarkup>,
    ) -> Result<(), RequestError> {
        let bot = &self.link.bots.send;
        let (chat, id) = (ChatId(target.chat), MessageId(id));
        match place {
            Place::Text => {
                let mut request = bot
                    .edit_message_text(chat, id, text)
                    .parse_mode(ParseMode::Html)
                    .link_preview_options(no_preview());
                request.reply_markup = keyboard;
                request.await.map(drop)
            }
            Place::Caption => {
                let mut request = bot
                    .edit_message_caption(chat, id)
                    .caption(text)
                    .parse_mode(ParseMode::Html);
                request.reply_markup = keyboard;
                request.await.map(drop)
            }
        }
    }
}

/// What Telegram calls a chat. In one way only: what is known of a chat, also
/// that it is shut, is known by that name.
pub(crate) fn number_of(chat: &str) -> Option<i64> {
    let number: i64 = chat.parse().ok()?;
    (number.to_string() == chat).then_some(number)
}

/// A page's picture would hide what a message says.
fn no_preview() -> LinkPreviewOptions {
    LinkPreviewOptions {
        is_disabled: true,
        url: None,
        prefer_small_media: false,
        prefer_large_media: false,
        show_above_text: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chat_is_spelt_in_one_way() {
        for (chat, number) in [("12", Some(12)), ("-100", Some(-100)), ("0", Some(0))] {
            assert_eq!(number_of(chat), number, "{chat}");
        }
        for chat in ["+12", "012", "-012", "-0", " 12", "", "ann"] {
            assert_eq!(number_of(chat), None, "{chat}");
        }
    }
}
