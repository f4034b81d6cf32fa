//! A note as Discord's API takes it.

use notify_kit::{Note, action, cut};
use serde_json::{Value, json};

/// The longest text of a message, in characters.
const MAX_CHARS: usize = 2_000;

/// A message with the buttons of its question. Nobody is ever mentioned.
pub(crate) fn of(note: &Note) -> Value {
    let mut message = json!({
        "content": text(&note.text),
        "allowed_mentions": { "parse": [] },
    });
    if let Some(question) = note.question {
        let button = |label: &str, style: u32, yes: bool| json!({ "type": 2, "style": style, "label": label, "custom_id": action(question, yes) });
        message["components"] = json!([{
            "type": 1,
            "components": [button("Approve", 3, true), button("Reject", 4, false)],
        }]);
    }
    message
}

/// Text in which nothing is markup, as long as a message may be.
pub(crate) fn text(plain: &str) -> String {
    let mut shown = String::new();
    let mut chars = 0;
    for c in plain.chars() {
        let width = if c.is_ascii_punctuation() { 2 } else { 1 };
        if chars + width > MAX_CHARS {
            return cut(&[shown.as_str(), "……"].concat(), chars.max(1));
        }
        if width == 2 {
            shown.push('\\');
        }
        shown.push(c);
        chars += width;
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_and_mentions_are_text() {
        assert_eq!(text("*a* <@1> `b`"), r"\*a\* \<\@1\> \`b\`");
        let note = Note {
            text: "@everyone".into(),
            question: Some(7),
        };
        let message = of(&note);
        assert_eq!(message["allowed_mentions"]["parse"], json!([]));
        assert_eq!(
            message["components"][0]["components"][1]["custom_id"],
            "answer:7:no"
        );
        let told = of(&Note {
            question: None,
            ..note
        });
        assert!(told["components"].is_null(), "nothing is asked");
    }

    #[test]
    fn no_message_is_too_long() {
        for plain in ["é".repeat(5_000), "*".repeat(5_000)] {
            let shown = text(&plain);
            assert!(shown.chars().count() <= MAX_CHARS);
            assert!(shown.ends_with('…'));
        }
    }
}
