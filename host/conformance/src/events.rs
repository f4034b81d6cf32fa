//! Events that a connector meets sooner or later and that its author may not
//! think of, of each kind that its manifest lets arrive.

use crate::cases::place;
use crate::stage::{Call, Play};
use serde_json::{Map, Value, json};
use sortie_package::manifest::{EventSource, Grant};
use sortie_plugins::outside::Header;
use sortie_plugins::surfaces::connector::{Event, Payload, Place, Sender};

/// Deeper than any reader of JSON should follow.
const DEPTH: usize = 100_000;

/// The longest body that is tried, whatever a source allows.
const MAX_BODY_BYTES: u64 = 1 << 20;

/// An event of a source.
pub(crate) fn event(source: &str, sender: Option<Sender>, payload: Payload) -> Event {
    Event {
        id: 7,
        source: source.to_owned(),
        received_at_ms: 1_760_000_000_000,
        attempt: 1,
        sender,
        payload,
    }
}

/// Someone the operator lists, or does not.
pub(crate) fn sender(owner: bool) -> Option<Sender> {
    Some(Sender {
        id: "7".into(),
        name: "Ana\u{202e} \u{1b}[2J".into(),
        owner,
    })
}

fn request(method: &str, path: &str, body: Vec<u8>) -> Payload {
    Payload::Http {
        method: method.into(),
        path: path.into(),
        query: String::new(),
        headers: vec![Header {
            name: "content-type".into(),
            value: "application/json".into(),
        }],
        body,
    }
}

fn message(text: &str, place: Place) -> Payload {
    Payload::Message {
        place,
        message: "200".into(),
        text: text.into(),
        reply_to: None,
        reply_to_number: None,
        edited: false,
    }
}

fn press(action: &str) -> Payload {
    Payload::Press {
        place: place(),
        interaction: INTERACTION.into(),
        number: Some(1),
        action: action.into(),
    }
}

/// A source of nobody.
pub(crate) const FOREIGN: &str = "not-its-own";

/// The id of every press.
const INTERACTION: &str = "press-1";

/// What a sender may get wrong.
pub(crate) fn wrong(grant: &Grant) -> Vec<Play> {
    let mut plays = Vec::new();
    for source in &grant.sources {
        if let EventSource::Http(http) = source {
            let longest = http.body_limit_bytes().min(MAX_BODY_BYTES);
            plays.extend(requests(
                source.name(),
                usize::try_from(longest).unwrap_or(0),
            ));
        }
    }
    for source in &grant.chat.sources {
        plays.extend(said(source));
        plays.extend(presses(source));
    }
    plays
}

/// What timers bring.
pub(crate) fn ticks(grant: &Grant) -> Vec<Play> {
    let timers = grant.sources.iter().filter_map(|source| match source {
        EventSource::Timer(timer) => Some(&timer.name),
        EventSource::Http(_) => None,
    });
    let mut plays = Vec::new();
    for name in timers {
        for (what, due_at_ms, missed) in [
            ("a tick", 1_760_000_000_000, 0),
            ("the first tick", 0, 0),
            ("the last tick", u64::MAX, u32::MAX),
        ] {
            let tick = Payload::Tick { due_at_ms, missed };
            plays.push(Play::new(what, Call::Event(event(name, None, tick))));
        }
    }
    plays
}

/// The same tick after none and after many that were missed.
pub(crate) fn missed(grant: &Grant) -> Vec<(Play, Play)> {
    let after = |play: &Play, missed| {
        let mut play = play.clone();
        if let Call::Event(Event {
            payload: Payload::Tick { missed: known, .. },
            ..
        }) = &mut play.call
        {
            *known = missed;
        }
        play
    };
    let one = |play: Play| (after(&play, 0), after(&play, 10_000));
    ticks(grant).into_iter().map(one).collect()
}

