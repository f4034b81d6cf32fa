//! Folds the write-ahead log back into the database, on a thread and a
//! connection of its own, so that nobody's write waits for it.
//!
//! The writer goes on meanwhile and does it itself only where this falls
//! behind, which keeps the log bounded.

use crate::db;
use crate::error::{Result, StoreError};
use crate::limits::CHECKPOINT_COMMITS;
use rusqlite::Connection;
use std::path::Path;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread::JoinHandle;
use std::time::Duration;

/// The thread, for as long as the writer has it.
pub(crate) struct Checkpointer {
    commits: u32,
    /// Taken to end the thread.
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    /// Starts the thread for a database that has its write-ahead log already.
    pub(crate) fn start(path: &Path, busy_timeout: Duration) -> Result<Self> {
        let conn = db::open_checkpointer(path, busy_timeout)?;
        // One place is enough: a wake that finds it taken is made good by the
        // one that waits there.
        let (wake, woken) = mpsc::sync_channel(1);
        let thread = std::thread::Builder::new()
            .name("store-checkpoint".into())
            .spawn(move || run(&conn, &woken))
            .map_err(|e| StoreError::io("start the checkpoints of", path, &e))?;
        Ok(Self {
            commits: 0,
            wake: Some(wake),
            thread: Some(thread),
        })
    }

    /// Hears of a commit.
    pub(crate) fn committed(&mut self) {
        self.commits += 1;
        if self.commits < CHECKPOINT_COMMITS {
            return;
        }
        self.commits = 0;
        if let Some(wake) = &self.wake {
            let _ = wake.try_send(());
        }
    }
}

impl Drop for Checkpointer {
    /// Waits for a checkpoint under way, and for one that was asked for.
    fn drop(&mut self) {
        self.wake = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the store's checkpoints ended in a panic");
        }
    }
}

fn run(conn: &Connection, woken: &Receiver<()>) {
    while woken.recv().is_ok() {
        if let Err(error) = conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())) {
            // What was committed is in the log, and stays there.
            tracing::warn!(%error, "could not checkpoint the database");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::BUSY_TIMEOUT;

    #[test]
    fn commits_reach_the_database_s_own_file_while_the_writer_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        let path = db::path(dir.path());
        let writer = db::open_writer(&path, BUSY_TIMEOUT).unwrap();
        writer.execute_batch("CREATE TABLE t (n INTEGER)").unwrap();
        let mut checkpointer = Checkpointer::start(&path, BUSY_TIMEOUT).unwrap();
        for n in 0..CHECKPOINT_COMMITS {
            writer.execute("INSERT INTO t VALUES (?1)", [n]).unwrap();
            checkpointer.committed();
        }
        drop(checkpointer);
        writer.execute("INSERT INTO t VALUES (-1)", []).unwrap();

        let alone = dir.path().join("copy.db");
        std::fs::copy(&path, &alone).unwrap();
        let copy = Connection::open(&alone).unwrap();
        let rows = "SELECT count(*) FROM t";
        let rows: u32 = copy.query_row(rows, [], |row| row.get(0)).unwrap();
        assert_eq!(rows, CHECKPOINT_COMMITS);
    }
}
