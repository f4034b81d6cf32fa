//! The log of who changed what. It only grows; the schema refuses the rest.

use super::rows::parse;
use crate::db::{all, first, insert, json, name, signed, unsigned};
use crate::error::{Result, StoreError};
use crate::limits::MAX_PAGE;
use crate::store::Store;
use crate::types::{AuditEntry, AuditFilter, AuditRecord};
use crate::writer::Tx;
use rusqlite::{Connection, Row, params};
use serde_json::Value;
use sortie_model::clock::Timestamp;

/// The action that follows one in the log, in the order of names. There are as
/// many as the host's code has words for, so that walking over them is cheap.
pub(super) const NEXT_ACTION: &str = "SELECT min(action) FROM audit WHERE action > ?1";

/// The same among the rows about one subject.
pub(super) const NEXT_ACTION_OF_SUBJECT: &str =
    "SELECT min(action) FROM audit WHERE subject = ?2 AND action > ?1";

/// A page of the rows with one action.
pub(super) const PAGE_OF_ACTION: &str = "SELECT id FROM audit
     WHERE action = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3";

/// A page of the rows with one action about one subject.
pub(super) const PAGE_OF_SUBJECT: &str = "SELECT id FROM audit
     WHERE subject = ?4 AND action = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3";

impl Store {
    /// Adds a row to the log and gives its number.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for an empty or overlong value.
    pub async fn audit(&self, entry: AuditEntry) -> Result<u64> {
        let entry = Entry::new(entry)?;
        self.write(move |tx| entry.append(tx)).await
    }

    /// A page of the log, newest first.
    pub async fn audit_log(&self, filter: AuditFilter) -> Result<Vec<AuditRecord>> {
        self.read(move |conn| list(conn, &filter)).await
    }
}

/// A row that may be added.
pub(super) struct Entry {
    entry: AuditEntry,
    detail: String,
}

impl Entry {
    pub(super) fn new(entry: AuditEntry) -> Result<Self> {
        name("who acts", &entry.actor)?;
        name("the action", &entry.action)?;
        name("the subject", &entry.subject)?;
        let detail = json("the detail", &entry.detail)?;
        Ok(Self { entry, detail })
    }

    pub(super) fn append(&self, tx: &Tx<'_>) -> Result<u64> {
        let entry = &self.entry;
        append(
            tx,
            &entry.actor,
            &entry.action,
            &entry.subject,
            &self.detail,
        )
    }
}

fn append(tx: &Tx<'_>, actor: &str, action: &str, subject: &str, detail: &str) -> Result<u64> {
    insert(
        tx.conn,
        "INSERT INTO audit (at, actor, action, subject, detail) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![tx.now.0, actor, action, subject, detail],
    )
}

/// Adds the row that belongs to a change, in the transaction of the change.
pub(super) fn note(
    tx: &Tx<'_>,
    actor: &str,
    action: &'static str,
    subject: &str,
    detail: &Value,
) -> Result<()> {
    append(tx, actor, action, subject, &json("the detail", detail)?)?;
    Ok(())
}

/// Each action asked for is a stretch of an index that ends with its newest
/// row, and the page is what comes first of all stretches. So a page costs the
/// same however long the log is, and however rare what was asked for.
fn list(conn: &Connection, filter: &AuditFilter) -> Result<Vec<AuditRecord>> {
    let limit = match filter.limit {
        0 => MAX_PAGE,
        limit => limit.min(MAX_PAGE),
    };
    let before = filter.before.map_or(i64::MAX, signed);
    let mut ids: Vec<i64> = Vec::new();
    if filter.subject.is_none() && filter.action.is_empty() {
        ids = all(
            conn,
            "SELECT id FROM audit WHERE id < ?1 ORDER BY id DESC LIMIT ?2",
            params![before, limit],
            |row| Ok(row.get(0)?),
        )?;
    } else {
        for action in actions(conn, filter)? {
            let id = |row: &Row<'_>| Ok(row.get::<_, i64>(0)?);
            ids.extend(match &filter.subject {
                None => all(conn, PAGE_OF_ACTION, params![action, before, limit], id)?,
                Some(subject) => all(
                    conn,
                    PAGE_OF_SUBJECT,
                    params![action, before, limit, subject],
                    id,
                )?,
            });
        }
    }
    ids.sort_unstable_by(|a, b| b.cmp(a));
    ids.truncate(limit as usize);
    ids.into_iter().map(|id| get(conn, id)).collect()
}

/// The actions that the log has under the filter's prefix.
fn actions(conn: &Connection, filter: &AuditFilter) -> Result<Vec<String>> {
    let next = |after: &str| {
        let read = |row: &Row<'_>| Ok(row.get::<_, Option<String>>(0)?);
        let found = match &filter.subject {
            None => first(conn, NEXT_ACTION, [after], read),
            Some(subject) => first(conn, NEXT_ACTION_OF_SUBJECT, [after, subject], read),
        };
        Ok::<_, StoreError>(found?.flatten())
    };
    let mut actions = Vec::new();
    // No action is empty, so the first one follows the empty name. The prefix
    // itself may be an action, and sorts before all that it begins.
    let mut at = next("")?;
    while let Some(action) = at {
        at = if action.starts_with(&filter.action) {
            let following = next(&action)?;
            actions.push(action);
            following
        } else if action < filter.action {
            next(&action)?
        } else {
            None
        };
    }
    Ok(actions)
}

fn get(conn: &Connection, id: i64) -> Result<AuditRecord> {
    let found = first(
        conn,
        "SELECT id, at, actor, action, subject, detail FROM audit WHERE id = ?1",
        [id],
        |row| {
            Ok(AuditRecord {
                id: unsigned(row.get(0)?),
                at: Timestamp(row.get(1)?),
                actor: row.get(2)?,
                action: row.get(3)?,
                subject: row.get(4)?,
                detail: parse("audit", &row.get::<_, String>(5)?)?,
            })
        },
    )?;
    found.ok_or_else(|| StoreError::not_found(format_args!("row {id} of the audit log")))
}
