//! A press of a button: from the interaction to the answer, and to the message
//! that takes the place of the one with the buttons.

use crate::message;
use notify_kit::events::Payload;
use notify_kit::http::{self, Request, Response};
use notify_kit::jobs::{Decision, Error};
use notify_kit::{Event, Pressed, Reply};
use serde_json::Value;

/// Where Slack takes what is said about a press; nothing else is answered to.
const RESPONSES: &str = "https://hooks.slack.com/actions/";

/// Answers the question that the button is about, by `decide`.
///
/// # Errors
///
/// The host could not do it now, and may later.
pub(crate) fn receive(
    event: &Event,
    send: impl FnOnce(&Request) -> Result<Response, http::Error>,
    decide: impl FnOnce(u64, Decision) -> Result<(), Error>,
) -> Result<Option<Reply>, String> {
    let Payload::Http(request) = &event.payload else {
        return Ok(None);
    };
    let pressed = payload(&request.body).unwrap_or(Value::Null);
    let action = pressed["actions"][0]["value"].as_str().unwrap_or_default();
    let (text, replaces) = match notify_kit::press(action, decide)? {
        Pressed::Decided(word) => {
            let who = pressed["user"]["username"].as_str().unwrap_or("somebody");
            let before = pressed["message"]["blocks"][0]["text"]["text"].as_str();
            let text = format!("{}\n{word} by {who}", before.unwrap_or_default());
            (text, true)
        }
        Pressed::Refused(why) => (why, false),
        Pressed::Nothing => return Ok(Some(seen())),
    };
    let url = pressed["response_url"].as_str().unwrap_or_default();
    if url.starts_with(RESPONSES) {
        let mut body = message::plain(text.trim());
        body["replace_original"] = replaces.into();
        body["response_type"] = "ephemeral".into();
        // The answer counts whether or not it can be shown.
        let _ = send(&notify_kit::post(url, &body));
    }
    Ok(Some(seen()))
}

fn seen() -> Reply {
    Reply {
        status: 200,
        headers: Vec::new(),
        body: Vec::new(),
    }
}

/// The field `payload` of a form, which holds JSON.
fn payload(form: &[u8]) -> Option<Value> {
    let mut fields = form.split(|byte| *byte == b'&');
    let field = fields.find_map(|field| field.strip_prefix(b"payload="))?;
    serde_json::from_slice(&decoded(field)?).ok()
}

/// The bytes that a form writes so; none for a broken escape.
fn decoded(field: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field.iter().copied();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                let (high, low) = (digit()?, digit()?);
                u8::try_from(16 * high + low).ok()?
            }
            byte => byte,
        });
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_holds_json() {
        let found = payload(b"a=1&payload=%7B%22type%22%3A%22x+y%22%7D").unwrap();
        assert_eq!(found["type"], "x y");
        assert_eq!(payload(b"payload=%7"), None);
        assert_eq!(payload(b"other=1"), None);
    }
}
