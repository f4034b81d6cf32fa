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

impl Content {
    /// As HTML, in as many messages as it takes.
    pub(crate) fn parts(&self) -> Vec<String> {
        match &self.file {
            Some(_) => vec![self.caption()],
            None => self.rich.split(TEXT_UNITS),
        }
    }

    pub(crate) fn caption(&self) -> String {
        self.rich.cut(CAPTION_UNITS)
    }

    /// Buttons stand under the last part.
    pub(crate) fn keyboard_of(&self, part: usize) -> Option<InlineKeyboardMarkup> {
        let is_last = part + 1 == self.parts().len();
        self.keyboard.clone().filter(|_| is_last)
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
        let parts = long.parts().len();
        assert_eq!(parts, 3);
        let with = (0..parts).filter(|part| long.keyboard_of(*part).is_some());
        assert_eq!(with.collect::<Vec<_>>(), [2]);
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
        assert!(parts[0].chars().count() <= CAPTION_UNITS);
    }

    #[test]
    fn marks_are_taken_away_once() {
        let mut marked = content("**bold**");
        assert!(marked.strip() && !marked.strip());
        assert_eq!(marked.parts(), ["bold"]);
    }
}
