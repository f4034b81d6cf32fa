//! Which messages are about which job: kept by job, and found by message.
//!
//! Only what is newest is remembered, so that the plugin's quota never fills and
//! no event looks through all keys: jobs in a ring of fixed size, in the order
//! in which they were first spoken of, and messages, whose numbers only grow, in
//! places by what remains of their number.

use serde_json::{Value, json};

use crate::bindings::sortie::host::chat::Place;
use crate::md;
use crate::world::Desk;

/// Jobs that are remembered, at some 300 bytes each and what is kept of a page.
const KEPT_JOBS: u64 = 500;

/// Messages among which those about jobs are remembered, at some 30 bytes each.
const KEPT_MESSAGES: u64 = 4_000;

/// Questions about hosts that are remembered for each job.
const KEPT_ASKS: usize = 8;

/// What is kept of a job's page, in bytes as they are stored: with all jobs it
/// stays below the quota of 1 MiB.
const KEPT_BYTES: usize = 1_000;

/// Where the ring of jobs stands.
const RING: &str = "jobs";

/// The newest event of the host itself that was told.
const HOST: &str = "host";

/// The own chats of owners, in the order they first spoke there.
const HOMES: &str = "home";

/// Owners whose chats are remembered: the first that takes a message is told.
const KEPT_HOMES: usize = 16;

/// What is remembered of a job.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Note {
    /// Where its messages are.
    pub(crate) place: Place,
    /// The one that shows how it stands.
    pub(crate) number: u64,
    /// What that one shows.
    pub(crate) shown: String,
    /// Whether that one is pinned.
    pub(crate) pinned: bool,
    /// The newest event that was told.
    pub(crate) seq: u64,
    /// The message that asks, and the question's id when it has one.
    pub(crate) question: Option<(u64, Option<u64>)>,
    /// The message that reminds of the question. The host reminds once.
    pub(crate) reminder: Option<u64>,
    /// The messages that ask about a host, by the host and its port.
    pub(crate) hosts: Vec<(String, u64)>,
    /// What its open question was about, or what its end came to: CommonMark for
    /// pages that come later.
    pub(crate) kept: String,
}

impl Note {
    /// Of a job whose message was just sent.
    pub(crate) fn new(place: Place, number: u64) -> Self {
        Self {
            place,
            number,
            shown: String::new(),
            pinned: false,
            seq: 0,
            question: None,
            reminder: None,
            hosts: Vec::new(),
            kept: String::new(),
        }
    }

    /// Remembers that a message asks about a host.
    pub(crate) fn asks_about(&mut self, host: String, number: u64) {
        self.hosts.push((host, number));
        let over = self.hosts.len().saturating_sub(KEPT_ASKS);
        self.hosts.drain(..over);
    }
}

/// What is kept about a job.
pub(crate) fn of_job(desk: &mut impl Desk, job: u64) -> Option<Note> {
    read(&serde_json::from_slice(&desk.value(&by_job(job))?).ok()?)
}

/// The job that a message is about.
pub(crate) fn job_of(desk: &mut impl Desk, number: u64) -> Option<u64> {
    let value = desk.value(&by_message(number))?;
    let (about, job) = core::str::from_utf8(&value).ok()?.split_once(' ')?;
    match about.parse() == Ok(number) {
        true => job.parse().ok(),
        false => None,
    }
}

/// Keeps what is known about a job; the oldest is forgotten for a new one.
pub(crate) fn keep(desk: &mut impl Desk, job: u64, note: &Note) -> Result<(), String> {
    let key = by_job(job);
    if desk.value(&key).is_none() {
        enter(desk, job)?;
    }
    desk.keep(&key, write(note).to_string().as_bytes())
}

/// Remembers which job a message is about.
pub(crate) fn tie(desk: &mut impl Desk, number: u64, job: u64) -> Result<(), String> {
    desk.keep(&by_message(number), format!("{number} {job}").as_bytes())
}

/// The chats for what nobody asked for in one, the first that is to be told
/// first.
pub(crate) fn homes(desk: &mut impl Desk) -> Vec<String> {
    let kept = desk.value(HOMES).unwrap_or_default();
    let kept = String::from_utf8(kept).unwrap_or_default();
    kept.lines().map(str::to_owned).collect()
}

