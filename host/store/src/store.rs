//! The handle: opens the store, passes requests to the writer and queries to
//! the readers, and hands out the signals.

use crate::checkpoint::Checkpointer;
use crate::error::{Result, StoreError};
use crate::lock::DirLock;
use crate::numbers::Numbers;
use crate::options::StoreOptions;
use crate::reader::Readers;
use crate::writer::{self, Listeners, Message, Tx, Writer};
use crate::{db, limits, migrate};
use rusqlite::Connection;
use sortie_model::clock::Clock;
use sortie_model::id::{EventSeq, RunId};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{broadcast, mpsc, watch};

/// Cancelled runs that a slow listener may be behind; it then hears that it
/// missed some and has to look for itself.
const CANCELS_KEPT: usize = 256;

/// A handle on the store; clones share it. The store is closed by
/// [`Store::close`] or when the last handle is dropped, which then waits for
/// the commit under way.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store")
            .field("path", &self.inner.path)
            .field("instance_id", &self.inner.instance_id)
            .finish_non_exhaustive()
    }
}

struct Inner {
    path: PathBuf,
    instance_id: String,
    clock: Arc<dyn Clock>,
    requests: mpsc::Sender<Message>,
    readers: Arc<Readers>,
    listeners: Listeners,
    numbers: Arc<Numbers>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Store {
    /// Opens the store in `options.dir`: takes the directory's lock, upgrades
    /// the schema when it is older, and starts the writer. Blocks for as long
    /// as the upgrade takes.
    ///
    /// # Errors
    /// [`StoreError::Held`] when another host has the directory,
    /// [`StoreError::NewerSchema`], [`StoreError::Foreign`] or
    /// [`StoreError::Corrupt`] when the file is none that this host can use,
    /// [`StoreError::Busy`] when another program has locked the database,
    /// [`StoreError::DiskFull`] and [`StoreError::Io`] as the system says.
    pub fn open(options: StoreOptions) -> Result<Self> {
        db::make_dir(&options.dir)?;
        let path = db::path(&options.dir);
        let lock = DirLock::take(&options.dir, options.clock.now())?;
        let (conn, instance_id, newest, numbers) =
            open_database(&path, options.busy_timeout).map_err(|error| at(error, &path))?;
        let listeners = Listeners {
            work: watch::Sender::new(0),
            events: watch::Sender::new(newest),
            chat: watch::Sender::new(0),
            inbound: watch::Sender::new(0),
            deliveries: watch::Sender::new(0),
            egress: watch::Sender::new(0),
            numbers: Arc::clone(&numbers),
            cancels: broadcast::Sender::new(CANCELS_KEPT),
        };
        let checkpointer =
            Checkpointer::start(&path, options.busy_timeout).map_err(|error| at(error, &path))?;
        let (requests, receiver) = mpsc::channel(options.write_queue.max(1));
        let writer = Writer {
            requests: receiver,
            clock: Arc::clone(&options.clock),
            max_batch: options.max_batch.max(1),
            listeners: listeners.clone(),
            checkpointer,
            conn,
            _lock: lock,
        };
        let thread = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || writer.run())
            .map_err(|e| StoreError::io("start the writer of", &path, &e))?;
        Ok(Self {
            inner: Arc::new(Inner {
                readers: Arc::new(Readers::new(
                    path.clone(),
                    options.readers,
                    options.busy_timeout,
                )),
                path,
                instance_id,
                clock: options.clock,
                requests,
                listeners,
                numbers,
                thread: Mutex::new(Some(thread)),
            }),
        })
    }

    /// A random hexadecimal name, made when the database was; it tells this
    /// host's containers from another's.
    pub fn instance_id(&self) -> &str {
        &self.inner.instance_id
    }

    /// Changes whenever what a chat source has to do did: something was asked
    /// for, done, or tried again.
    pub fn chat_signal(&self) -> watch::Receiver<u64> {
        self.inner.listeners.chat.subscribe()
    }

    /// Changes whenever a plugin's event may have become due: one came in, the
    /// one before it was settled, or an operator had it tried again.
    pub fn inbound_signal(&self) -> watch::Receiver<u64> {
        self.inner.listeners.inbound.subscribe()
    }

    /// The same of deliveries.
    pub fn delivery_signal(&self) -> watch::Receiver<u64> {
        self.inner.listeners.deliveries.subscribe()
    }

