//! What a call may ask for: checked before it comes to the writer, and written
//! by the same functions as when a person asks for it.

use super::answers::{self, Answer};
use super::intake::{self, Checked};
use super::people::{self, Again, Person};
use super::{buttons, chat, egress, kv};
use crate::db::{bounded, json, name};
use crate::error::{Result, StoreError};
use crate::limits::MAX_MESSAGE_BYTES;
use crate::numbers::{Numbers, Series};
use crate::types::{ChatPlace, Effect, Job, NewAnswer};
use crate::writer::Tx;
use sortie_model::approval::Decision;
use sortie_model::egress::RulingScope;
use sortie_model::id::{ApprovalId, ChatNumber, JobId};

/// An effect that may be written.
pub(super) enum Prepared {
    Submit(JobId, Box<Checked>),
    Cancel(JobId),
    Retry(JobId),
    Decide(JobId, Answer),
    Answer(Answer),
    AdmitHost {
        ask: u64,
        allow: bool,
        scope: RulingScope,
    },
    KvPut(String, Option<Vec<u8>>),
    ChatSend(ChatNumber, ChatPlace, String, Vec<buttons::New>),
    ChatEdit(ChatNumber, String, Vec<buttons::New>),
    ChatRemove(ChatNumber),
    ChatPin(ChatNumber, bool),
    ChatAck(String, String),
}

/// Who acts, through which door.
pub(super) struct Acting<'a> {
    pub(super) actor: &'a str,
    pub(super) via: &'a str,
}

impl Acting<'_> {
    fn answer(
        &self,
        approval: Option<ApprovalId>,
        decision: Decision,
        commit: Option<String>,
        comment: Option<String>,
    ) -> Result<Answer> {
        Answer::of(NewAnswer {
            decision,
            approval,
            commit,
            raise: None,
            by: self.actor.to_owned(),
            via: self.via.to_owned(),
            comment,
        })
    }
}

impl Prepared {
    pub(super) fn new(effect: Effect, acting: &Acting<'_>, numbers: &Numbers) -> Result<Self> {
        Ok(match effect {
            Effect::Submit { id, job } => {
                reserved("the job's number", id.0, Series::Jobs, numbers)?;
                Self::Submit(id, Box::new(Checked::new(*job)?))
            }
            Effect::Cancel { job } => Self::Cancel(job),
            Effect::Retry { job } => Self::Retry(job),
            Effect::Decide {
                job,
                decision,
                commit,
                comment,
            } => Self::Decide(job, acting.answer(None, decision, commit, comment)?),
            Effect::Answer {
                approval,
                decision,
                comment,
            } => Self::Answer(acting.answer(Some(approval), decision, None, comment)?),
            Effect::AdmitHost { ask, allow, scope } => Self::AdmitHost { ask, allow, scope },
            Effect::KvSet { key, value } => {
                kv::check(&key, &value)?;
                Self::KvPut(key, Some(value))
            }
            Effect::KvDelete { key } => {
                kv::check(&key, &[])?;
                Self::KvPut(key, None)
            }
            Effect::ChatSend {
                number,
                place,
                message,
                actions,
            } => {
                reserved("the message's number", number.0, Series::Chat, numbers)?;
                name("the chat source", &place.source)?;
                name("the chat", &place.chat)?;
                if let Some(thread) = &place.thread {
                    name("the thread", thread)?;
                }
                Self::ChatSend(number, place, contents(&message)?, buttons::mint(actions)?)
            }
            Effect::ChatEdit {
                number,
                message,
                actions,
            } => Self::ChatEdit(number, contents(&message)?, buttons::mint(actions)?),
            Effect::ChatRemove { number } => Self::ChatRemove(number),
            Effect::ChatPin { number, pinned } => Self::ChatPin(number, pinned),
            Effect::ChatAck {
                source,
                interaction,
                text,
            } => {
                name("the chat source", &source)?;
                name("the press", &interaction)?;
                Self::ChatAck(source, contents(&(interaction, text))?)
            }
        })
    }

    /// Writes it; the job that it made or moved, if it did.
    pub(super) fn apply(
        &self,
        tx: &mut Tx<'_>,
        from: &chat::Speaker<'_>,
        person: &Person,
        kept: &mut kv::Changes<'_>,
    ) -> Result<Option<Job>> {
        match self {
            Self::Submit(id, new) => return submit(tx, *id, new).map(Some),
            Self::Cancel(job) => return Ok(Some(people::cancel(tx, *job, person)?.job)),
            Self::Retry(job) => {
                return people::retry(tx, *job, person, &Again::default()).map(Some);
            }
            // A late answer lets the question expire when a person gives it.
            // Here it fails the call, and the next sweep finds the question.
            Self::Decide(job, answer) => {
                return Ok(Some(answers::decide(tx, *job, answer)??.job));
            }
            Self::Answer(answer) => return Ok(Some(answers::decide_by_id(tx, answer)??.job)),
            Self::AdmitHost { ask, allow, scope } => {
                egress::admit(tx, *ask, *allow, *scope, person)?;
            }
            Self::KvPut(key, value) => kept.put(tx, key, value.as_deref())?,
            Self::ChatSend(number, place, body, actions) => {
                chat::send(tx, from, *number, place, body)?;
                buttons::put(tx, *number, actions)?;
            }
            Self::ChatEdit(number, body, actions) => {
                chat::edit(tx, from, *number, body)?;
                buttons::put(tx, *number, actions)?;
            }
            Self::ChatRemove(number) => {
                chat::remove(tx, from, *number)?;
                buttons::put(tx, *number, &[])?;
            }
            Self::ChatPin(number, pinned) => chat::pin(tx, from, *number, *pinned)?,
            Self::ChatAck(source, body) => chat::acknowledge(tx, from, source, body)?,
        }
        Ok(None)
    }
}

/// A job under the number that the plugin was told. When its idempotency key
/// made another job since the plugin was told, the call has to be made again.
fn submit(tx: &mut Tx<'_>, id: JobId, new: &Checked) -> Result<Job> {
    let submitted = intake::submit(tx, new, || id)?;
    if submitted.job.id != id {
        return Err(StoreError::Invalid {
            what: "the job's number",
            detail: format!(
                "its idempotency key made {} meanwhile; call again and give that number",
                submitted.job.id
            ),
        });
    }
    Ok(submitted.job)
}

/// Refuses a number that nobody was given.
fn reserved(what: &'static str, number: u64, series: Series, numbers: &Numbers) -> Result<()> {
    if (1..=numbers.taken(series)).contains(&number) {
        return Ok(());
    }
    Err(StoreError::Invalid {
        what,
        detail: format!("{number} was not reserved"),
    })
}

/// A message as stored.
fn contents(message: &impl serde::Serialize) -> Result<String> {
    let text = json("the message", message)?;
    bounded("the message", &text, MAX_MESSAGE_BYTES)?;
    Ok(text)
}