/// What no source of its own brings.
pub(crate) fn foreign(grant: &Grant) -> Vec<Play> {
    let own = grant.sources.iter().map(EventSource::name);
    let own: Vec<&str> = own
        .chain(grant.chat.sources.iter().map(String::as_str))
        .collect();
    let newer = || Payload::Other {
        json: r#"{"kind":"reaction","emoji":"+1"}"#.into(),
    };
    let mut plays: Vec<Play> = own
        .into_iter()
        .map(|name| {
            let event = event(name, sender(true), newer());
            Play::new(format!("something newer from {name}"), Call::Event(event))
        })
        .collect();
    let tick = Payload::Tick {
        due_at_ms: 0,
        missed: 0,
    };
    for (what, payload) in [
        ("a request", request("POST", "/", b"{}".to_vec())),
        ("a tick", tick),
        ("a message", message("hello", place())),
        ("a press", press("approve")),
        ("something newer", newer()),
    ] {
        let event = event(FOREIGN, sender(true), payload);
        plays.push(Play::new(
            format!("{what} from a source not its own"),
            Call::Event(event),
        ));
    }
    plays
}

fn requests(source: &str, longest: usize) -> Vec<Play> {
    let deep = [b"[".repeat(DEPTH), b"{\"a\":".repeat(DEPTH)].concat();
    let deep = deep[..deep.len().min(longest)].to_vec();
    let text = serde_json::to_vec(&"x".repeat(longest.saturating_sub(2))).unwrap_or_default();
    let bodies: [(&str, Vec<u8>); 14] = [
        ("an empty body", Vec::new()),
        ("a body of white space", b" \n\t".to_vec()),
        ("a body that is no JSON", b"task=fix+it&x=%00".to_vec()),
        ("a body that breaks off", b"{\"task\":\"fix".to_vec()),
        ("a body of null", b"null".to_vec()),
        ("a body of a list", b"[1,2,3]".to_vec()),
        ("a body of a number", b"-1e999".to_vec()),
        ("an empty object", b"{}".to_vec()),
        (
            "an object of other keys",
            b"{\"\":null,\"x\":[{}],\"__proto__\":{\"a\":1}}".to_vec(),
        ),
        ("a key twice", b"{\"task\":1,\"task\":\"x\"}".to_vec()),
        (
            "bytes that are no text",
            b"\xff\xfe{\"a\":\"\xc3\x28\x00\"}".to_vec(),
        ),
        (
            "a text that JSON may not hold",
            b"{\"a\":\"\\ud800\"}".to_vec(),
        ),
        ("the longest text", text),
        ("the deepest JSON", deep),
    ];
    let play = |what: &str, payload| Play::new(what, Call::Event(event(source, None, payload)));
    let mut plays: Vec<Play> = bodies
        .into_iter()
        .map(|(what, body)| play(what, request("POST", "/", body)))
        .collect();
    for method in ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "X-NEW"] {
        plays.push(play(
            &format!("a {method} request"),
            request(method, "/", Vec::new()),
        ));
    }
    for (what, path) in [
        ("an empty path", String::new()),
        ("a path that climbs", "/../../etc/%2e%2e/%00".into()),
        ("the longest path", "/x".repeat(4 << 10)),
    ] {
        plays.push(play(what, request("POST", &path, b"{}".to_vec())));
    }
    let many = (0..200).map(|n| Header {
        name: format!("x-{n}"),
        value: "\u{fffd}".repeat(40),
    });
    plays.push(play(
        "many header fields and a long query",
        Payload::Http {
            method: "POST".into(),
            path: "/".into(),
            query: "a=%&".repeat(2 << 10),
            headers: many.collect(),
            body: b"{}".to_vec(),
        },
    ));
    plays.push(play(
        "no header fields",
        Payload::Http {
            method: "POST".into(),
            path: "/".into(),
            query: String::new(),
            headers: Vec::new(),
            body: b"{}".to_vec(),
        },
    ));
    plays
}

