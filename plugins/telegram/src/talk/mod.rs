//! The connector: what people say and press.
//!
//! What a person did wrong is told to that person; only the host's own trouble
//! is an error, because an error brings the event again. What a person may do
//! is the host's to say.

mod order;
mod press;
mod welcome;

use serde_json::Value;

use crate::SOURCE;
use crate::bindings::exports::sortie::connector::connector::Event;
use crate::bindings::sortie::connector::events::{ChatMessage, ChatPlace, Payload, Sender};
use crate::bindings::sortie::host::chat::{self, Answered, Message, Place};
use crate::bindings::sortie::host::job_types::View;
use crate::bindings::sortie::host::jobs::Error;
use crate::command::{Command, Refusal};
use crate::memory::{self, Note};
use crate::options::Options;
use crate::pages::{self, Page, lists, progress};
use crate::words;
use crate::world::World;

/// Jobs of one list.
const LISTED: u32 = 10;

/// The states of jobs that are not over, in the order in which they are shown.
const OPEN: [&str; 5] = [
    "running",
    "needs_review",
    "awaiting_approval",
    "approved",
    "queued",
];

const UNKNOWN_MESSAGE: &str =
    "That message is about no job that I know of. Reply to one that is, or start a job with /task.";
const HELLO: &str = "Say /task and what to do, or /help for all that I understand.";

/// Handles one event.
///
/// # Errors
///
/// The host could not do it now, and may later.
pub(crate) fn receive(
    event: Event,
    options: &Options,
    world: &mut impl World,
) -> Result<(), String> {
    // Of a source that the operator added; no answer would be let through.
    if event.source != SOURCE {
        return Ok(());
    }
    match event.payload {
        Payload::Press(press) => press::pressed(&press, event.sender.is_some(), world),
        // What a message asked for when it was new was done then.
        Payload::Message(message) if message.edited => Ok(()),
        Payload::Message(message) => match event.sender {
            Some(sender) => {
                if message.place.private {
                    match sender.owner {
                        true => memory::settle(world, &message.place.chat)?,
                        false => memory::leave(world, &message.place.chat)?,
                    }
                }
                heard(&message, &sender, options, world)
            }
            // Strangers are met with silence.
            None => Ok(()),
        },
        Payload::Http(_) | Payload::Tick(_) | Payload::Other(_) => Ok(()),
    }
}

/// The first word of a chat is answered with who one is.
fn heard(
    message: &ChatMessage,
    sender: &Sender,
    options: &Options,
    world: &mut impl World,
) -> Result<(), String> {
    match Command::parse(&message.text) {
        Some(Ok(Command::Start)) => reply(message, welcome::page(sender, world)?, world),
        _ => said(message, sender.owner, options, world),
    }
}

fn said(
    message: &ChatMessage,
    is_owner: bool,
    options: &Options,
    world: &mut impl World,
) -> Result<(), String> {
    let answer = match Command::parse(&message.text) {
        None => return spoken(message, world),
        Some(Ok(command)) => return commanded(command, message, is_owner, options, world),
        Some(Err(Refusal::Malformed(why))) => why.to_owned(),
        // In a group a command that is unknown is another bot's.
        Some(Err(Refusal::Unknown(..))) if !message.place.private => return Ok(()),
        Some(Err(Refusal::Unknown(name, near))) => unknown(&name, near),
    };
    reply(message, pages::plain(&answer, None), world)
}

/// What is no command continues the job whose message it answers.
fn spoken(message: &ChatMessage, world: &mut impl World) -> Result<(), String> {
    let task = message.text.trim();
    let Some(number) = message.reply_to_number else {
        // In a group most of what is said is said to others.
        return match message.place.private {
            true => reply(message, pages::plain(HELLO, None), world),
            false => Ok(()),
        };
    };
    let answer = match memory::job_of(world, number) {
        None => UNKNOWN_MESSAGE.to_owned(),
        Some(_) if task.is_empty() => HELLO.to_owned(),
        Some(before) => {
            let view = match told(world.job(before))? {
                Ok(view) => view,
                Err(why) => return reply(message, pages::plain(&why, None), world),
            };
            match told(world.follow_up(before, task, &key(message)))? {
                Ok(id) => return queued(id, progress::continued(id, &view), message, world),
                Err(why) => why,
            }
        }
    };
    reply(message, pages::plain(&answer, None), world)
}

