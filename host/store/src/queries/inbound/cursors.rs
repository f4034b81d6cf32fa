//! Where the sources of plugins stand: the place that each goes on from.

use crate::db::{first, json, name, run};
use crate::error::Result;
use crate::queries::rows::parse;
use crate::queries::{audit, chats};
use crate::store::Store;
use crate::types::{AuditEntry, SeenMessage};
use crate::writer::Tx;
use rusqlite::params;
use serde_json::Value;

impl Store {
    /// Moves a source on past something that its plugin does not hear, with a
    /// row for the log that says why.
    ///
    /// # Errors
    /// [`StoreError::Invalid`](crate::StoreError::Invalid) for an empty or
    /// overlong value.
    pub async fn move_cursor(
        &self,
        plugin: &str,
        source: &str,
        cursor: Value,
        seen: Option<SeenMessage>,
        note: Option<AuditEntry>,
    ) -> Result<()> {
        name("the plugin's name", plugin)?;
        name("the source's name", source)?;
        let cursor = json("the source's place", &cursor)?;
        let note = note.map(audit::Entry::new).transpose()?;
        let (plugin, source) = (plugin.to_owned(), source.to_owned());
        self.write(move |tx| {
            if let Some(seen) = &seen {
                chats::saw(tx, &source, seen)?;
            }
            if let Some(note) = &note {
                note.append(tx)?;
            }
            set_cursor(tx, &plugin, &source, &cursor)
        })
        .await
    }

    /// Where a source stands, as its last event said.
    pub async fn source_cursor(&self, plugin: &str, source: &str) -> Result<Option<Value>> {
        let (plugin, source) = (plugin.to_owned(), source.to_owned());
        self.look(move |conn| {
            first(
                conn,
                "SELECT cursor FROM plugin_cursors WHERE plugin = ?1 AND source = ?2",
                [&plugin, &source],
                |row| parse("plugin_cursors", &row.get::<_, String>(0)?),
            )
        })
        .await
    }
}

pub(in crate::queries) fn set_cursor(
    tx: &Tx<'_>,
    plugin: &str,
    source: &str,
    cursor: &str,
) -> Result<()> {
    run(
        tx.conn,
        "INSERT INTO plugin_cursors (plugin, source, cursor, moved_at) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (plugin, source) DO UPDATE SET
             cursor = excluded.cursor, moved_at = excluded.moved_at",
        params![plugin, source, cursor, tx.now.0],
    )?;
    Ok(())
}

/// Forgets where a plugin's sources stand.
pub(in crate::queries) fn forget_cursors(tx: &Tx<'_>, plugin: &str) -> Result<()> {
    run(
        tx.conn,
        "DELETE FROM plugin_cursors WHERE plugin = ?1",
        [plugin],
    )?;
    Ok(())
}