fn said(source: &str) -> Vec<Play> {
    let long = "word ".repeat(13 << 10);
    let group = Place {
        chat: "-100".into(),
        thread: Some("3".into()),
        private: false,
    };
    let mut plays = Vec::new();
    for (what, text) in [
        ("a message without a text", ""),
        ("a message of white space", " \n "),
        ("a greeting", "hello"),
        ("a command that nobody knows", "/no-such-command 1 2 3"),
        ("a command without a name", "/"),
        (
            "a number beyond every type",
            "/status 340282366920938463463374607431768211456",
        ),
        (
            "a message of marks",
            "\u{202e}\u{200d}\u{1b}[2J\u{0} <b>*_`[x](y)",
        ),
        ("the longest message", &long),
    ] {
        for (to, place) in [("", place()), (" in a group", group.clone())] {
            for (from, sender) in [
                ("", sender(true)),
                (", not of an owner", sender(false)),
                (", of nobody known", None),
            ] {
                let event = event(source, sender, message(text, place.clone()));
                plays.push(Play::new(format!("{what}{to}{from}"), Call::Event(event)));
            }
        }
    }
    for (what, number, edited) in [
        ("an answer to a message", None, false),
        ("an answer to a message of its own", Some(u64::MAX), false),
        ("a message that was edited", None, true),
    ] {
        let payload = Payload::Message {
            place: place(),
            message: "201".into(),
            text: "hello".into(),
            reply_to: Some("200".into()),
            reply_to_number: number,
            edited,
        };
        plays.push(Play::new(
            what,
            Call::Event(event(source, sender(true), payload)),
        ));
    }
    plays
}

/// Buttons that mean nothing, or nothing to who presses them.
fn presses(source: &str) -> Vec<Play> {
    let long = "x".repeat(64);
    let mut plays = Vec::new();
    for (what, action) in [
        ("a press without an action", ""),
        ("a press of an unknown action", "no-such-action:1"),
        ("a press of a word", "approve"),
        ("a press of the longest action", &long),
        ("a press of marks", "\u{0}:\u{202e}:\u{1b}"),
    ] {
        for (from, sender) in [
            ("", sender(true)),
            (", not by an owner", sender(false)),
            (", by nobody known", None),
        ] {
            let event = event(source, sender, press(action));
            plays.push(Play::new(format!("{what}{from}"), Call::Event(event)));
        }
    }
    plays
}

/// An author's request as a sender may get it wrong: broken off, with a field
/// missing or of another type. Nothing for what is no request of an object.
pub(crate) fn spoilt(play: &Play) -> Vec<Play> {
    let Call::Event(Event {
        payload: Payload::Http { body, .. },
        ..
    }) = &play.call
    else {
        return Vec::new();
    };
    let with = |what: String, bytes: Vec<u8>| {
        let mut play = play.clone();
        play.what = format!("{}, {what}", play.what);
        if let Call::Event(Event {
            payload: Payload::Http { body, .. },
            ..
        }) = &mut play.call
        {
            *body = bytes;
        }
        play
    };
    let mut plays = vec![with("broken off".into(), body[..body.len() / 2].to_vec())];
    let Ok(Value::Object(fields)) = serde_json::from_slice(body) else {
        return plays;
    };
    let other = |key: &str, value: Option<Value>| {
        let mut fields: Map<String, Value> = fields.clone();
        match value {
            Some(value) => fields.insert(key.to_owned(), value),
            None => fields.remove(key),
        };
        Value::Object(fields).to_string().into_bytes()
    };
    for key in fields.keys() {
        plays.push(with(format!("without `{key}`"), other(key, None)));
        for value in [
            json!(null),
            json!([[]]),
            json!(-1.5),
            json!({ "a": 1 }),
            json!(""),
        ] {
            let what = format!("with {value} for `{key}`");
            plays.push(with(what, other(key, Some(value))));
        }
    }
    plays
}

/// The nth event like this one: another id, another message.
pub(crate) fn fresh(play: &Play, n: u64) -> Play {
    let mut play = play.clone();
    if let Call::Event(event) = &mut play.call {
        event.id = 10_000 + n;
        match &mut event.payload {
            Payload::Message { message, .. } => *message = (10_000 + n).to_string(),
            Payload::Press { interaction, .. } => *interaction = (10_000 + n).to_string(),
            Payload::Http { .. } | Payload::Tick { .. } | Payload::Other { .. } => {}
        }
    }
    play
}
