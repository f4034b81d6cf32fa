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
    let job = Told {
        event,
        data: &data,
        job: &event.job,
    };
    let told = match memory::of_job(desk, event.job.id) {
        // Events of a job come in order; this one was told.
        Some(note) if note.seq >= event.seq => return Ok(reference(note.number)),
        Some(note) => job.followed(note, desk).map(Some),
        None => job.begun(options, desk),
    };
    let told = match told {
        // Nothing is said any more where it was asked for: it goes on at home.
        Err(Trouble::Denied(_)) => job.begun(options, desk),
        told => told,
    };
    let Some(mut note) = told.map_err(failed)? else {
        return Ok(Receipt { reference: None });
    };
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
    let Some(message) = host::news(&event.kind, data) else {
        return Ok(none);
    };
    if memory::told(desk) >= event.seq {
        return Ok(none);
    }
    let Some((_, number)) = sent_home(&message, options, desk).map_err(failed)? else {
        return Ok(none);
    };
    memory::tell(desk, event.seq).map_err(Failure::Other)?;
    Ok(reference(number))
}

/// Sends to the configured chat, else to the first home that takes it, and says
/// where; those that did not are homes no more. None when there is no home.
fn sent_home(
    message: &Message,
    options: &Options,
    desk: &mut impl Desk,
) -> Result<Option<(Place, u64)>, Trouble> {
    if let Some(chat) = &options.chat {
        let place = own_chat(chat.clone());
        let number = desk.send(&place, message).map_err(trouble)?;
        return Ok(Some((place, number)));
    }
    let mut left = Vec::new();
    for chat in memory::homes(desk) {
        let place = own_chat(chat);
        match desk.send(&place, message).map_err(trouble) {
            Err(Trouble::Denied(_)) => left.push(place.chat),
            sent => {
                let number = sent?;
                for chat in &left {
                    memory::leave(desk, chat).map_err(other)?;
                }
                return Ok(Some((place, number)));
            }
        }
    }
    Ok(None)
}

fn own_chat(chat: String) -> Place {
    Place {
        source: SOURCE.into(),
        chat,
        thread: None,
    }
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

    /// Tells of a job at home from now on; none when there is no home.
    fn begun(&self, options: &Options, desk: &mut impl Desk) -> Result<Option<Note>, Trouble> {
        let shown = self.line();
        let Some((place, number)) = sent_home(&page(&shown), options, desk)? else {
            return Ok(None);
        };
        memory::tie(desk, number, self.job.id).map_err(other)?;
        let note = Note {
            shown,
            ..Note::new(place, number)
        };
        self.told(note, desk).map(Some)
    }

    /// Tells of a job where it was told of before.
    fn followed(&self, mut note: Note, desk: &mut impl Desk) -> Result<Note, Trouble> {
        self.shown(&mut note, desk)?;
        self.told(note, desk)
    }

    /// All but the job's own message.
    fn told(&self, mut note: Note, desk: &mut impl Desk) -> Result<Note, Trouble> {
        self.pinned(&mut note, desk)?;
        self.asked(&mut note, desk)?;
        self.host(&mut note, desk)?;
        self.ended(&mut note, desk)?;
        Ok(note)
    }

    /// What the job's message shows now.
    fn line(&self) -> String {
        progress::line(self.kind(), self.data, self.job)
            .or_else(|| progress::line("job.now", self.data, self.job))
            .unwrap_or_default()
    }

    /// The job's message shows how it stands.
    fn shown(&self, note: &mut Note, desk: &mut impl Desk) -> Result<(), Trouble> {
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
                note.number = self.sent(note, &page(&line), desk)?;
                (note.shown, note.pinned) = (line, false);
            }
            Err(error) => return Err(trouble(error)),
        }
        Ok(())
    }

    /// It is pinned exactly while the job runs.
    fn pinned(&self, note: &mut Note, desk: &mut impl Desk) -> Result<(), Trouble> {
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
    fn asked(&self, note: &mut Note, desk: &mut impl Desk) -> Result<(), Trouble> {
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
                    .map_err(trouble)?;
            }
        }
        Ok(())
    }

    fn host(&self, note: &mut Note, desk: &mut impl Desk) -> Result<(), Trouble> {
        match self.kind() {
            "egress.refused" => {
                let Some(message) = host::refused(self.data, self.job, note.number) else {
                    return Ok(());
                };
                let number = self.sent(note, &message, desk)?;
                note.asks_about(host::key(self.data), number);
            }
            "egress.allowed" | "egress.denied" => {
                let ruled = host::ruled(self.kind(), self.data, self.job);
                Self::settled(note, self.data, &ruled, desk)?;
            }
            "egress.closed" => {
                for ask in self.data["asks"].as_array().into_iter().flatten() {
                    Self::settled(note, ask, &host::closed(ask, self.job), desk)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Nothing is asked about a host any more. Older notes have no port.
    fn settled(
        note: &mut Note,
        about: &Value,
        page: &Message,
        desk: &mut impl Desk,
    ) -> Result<(), Trouble> {
        let (name, key) = (host::name(about), host::key(about));
        let hosts = std::mem::take(&mut note.hosts).into_iter();
        let (over, others): (Vec<_>, Vec<_>) =
            hosts.partition(|(host, _)| host == name || *host == key);
        note.hosts = others;
        for (_, number) in over {
            forgiven(desk.edit(number, page))?;
        }
        Ok(())
    }

    fn ended(&self, note: &mut Note, desk: &mut impl Desk) -> Result<(), Trouble> {
        if self.is_end() {
            let end = result::page(self.kind(), self.data, self.job, note.number);
            self.sent(note, &end.message, desk)?;
            note.kept = memory::share(end.facts);
        }
        Ok(())
    }

    /// Sends one more message about the job.
    fn sent(&self, note: &Note, message: &Message, desk: &mut impl Desk) -> Result<u64, Trouble> {
        let number = desk.send(&note.place, message).map_err(trouble)?;
        memory::tie(desk, number, self.job.id).map_err(other)?;
        Ok(number)
    }
}

/// A message that is gone needs no change any more.
fn forgiven(done: Result<(), Error>) -> Result<(), Trouble> {
    match done {
        Ok(()) | Err(Error::NotFound) => Ok(()),
        Err(error) => Err(trouble(error)),
    }
}

fn reference(number: u64) -> Receipt {
    Receipt {
        reference: Some(format!("message {number}")),
    }
}

/// Why something was not told.
enum Trouble {
    /// Nothing may be said there.
    Denied(String),
    /// Anything else.
    Failed(Failure),
}

fn trouble(error: Error) -> Trouble {
    match error {
        Error::Denied(why) => Trouble::Denied(why),
        Error::Invalid(why) => Trouble::Failed(Failure::Permanent(why)),
        Error::Other(why) => other(why),
        Error::NotFound => other("the message is not known".into()),
    }
}

fn other(why: String) -> Trouble {
    Trouble::Failed(Failure::Other(why))
}

fn failed(trouble: Trouble) -> Failure {
    match trouble {
        // The operator can let it be said there before the last try.
        Trouble::Denied(why) => Failure::Other(why),
        Trouble::Failed(failure) => failure,
    }
}

#[cfg(test)]
mod tests;
