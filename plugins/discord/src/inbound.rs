//! A press of a button: from the interaction to the answer.

use crate::message;
use notify_kit::events::{Header, Payload};
use notify_kit::jobs::{Decision, Error};
use notify_kit::{Event, Pressed, Reply};
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
    Ok(Some(match notify_kit::press(action, decide)? {
        Pressed::Decided(word) => closed(&pressed, word),
        Pressed::Refused(why) => say(&why),
        Pressed::Nothing => say("This button is of another time."),
    }))
}

/// The message without its buttons, with who answered.
fn closed(pressed: &Value, word: &str) -> Reply {
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
    reply(&json!({ "type": CHANGE, "data": data }))
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

#[cfg(test)]
mod tests {
    use super::*;
    use notify_kit::events::{HttpRequest, Sender};

    fn event(body: &Value) -> Event {
        Event {
            id: 1,
            source: "interactions".into(),
            received_at_ms: 0,
            attempt: 1,
            sender: Some(Sender {
                id: "7".into(),
                name: "ana".into(),
                owner: false,
            }),
            payload: Payload::Http(HttpRequest {
                method: "POST".into(),
                path: "/".into(),
                query: String::new(),
                headers: Vec::new(),
                body: body.to_string().into_bytes(),
            }),
        }
    }

    fn press(action: &str) -> Event {
        event(&json!({
            "type": COMPONENT,
            "data": { "custom_id": action },
            "member": { "user": { "username": "ana_*" } },
            "message": { "content": r"\#42 asks" },
        }))
    }

    /// What a press of that button is answered when the host says so.
    fn answered(event: &Event, host: Result<(), Error>) -> Value {
        body(receive(event, |_, _| host))
    }

    fn body(reply: Result<Option<Reply>, String>) -> Value {
        let reply = reply.expect("the host could").expect("an answer");
        assert_eq!(reply.status, 200);
        assert_eq!(reply.headers[0].value, "application/json");
        let body: Value = serde_json::from_slice(&reply.body).expect("JSON");
        let mentions = &body["data"]["allowed_mentions"];
        assert_eq!(*mentions, json!({ "parse": [] }), "nobody is mentioned");
        body
    }

    #[test]
    fn a_press_answers_its_question_and_takes_the_buttons_away() {
        for (word, decision, said) in [
            ("yes", Decision::Approve, "Approved"),
            ("no", Decision::Reject, "Rejected"),
        ] {
            let mut decided = None;
            let reply = receive(&press(&format!("answer:9:{word}")), |question, answer| {
                decided = Some((question, answer));
                Ok(())
            });
            assert_eq!(decided, Some((9, decision)));
            let body = body(reply);
            assert_eq!(body["type"], CHANGE);
            assert_eq!(body["data"]["components"], json!([]));
            let shown = format!("\\#42 asks\n{said} by ana\\_\\*");
            assert_eq!(body["data"]["content"], shown);
        }
    }

    #[test]
    fn who_may_not_answer_hears_it_alone_and_the_buttons_stay() {
        for (error, said) in [
            (Error::Denied("you may look".into()), "you may look"),
            (Error::Conflict("it is over".into()), "it is over"),
            (Error::NotFound, r"There is no such question\."),
        ] {
            let body = answered(&press("answer:9:yes"), Err(error));
            assert_eq!(
                (&body["type"], &body["data"]["flags"]),
                (&json!(SAY), &json!(EPHEMERAL))
            );
            assert_eq!(body["data"]["content"], said);
            assert!(body["data"]["components"].is_null());
        }
    }

    #[test]
    fn what_the_host_cannot_do_now_is_tried_again() {
        let failed = receive(&press("answer:9:yes"), |_, _| {
            Err(Error::Other("busy".into()))
        });
        assert_eq!(failed, Err("busy".to_owned()));
    }

    #[test]
    fn what_answers_no_question_decides_nothing() {
        // The host answers a ping itself, before there is an event.
        let ping = event(&json!({ "type": 1 }));
        for event in [
            ping,
            event(&Value::Null),
            press("answer:9:maybe"),
            press(""),
        ] {
            let reply = receive(&event, |_, _| unreachable!("nothing is decided"));
            assert_eq!(body(reply)["type"], SAY);
        }
        let other = Event {
            payload: Payload::Other("{}".into()),
            ..press("answer:9:yes")
        };
        let reply = receive(&other, |_, _| unreachable!("nothing is decided"));
        assert_eq!(reply, Ok(None));
    }

    #[test]
    fn a_long_question_leaves_room_for_its_answer() {
        let mut long: Value = json!({ "type": COMPONENT, "data": { "custom_id": "answer:9:yes" } });
        long["message"]["content"] = "é".repeat(2_000).into();
        let body = answered(&event(&long), Ok(()));
        let shown = body["data"]["content"].as_str().expect("a text");
        assert!(shown.chars().count() <= 2_000);
        assert!(shown.ends_with("Approved by somebody"), "{shown}");
    }
}
