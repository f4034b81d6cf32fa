//! What people read: one file for each kind of page. Pages word and cut; what
//! they are given from outside is escaped where it enters one.

pub(crate) mod budget;
pub(crate) mod host;
pub(crate) mod lists;
pub(crate) mod progress;
pub(crate) mod question;
pub(crate) mod result;

use serde_json::Value;

use crate::bindings::sortie::host::chat::{Answered, Button, Format, Message};
use crate::{cut, md};

/// The longest acknowledgement, in bytes, as the WIT says.
const MAX_NOTE_BYTES: usize = 200;

/// The longest title of a job, in characters: shorter than what the host tells of
/// one, so that one it cut is marked here.
pub(crate) const TITLE_CHARS: usize = 100;

/// Paragraphs of CommonMark.
#[derive(Default)]
pub(crate) struct Page(Vec<String>);

impl Page {
    /// Adds a paragraph of lines that are CommonMark already; empty ones are
    /// left out.
    pub(crate) fn lines(&mut self, lines: impl IntoIterator<Item = String>) -> &mut Self {
        let lines: Vec<String> = lines.into_iter().filter(|line| !line.is_empty()).collect();
        if !lines.is_empty() {
            self.0.push(lines.join(md::BREAK));
        }
        self
    }

    /// Adds a text from outside, cut to so many UTF-16 units.
    pub(crate) fn text(&mut self, text: &str, units: usize) -> &mut Self {
        let text = text.trim();
        match text.is_empty() {
            true => self,
            false => self.lines([md::escape(&cut::cut(text, units))]),
        }
    }

    /// Adds a block of a diff.
    pub(crate) fn diff(&mut self, text: &str) -> &mut Self {
        self.0.push(md::block(text, "diff"));
        self
    }

    /// Whether nothing is on it.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The page as a message.
    pub(crate) fn message(self, buttons: Vec<Vec<Button>>, reply_to: Option<Answered>) -> Message {
        Message {
            text: self.0.join("\n\n"),
            format: Format::Markdown,
            buttons,
            reply_to,
            silent: false,
        }
    }
}

/// A message of one text of the plugin's own or the host's.
pub(crate) fn plain(text: &str, reply_to: Option<Answered>) -> Message {
    let mut page = Page::default();
    page.text(text, cut::PAGE_UNITS);
    page.message(Vec::new(), reply_to)
}

/// A text that fits into an acknowledgement, and a mark when it is cut.
pub(crate) fn note(text: &str) -> String {
    const MARK: &str = "…";
    match text.len() > MAX_NOTE_BYTES {
        false => text.to_owned(),
        true => {
            let end = text.floor_char_boundary(MAX_NOTE_BYTES - MARK.len());
            [text[..end].trim_end(), MARK].concat()
        }
    }
}

/// A state as people say it.
pub(crate) fn state(state: &str) -> String {
    state.replace('_', " ")
}

/// A field as text; empty when it is none.
pub(crate) fn text<'a>(data: &'a Value, key: &str) -> &'a str {
    data[key].as_str().unwrap_or_default()
}

/// Who did what is told: by name when the host knows one.
pub(crate) fn who(data: &Value) -> &str {
    match text(data, "name") {
        "" => text(data, "by"),
        name => name,
    }
}

/// A field as a number; 0 when it is none.
pub(crate) fn count(data: &Value, key: &str) -> u64 {
    data[key].as_u64().unwrap_or(0)
}

/// A field's elements; none when it is no list.
pub(crate) fn list<'a>(data: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    data[key].as_array().into_iter().flatten()
}

/// A count with its noun, such as `2 files`; empty for none.
pub(crate) fn some(count: u64, one: &str, many: &str) -> String {
    match count {
        0 => String::new(),
        1 => format!("1 {one}"),
        count => format!("{} {many}", cut::number(count)),
    }
}

/// Facts of one line, those that say something.
pub(crate) fn facts(facts: impl IntoIterator<Item = String>) -> String {
    let facts: Vec<String> = facts.into_iter().filter(|fact| !fact.is_empty()).collect();
    facts.join(" · ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_paragraphs_and_leaves_out_what_is_empty() {
        let mut page = Page::default();
        page.lines(["**a**".into(), String::new(), "b".into()])
            .lines([String::new()])
            .text("  ", 9)
            .text("1 < 2", 9);
        let message = page.message(Vec::new(), None);
        assert_eq!(message.text, "**a**\\\nb\n\n1 \\< 2");
    }

    #[test]
    fn notes_are_cut_between_characters() {
        assert_eq!(note("short"), "short");
        let cut = note(&format!("a{}", "ä".repeat(150)));
        assert_eq!((cut.len(), cut.ends_with("ä…")), (200, true));
    }

    #[test]
    fn facts_say_only_what_there_is() {
        assert_eq!(
            facts([
                some(1, "file", "files"),
                some(0, "x", "x"),
                some(1_200, "a", "b")
            ]),
            "1 file · 1,200 b"
        );
    }
}
