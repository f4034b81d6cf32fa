//! Reads: a few connections that cannot write, each used by one query at a
//! time on the runtime's blocking threads; and those that are so short that
//! they are made where they are asked for.

use crate::db;
use crate::error::{Result, StoreError};
use rusqlite::Connection;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;

/// The pool.
pub(crate) struct Readers {
    path: PathBuf,
    places: Arc<Semaphore>,
    size: u32,
    busy_timeout: Duration,
    idle: Mutex<Vec<Connection>>,
    /// For short looks; a connection is made when none is here.
    quick: Mutex<Vec<Connection>>,
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
            idle: Mutex::default(),
            quick: Mutex::default(),
        }
    }

    /// Looks a few rows up by an index, without another thread: waking one
    /// takes longer than the look. Each statement sees what was committed before
    /// it: what must all see one state is for [`Readers::read`], as is what has
    /// to wait for anybody's lock.
    pub(crate) async fn look<T, F>(self: &Arc<Self>, query: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&Connection) -> Result<T> + Send + 'static,
    {
        match self.look_now(&query) {
            Err(StoreError::Busy) => self.read(query).await,
            found => found,
        }
    }

    fn look_now<T>(&self, query: impl Fn(&Connection) -> Result<T>) -> Result<T> {
        if self.places.is_closed() {
            return Err(StoreError::Closed);
        }
        let kept = lock(&self.quick).pop();
        // No more of them are open than threads look at once.
        let conn = match kept {
            Some(conn) => conn,
            None => db::open_reader(&self.path, Duration::ZERO)?,
        };
        let found = query(&conn)?;
        if !self.places.is_closed() {
            lock(&self.quick).push(conn);
        }
        Ok(found)
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
            lock(&self.idle).clear();
            lock(&self.quick).clear();
        }
    }

    fn take(&self) -> Option<Connection> {
        lock(&self.idle).pop()
    }

    fn give(&self, conn: Connection) {
        lock(&self.idle).push(conn);
    }
}

fn lock(connections: &Mutex<Vec<Connection>>) -> MutexGuard<'_, Vec<Connection>> {
    // The list is whole whenever it is unlocked, also after a panic.
    connections.lock().unwrap_or_else(PoisonError::into_inner)
}
