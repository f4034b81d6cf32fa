//! The schema's versions, and the way up from one to the next.
//!
//! Each migration is one transaction together with its version number, so a
//! host that is killed while upgrading finds the last whole version again.
//! There is no way down: an older host refuses a newer file.

use crate::error::{Result, StoreError};
use crate::limits::DATABASE_FILE;
use rusqlite::Connection;
use rusqlite_migration::{M, Migrations};
use sortie_model::halt::HaltReason;
use std::path::PathBuf;

/// "SORT" in ASCII: marks a database file as Sortie's.
pub(crate) const APPLICATION_ID: i32 = 0x534f_5254;

/// Every migration, in order. Published ones are never edited.
pub(crate) const STEPS: &[&str] = &[
    include_str!("../../../migrations/001_create_core.sql"),
    include_str!("../../../migrations/002_create_runs.sql"),
    include_str!("../../../migrations/003_create_timeline.sql"),
];

/// Brings the database to the newest version, from whichever it has.
pub(crate) fn to_latest(conn: &mut Connection) -> Result<()> {
    check_ours(conn)?;
    to_version(conn, STEPS.len())?;
    add_halt_reasons(conn)
}

/// Brings the database up to `version`.
pub(crate) fn to_version(conn: &mut Connection, version: usize) -> Result<()> {
    Migrations::new(STEPS.iter().map(|sql| M::up(sql)).collect())
        .to_version(conn, version)
        .map_err(|error| match error {
            rusqlite_migration::Error::RusqliteError { err, .. } => err.into(),
            other => StoreError::Database {
                detail: other.to_string(),
            },
        })
}

/// Refuses a file of another application or of a newer host; marks a new one.
fn check_ours(conn: &Connection) -> Result<()> {
    let pragma = |name| conn.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    let known = STEPS.len() as u64;
    let version = pragma("user_version")?;
    let application = pragma("application_id")?;
    let tables: u64 = conn.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if application == 0 && version == 0 && tables == 0 {
        conn.pragma_update(None, "application_id", APPLICATION_ID)?;
        return Ok(());
    }
    if application != APPLICATION_ID {
        return Err(StoreError::Foreign {
            path: PathBuf::from(DATABASE_FILE),
        });
    }
    match u64::try_from(version) {
        Ok(found) if found <= known => Ok(()),
        Ok(found) => Err(StoreError::NewerSchema { found, known }),
        Err(_) => Err(StoreError::Corrupt {
            path: PathBuf::from(DATABASE_FILE),
            detail: format!("its schema version is {version}"),
        }),
    }
}

/// The set is the code's; rows refer to it, so a reason that a newer host adds
/// needs no rebuilt table.
fn add_halt_reasons(conn: &mut Connection) -> Result<()> {
    let tx = conn.transaction()?;
    for reason in HaltReason::ALL {
        tx.execute(
            "INSERT INTO halt_reasons (name) VALUES (?1) ON CONFLICT DO NOTHING",
            [reason.as_str()],
        )?;
    }
    tx.commit()?;
    Ok(())
}
