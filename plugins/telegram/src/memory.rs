//! Which messages are about which job: kept by job, and found by message.
//! Only the newest jobs are remembered, so that the plugin's quota never fills.

use serde_json::{Value, json};

use crate::bindings::sortie::host::chat::Place;
use crate::world::Desk;

/// Jobs that are remembered. With both keys of a job at some 400 bytes they
/// take a fifth of the quota of 1 MiB.
const KEPT_JOBS: usize = 500;

/// The messages about a job.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Note {
    /// Where they are.
    pub(crate) place: Place,
    /// The one that shows how it stands.
    pub(crate) number: u64,
    /// The state it shows.
    pub(crate) state: String,
    /// The one that asks, and the commit it asks about.
    pub(crate) question: Option<(u64, String)>,
}

fn by_job(job: u64) -> String {
    // As wide as the largest number, so that byte order is the order of jobs.
    format!("job/{job:020}")
}

fn by_message(number: u64) -> String {
    format!("message/{number}")
}

/// What is kept about a job.
pub(crate) fn of_job(desk: &mut impl Desk, job: u64) -> Option<Note> {
    read(&desk.value(&by_job(job))?)
}

/// The job that a message is about.
pub(crate) fn job_of(desk: &mut impl Desk, number: u64) -> Option<u64> {
    let value = desk.value(&by_message(number))?;
    core::str::from_utf8(&value).ok()?.parse().ok()
}

/// Keeps what is known about a job, and forgets what is oldest.
pub(crate) fn keep(desk: &mut impl Desk, job: u64, note: &Note) -> Result<(), String> {
    // A message that was sent anew has another number.
    if let Some(before) = of_job(desk, job)
        && before.number != note.number
    {
        desk.forget(&by_message(before.number))?;
    }
    desk.keep(&by_job(job), write(note).to_string().as_bytes())?;
    desk.keep(&by_message(note.number), job.to_string().as_bytes())?;
    let keys = desk.keys("job/");
    for key in &keys[..keys.len().saturating_sub(KEPT_JOBS)] {
        if let Some(note) = desk.value(key).as_deref().and_then(read) {
            desk.forget(&by_message(note.number))?;
        }
        desk.forget(key)?;
    }
    Ok(())
}

fn write(note: &Note) -> Value {
    json!({
        "source": note.place.source,
        "chat": note.place.chat,
        "thread": note.place.thread,
        "number": note.number,
        "state": note.state,
        "question": note.question,
    })
}

fn read(bytes: &[u8]) -> Option<Note> {
    let value: Value = serde_json::from_slice(bytes).ok()?;
    let text = |key: &str| value[key].as_str().map(str::to_owned);
    let question = &value["question"];
    Some(Note {
        place: Place {
            source: text("source")?,
            chat: text("chat")?,
            thread: text("thread"),
        },
        number: value["number"].as_u64()?,
        state: text("state")?,
        question: question[0]
            .as_u64()
            .zip(question[1].as_str().map(str::to_owned)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::Fake;

    fn note(number: u64) -> Note {
        Note {
            place: Place {
                source: "telegram".into(),
                chat: "-100".into(),
                thread: Some("7".into()),
            },
            number,
            state: "queued".into(),
            question: Some((9, "abc".into())),
        }
    }

    #[test]
    fn what_is_kept_is_found_both_ways() {
        let mut desk = Fake::default();
        keep(&mut desk, 42, &note(5)).expect("kept");
        assert_eq!(of_job(&mut desk, 42), Some(note(5)));
        assert_eq!(job_of(&mut desk, 5), Some(42));
        assert_eq!(of_job(&mut desk, 5), None);
        let plain = Note {
            question: None,
            ..note(5)
        };
        keep(&mut desk, 42, &plain).expect("kept");
        assert_eq!(of_job(&mut desk, 42), Some(plain));
    }

    #[test]
    fn a_message_that_was_replaced_is_forgotten() {
        let mut desk = Fake::default();
        keep(&mut desk, 42, &note(5)).expect("kept");
        keep(&mut desk, 42, &note(6)).expect("kept");
        assert_eq!(
            (job_of(&mut desk, 5), job_of(&mut desk, 6)),
            (None, Some(42))
        );
        assert_eq!(desk.kv.len(), 2);
    }

    #[test]
    fn the_oldest_jobs_are_forgotten() {
        let mut desk = Fake::default();
        for job in 8..8 + KEPT_JOBS as u64 + 2 {
            keep(&mut desk, job, &note(1000 + job)).expect("kept");
        }
        assert_eq!(desk.kv.len(), 2 * KEPT_JOBS);
        assert_eq!(of_job(&mut desk, 9), None);
        assert_eq!(job_of(&mut desk, 1009), None);
        assert!(of_job(&mut desk, 10).is_some());
    }
}
