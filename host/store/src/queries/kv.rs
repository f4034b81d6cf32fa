//! What plugins keep: reading it, and the changes that a call's effects make.

use crate::db::{all, first, run, signed, unsigned};
use crate::error::{Result, StoreError};
use crate::limits::{MAX_KV_KEY_BYTES, MAX_KV_VALUE_BYTES, MAX_PAGE};
use crate::store::Store;
use crate::writer::Tx;
use rusqlite::{Connection, params};

impl Store {
    /// The value of a plugin's key, if there is one.
    pub async fn kv_get(&self, plugin: &str, key: &str) -> Result<Option<Vec<u8>>> {
        let (plugin, key) = (plugin.to_owned(), key.to_owned());
        self.look(move |conn| {
            first(
                conn,
                "SELECT value FROM plugin_kv WHERE plugin = ?1 AND key = ?2",
                params![plugin, key.as_bytes()],
                |row| Ok(row.get(0)?),
            )
        })
        .await
    }

    /// A plugin's keys that begin with `prefix` and follow `after`, in the
    /// order of their bytes; at most `limit`, and never more than
    /// [`MAX_PAGE`].
    pub async fn kv_keys(
        &self,
        plugin: &str,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<String>> {
        let (plugin, prefix) = (plugin.to_owned(), prefix.to_owned());
        let after = after.map(str::to_owned);
        self.read(move |conn| keys(conn, &plugin, &prefix, after.as_deref(), limit))
            .await
    }

    /// What a plugin's keys and values add up to, in bytes.
    pub async fn kv_bytes(&self, plugin: &str) -> Result<u64> {
        let plugin = plugin.to_owned();
        self.look(move |conn| bytes(conn, &plugin)).await
    }
}

fn keys(
    conn: &Connection,
    plugin: &str,
    prefix: &str,
    after: Option<&str>,
    limit: u32,
) -> Result<Vec<String>> {
    // 0xff is no byte of UTF-8: what begins with the prefix lies between the
    // prefix and the prefix with that byte.
    let end = [prefix.as_bytes(), &[0xff]].concat();
    // A key has at least one byte, so all keys follow the empty one.
    let after = after.unwrap_or_default().as_bytes();
    all(
        conn,
        "SELECT key FROM plugin_kv
         WHERE plugin = ?1 AND key >= ?2 AND key < ?3 AND key > ?4 ORDER BY key LIMIT ?5",
        params![plugin, prefix.as_bytes(), end, after, limit.min(MAX_PAGE)],
        |row| String::from_utf8(row.get(0)?).map_err(|e| StoreError::row("plugin_kv", e)),
    )
}

fn bytes(conn: &Connection, plugin: &str) -> Result<u64> {
    let bytes = first(
        conn,
        "SELECT bytes FROM plugin_kv_sizes WHERE plugin = ?1",
        [plugin],
        |row| Ok(unsigned(row.get(0)?)),
    )?;
    Ok(bytes.unwrap_or(0))
}

/// Refuses a key or a value that is too long.
pub(super) fn check(key: &str, value: &[u8]) -> Result<()> {
    let detail = if key.is_empty() || key.len() > MAX_KV_KEY_BYTES {
        format!(
            "a key has 1 to {MAX_KV_KEY_BYTES} bytes, this one {}",
            key.len()
        )
    } else if value.len() > MAX_KV_VALUE_BYTES {
        format!(
            "a value has at most {MAX_KV_VALUE_BYTES} bytes, this one {}",
            value.len()
        )
    } else {
        return Ok(());
    };
    Err(StoreError::Invalid {
        what: "what a plugin keeps",
        detail,
    })
}

/// The changes of one call to one plugin's keys. The size is counted along and
/// written once, by [`Changes::finish`].
pub(super) struct Changes<'a> {
    plugin: &'a str,
    before: u64,
    now: u64,
}

impl<'a> Changes<'a> {
    pub(super) fn begin(tx: &Tx<'_>, plugin: &'a str) -> Result<Self> {
        let before = bytes(tx.conn, plugin)?;
        Ok(Self {
            plugin,
            before,
            now: before,
        })
    }

    /// Sets a value; none removes the key.
    pub(super) fn put(&mut self, tx: &Tx<'_>, key: &str, value: Option<&[u8]>) -> Result<()> {
        let key = key.as_bytes();
        let old = first(
            tx.conn,
            "SELECT length(key) + length(value) FROM plugin_kv WHERE plugin = ?1 AND key = ?2",
            params![self.plugin, key],
            |row| Ok(unsigned(row.get(0)?)),
        )?;
        self.now = self.now.saturating_sub(old.unwrap_or(0));
        match value {
            None => run(
                tx.conn,
                "DELETE FROM plugin_kv WHERE plugin = ?1 AND key = ?2",
                params![self.plugin, key],
            )?,
            Some(value) => {
                self.now += (key.len() + value.len()) as u64;
                run(
                    tx.conn,
                    "INSERT INTO plugin_kv (plugin, key, value) VALUES (?1, ?2, ?3)
                     ON CONFLICT (plugin, key) DO UPDATE SET value = excluded.value",
                    params![self.plugin, key, value],
                )?
            }
        };
        Ok(())
    }

    /// Refuses what grew past the quota. One that is over it already, because
    /// the quota was lowered, may shrink.
    pub(super) fn finish(self, tx: &Tx<'_>, max_bytes: u64) -> Result<()> {
        if self.now > max_bytes && self.now > self.before {
            return Err(StoreError::Quota {
                plugin: self.plugin.to_owned(),
                bytes: self.now,
                max_bytes,
            });
        }
        if self.now != self.before {
            run(
                tx.conn,
                "INSERT INTO plugin_kv_sizes (plugin, bytes) VALUES (?1, ?2)
                 ON CONFLICT (plugin) DO UPDATE SET bytes = excluded.bytes",
                params![self.plugin, signed(self.now)],
            )?;
        }
        Ok(())
    }
}

/// Forgets all that a plugin keeps.
pub(super) fn erase(tx: &Tx<'_>, plugin: &str) -> Result<()> {
    run(tx.conn, "DELETE FROM plugin_kv WHERE plugin = ?1", [plugin])?;
    run(
        tx.conn,
        "DELETE FROM plugin_kv_sizes WHERE plugin = ?1",
        [plugin],
    )?;
    Ok(())
}
