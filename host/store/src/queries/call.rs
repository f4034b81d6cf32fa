//! A plugin's call is a transaction: what it was about is settled together with
//! all that it asked for, or nothing of either is written.

use super::effects::{Acting, Prepared};
use super::inbound::Incoming;
use super::people::Person;
use super::{buttons, chat, deliveries, inbound, kv, numbers};
use crate::db::name;
use crate::error::{Result, StoreError};
use crate::limits::MAX_EFFECTS;
use crate::numbers::Numbers;
use crate::store::Store;
use crate::types::{CallCause, CallCommit, Committed, Effect, Job};
use crate::writer::Tx;
use sortie_model::id::{EventSeq, PluginEventId};
use std::sync::Arc;

impl Store {
    /// Writes a call that went well: one transaction, on disk when this
    /// returns. An event that was not stored before is stored as done, so that
    /// one write takes it in, acknowledges it and carries out its effects.
    ///
    /// # Errors
    /// Nothing is written when there is one. [`StoreError::Effect`] names the
    /// effect that cannot be, with the error that the same request of a person
    /// gets; [`StoreError::Quota`] is about all that the call keeps; [`StoreError::Settled`] when the event
    /// or delivery was settled, or tried by someone else, meanwhile;
    /// [`StoreError::ButtonUsed`] when its button does not count any more;
    /// [`StoreError::Behind`] when a new event has to wait behind others;
    /// [`StoreError::Invalid`] for a value that is empty or too long;
    /// [`StoreError::DiskFull`].
    pub async fn commit_call(&self, call: CallCommit) -> Result<Committed> {
        let call = Call::new(call, self.numbers())?;
        let counters = Arc::clone(self.numbers());
        self.write(move |tx| {
            numbers::top_up(tx, &counters)?;
            commit(tx, &call)
        })
        .await
    }
}

/// A call that may be written.
struct Call {
    plugin: String,
    cause: Cause,
    person: Person,
    kv_max_bytes: u64,
    button: Option<String>,
    /// Whether it does something to a job.
    acts: bool,
    /// Each with the words that an error names it by.
    effects: Vec<(String, Prepared)>,
}

enum Cause {
    NewEvent(Box<Incoming>),
    Event(PluginEventId, u32),
    Delivery(EventSeq, u32, Option<String>),
}

impl Call {
    fn new(call: CallCommit, numbers: &Numbers) -> Result<Self> {
        name("the plugin's name", &call.plugin)?;
        let person = Person::of(&call.actor, &call.via)?;
        if call.effects.len() > MAX_EFFECTS {
            return Err(StoreError::Invalid {
                what: "what the call asked for",
                detail: format!(
                    "it has {} effects, {MAX_EFFECTS} are allowed",
                    call.effects.len()
                ),
            });
        }
        let cause = match call.cause {
            CallCause::NewEvent(new) if new.plugin != call.plugin => {
                return Err(StoreError::Invalid {
                    what: "the event",
                    detail: format!("it is for plugin {}, not {}", new.plugin, call.plugin),
                });
            }
            CallCause::NewEvent(new) => Cause::NewEvent(Box::new(Incoming::new(new)?)),
            CallCause::Event { id, attempt } => Cause::Event(id, attempt),
            CallCause::Delivery {
                seq,
                attempt,
                receipt,
            } => Cause::Delivery(seq, attempt, receipt),
        };
        let acting = Acting {
            actor: &call.actor,
            via: &call.via,
        };
        let prepare = |(index, effect): (usize, Effect)| {
            let words = effect.to_string();
            match Prepared::new(effect, &acting, numbers) {
                Ok(prepared) => Ok((words, prepared)),
                Err(why) => Err(refused(index, words, why)),
            }
        };
        let acts = call.effects.iter().any(Effect::acts_on_a_job);
        let effects = call.effects.into_iter().enumerate().map(prepare);
        Ok(Self {
            effects: effects.collect::<Result<_>>()?,
            plugin: call.plugin,
            cause,
            person,
            kv_max_bytes: call.kv_max_bytes,
            button: call.button,
            acts,
        })
    }
}

fn refused(index: usize, effect: String, why: StoreError) -> StoreError {
    match why {
        // What befell the whole transaction is not the effect's fault.
        StoreError::DiskFull | StoreError::Corrupt { .. } | StoreError::Database { .. } => why,
        why => StoreError::Effect {
            index,
            effect,
            why: Box::new(why),
        },
    }
}

fn commit(tx: &mut Tx<'_>, call: &Call) -> Result<Committed> {
    let origin = match &call.cause {
        Cause::NewEvent(event) => {
            if let Err((id, state)) = inbound::handled(tx, event)? {
                return Ok(Committed::Duplicate(id, state));
            }
            chat::Origin::REPLY
        }
        Cause::Event(id, attempt) => {
            inbound::done(tx, &call.plugin, *id, *attempt)?;
            chat::Origin::REPLY
        }
        Cause::Delivery(seq, attempt, receipt) => {
            let told = deliveries::done(tx, &call.plugin, *seq, *attempt, receipt.as_deref())?;
            chat::Origin::of_delivery(&told)
        }
    };
    if let Some(token) = &call.button {
        buttons::press(tx, token, call.acts.then_some(call.person.by.as_str()))?;
    }
    apply(tx, call, origin).map(|jobs| Committed::Done { jobs })
}

fn apply(tx: &mut Tx<'_>, call: &Call, origin: chat::Origin) -> Result<Vec<Job>> {
    let mut jobs = Vec::new();
    if call.effects.is_empty() {
        return Ok(jobs);
    }
    let from = chat::Speaker {
        plugin: &call.plugin,
        origin,
    };
    let mut kept = kv::Changes::begin(tx, &call.plugin)?;
    for (index, (words, effect)) in call.effects.iter().enumerate() {
        let done = effect.apply(tx, &from, &call.person, &mut kept);
        jobs.extend(done.map_err(|why| refused(index, words.clone(), why))?);
    }
    kept.finish(tx, call.kv_max_bytes)?;
    Ok(jobs)
}
