//! People who may speak to the host, their roles, and how the first one of a
//! source comes in: by a code that counts once. Several may be open.

use super::audit::note;
use super::rows::{named, parse};
use super::{chats, meta};
use crate::db::{all, first, json, name, run, signed, unsigned};
use crate::error::{Result, StoreError};
use crate::limits::{MAX_PAIRING_CODES, MAX_PAIRING_TRIES};
use crate::store::Store;
use crate::types::{NewPerson, Pairing, Person, SeenMessage};
use crate::writer::Tx;
use rusqlite::{Connection, Row, params};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sortie_model::clock::Timestamp;
use sortie_model::people::Role;

/// The codes that are open, as [`Opened`].
const PAIRING: &str = "people.pairing";

/// The code that was used last, as [`Used`].
const PAIRED: &str = "people.paired";

/// Selects what [`person`] reads; the rest of the statement follows.
macro_rules! select_person {
    ($rest:literal) => {
        concat!(
            "SELECT id, source, user, name, role, added_by, added_at FROM people ",
            $rest
        )
    };
}

/// A code that lets somebody in.
#[derive(Clone, Serialize, Deserialize)]
struct Open {
    role: Role,
    /// SHA-256 of the code in hexadecimal.
    code: String,
    expires_at: Timestamp,
    by: String,
    tries: u32,
}

/// What is kept under [`PAIRING`].
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Opened {
    /// The codes, the oldest first.
    Codes(Vec<Open>),
    /// As kept by a host of which one code could be open.
    Code(Open),
}

/// Who came in with which code.
#[derive(Serialize, Deserialize)]
struct Used {
    code: String,
    source: String,
    user: String,
}

impl Store {
    /// The people of a source, or of all.
    pub async fn people(&self, source: Option<&str>) -> Result<Vec<Person>> {
        let source = source.map(str::to_owned);
        self.read(move |conn| {
            all(
                conn,
                select_person!("WHERE ?1 IS NULL OR source = ?1 ORDER BY source, id"),
                [source],
                person,
            )
        })
        .await
    }

    /// The person that a service calls so.
    pub async fn person(&self, source: &str, user: &str) -> Result<Option<Person>> {
        let wanted = [source, user].map(str::to_owned);
        self.look(move |conn| find(conn, &wanted[0], &wanted[1]))
            .await
    }

    /// What a person is called who acts as `plugin/source:user`; none for an
    /// actor that is nobody the store knows.
    pub async fn known_as(&self, actor: &str) -> Result<Option<String>> {
        let actor = actor.to_owned();
        self.look(move |conn| known_as(conn, &actor)).await
    }

    /// What to call who acts in words for people: as [`Store::known_as`] says, or
    /// else as the actor is written down.
    pub async fn called(&self, actor: &str) -> Result<String> {
        let actor = actor.to_owned();
        self.look(move |conn| called(conn, &actor)).await
    }

    /// Lets a person in, or gives one another role, and another name where it
    /// says one. Who was not let in before is told things in their own chat from
    /// then on, also when it was shut.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for an empty or overlong value, and when it would
    /// leave the host without an owner.
    pub async fn put_person(&self, new: NewPerson, actor: &str) -> Result<Person> {
        name("the source", &new.source)?;
        name("the user", &new.user)?;
        if let Some(own) = &new.name {
            name("the person's name", own)?;
        }
        name("who acts", actor)?;
        let actor = actor.to_owned();
        self.write(move |tx| put(tx, &new, &actor)).await
    }

    /// Lets a person speak no more, shuts their own chat, and gives who it was.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Invalid`] for the last owner.
    pub async fn remove_person(&self, id: u64, actor: &str) -> Result<Person> {
        name("who acts", actor)?;
        let actor = actor.to_owned();
        self.write(move |tx| remove(tx, id, &actor)).await
    }