    /// Finishes what was requested before, folds the log into the database and
    /// frees the directory. Every other handle answers
    /// [`StoreError::Closed`] from then on.
    pub async fn close(self) {
        self.inner.readers.close().await;
        // Without it the next start leaves a gap in the numbers, no more.
        if let Err(error) = self.give_numbers_back().await
            && error != StoreError::Closed
        {
            tracing::warn!(%error, "could not give unused numbers back");
        }
        // An error says that it is closed already.
        let _ = self.inner.requests.send(Message::Close).await;
        let thread = self.inner.take_thread();
        if let Some(thread) = thread {
            let joined = tokio::task::spawn_blocking(move || thread.join()).await;
            if !matches!(joined, Ok(Ok(()))) {
                tracing::error!("the store's writer ended in a panic");
            }
        }
    }

    /// Changes whenever something may have become claimable: a job was
    /// submitted, approved, retried or postponed, or a place became free.
    pub fn work_signal(&self) -> watch::Receiver<u64> {
        self.inner.listeners.work.subscribe()
    }

    /// Holds the newest event's place in the timeline.
    pub fn event_signal(&self) -> watch::Receiver<EventSeq> {
        self.inner.listeners.events.subscribe()
    }

    /// Names each run whose lease a person ended. A listener that lags has to
    /// compare its runs with [`Store::unfinished_runs`].
    pub fn cancel_signal(&self) -> broadcast::Receiver<RunId> {
        self.inner.listeners.cancels.subscribe()
    }

    /// Has the writer run `work` in its next transaction. The answer comes
    /// after the commit; when the caller stops waiting, the write is made all
    /// the same.
    pub(crate) async fn write<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut Tx<'_>) -> Result<T> + Send + 'static,
    {
        self.hand_in(work).await?.await
    }

    /// As [`Store::write`], in two steps: when the first is done, `work` comes
    /// before whatever is written later; when the second is, it is on disk.
    pub(crate) async fn hand_in<T, F>(
        &self,
        work: F,
    ) -> Result<impl Future<Output = Result<T>> + Send + use<T, F>>
    where
        T: Send + 'static,
        F: Fn(&mut Tx<'_>) -> Result<T> + Send + 'static,
    {
        let (request, answer) = writer::request(work);
        self.inner
            .requests
            .send(Message::Write(request))
            .await
            .map_err(|_| StoreError::Closed)?;
        let inner = Arc::clone(&self.inner);
        Ok(async move {
            answer
                .await
                .unwrap_or(Err(StoreError::Closed))
                .map_err(|error| at(error, &inner.path))
        })
    }

    /// Runs `query` on a read-only connection.
    pub(crate) async fn read<T, F>(&self, query: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        self.inner
            .readers
            .read(query)
            .await
            .map_err(|error| at(error, &self.inner.path))
    }

    pub(crate) fn listeners(&self) -> &Listeners {
        &self.inner.listeners
    }

    /// Looks a few rows up by an index, on this thread; no two statements need
    /// see the same state.
    pub(crate) async fn look<T, F>(&self, query: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&Connection) -> Result<T> + Send + 'static,
    {
        self.inner
            .readers
            .look(query)
            .await
            .map_err(|error| at(error, &self.inner.path))
    }

    pub(crate) fn numbers(&self) -> &Arc<Numbers> {
        &self.inner.numbers
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        self.inner.clock.as_ref()
    }
}

impl Inner {
    fn take_thread(&self) -> Option<JoinHandle<()>> {
        self.thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

impl Drop for Inner {
    /// Waits for the writer, so that the directory is free when the last
    /// handle is gone.
    fn drop(&mut self) {
        let Some(thread) = self.take_thread() else {
            return;
        };
        // Replacing the sender drops the last one, which ends the writer.
        let (closed, _) = mpsc::channel(1);
        self.requests = closed;
        if thread.join().is_err() {
            tracing::error!("the store's writer ended in a panic");
        }
    }
}

/// Opens and upgrades the database; also its instance id, its newest event and
/// the numbers that are given out next.
fn open_database(
    path: &std::path::Path,
    busy_timeout: Duration,
) -> Result<(Connection, String, EventSeq, Arc<Numbers>)> {
    let mut conn = db::open_writer(path, busy_timeout)?;
    migrate::to_latest(&mut conn)?;
    let instance_id = crate::queries::meta::ensure_instance_id(&conn)?;
    db::make_room(path);
    let newest = crate::queries::timeline::newest(&conn)?;
    let numbers = Arc::new(crate::queries::numbers::read(&conn)?);
    Ok((conn, instance_id, newest, numbers))
}

/// Puts the whole path into an error that names the database file.
fn at(error: StoreError, database: &std::path::Path) -> StoreError {
    debug_assert!(database.ends_with(limits::DATABASE_FILE));
    match error {
        StoreError::Corrupt { detail, .. } => StoreError::Corrupt {
            path: database.to_owned(),
            detail,
        },
        StoreError::Foreign { .. } => StoreError::Foreign {
            path: database.to_owned(),
        },
        other => other,
    }
}