/// Makes a chat a home, behind those that there are.
pub(crate) fn settle(desk: &mut impl Desk, chat: &str) -> Result<(), String> {
    let mut homes = homes(desk);
    if homes.len() >= KEPT_HOMES || homes.iter().any(|home| home == chat) {
        return Ok(());
    }
    homes.push(chat.to_owned());
    desk.keep(HOMES, homes.join("\n").as_bytes())
}

/// Makes a chat no home any more.
pub(crate) fn leave(desk: &mut impl Desk, chat: &str) -> Result<(), String> {
    let mut homes = homes(desk);
    let before = homes.len();
    homes.retain(|home| home != chat);
    match homes.len() {
        same if same == before => Ok(()),
        0 => desk.forget(HOMES),
        _ => desk.keep(HOMES, homes.join("\n").as_bytes()),
    }
}

/// The first of the lines of a page that are kept with a job, and a mark when
/// there are more.
pub(crate) fn share(lines: impl IntoIterator<Item = String>) -> String {
    let mut kept = String::new();
    for line in lines.into_iter().filter(|line| !line.is_empty()) {
        let longer = match kept.is_empty() {
            true => line,
            false => [kept.as_str(), md::BREAK, &line].concat(),
        };
        if Value::from(longer.as_str()).to_string().len() > KEPT_BYTES {
            return match kept.is_empty() {
                true => kept,
                false => [kept.as_str(), md::BREAK, "…"].concat(),
            };
        }
        kept = longer;
    }
    kept
}

/// The newest event of the host itself that was told.
pub(crate) fn told(desk: &mut impl Desk) -> u64 {
    number_at(desk, HOST).unwrap_or(0)
}

/// Remembers the newest event of the host itself that was told.
pub(crate) fn tell(desk: &mut impl Desk, seq: u64) -> Result<(), String> {
    desk.keep(HOST, seq.to_string().as_bytes())
}

fn by_job(job: u64) -> String {
    format!("job/{job}")
}

fn by_message(number: u64) -> String {
    format!("message/{}", number % KEPT_MESSAGES)
}

/// Enters a job into the ring, and forgets the one whose place it takes.
fn enter(desk: &mut impl Desk, job: u64) -> Result<(), String> {
    let turn = number_at(desk, RING).unwrap_or(0);
    let place = format!("{RING}/{}", turn % KEPT_JOBS);
    if let Some(oldest) = number_at(desk, &place) {
        desk.forget(&by_job(oldest))?;
    }
    desk.keep(&place, job.to_string().as_bytes())?;
    desk.keep(RING, (turn + 1).to_string().as_bytes())
}

fn number_at(desk: &mut impl Desk, key: &str) -> Option<u64> {
    let value = desk.value(key)?;
    core::str::from_utf8(&value).ok()?.parse().ok()
}

fn write(note: &Note) -> Value {
    json!({
        "source": note.place.source,
        "chat": note.place.chat,
        "thread": note.place.thread,
        "number": note.number,
        "shown": note.shown,
        "pinned": note.pinned,
        "seq": note.seq,
        "question": note.question,
        "reminder": note.reminder,
        "hosts": note.hosts,
        "kept": note.kept,
    })
}

