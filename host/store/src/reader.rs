//! Reads: a few connections that cannot write, each used by one query at a
//! time on the runtime's blocking threads.

use crate::db;
use crate::error::{Result, StoreError};
use rusqlite::Connection;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;

/// The pool.
pub(crate) struct Readers {
    path: PathBuf,
    places: Arc<Semaphore>,
    size: u32,
    busy_timeout: Duration,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    /// A pool of at most `size` connections, opened when first needed.
    pub(crate) fn new(path: PathBuf, size: usize, busy_timeout: Duration) -> Self {
        let size = u32::try_from(size).unwrap_or(u32::MAX).clamp(1, 64);
        Self {
            path,
            places: Arc::new(Semaphore::new(size as usize)),
            size,
            busy_timeout,
            idle: Mutex::new(Vec::new()),
        }
    }

    /// Runs a query on one state of the database, committed before now.
    pub(crate) async fn read<T, F>(self: &Arc<Self>, query: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        let place = Arc::clone(&self.places)
            .acquire_owned()
            .await
            .map_err(|_| StoreError::Closed)?;
        let pool = Arc::clone(self);
        tokio::task::spawn_blocking(move || {
            let _place = place;
            let conn = match pool.take() {
                Some(conn) => conn,
                None => db::open_reader(&pool.path, pool.busy_timeout)?,
            };
            // Several statements of one query must see the same state.
            let tx = conn.unchecked_transaction()?;
            let result = query(&tx);
            tx.finish()?;
            pool.give(conn);
            result
        })
        .await
        .map_err(|_| StoreError::Panicked)?
    }

    /// Waits for the queries under way and ends: later ones are refused.
    pub(crate) async fn close(&self) {
        if let Ok(places) = self.places.acquire_many(self.size).await {
            self.places.close();
            drop(places);
            self.lock().clear();
        }
    }

    fn take(&self) -> Option<Connection> {
        self.lock().pop()
    }

    fn give(&self, conn: Connection) {
        self.lock().push(conn);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        // The list is whole whenever it is unlocked, also after a panic.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