    /// Lets the first in who sends this code, with that role and until then.
    /// Those that are open stay open.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] when [`MAX_PAIRING_CODES`] are open, and for an
    /// empty or overlong value.
    pub async fn open_pairing(
        &self,
        role: Role,
        code_hash: [u8; 32],
        expires_at: Timestamp,
        actor: &str,
    ) -> Result<()> {
        name("who acts", actor)?;
        let open = Open {
            role,
            code: hex::encode(code_hash),
            expires_at,
            by: actor.to_owned(),
            tries: 0,
        };
        self.write(move |tx| open_one(tx, &open)).await
    }

    /// Somebody sent a code. With the right one the person is let in and the
    /// private chat with it, and the code is used up. `person_name` is what somebody
    /// new is called; who is known keeps their name. [`MAX_PAIRING_TRIES`] wrong
    /// ones void all that are open.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for an empty or overlong value.
    pub async fn pair(
        &self,
        source: &str,
        user: &str,
        person_name: &str,
        seen: SeenMessage,
        code_hash: [u8; 32],
    ) -> Result<Pairing> {
        name("the source", source)?;
        name("the user", user)?;
        name("the person's name", person_name)?;
        let [source, user, person_name] = [source, user, person_name].map(str::to_owned);
        let code = hex::encode(code_hash);
        self.write(move |tx| {
            let new = NewPerson {
                source: source.clone(),
                user: user.clone(),
                name: Some(person_name.clone()),
                role: Role::Viewer,
            };
            pair(tx, new, &seen, &code)
        })
        .await
    }
}

fn find(conn: &Connection, source: &str, user: &str) -> Result<Option<Person>> {
    first(
        conn,
        select_person!("WHERE source = ?1 AND user = ?2"),
        [source, user],
        person,
    )
}

/// As [`Store::known_as`], on that connection.
pub(super) fn known_as(conn: &Connection, actor: &str) -> Result<Option<String>> {
    let account = actor
        .split_once('/')
        .and_then(|(_, who)| who.split_once(':'));
    match account {
        Some((source, user)) => Ok(find(conn, source, user)?.map(|person| person.name)),
        None => Ok(None),
    }
}

/// As [`Store::called`], on that connection.
pub(super) fn called(conn: &Connection, actor: &str) -> Result<String> {
    Ok(known_as(conn, actor)?.unwrap_or_else(|| actor.to_owned()))
}

fn put(tx: &Tx<'_>, new: &NewPerson, actor: &str) -> Result<Person> {
    let before = find(tx.conn, &new.source, &new.user)?;
    match &before {
        Some(before) if before.role == Role::Owner && new.role != Role::Owner => {
            keep_an_owner(tx.conn, before.id)?;
        }
        Some(_) => {}
        None => chats::admit(tx, &new.source, &new.user)?,
    }
    let known_as = before.map(|before| before.name);
    let called = new.name.as_ref().or(known_as.as_ref());
    run(
        tx.conn,
        "INSERT INTO people (source, user, name, role, added_by, added_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (source, user) DO UPDATE SET name = excluded.name, role = excluded.role",
        params![
            new.source,
            new.user,
            called.unwrap_or(&new.user),
            new.role.as_str(),
            actor,
            tx.now.0
        ],
    )?;
    let person = find(tx.conn, &new.source, &new.user)?
        .ok_or_else(|| StoreError::row("people", "the person is gone"))?;
    let detail = json!({ "id": person.id, "name": person.name, "role": person.role });
    note(tx, actor, "person.put", &subject(&person), &detail)?;
    Ok(person)
}

fn remove(tx: &Tx<'_>, id: u64, actor: &str) -> Result<Person> {
    let person = first(
        tx.conn,
        select_person!("WHERE id = ?1"),
        [signed(id)],
        person,
    )?
    .ok_or_else(|| StoreError::not_found(format_args!("person {id}")))?;
    if person.role == Role::Owner {
        keep_an_owner(tx.conn, id)?;
    }
    run(tx.conn, "DELETE FROM people WHERE id = ?1", [signed(id)])?;
    // Services call the chat with one person what they call the person.
    let is_shut = chats::shut(tx, &person.source, &person.user)?;
    let detail = json!({
        "id": id,
        "name": person.name,
        "role": person.role,
        "chat_shut": is_shut,
    });
    note(tx, actor, "person.removed", &subject(&person), &detail)?;
    Ok(person)
}