fn read(value: &Value) -> Option<Note> {
    let text = |key: &str| value[key].as_str().map(str::to_owned);
    let question = &value["question"];
    let hosts = value["hosts"].as_array();
    let host = |pair: &Value| Some((pair[0].as_str()?.to_owned(), pair[1].as_u64()?));
    Some(Note {
        place: Place {
            source: text("source")?,
            chat: text("chat")?,
            thread: text("thread"),
        },
        number: value["number"].as_u64()?,
        shown: text("shown").unwrap_or_default(),
        pinned: value["pinned"] == true,
        seq: value["seq"].as_u64().unwrap_or(0),
        question: question[0]
            .as_u64()
            .map(|number| (number, question[1].as_u64())),
        reminder: value["reminder"].as_u64(),
        hosts: hosts.into_iter().flatten().filter_map(host).collect(),
        kept: text("kept").unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::Fake;

    fn note(number: u64) -> Note {
        Note {
            shown: "#42 is queued.".into(),
            question: Some((9, Some(3))),
            reminder: Some(10),
            hosts: vec![("a.example".into(), 8)],
            kept: "⛔ skipped\\-test".into(),
            ..Note::new(
                Place {
                    source: "telegram".into(),
                    chat: "-100".into(),
                    thread: Some("7".into()),
                },
                number,
            )
        }
    }

    #[test]
    fn what_is_kept_is_found_both_ways() {
        let mut desk = Fake::default();
        keep(&mut desk, 42, &note(5)).expect("kept");
        tie(&mut desk, 5, 42).expect("kept");
        assert_eq!(of_job(&mut desk, 42), Some(note(5)));
        assert_eq!(job_of(&mut desk, 5), Some(42));
        assert_eq!(of_job(&mut desk, 5), None);
        let plain = Note::new(note(5).place, 6);
        keep(&mut desk, 42, &plain).expect("kept");
        assert_eq!(of_job(&mut desk, 42), Some(plain));
    }

    #[test]
    fn a_note_of_before_there_were_reminders_is_read() {
        let kept = json!({ "source": "telegram", "chat": "-100", "number": 5, "question": [9, 3] });
        let note = read(&kept).expect("a note");
        assert_eq!((note.question, note.reminder), (Some((9, Some(3))), None));
    }

    #[test]
    fn a_share_of_a_page_is_bounded() {
        let line = |text: &str| text.to_owned();
        assert_eq!(share([line("a"), line(""), line("b")]), "a\\\nb");
        assert_eq!(share([line("a"), "\\".repeat(600)]), "a\\\n…");
        assert_eq!(share(["x".repeat(2_000)]), "");
    }

    #[test]
    fn the_oldest_is_forgotten_and_nothing_else_grows() {
        let mut desk = Fake::default();
        for n in 0..KEPT_JOBS + 2 {
            keep(&mut desk, n, &note(n)).expect("kept");
        }
        assert_eq!(of_job(&mut desk, 1), None);
        assert!(of_job(&mut desk, 2).is_some());
        // An older one that speaks again takes the place of the oldest alone.
        keep(&mut desk, 1, &note(1)).expect("kept");
        assert!(of_job(&mut desk, 2).is_none());
        assert_eq!(of_job(&mut desk, KEPT_JOBS + 1), Some(note(KEPT_JOBS + 1)));
        for n in 0..KEPT_MESSAGES + 2 {
            tie(&mut desk, n, 7).expect("kept");
        }
        assert_eq!(job_of(&mut desk, 1), None);
        assert_eq!(job_of(&mut desk, 2), Some(7));
        assert_eq!(job_of(&mut desk, KEPT_MESSAGES + 1), Some(7));
        assert_eq!(desk.kv.len() as u64, 2 * KEPT_JOBS + 1 + KEPT_MESSAGES);
    }

    #[test]
    fn homes_stand_in_the_order_they_came_until_they_are_left() {
        let mut desk = Fake::default();
        assert!(homes(&mut desk).is_empty());
        for chat in ["7", "8", "7"] {
            settle(&mut desk, chat).expect("kept");
        }
        assert_eq!(homes(&mut desk), ["7", "8"]);
        for chat in ["7", "9"] {
            leave(&mut desk, chat).expect("kept");
        }
        assert_eq!(homes(&mut desk), ["8"]);
        leave(&mut desk, "8").expect("kept");
        assert!(desk.kv.is_empty());
        for chat in 0..20 {
            settle(&mut desk, &chat.to_string()).expect("kept");
        }
        assert_eq!(homes(&mut desk).len(), KEPT_HOMES);
    }

    #[test]
    fn the_home_that_an_older_version_kept_is_the_first() {
        let mut desk = Fake::default();
        desk.keep("home", b"7").expect("kept");
        settle(&mut desk, "8").expect("kept");
        assert_eq!(homes(&mut desk), ["7", "8"]);
    }

    #[test]
    fn a_note_remembers_the_newest_hosts() {
        let mut note = note(5);
        for n in 0..20 {
            note.asks_about(format!("{n}.example"), n);
        }
        assert_eq!(note.hosts.len(), KEPT_ASKS);
        assert_eq!(note.hosts[0].1, 12);
    }
}
