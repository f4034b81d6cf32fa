//! The connector: what people say and press.
//!
//! What a person did wrong is told to that person; only the host's own trouble
//! is an error, because an error brings the event again.

use crate::SOURCE;
use crate::bindings::exports::sortie::connector::connector::Event;
use crate::bindings::sortie::connector::events::{ChatMessage, ChatPlace, ChatPress, Payload};
use crate::bindings::sortie::host::chat::{self, Answered, Place};
use crate::bindings::sortie::host::jobs::{Decision, Error, Submission};
use crate::button::Press;
use crate::command::{Command, Setting};
use crate::memory::{self, Note};
use crate::words;
use crate::world::World;

/// Jobs of one `/status`.
const LISTED: u32 = 10;

const NOT_AN_OWNER: &str = "Only an owner of this bot may do that.";

/// Handles one event. `project` is the one of tasks that name none.
///
/// # Errors
///
/// The host could not do it now, and may later.
pub(crate) fn receive(
    event: Event,
    project: Option<String>,
    world: &mut impl World,
) -> Result<(), String> {
    // Of a source that the operator added; no answer would be let through.
    if event.source != SOURCE {
        return Ok(());
    }
    let owner = event.sender.is_some_and(|sender| sender.owner);
    match event.payload {
        // What a message asked for when it was new was done then.
        Payload::Message(message) if message.edited => Ok(()),
        Payload::Message(message) => said(&event.source, message, owner, project, world),
        Payload::Press(press) => pressed(press, owner, world),
        Payload::Http(_) | Payload::Tick(_) | Payload::Other(_) => Ok(()),
    }
}

fn said(
    source: &str,
    message: ChatMessage,
    owner: bool,
    project: Option<String>,
    world: &mut impl World,
) -> Result<(), String> {
    let place = place(source, &message.place);
    let answer = match Command::parse(&message.text) {
        // In a group most of what is said is said to others.
        None if message.place.private => words::HELP.to_owned(),
        None => return Ok(()),
        Some(Ok(Command::Help)) => words::HELP.to_owned(),
        Some(_) if !owner => NOT_AN_OWNER.to_owned(),
        Some(Err(why)) => why,
        Some(Ok(Command::Task(settings, task))) => {
            // A message that comes twice is one job.
            let key = format!("{source}/{}/{}", message.place.chat, message.message);
            let job = submission(settings, task, project, key);
            match told(world.submit(&job))? {
                Ok(id) => return submitted(id, place, &message, world),
                Err(why) => why,
            }
        }
        Some(Ok(Command::Status(Some(id)))) => match told(world.job(id))? {
            Ok(job) => words::progress(&job),
            Err(why) => why,
        },
        Some(Ok(Command::Status(None))) => match told(world.newest(LISTED))? {
            Ok(jobs) if jobs.is_empty() => "There are no jobs yet.".into(),
            Ok(jobs) => jobs.iter().map(words::line).collect::<Vec<_>>().join("\n"),
            Err(why) => why,
        },
        Some(Ok(Command::Cancel(named))) => {
            let about = message.reply_to_number;
            let job = named.or_else(|| memory::job_of(world, about?));
            match job.map(|id| (id, world.cancel(id))) {
                None => "Name the job, such as /cancel 42, or answer its message.".into(),
                Some((id, done)) => match told(done)? {
                    Ok(()) => format!("#{id} is being cancelled."),
                    Err(why) => why,
                },
            }
        }
    };
    let reply = words::message(answer, Some(Answered::Message(message.message)));
    world.send(&place, &reply).map(drop).map_err(chat_trouble)
}

/// Sends the message that shows the new job from now on.
fn submitted(
    id: u64,
    place: Place,
    message: &ChatMessage,
    world: &mut impl World,
) -> Result<(), String> {
    if memory::of_job(world, id).is_some() {
        return Ok(());
    }
    let reply_to = Some(Answered::Message(message.message.clone()));
    let reply = words::message(format!("#{id} is queued."), reply_to);
    let number = world.send(&place, &reply).map_err(chat_trouble)?;
    let note = Note {
        place,
        number,
        // Not a state: whatever is told first is news.
        state: String::new(),
        question: None,
    };
    memory::keep(world, id, &note)
}

fn pressed(press: ChatPress, owner: bool, world: &mut impl World) -> Result<(), String> {
    let note = match Press::parse(&press.action) {
        _ if !owner => NOT_AN_OWNER.to_owned(),
        None => "This button is of another time.".into(),
        Some(pressed) => match told(decided(&pressed, world))? {
            Ok(()) if pressed.decision == Decision::Approve => "Approved.".into(),
            Ok(()) => "Rejected.".into(),
            Err(why) => why,
        },
    };
    world
        .acknowledge(&press.interaction, words::note(&note))
        .map_err(chat_trouble)
}

fn decided(press: &Press, world: &mut impl World) -> Result<(), Error> {
    let job = world.job(press.job)?;
    match job.asked_commit {
        Some(commit) if press.is_about(&commit) => world.decide(press.job, press.decision, &commit),
        Some(_) => Err(Error::Conflict(format!(
            "#{} asks about another commit by now; see its newest question.",
            press.job
        ))),
        None => Err(Error::Conflict(format!(
            "#{} asks nothing any more.",
            press.job
        ))),
    }
}

fn submission(
    settings: Vec<(Setting, String)>,
    task: String,
    project: Option<String>,
    key: String,
) -> Submission {
    let mut job = Submission {
        project,
        repository: None,
        task,
        base: None,
        agent: None,
        workflow: None,
        budget: None,
        idempotency_key: Some(key),
    };
    for (setting, value) in settings {
        let field = match setting {
            Setting::Project => &mut job.project,
            Setting::Base => &mut job.base,
            Setting::Agent => &mut job.agent,
            Setting::Workflow => &mut job.workflow,
            Setting::Budget => &mut job.budget,
        };
        *field = Some(value);
    }
    job
}

/// Tells what is for the person who asked from what is the host's trouble,
/// which is the error.
fn told<T>(done: Result<T, Error>) -> Result<Result<T, String>, String> {
    match done {
        Ok(value) => Ok(Ok(value)),
        Err(Error::NotFound) => Ok(Err("There is no such job.".into())),
        Err(Error::Denied(why) | Error::Conflict(why) | Error::Invalid(why)) => Ok(Err(why)),
        Err(Error::Other(why)) => Err(why),
    }
}

fn chat_trouble(error: chat::Error) -> String {
    match error {
        chat::Error::Denied(why) | chat::Error::Invalid(why) | chat::Error::Other(why) => why,
        chat::Error::NotFound => "the message is not known".into(),
    }
}

fn place(source: &str, place: &ChatPlace) -> Place {
    Place {
        source: source.to_owned(),
        chat: place.chat.clone(),
        thread: place.thread.clone(),
    }
}

#[cfg(test)]
mod tests;