fn commanded(
    command: Command,
    message: &ChatMessage,
    is_owner: bool,
    options: &Options,
    world: &mut impl World,
) -> Result<(), String> {
    let done = match command {
        Command::Task(order) => {
            return ordered(
                order::submit(order, None, key(message), options, world),
                message,
                world,
            );
        }
        Command::Ask(order) => {
            let workflow = Some(options.ask_workflow.clone());
            return ordered(
                order::submit(order, workflow, key(message), options, world),
                message,
                world,
            );
        }
        Command::Status(named) => match named.or_else(|| answered(message, world)) {
            Some(id) => {
                let note = memory::of_job(world, id);
                world.job(id).map(|job| lists::job(&job, note.as_ref()))
            }
            None => open(world).map(|jobs| lists::open(&jobs)),
        },
        Command::List(state) => {
            let jobs = world.newest(state.as_deref(), LISTED);
            jobs.map(|jobs| lists::jobs(&jobs))
        }
        Command::Cancel(named) => match named.or_else(|| answered(message, world)) {
            Some(id) => world.cancel(id).map(|()| moved(id, "is being cancelled")),
            None => Ok(nameless("cancel")),
        },
        Command::Retry(named) => match named.or_else(|| answered(message, world)) {
            Some(id) => world.retry(id).map(|()| moved(id, "is queued again")),
            None => Ok(nameless("retry")),
        },
        Command::Stats(hours) => {
            let stats = world.stats(hours);
            stats.map(|stats| lists::stats("What happened", &json(&stats)))
        }
        Command::Budget => world.projects().map(|data| lists::budget(&json(&data))),
        Command::Projects => world.projects().map(|data| lists::projects(&json(&data))),
        Command::Help | Command::Start => Ok(lists::help(is_owner)),
    };
    match told(done)? {
        Ok(page) => reply(message, page, world),
        Err(why) => reply(message, pages::plain(&why, None), world),
    }
}

fn ordered(
    done: Result<u64, Error>,
    message: &ChatMessage,
    world: &mut impl World,
) -> Result<(), String> {
    match told(done)? {
        Ok(id) => queued(id, progress::queued(id), message, world),
        Err(why) => reply(message, pages::plain(&why, None), world),
    }
}

/// Sends the message that shows the new job from now on.
fn queued(
    id: u64,
    line: String,
    message: &ChatMessage,
    world: &mut impl World,
) -> Result<(), String> {
    // A message that comes twice is one job, and is said once.
    if memory::of_job(world, id).is_some() {
        return Ok(());
    }
    let place = place(&message.place);
    let mut page = Page::default();
    page.lines([line]);
    let about = Some(Answered::Message(message.message.clone()));
    let number = match world.send(&place, &page.message(Vec::new(), about)) {
        // The job is told of at home from its next event on.
        Err(chat::Error::Denied(_)) => return Ok(()),
        sent => sent.map_err(chat_trouble)?,
    };
    memory::tie(world, number, id)?;
    memory::keep(world, id, &Note::new(place, number))
}

fn reply(message: &ChatMessage, page: Message, world: &mut impl World) -> Result<(), String> {
    let page = Message {
        reply_to: Some(Answered::Message(message.message.clone())),
        ..page
    };
    match world.send(&place(&message.place), &page) {
        // It was shut since: what was asked for is done, and nobody is told.
        Err(chat::Error::Denied(_)) => Ok(()),
        sent => sent.map(drop).map_err(chat_trouble),
    }
}

/// The job whose message is answered.
fn answered(message: &ChatMessage, world: &mut impl World) -> Option<u64> {
    memory::job_of(world, message.reply_to_number?)
}

/// What runs and what waits.
fn open(world: &mut impl World) -> Result<Vec<View>, Error> {
    let mut jobs = Vec::new();
    for state in OPEN {
        jobs.extend(world.newest(Some(state), LISTED)?);
    }
    Ok(jobs)
}

fn nameless(command: &str) -> Message {
    let text = format!("Name the job, such as /{command} 42, or reply to its message.");
    pages::plain(&text, None)
}

fn moved(id: u64, how: &str) -> Message {
    pages::plain(&format!("#{id} {how}."), None)
}

fn unknown(name: &str, near: Option<&str>) -> String {
    let name = crate::cut::short(name, 32);
    match near {
        Some(near) => format!("There is no /{name}. Did you mean /{near}? /help lists them all."),
        None => format!("There is no /{name}. /help lists what I understand."),
    }
}

/// A message that comes twice asks for one thing.
fn key(message: &ChatMessage) -> String {
    format!("{SOURCE}/{}/{}", message.place.chat, message.message)
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or(Value::Null)
}

/// Tells what is for the person who asked from what is the host's trouble,
/// which is the error.
fn told<T>(done: Result<T, Error>) -> Result<Result<T, String>, String> {
    match done {
        Ok(value) => Ok(Ok(value)),
        Err(Error::NotFound) => Ok(Err("There is no such job.".into())),
        Err(Error::Denied(why) | Error::Conflict(why) | Error::Invalid(why)) => {
            Ok(Err(words::sentence(&why)))
        }
        Err(Error::Other(why)) => Err(why),
    }
}

fn chat_trouble(error: chat::Error) -> String {
    match error {
        chat::Error::Denied(why) | chat::Error::Invalid(why) | chat::Error::Other(why) => why,
        chat::Error::NotFound => "the message is not known".into(),
    }
}

fn place(place: &ChatPlace) -> Place {
    Place {
        source: SOURCE.into(),
        chat: place.chat.clone(),
        thread: place.thread.clone(),
    }
}

#[cfg(test)]
mod tests;
