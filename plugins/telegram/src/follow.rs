//! The notifier: keeps the message of each job true, and asks its question.

use crate::bindings::exports::sortie::notifier::notifier::{Failure, Notification, Receipt};
use crate::bindings::sortie::host::{
    chat::{Error, Place},
    job_types::View,
};
use crate::memory::{self, Note};
use crate::world::Desk;
use crate::{SOURCE, button, words};

/// Tells what happened to a job: where it was asked for, or in `chat`.
///
/// # Errors
///
/// The host does not take the messages.
pub(crate) fn notify(
    event: Notification,
    chat: Option<String>,
    desk: &mut impl Desk,
) -> Result<Receipt, Failure> {
    let job = event.job;
    let mut note = match memory::of_job(desk, job.id) {
        Some(note) => shown(&job, note, desk)?,
        None => match chat {
            Some(chat) => {
                let place = Place {
                    source: SOURCE.into(),
                    chat,
                    thread: None,
                };
                announced(&job, place, desk)?
            }
            None => return Ok(Receipt { reference: None }),
        },
    };
    asked(&job, &mut note, desk)?;
    memory::keep(desk, job.id, &note).map_err(Failure::Other)?;
    Ok(Receipt {
        reference: Some(format!("message {}", note.number)),
    })
}

/// The job's message shows how it stands. An event that the job has left
/// behind changes nothing.
fn shown(job: &View, note: Note, desk: &mut impl Desk) -> Result<Note, Failure> {
    if note.state == job.state {
        return Ok(note);
    }
    let message = words::message(words::progress(job), None);
    match desk.edit(note.number, &message) {
        Ok(()) => Ok(Note {
            state: job.state.clone(),
            ..note
        }),
        // Somebody deleted it.
        Err(Error::NotFound) => Ok(Note {
            question: note.question,
            ..announced(job, note.place, desk)?
        }),
        Err(error) => Err(failure(error)),
    }
}

fn announced(job: &View, place: Place, desk: &mut impl Desk) -> Result<Note, Failure> {
    let message = words::message(words::progress(job), None);
    let number = desk.send(&place, &message).map_err(failure)?;
    Ok(Note {
        place,
        number,
        state: job.state.clone(),
        question: None,
    })
}

/// There is a message with buttons exactly while the job asks, for the commit
/// it asks about. It is a new one, because a change makes no sound.
fn asked(job: &View, note: &mut Note, desk: &mut impl Desk) -> Result<(), Failure> {
    let asks = note.question.as_ref().map(|(_, commit)| commit);
    if asks == job.asked_commit.as_ref() {
        return Ok(());
    }
    if let Some((number, commit)) = note.question.take() {
        match desk.edit(number, &words::answered(job, &commit)) {
            Ok(()) | Err(Error::NotFound) => {}
            Err(error) => return Err(failure(error)),
        }
    }
    if let Some(commit) = &job.asked_commit
        && let Some(row) = button::row(job.id, commit)
    {
        let question = words::question(job, commit, row, note.number);
        let number = desk.send(&note.place, &question).map_err(failure)?;
        note.question = Some((number, commit.clone()));
    }
    Ok(())
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
mod tests {
    use super::*;
    use crate::bindings::sortie::host::chat::Answered;
    use crate::fake::{Fake, job};

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    fn told(desk: &mut Fake, job: View) -> Receipt {
        let event = Notification {
            seq: 1,
            at_ms: 0,
            kind: format!("job.{}", job.state),
            data: "{}".into(),
            job,
        };
        notify(event, Some("-9".into()), desk).expect("told")
    }

    fn asking(commit: &str) -> View {
        View {
            asked_commit: Some(commit.into()),
            ..job(4, "needs_review")
        }
    }

    #[test]
    fn one_message_follows_the_job() {
        let mut desk = Fake::default();
        let receipt = told(&mut desk, job(4, "queued"));
        assert_eq!(receipt.reference.as_deref(), Some("message 1"));
        assert_eq!(desk.sent[0].0.chat, "-9");
        told(&mut desk, job(4, "running"));
        told(&mut desk, job(4, "running"));
        told(&mut desk, job(4, "succeeded"));
        assert_eq!(desk.sent.len(), 1);
        let texts: Vec<_> = desk.edited.iter().map(|(n, m)| (*n, &*m.text)).collect();
        assert_eq!(
            texts,
            [
                (1, "#4 site: running. Fix it"),
                (1, "#4 site: succeeded. Fix it")
            ]
        );
    }

    #[test]
    fn a_job_of_nobody_here_is_told_where_the_operator_says_or_not_at_all() {
        let mut desk = Fake::default();
        let event = Notification {
            seq: 1,
            at_ms: 0,
            kind: "job.queued".into(),
            data: "{}".into(),
            job: job(4, "queued"),
        };
        let receipt = notify(event, None, &mut desk).expect("told");
        assert_eq!(receipt.reference, None);
        assert!(desk.sent.is_empty() && desk.kv.is_empty());
    }

    #[test]
    fn buttons_are_there_while_the_job_asks_and_for_what_it_asks() {
        let mut desk = Fake::default();
        told(&mut desk, job(4, "running"));
        told(&mut desk, asking(COMMIT));
        told(&mut desk, asking(COMMIT));
        assert_eq!(desk.sent.len(), 2, "it asks once");
        let question = &desk.sent[1].1;
        assert_eq!(question.reply_to, Some(Answered::Number(1)));
        assert_eq!(question.buttons[0].len(), 2);

        let newer = "f".repeat(40);
        told(&mut desk, asking(&newer));
        let (number, old) = desk.edited.last().expect("the old question is closed");
        assert_eq!((*number, old.buttons.len()), (2, 0));
        assert!(desk.sent[2].1.buttons[0][0].action.ends_with(&newer[..32]));

        told(&mut desk, job(4, "succeeded"));
        let (number, closed) = desk.edited.last().expect("the new one too");
        assert_eq!((*number, closed.buttons.len()), (3, 0));
        assert_eq!(desk.sent.len(), 3);
    }

    #[test]
    fn a_message_that_was_deleted_is_sent_again() {
        let mut desk = Fake::default();
        told(&mut desk, job(4, "queued"));
        desk.gone.push(1);
        told(&mut desk, job(4, "running"));
        told(&mut desk, job(4, "succeeded"));
        assert_eq!(desk.sent.len(), 2);
        assert_eq!(desk.edited.last().expect("edited").0, 2);
    }
}
