//! Small facts about the store as a whole, and whether it works.

use super::{deliveries, host, stats, threads};
use crate::db::{first, name, run, unsigned};
use crate::error::{Result, StoreError};
use crate::store::Store;
use crate::types::QueueStats;
use crate::writer::Tx;
use rusqlite::{Connection, params};
use sortie_model::clock::Timestamp;
use sortie_model::id::Token;

/// Keys that begin so are the store's own.
const RESERVED: &str = "store.";

impl Store {
    /// A value that the host keeps under `key`.
    pub async fn meta_get(&self, key: &str) -> Result<Option<String>> {
        let key = key.to_owned();
        self.read(move |conn| get(conn, &key)).await
    }

    /// Keeps `value` under `key`, in place of what was there.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for an empty or overlong key, or one that
    /// begins with `store.`.
    pub async fn meta_put(&self, key: &str, value: &str) -> Result<()> {
        name("the key", key)?;
        if key.starts_with(RESERVED) {
            return Err(StoreError::Invalid {
                what: "the key",
                detail: format!("names that begin with {RESERVED:?} are the store's own"),
            });
        }
        let (key, value) = (key.to_owned(), value.to_owned());
        self.write(move |tx| put(tx.conn, &key, &value)).await
    }

    /// Writes a row and waits until it is on disk: what `/readyz` asks.
    pub async fn health(&self) -> Result<()> {
        self.write(|tx| put(tx.conn, "store.checked_at", &tx.now.0.to_string()))
            .await
    }

    /// Whether some job could be claimed now, if there is a place for it. Cheap
    /// however long the history is.
    pub async fn has_claimable(&self) -> Result<bool> {
        let now = self.clock().now();
        self.look(move |conn| {
            let found = first(
                conn,
                "SELECT EXISTS (SELECT 1 FROM jobs WHERE phase = 'approved')
                     OR (NOT EXISTS (SELECT 1 FROM meta WHERE key = ?2)
                     AND EXISTS (SELECT 1 FROM projects p WHERE EXISTS (
                         SELECT 1 FROM jobs j WHERE j.phase = 'queued'
                         AND j.project_id = p.id AND j.due_at <= ?1)))",
                params![now.0, host::PAUSED],
                |row| Ok(row.get::<_, bool>(0)?),
            )?;
            Ok(found.unwrap_or(false))
        })
        .await
    }

    /// How the queue stands.
    pub async fn queue_stats(&self) -> Result<QueueStats> {
        let now = self.clock().now();
        self.read(move |conn| stats(conn, now)).await
    }
}

pub(super) fn get(conn: &Connection, key: &str) -> Result<Option<String>> {
    first(
        conn,
        "SELECT CAST(value AS TEXT) FROM meta WHERE key = ?1",
        [key],
        |row| Ok(row.get(0)?),
    )
}

pub(super) fn put(conn: &Connection, key: &str, value: &str) -> Result<()> {
    run(
        conn,
        "INSERT INTO meta (key, value) VALUES (?1, ?2)
         ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        [key, value],
    )?;
    Ok(())
}

/// Forgets what is under a key; whether something was.
pub(super) fn remove(conn: &Connection, key: &str) -> Result<bool> {
    Ok(run(conn, "DELETE FROM meta WHERE key = ?1", [key])? > 0)
}

/// The instance id, made now when there is none yet.
pub(crate) fn ensure_instance_id(conn: &Connection) -> Result<String> {
    const KEY: &str = "store.instance_id";
    if let Some(id) = get(conn, KEY)? {
        return Ok(id);
    }
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes).map_err(|e| StoreError::Io {
        what: "draw a random instance id".into(),
        detail: e.to_string(),
    })?;
    let id = hex::encode(bytes);
    put(conn, KEY, &id)?;
    Ok(id)
}

/// A token greater than every one before it.
pub(super) fn next_token(tx: &Tx<'_>) -> Result<Token> {
    let token = first(
        tx.conn,
        "UPDATE meta SET value = value + 1 WHERE key = 'store.last_token' RETURNING value",
        [],
        |row| Ok(Token(unsigned(row.get(0)?))),
    )?;
    token.ok_or_else(|| StoreError::row("meta", "the token counter is gone"))
}

fn stats(conn: &Connection, now: Timestamp) -> Result<QueueStats> {
    let counts = stats::queue(conn)?;
    let mut stats = QueueStats {
        queued: counts.queued,
        running: counts.running,
        waiting: counts.waiting,
        approved: counts.approved,
        ..QueueStats::default()
    };
    stats.postponed = first(
        conn,
        "SELECT count(*) FROM jobs WHERE phase = 'queued' AND due_at > ?1 AND due_at < ?2",
        params![now.0, threads::NEVER],
        |row| Ok(unsigned(row.get(0)?)),
    )?
    .unwrap_or(0);
    stats.oldest_due = first(
        conn,
        "SELECT min(due_at) FROM jobs WHERE phase IN ('queued', 'approved') AND due_at <= ?1",
        params![now.0],
        |row| Ok(row.get::<_, Option<i64>>(0)?.map(Timestamp)),
    )?
    .flatten();
    stats.undelivered = deliveries::waiting(conn)?;
    Ok(stats)
}
