//! What the host tells of itself, and whether it begins new runs.

use super::audit::note;
use super::people::Person;
use super::rows::{self, named, parse};
use super::{meta, timeline};
use crate::db::{all, cut, json, name, unsigned};
use crate::error::{Result, StoreError};
use crate::store::Store;
use crate::types::Pause;
use crate::writer::Tx;
use rusqlite::Connection;
use serde_json::{Value, json};
use sortie_model::clock::Timestamp;
use sortie_model::halt::HaltReason;
use sortie_model::id::EventSeq;

/// The pause, as [`Pause`], while there is one.
pub(super) const PAUSED: &str = "intake.paused";

/// What the alarm goes by: `fired_at` after one, `resumed_at` after a person
/// let the intake go on; both are times in milliseconds.
const ALARM: &str = "alarm.state";

/// The halts since a moment, by reason.
pub(super) const HALTS: &str = "SELECT data ->> '$.reason', count(*) FROM events
     WHERE kind = 'job.halted' AND at >= ?1 GROUP BY 1 ORDER BY 2 DESC, 1";

impl Store {
    /// Tells those who listen of something about the host itself, such as
    /// `host.digest`. With a name and a key it is told once: none when the same
    /// name came with that key last.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] when the kind does not begin with `host.`, and
    /// for an empty or overlong value.
    pub async fn tell_host(
        &self,
        kind: &str,
        data: Value,
        once: Option<(&str, &str)>,
    ) -> Result<Option<EventSeq>> {
        name("the event's kind", kind)?;
        if !kind.starts_with("host.") {
            return Err(StoreError::Invalid {
                what: "the event's kind",
                detail: "one about the host begins with host.".into(),
            });
        }
        if let Some((of, key)) = once {
            name("what is told once", of)?;
            name("the key", key)?;
        }
        let once = once.map(|(of, key)| (format!("told.{of}"), key.to_owned()));
        let kind = kind.to_owned();
        self.write(move |tx| {
            if let Some((of, key)) = &once {
                if meta::get(tx.conn, of)?.as_ref() == Some(key) {
                    return Ok(None);
                }
                meta::put(tx.conn, of, key)?;
            }
            timeline::append_of_host(tx, &kind, &data).map(Some)
        })
        .await
    }

    /// Raises the alarm, and pauses the intake with it if that is wanted.
    pub async fn alarm(&self, data: Value, pause: bool) -> Result<EventSeq> {
        self.write(move |tx| {
            let state = json!({ "fired_at": tx.now.0 });
            meta::put(tx.conn, ALARM, &state.to_string())?;
            let seq = timeline::append_of_host(tx, "host.alarm", &data)?;
            if pause {
                let host = Person::of("sortie", "alarm")?;
                self::pause(tx, &host, Some("too many jobs halted"))?;
            }
            Ok(seq)
        })
        .await
    }

    /// The jobs that halted since then, by reason, the most frequent first.
    pub async fn halts_since(&self, since: Timestamp) -> Result<Vec<(HaltReason, u64)>> {
        self.read(move |conn| {
            all(conn, HALTS, [since.0], |row| {
                let reason = named("events", row, 0, rows::halt_reason)?;
                Ok((reason, unsigned(row.get(1)?)))
            })
        })
        .await
    }

    /// Lets no new run begin; what runs goes on, and so does what a person
    /// released. False when it was paused already.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for an empty or overlong name.
    pub async fn pause_intake(&self, by: &str, via: &str, why: Option<&str>) -> Result<bool> {
        let person = Person::of(by, via)?;
        let why = why.map(|why| cut(why).to_owned());
        self.write(move |tx| pause(tx, &person, why.as_deref()))
            .await
    }

    /// Lets new runs begin again. False when nothing was paused.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for an empty or overlong name.
    pub async fn resume_intake(&self, by: &str, via: &str) -> Result<bool> {
        let person = Person::of(by, via)?;
        self.write(move |tx| resume(tx, &person)).await
    }

    /// Whether no new run begins, and why.
    pub async fn intake_pause(&self) -> Result<Option<Pause>> {
        self.look(paused).await
    }
}

/// The pause, while there is one.
pub(super) fn paused(conn: &Connection) -> Result<Option<Pause>> {
    meta::get(conn, PAUSED)?
        .map(|text| parse("meta", &text))
        .transpose()
}

/// Whether no new run begins.
pub(super) fn is_paused(conn: &Connection) -> Result<bool> {
    Ok(meta::get(conn, PAUSED)?.is_some())
}

fn pause(tx: &mut Tx<'_>, person: &Person, why: Option<&str>) -> Result<bool> {
    if is_paused(tx.conn)? {
        return Ok(false);
    }
    let pause = Pause {
        by: person.by.clone(),
        via: person.via.clone(),
        why: why.map(str::to_owned),
        at: tx.now,
    };
    meta::put(tx.conn, PAUSED, &json("the pause", &pause)?)?;
    let mut data = json!({ "by": person.by, "via": person.via });
    if let Some(why) = why {
        data["why"] = why.into();
    }
    timeline::append_of_host(tx, "host.paused", &data)?;
    note(tx, &person.by, "intake.paused", "intake", &data)?;
    Ok(true)
}

fn resume(tx: &mut Tx<'_>, person: &Person) -> Result<bool> {
    if !meta::remove(tx.conn, PAUSED)? {
        return Ok(false);
    }
    let state = json!({ "resumed_at": tx.now.0 });
    meta::put(tx.conn, ALARM, &state.to_string())?;
    let data = json!({ "by": person.by, "via": person.via });
    timeline::append_of_host(tx, "host.resumed", &data)?;
    note(tx, &person.by, "intake.resumed", "intake", &data)?;
    tx.signals.work = true;
    Ok(true)
}
