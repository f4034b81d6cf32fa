//! What a message says, in the form that Telegram takes. Pure.

use crate::limits::{CAPTION_UNITS, TEXT_UNITS};
use crate::markup;
use crate::rich::Rich;
use bytes::Bytes;
use sortie_plugins::outside::{ChatMessage, Format};
use teloxide_core::types::InlineKeyboardMarkup;

/// What goes out, as Telegram takes it.
pub(crate) struct Content {
    pub(crate) rich: Rich,
    pub(crate) file: Option<File>,
    pub(crate) keyboard: Option<InlineKeyboardMarkup>,
    pub(crate) reply_to: Option<i32>,
    pub(crate) silent: bool,
}

/// A file, with its name.
pub(crate) struct File {
    pub(crate) name: String,
    pub(crate) bytes: Bytes,
}

/// One message of those that a content takes.
pub(crate) struct Part {
    /// As HTML; the caption where there is a file.
    pub(crate) text: String,
    pub(crate) keyboard: Option<InlineKeyboardMarkup>,
}

impl Content {
    /// In as many messages as it takes. Buttons stand under the last.
    pub(crate) fn parts(&self) -> Vec<Part> {
        let texts = match &self.file {
            Some(_) => vec![self.rich.cut(CAPTION_UNITS)],
            None => self.rich.split(TEXT_UNITS),
        };
        let part = |text| Part {
            text,
            keyboard: None,
        };
        let mut parts: Vec<Part> = texts.into_iter().map(part).collect();
        if let Some(last) = parts.last_mut() {
            last.keyboard.clone_from(&self.keyboard);
        }
        parts
    }

    /// Takes all marks away; false when there are none left to take.
    pub(crate) fn strip(&mut self) -> bool {
        let plain = Rich::plain(self.rich.text());
        let news = plain != self.rich;
        self.rich = plain;
        news
    }
}

/// A text as its author wrote it.
pub(crate) fn rich(message: &ChatMessage) -> Rich {
    match message.format {
        Format::Plain => Rich::plain(&message.text),
        Format::Markdown => markup::markdown(&message.text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use teloxide_core::types::InlineKeyboardButton;

    fn content(text: &str) -> Content {
        let button = InlineKeyboardButton::callback("yes", "t");
        Content {
            rich: markup::markdown(text),
            file: None,
            keyboard: Some(InlineKeyboardMarkup::new([[button]])),
            reply_to: None,
            silent: false,
        }
    }

    #[test]
    fn buttons_stand_under_the_last_part_alone() {
        let long = content(&"word ".repeat(2_000));
        let parts = long.parts();
        let with: Vec<bool> = parts.iter().map(|part| part.keyboard.is_some()).collect();
        assert_eq!(with, [false, false, true]);
    }

    #[test]
    fn a_file_has_one_part_with_a_short_caption() {
        let mut file = content(&"word ".repeat(2_000));
        file.file = Some(File {
            name: "7.diff".into(),
            bytes: Bytes::new(),
        });
        let parts = file.parts();
        assert_eq!(parts.len(), 1);
        assert!(parts[0].text.chars().count() <= CAPTION_UNITS);
        assert!(parts[0].keyboard.is_some());
    }

    #[test]
    fn marks_are_taken_away_once() {
        let mut marked = content("**bold**");
        assert!(marked.strip() && !marked.strip());
        assert_eq!(marked.parts()[0].text, "bold");
    }
}
