//! A note as Slack's API takes it.

use notify_kit::{Note, action, cut};
use serde_json::{Value, json};

/// The longest text of a block, in characters.
const MAX_CHARS: usize = 3_000;

/// A message with the buttons of its question. Its block is plain text, in which
/// nothing is markup.
pub(crate) fn of(note: &Note) -> Value {
    let mut message = plain(&note.text);
    if let (Some(question), Some(blocks)) = (note.question, message["blocks"].as_array_mut()) {
        let button = |label: &str, style: &str, yes: bool| {
            json!({
                "type": "button",
                "text": { "type": "plain_text", "text": label },
                "style": style,
                "action_id": action(question, yes),
                "value": action(question, yes),
            })
        };
        blocks.push(json!({
            "type": "actions",
            "elements": [button("Approve", "primary", true), button("Reject", "danger", false)],
        }));
    }
    message
}

/// A message without buttons.
pub(crate) fn plain(text: &str) -> Value {
    let shown = cut(text, MAX_CHARS);
    json!({
        "text": escaped(&cut(text, MAX_CHARS / 6)),
        "blocks": [{
            "type": "section",
            "text": { "type": "plain_text", "text": shown, "emoji": false },
        }],
    })
}

/// What is shown where blocks are not: there these three have a meaning.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_and_mentions_are_text() {
        let note = Note {
            text: "<!channel> *a* & <https://x|y>".into(),
            question: Some(7),
        };
        let message = of(&note);
        assert_eq!(
            message["text"],
            "&lt;!channel&gt; *a* &amp; &lt;https://x|y&gt;"
        );
        assert_eq!(message["blocks"][0]["text"]["type"], "plain_text");
        assert_eq!(message["blocks"][1]["elements"][0]["value"], "answer:7:yes");
        let told = of(&Note {
            question: None,
            ..note
        });
        assert!(told["blocks"][1].is_null(), "nothing is asked");
    }

    #[test]
    fn no_block_is_too_long() {
        let message = plain(&"é<".repeat(10_000));
        let shown = message["blocks"][0]["text"]["text"].as_str().unwrap();
        assert_eq!(shown.chars().count(), MAX_CHARS);
        assert!(message["text"].as_str().unwrap().chars().count() <= MAX_CHARS);
    }
}
