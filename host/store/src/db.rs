//! Connections, and the few helpers that every query is written with.

use crate::error::{Result, StoreError};
use crate::limits;
use nix::fcntl::{FallocateFlags, fallocate};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, Params, Row};
use std::fs::{DirBuilder, OpenOptions, Permissions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Makes the data directory, for the owner only: it holds tasks, logs and the
/// digest of the API token.
pub(crate) fn make_dir(dir: &Path) -> Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(|e| StoreError::io("make the data directory", dir, &e))?;
    // One that was there before may be open to others.
    let failed = |e| StoreError::io("close the data directory to others", dir, &e);
    let mode = std::fs::metadata(dir).map_err(failed)?.permissions().mode();
    if mode & 0o077 != 0 {
        std::fs::set_permissions(dir, Permissions::from_mode(0o700)).map_err(failed)?;
    }
    Ok(())
}

/// The database's path in a data directory.
pub(crate) fn path(dir: &Path) -> PathBuf {
    dir.join(limits::DATABASE_FILE)
}

/// The one connection that writes. Every commit is on disk when it returns.
pub(crate) fn open_writer(path: &Path, busy_timeout: Duration) -> Result<Connection> {
    // SQLite gives its side files the mode of the database, so making it first
    // keeps all of them private whatever the umask is.
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(|e| StoreError::io("open", path, &e))?;
    let conn = open_there(path, OpenFlags::SQLITE_OPEN_READ_WRITE, busy_timeout)?;
    let mode: String =
        conn.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
    if mode != "wal" {
        return Err(StoreError::Io {
            what: format!("open {} with a write-ahead log", path.display()),
            detail: "its file system cannot share memory; use a local disk".into(),
        });
    }
    conn.pragma_update(None, "synchronous", "full")?;
    // What a savepoint would have to put back is a few pages; files for it cost
    // more than all else that a small request does.
    conn.pragma_update(None, "temp_store", "memory")?;
    conn.pragma_update(None, "cache_size", limits::WRITER_CACHE)?;
    conn.pragma_update(None, "wal_autocheckpoint", limits::CHECKPOINT_PAGES)?;
    conn.pragma_update(None, "journal_size_limit", limits::WAL_KEPT_BYTES)?;
    Ok(conn)
}

/// Gives the write-ahead log its disk space before it needs it. A commit that
/// makes the file longer waits for the file system's journal too, and with it for
/// whatever else is being synced; one within the file waits for its own pages.
/// SQLite takes nothing for written that its checksums do not vouch for.
pub(crate) fn make_room(path: &Path) {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let made = OpenOptions::new().write(true).open(&log).and_then(|file| {
        Ok(fallocate(
            file,
            FallocateFlags::empty(),
            0,
            limits::WAL_ROOM,
        )?)
    });
    if let Err(error) = made {
        // It is as safe without, and only slower.
        tracing::debug!(%error, ?log, "the write-ahead log gets no disk space beforehand");
    }
}

/// A connection for checkpoints, of a database that the writer has opened.
pub(crate) fn open_checkpointer(path: &Path, busy_timeout: Duration) -> Result<Connection> {
    let conn = open_there(path, OpenFlags::SQLITE_OPEN_READ_WRITE, busy_timeout)?;
    conn.pragma_update(None, "synchronous", "full")?;
    Ok(conn)
}

/// A connection that cannot write.
pub(crate) fn open_reader(path: &Path, busy_timeout: Duration) -> Result<Connection> {
    open_there(path, OpenFlags::SQLITE_OPEN_READ_ONLY, busy_timeout)
}

/// A connection to a database that is there, used by one thread at a time.
fn open_there(path: &Path, mode: OpenFlags, busy_timeout: Duration) -> Result<Connection> {
    let flags = mode | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    prepare(&conn, busy_timeout)?;
    Ok(conn)
}

fn prepare(conn: &Connection, busy_timeout: Duration) -> Result<()> {
    conn.busy_timeout(busy_timeout)?;
    conn.set_prepared_statement_cache_capacity(limits::STATEMENTS_KEPT);
    // A plan may depend on no value: one that does, such as that of every
    // `LIMIT ?`, is made anew whenever the value changes.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    conn.pragma_update(None, "foreign_keys", true)?;
    conn.pragma_update(None, "trusted_schema", false)?;
    // A mapped file turns an I/O error of the disk into a signal that kills
    // the host; read calls turn it into an error code.
    conn.pragma_update(None, "mmap_size", 0)?;
    Ok(())
}

/// Runs a statement that returns no rows; how many rows it changed.
pub(crate) fn run(conn: &Connection, sql: &str, params: impl Params) -> Result<usize> {
    Ok(conn.prepare_cached(sql)?.execute(params)?)
}

/// Runs an `INSERT`; the new row's number.
pub(crate) fn insert(conn: &Connection, sql: &str, params: impl Params) -> Result<u64> {
    let id = conn.prepare_cached(sql)?.insert(params)?;
    Ok(unsigned(id))
}

/// The first row, if there is one.
pub(crate) fn first<T>(
    conn: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnOnce(&Row<'_>) -> Result<T>,
) -> Result<Option<T>> {
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    match rows.next()? {
        Some(row) => read(row).map(Some),
        None => Ok(None),
    }
}

/// All rows.
pub(crate) fn all<T>(
    conn: &Connection,
    sql: &str,
    params: impl Params,
    mut read: impl FnMut(&Row<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read(row)?);
    }
    Ok(found)
}

/// SQLite's integers are signed. Ids and sums never come near the bound; a
/// larger number from outside is stored as the bound.
pub(crate) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// The other way: checks in the schema keep negative numbers out.
pub(crate) fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

/// JSON as stored, bounded.
pub(crate) fn json(what: &'static str, value: &impl serde::Serialize) -> Result<String> {
    let text = serde_json::to_string(value).map_err(|e| StoreError::Invalid {
        what,
        detail: e.to_string(),
    })?;
    bounded(what, &text, limits::MAX_JSON_BYTES)?;
    Ok(text)
}

/// Refuses a value that is too long.
pub(crate) fn bounded(what: &'static str, text: &str, max_bytes: usize) -> Result<()> {
    bounded_bytes(what, text.len(), max_bytes)
}

/// Refuses a value of too many bytes.
pub(crate) fn bounded_bytes(what: &'static str, bytes: usize, max_bytes: usize) -> Result<()> {
    if bytes <= max_bytes {
        return Ok(());
    }
    Err(StoreError::Invalid {
        what,
        detail: format!("it has {bytes} bytes, {max_bytes} are allowed"),
    })
}

/// Refuses a name that is empty or does not fit a line.
pub(crate) fn name(what: &'static str, text: &str) -> Result<()> {
    if text.is_empty() {
        return Err(StoreError::Invalid {
            what,
            detail: "it is empty".into(),
        });
    }
    bounded(what, text, limits::MAX_NAME_BYTES)
}

/// Cuts free text to what is kept of it.
pub(crate) fn cut(text: &str) -> &str {
    cut_to(text, limits::MAX_TEXT_BYTES)
}

/// Cuts free text to so many bytes.
pub(crate) fn cut_to(text: &str, max_bytes: usize) -> &str {
    &text[..text.floor_char_boundary(max_bytes)]
}
