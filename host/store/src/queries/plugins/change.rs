//! What a change of a plugin is checked for before anything is written: who
//! acts and why, that the values may be stored, and that the plugin is
//! installed as the caller thinks. Never writes.

use crate::db::{cut_to, first, json, name};
use crate::error::{Result, StoreError};
use crate::limits::MAX_FAILURE_BYTES;
use crate::queries::rows::{plugin, select_plugin};
use crate::types::{InstalledPlugin, NewPlugin};
use rusqlite::Connection;

/// Who changes a plugin, and what it lacks to run afterwards, if anything.
pub(super) struct Change {
    pub(super) actor: String,
    pub(super) lacks: Option<String>,
}

impl Change {
    pub(super) fn new(actor: &str, lacks: Option<String>) -> Result<Self> {
        name("who acts", actor)?;
        if lacks.as_ref().is_some_and(|why| why.trim().is_empty()) {
            return Err(StoreError::Invalid {
                what: "why the plugin is disabled",
                detail: "it is empty; say why".into(),
            });
        }
        Ok(Self {
            actor: actor.to_owned(),
            lacks: lacks.map(|why| cut_to(&why, MAX_FAILURE_BYTES).to_owned()),
        })
    }
}

/// A version that may be stored.
pub(super) struct Checked {
    pub(super) new: NewPlugin,
    pub(super) manifest: String,
}

impl Checked {
    pub(super) fn new(new: NewPlugin) -> Result<Self> {
        name("the plugin's name", &new.name)?;
        name("the plugin's version", &new.version)?;
        name("where the plugin comes from", &new.source)?;
        let hex = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
        if new.digest.len() != 64 || !new.digest.bytes().all(hex) {
            return Err(StoreError::Invalid {
                what: "the plugin's digest",
                detail: "it has to be 64 lower-case hexadecimal digits".into(),
            });
        }
        let manifest = json("the plugin's manifest", &new.manifest)?;
        Ok(Self { new, manifest })
    }
}

pub(super) fn refused(action: &'static str, name: &str, detail: impl Into<String>) -> StoreError {
    StoreError::Plugin {
        action,
        name: name.to_owned(),
        detail: detail.into(),
    }
}

pub(super) fn find(conn: &Connection, name: &str) -> Result<Option<InstalledPlugin>> {
    first(conn, select_plugin!("WHERE name = ?1"), [name], plugin)
}

/// The plugin, or that it is not installed.
pub(super) fn installed(
    conn: &Connection,
    action: &'static str,
    name: &str,
) -> Result<InstalledPlugin> {
    find(conn, name)?.ok_or_else(|| {
        refused(
            action,
            name,
            "it is not installed; `sortie plugin list` shows which are",
        )
    })
}

/// The plugin, if that is the version of it that is installed.
pub(super) fn installed_as(
    conn: &Connection,
    action: &'static str,
    name: &str,
    digest: &str,
) -> Result<InstalledPlugin> {
    let found = installed(conn, action, name)?;
    if found.digest != digest {
        let detail = format!(
            "version {} ({}) is installed by now; look at that one",
            found.version, found.digest
        );
        return Err(refused(action, name, detail));
    }
    Ok(found)
}
