//! A press of a button: from the interaction to the answer.

use crate::bindings::exports::sortie::connector::connector::{Event, Reply};
use crate::bindings::sortie::connector::events::{Header, Payload};
use crate::bindings::sortie::host::jobs::{Decision, Error};
use crate::message;
use serde_json::{Value, json};

/// An interaction with a component of a message.
const COMPONENT: u64 = 3;
/// Say something; with [`EPHEMERAL`] to the one who pressed alone.
const SAY: u64 = 4;
/// Change the message that the button belongs to.
const CHANGE: u64 = 7;
/// The flag of a message that one person sees.
const EPHEMERAL: u64 = 64;

/// Answers the question that the button is about, by `decide`.
///
/// # Errors
///
/// The host could not do it now, and may later.
pub(crate) fn receive(
    event: &Event,
    decide: impl FnOnce(u64, Decision) -> Result<(), Error>,
) -> Result<Option<Reply>, String> {
    let Payload::Http(request) = &event.payload else {
        return Ok(None);
    };
    let pressed: Value = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
    if pressed["type"] != COMPONENT {
        return Ok(Some(say("This is not understood.")));
    }
    let action = pressed["data"]["custom_id"].as_str().unwrap_or_default();
    let Some((question, yes)) = notify_kit::answer(action) else {
        return Ok(Some(say("This button is of another time.")));
    };
    let (decision, word) = match yes {
        true => (Decision::Approve, "Approved"),
        false => (Decision::Reject, "Rejected"),
    };
    match decide(question, decision) {
        Ok(()) => {
            let before = pressed["message"]["content"].as_str().unwrap_or_default();
            let who = pressed["member"]["user"]["username"]
                .as_str()
                .or(pressed["user"]["username"].as_str())
                .unwrap_or("somebody");
            let added = message::text(&format!("\n{word} by {who}"));
            // What was escaped before is so still.
            let room = 1_900_usize.saturating_sub(added.chars().count());
            let kept: String = before.chars().take(room).collect();
            let data = json!({
                "content": format!("{kept}{added}"),
                "components": [],
                "allowed_mentions": { "parse": [] },
            });
            Ok(Some(reply(&json!({ "type": CHANGE, "data": data }))))
        }
        Err(Error::Other(why)) => Err(why),
        Err(Error::NotFound) => Ok(Some(say("There is no such question."))),
        Err(Error::Denied(why) | Error::Conflict(why) | Error::Invalid(why)) => Ok(Some(say(&why))),
    }
}

/// A word to the one who pressed.
fn say(word: &str) -> Reply {
    let data = json!({
        "content": message::text(word),
        "flags": EPHEMERAL,
        "allowed_mentions": { "parse": [] },
    });
    reply(&json!({ "type": SAY, "data": data }))
}

fn reply(body: &Value) -> Reply {
    Reply {
        status: 200,
        headers: vec![Header {
            name: "content-type".into(),
            value: "application/json".into(),
        }],
        body: body.to_string().into_bytes(),
    }
}
