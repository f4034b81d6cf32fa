//! The notifier: keeps the message of each job true, asks its questions, and
//! tells its end.

use serde_json::Value;

use crate::SOURCE;
use crate::bindings::exports::sortie::notifier::notifier::{Failure, Notification, Receipt};
use crate::bindings::sortie::host::chat::{Error, Message, Place};
use crate::bindings::sortie::host::job_types::View;
use crate::memory::{self, Note};
use crate::options::Options;
use crate::pages::{Page, host, progress, question, result};
use crate::world::Desk;

/// Tells what happened: where the job was asked for, or at home.
///
/// # Errors
///
/// The host does not take the messages.
pub(crate) fn notify(
    event: &Notification,
    options: &Options,
    desk: &mut impl Desk,
) -> Result<Receipt, Failure> {
    let data = serde_json::from_str(&event.data).unwrap_or(Value::Null);
    if event.kind.starts_with("host.") {
        return news(event, &data, options, desk);
    }
    let known = memory::of_job(desk, event.job.id);
    let (mut note, is_new) = match known {
        // Events of a job come in order; this one was told.
        Some(note) if note.seq >= event.seq => return Ok(reference(note.number)),
        Some(note) => (note, false),
        None => match home(options, desk) {
            Some(place) => (
                announced(&event.kind, &data, &event.job, place, desk)?,
                true,
            ),
            None => return Ok(Receipt { reference: None }),
        },
    };
    let job = Told {
        event,
        data: &data,
        job: &event.job,
    };
    if !is_new {
        job.shown(&mut note, desk)?;
    }
    job.pinned(&mut note, desk)?;
    job.asked(&mut note, desk)?;
    job.host(&mut note, desk)?;
    job.ended(&mut note, desk)?;
    note.seq = event.seq;
    memory::keep(desk, event.job.id, &note).map_err(Failure::Other)?;
    Ok(reference(note.number))
}

/// What happened to the host itself is told at home, once.
fn news(
    event: &Notification,
    data: &Value,
    options: &Options,
    desk: &mut impl Desk,
) -> Result<Receipt, Failure> {
    let none = Receipt { reference: None };
    let (Some(message), Some(place)) = (host::news(&event.kind, data), home(options, desk)) else {
        return Ok(none);
    };
    if memory::told(desk) >= event.seq {
        return Ok(none);
    }
    let number = desk.send(&place, &message).map_err(failure)?;
    memory::tell(desk, event.seq).map_err(Failure::Other)?;
    Ok(reference(number))
}

fn home(options: &Options, desk: &mut impl Desk) -> Option<Place> {
    let chat = options.chat.clone().or_else(|| memory::home(desk))?;
    Some(Place {
        source: SOURCE.into(),
        chat,
        thread: None,
    })
}

/// Sends the message that shows how a job stands from now on.
fn announced(
    kind: &str,
    data: &Value,
    job: &View,
    place: Place,
    desk: &mut impl Desk,
) -> Result<Note, Failure> {
    let shown = progress::line(kind, data, job)
        .or_else(|| progress::line("job.now", data, job))
        .unwrap_or_default();
    let number = desk.send(&place, &page(&shown)).map_err(failure)?;
    memory::tie(desk, number, job.id).map_err(Failure::Other)?;
    Ok(Note {
        shown,
        ..Note::new(place, number)
    })
}

fn page(line: &str) -> Message {
    let mut page = Page::default();
    page.lines([line.to_owned()]);
    page.message(Vec::new(), None)
}

/// One event of one job.
struct Told<'a> {
    event: &'a Notification,
    data: &'a Value,
    job: &'a View,
}