fn subject(person: &Person) -> String {
    format!("{}:{}", person.source, person.user)
}

/// Refuses to take the last owner away.
fn keep_an_owner(conn: &Connection, id: u64) -> Result<()> {
    let other = first(
        conn,
        "SELECT 1 FROM people WHERE role = 'owner' AND id <> ?1 LIMIT 1",
        [signed(id)],
        |_| Ok(()),
    )?;
    other.ok_or_else(|| StoreError::Invalid {
        what: "the change",
        detail: "that person is the last owner; make another one first".into(),
    })
}

fn open_one(tx: &Tx<'_>, open: &Open) -> Result<()> {
    let mut codes = opened(tx)?;
    if codes.len() >= MAX_PAIRING_CODES {
        return Err(StoreError::Invalid {
            what: "the code",
            detail: format!(
                "{MAX_PAIRING_CODES} are open; wait until one is used or its time is over"
            ),
        });
    }
    let detail = json!({ "role": open.role, "expires_at": open.expires_at });
    codes.push(open.clone());
    keep_open(tx, codes)?;
    note(tx, &open.by, "people.pairing", "people", &detail)
}

/// The codes whose time is not over, the oldest first.
fn opened(tx: &Tx<'_>) -> Result<Vec<Open>> {
    let Some(kept) = meta::get(tx.conn, PAIRING)? else {
        return Ok(Vec::new());
    };
    let kept: Opened = parse("meta", &kept)?;
    let mut codes = match kept {
        Opened::Codes(codes) => codes,
        Opened::Code(code) => vec![code],
    };
    codes.retain(|open| open.expires_at > tx.now);
    Ok(codes)
}

/// Makes these the codes that are open.
fn keep_open(tx: &Tx<'_>, codes: Vec<Open>) -> Result<()> {
    match codes.is_empty() {
        true => meta::remove(tx.conn, PAIRING).map(drop),
        false => meta::put(tx.conn, PAIRING, &json("the codes", &Opened::Codes(codes))?),
    }
}

fn pair(tx: &Tx<'_>, new: NewPerson, seen: &SeenMessage, code: &str) -> Result<Pairing> {
    if let Some(used) = meta::get(tx.conn, PAIRED)? {
        let used: Used = parse("meta", &used)?;
        let same = used.code == code && used.source == new.source && used.user == new.user;
        if same && let Some(person) = find(tx.conn, &new.source, &new.user)? {
            return Ok(Pairing::Again(person));
        }
    }
    let mut codes = opened(tx)?;
    if codes.is_empty() {
        keep_open(tx, codes)?;
        return Ok(Pairing::NoneOpen);
    }
    let Some(right) = codes.iter().position(|open| open.code == code) else {
        for open in &mut codes {
            open.tries += 1;
        }
        codes.retain(|open| open.tries < MAX_PAIRING_TRIES);
        keep_open(tx, codes)?;
        return Ok(Pairing::Wrong);
    };
    let open = codes.remove(right);
    keep_open(tx, codes)?;
    let used = Used {
        code: open.code,
        source: new.source.clone(),
        user: new.user.clone(),
    };
    meta::put(tx.conn, PAIRED, &json("the code", &used)?)?;
    // A code takes nothing away from somebody who is trusted with more.
    let before = find(tx.conn, &new.source, &new.user)?;
    let (role, name) = match before {
        Some(before) => (before.role.max(open.role), None),
        None => (open.role, new.name),
    };
    let person = put(tx, &NewPerson { role, name, ..new }, &open.by)?;
    chats::saw(tx, &person.source, seen)?;
    chats::admit(tx, &person.source, &seen.chat)?;
    Ok(Pairing::Paired(person))
}

fn person(row: &Row<'_>) -> Result<Person> {
    Ok(Person {
        id: unsigned(row.get(0)?),
        source: row.get(1)?,
        user: row.get(2)?,
        name: row.get(3)?,
        role: named("people", row, 4, Role::parse)?,
        added_by: row.get(5)?,
        added_at: Timestamp(row.get(6)?),
    })
}
