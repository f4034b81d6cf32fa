//! A hundred messages, each of which changed many times before it could be
//! sent, as the progress of a hundred jobs does. Telegram's limits hold, and
//! what is shown in the end is the last state of each.

use super::{Setting, telegram};
use crate::measure::millis;
use crate::report::{Bar, Figure, Row, Unit};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use sortie_model::id::ChatNumber;
use sortie_servers::BotApi;
use sortie_store::{CallCause, CallCommit, ChatPlace, Effect, NewPluginEvent, Store, StoreOptions};
use std::path::Path;
use std::time::{Duration, Instant};

/// How many messages, and in how many chats: ten to each.
const MESSAGES: i64 = 100;
const CHATS: i64 = 10;

/// How often each changes.
const STATES: u32 = 20;

/// With one request a second in a chat, a message of ten and its last state
/// take twenty seconds.
const LIMIT: Duration = Duration::from_secs(120);

pub async fn measure(setting: &Setting) -> Result<Vec<Row>> {
    let sortie = setting.sortie().await?;
    let api = BotApi::start().await;
    let home = telegram::home(setting, "progress", &api)?;
    let host = home.start(&sortie).await?;
    telegram::prepare(setting, &host).await?;
    // Nobody writes first in a private chat but a person.
    for chat in telegram::FIRST..telegram::FIRST + CHATS {
        api.says(chat, chat, "/help");
    }
    let greeted = api.until(|api| api.created().len() >= CHATS.unsigned_abs() as usize);
    tokio::time::timeout(LIMIT, greeted)
        .await
        .context("wait for the greetings")?;
    host.end().await?;

    write(&home.data()).await?;
    let begun = Instant::now();
    let host = home.start(&sortie).await?;
    let last = state(STATES);
    let done = |api: &BotApi| {
        let chats = telegram::FIRST..telegram::FIRST + CHATS;
        let shown = chats.flat_map(|chat| api.shown(chat));
        shown.filter(|message| message.text == last).count() as i64 == MESSAGES
    };
    tokio::time::timeout(LIMIT, api.until(done))
        .await
        .context("wait for the last state of every message")?;
    let took = millis(begun.elapsed());
    host.end().await?;

    let over = f64::from(u32::try_from(api.violations().len())?);
    let what = format!("{MESSAGES} messages of {STATES} states: all last states are shown");
    let shown = Row::alone("progress", what, Unit::Millis, Figure::once(took));
    let what = "the same: requests over Telegram's limits";
    let limits = Row::alone("progress", what, Unit::Count, Figure::once(over));
    Ok(vec![
        shown,
        limits.under(Bar::at_most(over, 0.0, Unit::Count)),
    ])
}

/// Queues all messages and all their states, with no host there to send any.
async fn write(data: &Path) -> Result<()> {
    let options = StoreOptions::new(data);
    let store = tokio::task::spawn_blocking(move || Store::open(options)).await??;
    let mut numbers = Vec::new();
    for _ in 0..MESSAGES {
        numbers.push(store.reserve_chat_number().await?);
    }
    let sends = numbers
        .iter()
        .zip(0..)
        .map(|(number, at)| Effect::ChatSend {
            number: *number,
            place: ChatPlace {
                source: "telegram".to_owned(),
                chat: (telegram::FIRST + at % CHATS).to_string(),
                thread: None,
            },
            message: message(0),
            actions: Vec::new(),
        });
    call(&store, sends.collect()).await?;
    for at in 1..=STATES {
        let edit = |number: &ChatNumber| Effect::ChatEdit {
            number: *number,
            message: message(at),
            actions: Vec::new(),
        };
        call(&store, numbers.iter().map(edit).collect()).await?;
    }
    store.close().await;
    Ok(())
}

/// One call of the plugin, as the platform writes it.
async fn call(store: &Store, effects: Vec<Effect>) -> Result<()> {
    let event = NewPluginEvent {
        id: store.reserve_event_id().await?,
        plugin: "telegram".to_owned(),
        source: "progress".to_owned(),
        in_line: false,
        delivery: None,
        sender: None,
        payload: Vec::new(),
        cursor: None,
        seen: None,
    };
    let commit = CallCommit {
        plugin: "telegram".to_owned(),
        cause: CallCause::NewEvent(event),
        actor: "plugin:telegram".to_owned(),
        via: "plugin:telegram".to_owned(),
        kv_max_bytes: 0,
        button: None,
        effects,
    };
    store.commit_call(commit).await?;
    Ok(())
}

fn state(at: u32) -> String {
    format!("state {at} of {STATES}")
}

fn message(at: u32) -> Value {
    json!({ "message": {
        "text": state(at), "format": "plain", "buttons": [], "reply_to": null, "silent": true,
    }})
}