impl Told<'_> {
    fn kind(&self) -> &str {
        &self.event.kind
    }

    /// Whether the event is one of a job that ended.
    fn is_end(&self) -> bool {
        matches!(
            self.kind(),
            "job.succeeded" | "job.failed" | "job.halted" | "job.rejected" | "job.cancelled"
        )
    }

    fn is_question(&self) -> bool {
        matches!(self.kind(), "job.needs_review" | "job.awaiting_approval")
    }

    /// The job's message shows how it stands.
    fn shown(&self, note: &mut Note, desk: &mut impl Desk) -> Result<(), Failure> {
        let Some(line) = progress::line(self.kind(), self.data, self.job) else {
            return Ok(());
        };
        if note.shown == line {
            return Ok(());
        }
        match desk.edit(note.number, &page(&line)) {
            Ok(()) => note.shown = line,
            // Somebody deleted it.
            Err(Error::NotFound) => {
                let place = note.place.clone();
                let again = announced(self.kind(), self.data, self.job, place, desk)?;
                (note.number, note.shown, note.pinned) = (again.number, again.shown, false);
            }
            Err(error) => return Err(failure(error)),
        }
        Ok(())
    }

    /// It is pinned exactly while the job runs.
    fn pinned(&self, note: &mut Note, desk: &mut impl Desk) -> Result<(), Failure> {
        let pinned = match self.kind() {
            "job.running" => true,
            _ if self.is_question() || self.is_end() => false,
            _ => return Ok(()),
        };
        if note.pinned != pinned {
            forgiven(desk.pin(note.number, pinned))?;
            note.pinned = pinned;
        }
        Ok(())
    }

    /// A question is a message of its own, because a change makes no sound, and so
    /// is what reminds of it. Both say who answered, wherever that was, and lose
    /// their buttons.
    fn asked(&self, note: &mut Note, desk: &mut impl Desk) -> Result<(), Failure> {
        if self.kind() == "approval.reminder" {
            let reminder = question::reminder(self.data, self.job, note.question);
            note.reminder = Some(self.sent(note, &reminder, desk)?);
            return Ok(());
        }
        let is_over = self.is_end()
            || self.is_question()
            || matches!(self.kind(), "job.approved" | "job.running" | "job.queued");
        if is_over {
            let found = std::mem::take(&mut note.kept);
            let asked = note.question.take().map(|(number, _)| number);
            for number in asked.into_iter().chain(note.reminder.take()) {
                let over = question::over(self.kind(), self.data, self.job, &found);
                forgiven(desk.edit(number, &over))?;
            }
        }
        if self.is_question() {
            let asked = question::page(self.data, self.job, note.number);
            let number = self.sent(note, &asked.message, desk)?;
            note.question = Some((number, asked.id));
            note.kept = memory::share(asked.found);
            if asked.is_cut {
                let caption = question::caption(self.job.id, number);
                desk.send_diff(&note.place, self.job.id, &caption)
                    .map_err(failure)?;
            }
        }
        Ok(())
    }

    fn host(&self, note: &mut Note, desk: &mut impl Desk) -> Result<(), Failure> {
        match self.kind() {
            "egress.refused" => {
                let Some(message) = host::refused(self.data, self.job, note.number) else {
                    return Ok(());
                };
                let number = self.sent(note, &message, desk)?;
                note.asks_about(host::name(self.data).to_owned(), number);
            }
            "egress.allowed" | "egress.denied" => {
                let name = host::name(self.data);
                let hosts = std::mem::take(&mut note.hosts).into_iter();
                let (about, others): (Vec<_>, Vec<_>) = hosts.partition(|(host, _)| host == name);
                note.hosts = others;
                for (_, number) in about {
                    let ruled = host::ruled(self.kind(), self.data, self.job);
                    forgiven(desk.edit(number, &ruled))?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn ended(&self, note: &mut Note, desk: &mut impl Desk) -> Result<(), Failure> {
        if self.is_end() {
            let end = result::page(self.kind(), self.data, self.job, note.number);
            self.sent(note, &end.message, desk)?;
            note.kept = memory::share(end.facts);
        }
        Ok(())
    }

    /// Sends one more message about the job.
    fn sent(&self, note: &Note, message: &Message, desk: &mut impl Desk) -> Result<u64, Failure> {
        let number = desk.send(&note.place, message).map_err(failure)?;
        memory::tie(desk, number, self.job.id).map_err(Failure::Other)?;
        Ok(number)
    }
}

/// A message that is gone needs no change any more.
fn forgiven(done: Result<(), Error>) -> Result<(), Failure> {
    match done {
        Ok(()) | Err(Error::NotFound) => Ok(()),
        Err(error) => Err(failure(error)),
    }
}

fn reference(number: u64) -> Receipt {
    Receipt {
        reference: Some(format!("message {number}")),
    }
}

fn failure(error: Error) -> Failure {
    match error {
        Error::Invalid(why) => Failure::Permanent(why),
        // The operator can grant it before the last try.
        Error::Denied(why) | Error::Other(why) => Failure::Other(why),
        Error::NotFound => Failure::Other("the message is not known".into()),
    }
}

#[cfg(test)]
mod tests;
