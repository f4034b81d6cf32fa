//! The one writer: a thread that commits whatever has gathered in one
//! transaction, also while it runs, and answers only when that transaction is
//! on disk.
//!
//! One request that fails is undone alone. Nearly all of those that fail do so
//! before they write, and need nothing undone. Only when one fails after it
//! wrote is the transaction rolled back and run again with a savepoint around
//! each request; a savepoint copies every page that its request changes, which
//! is most of what a small request costs. Requests are run through `&self`
//! closures and may run more than once: also when a whole transaction finds the
//! disk full, and its requests are tried one by one, so that a large one does
//! not sink small ones. Nothing is answered or signalled for a transaction that
//! was not committed.

use crate::checkpoint::Checkpointer;
use crate::error::{Result, StoreError};
use crate::lock::DirLock;
use crate::numbers::{Numbers, Reserved};
use rusqlite::Connection;
use sortie_model::clock::{Clock, Timestamp};
use sortie_model::id::{EventSeq, RunId};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use tokio::sync::{broadcast, mpsc, oneshot, watch};

/// What a request sees: the connection inside of a transaction, the time, and
/// what to signal once it is committed.
pub(crate) struct Tx<'c> {
    pub(crate) conn: &'c Connection,
    pub(crate) now: Timestamp,
    pub(crate) signals: Signals,
}

/// What to tell listeners after a commit.
#[derive(Debug, Default)]
pub(crate) struct Signals {
    /// Something may have become claimable.
    pub(crate) work: bool,
    /// The newest event.
    pub(crate) event: Option<EventSeq>,
    /// Runs that lost their lease to a person.
    pub(crate) cancelled: Vec<RunId>,
    /// What a chat source has to do changed.
    pub(crate) chat: bool,
    /// A plugin's event may have become due.
    pub(crate) inbound: bool,
    /// A delivery may have become due.
    pub(crate) deliveries: bool,
    /// A person answered for a host.
    pub(crate) egress: bool,
    /// Up to where numbers may be given out from now on.
    pub(crate) reserved: Reserved,
}

impl Signals {
    fn merge(&mut self, other: Self) {
        self.work |= other.work;
        self.event = self.event.max(other.event);
        self.cancelled.extend(other.cancelled);
        self.chat |= other.chat;
        self.inbound |= other.inbound;
        self.deliveries |= other.deliveries;
        self.egress |= other.egress;
        self.reserved.merge(other.reserved);
    }
}

/// Whom to tell.
#[derive(Clone, Debug)]
pub(crate) struct Listeners {
    pub(crate) work: watch::Sender<u64>,
    pub(crate) events: watch::Sender<EventSeq>,
    pub(crate) cancels: broadcast::Sender<RunId>,
    pub(crate) chat: watch::Sender<u64>,
    pub(crate) inbound: watch::Sender<u64>,
    pub(crate) deliveries: watch::Sender<u64>,
    pub(crate) egress: watch::Sender<u64>,
    pub(crate) numbers: Arc<Numbers>,
}

impl Listeners {
    fn tell(&self, signals: Signals) {
        self.numbers.committed(signals.reserved);
        // Somebody waits for what is said in a chat: it is told first.
        for (is_so, signal) in [
            (signals.chat, &self.chat),
            (signals.egress, &self.egress),
            (signals.work, &self.work),
            (signals.inbound, &self.inbound),
            (signals.deliveries, &self.deliveries),
        ] {
            if is_so {
                signal.send_modify(|bumps| *bumps = bumps.wrapping_add(1));
            }
        }
        if let Some(seq) = signals.event {
            self.events.send_replace(seq);
        }
        for run in signals.cancelled {
            // No receiver is no error: nobody runs anything then.
            let _ = self.cancels.send(run);
        }
    }
}

/// A write on its way.
pub(crate) trait Request: Send {
    /// Does the work; after an error, what it wrote is undone.
    fn run(&mut self, tx: &mut Tx<'_>) -> Result<()>;
    /// Answers: with the work's result, or with why the commit failed.
    fn answer(self: Box<Self>, failed: Option<StoreError>);
}

struct Closure<T, F> {
    work: F,
    result: Option<Result<T>>,
    reply: oneshot::Sender<Result<T>>,
}

impl<T, F> Request for Closure<T, F>
where
    T: Send,
    F: Fn(&mut Tx<'_>) -> Result<T> + Send,
{
    fn run(&mut self, tx: &mut Tx<'_>) -> Result<()> {
        // A panic would take the only writer down. What was written before one
        // is undone, and the closure holds nothing that it could leave half
        // changed.
        let result =
            catch_unwind(AssertUnwindSafe(|| (self.work)(tx))).unwrap_or(Err(StoreError::Panicked));
        let verdict = result.as_ref().map(drop).map_err(Clone::clone);
        self.result = Some(result);
        verdict
    }

    fn answer(self: Box<Self>, failed: Option<StoreError>) {
        // When the commit failed, whatever the work found does not count: it
        // may rest on what another request of the batch had written.
        let result = match (failed, self.result) {
            (Some(error), _) => Err(error),
            (None, Some(result)) => result,
            (None, None) => Err(StoreError::Closed),
        };
        // The caller may have gone away; the write stands all the same.
        let _ = self.reply.send(result);
    }
}

/// Wraps a closure and the place its result goes to.
pub(crate) fn request<T, F>(work: F) -> (Box<dyn Request>, oneshot::Receiver<Result<T>>)
where
    T: Send + 'static,
    F: Fn(&mut Tx<'_>) -> Result<T> + Send + 'static,
{
    let (reply, receiver) = oneshot::channel();
    let request = Closure {
        work,
        result: None,
        reply,
    };
    (Box::new(request), receiver)
}

/// What the writer is told.
pub(crate) enum Message {
    Write(Box<dyn Request>),
    /// Finish what is queued and end.
    Close,
}

/// The writer's loop and all it owns. The lock comes last: it is dropped when
/// the connection is closed already.
pub(crate) struct Writer {
    pub(crate) requests: mpsc::Receiver<Message>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) max_batch: usize,
    pub(crate) listeners: Listeners,
    pub(crate) checkpointer: Checkpointer,
    pub(crate) conn: Connection,
    pub(crate) _lock: DirLock,
}

impl Writer {
    /// Works until it is told to close or every handle is gone.
    pub(crate) fn run(mut self) {
        let mut batch: Vec<Box<dyn Request>> = Vec::with_capacity(self.max_batch);
        while let Some(message) = self.requests.blocking_recv() {
            self.take(message, &mut batch);
            self.commit_and_answer(&mut batch);
        }
        drop(self.checkpointer);
        // Folding the log back in makes the next start quick; without room
        // for it, the log stays and is read then.
        if let Err(error) = self
            .conn
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        {
            tracing::warn!(%error, "could not checkpoint the database while closing");
        }
    }

    fn take(&mut self, message: Message, batch: &mut Vec<Box<dyn Request>>) {
        match message {
            Message::Write(request) => batch.push(request),
            // What is in the channel already is still received after this.
            Message::Close => self.requests.close(),
        }
    }

    /// Adds a request that came meanwhile; false when there is none, or no room.
    fn gather(&mut self, batch: &mut Vec<Box<dyn Request>>) -> bool {
        let before = batch.len();
        while batch.len() == before && before < self.max_batch {
            match self.requests.try_recv() {
                Ok(message) => self.take(message, batch),
                Err(_) => break,
            }
        }
        batch.len() > before
    }

    fn commit_and_answer(&mut self, batch: &mut Vec<Box<dyn Request>>) {
        if batch.is_empty() {
            return;
        }
        match self.commit(batch, Batch::Grows) {
            Err(StoreError::DiskFull) if batch.len() > 1 => {
                for request in batch.drain(..) {
                    let mut alone = vec![request];
                    let failed = self.commit(&mut alone, Batch::Whole).err();
                    for request in alone {
                        request.answer(failed.clone());
                    }
                }
            }
            outcome => {
                let failed = outcome.err();
                for request in batch.drain(..) {
                    request.answer(failed.clone());
                }
            }
        }
    }

    /// One transaction: begin, each request, commit, signal.
    fn commit(&mut self, batch: &mut Vec<Box<dyn Request>>, size: Batch) -> Result<()> {
        let outcome = match self.run_batch(batch, size, together) {
            Ok(signals) => Ok(signals),
            Err(Undone::Failed(error)) => Err(error),
            Err(Undone::Spoiled) => {
                self.roll_back();
                if batch.len() == 1 {
                    // It answers with its own error.
                    return Ok(());
                }
                self.run_batch(batch, Batch::Whole, apart)
            }
        };
        match outcome {
            Ok(signals) => {
                self.listeners.tell(signals);
                self.checkpointer.committed();
                Ok(())
            }
            Err(error) => {
                self.roll_back();
                tracing::warn!(%error, requests = batch.len(), "a transaction was not committed");
                Err(error)
            }
        }
    }

    fn roll_back(&self) {
        if !self.conn.is_autocommit()
            && let Err(error) = self.conn.execute_batch("ROLLBACK")
        {
            tracing::error!(%error, "could not roll back");
        }
    }

    /// Runs all in one transaction, each by `run`, which says whether it went
    /// well.
    fn run_batch<E: From<StoreError>>(
        &mut self,
        batch: &mut Vec<Box<dyn Request>>,
        size: Batch,
        run: impl Fn(&mut dyn Request, &mut Tx<'_>) -> std::result::Result<bool, E>,
    ) -> std::result::Result<Signals, E> {
        if let Err(error) = plain(&self.conn, "BEGIN IMMEDIATE") {
            // All who wait hear it, or each would wait for the lock in turn.
            while size == Batch::Grows && self.gather(batch) {}
            return Err(error.into());
        }
        let mut signals = Signals::default();
        let mut next = 0;
        // Those who were answered last ask again while others are served: a
        // batch that takes them in has twice as many to a commit.
        while next < batch.len() || (size == Batch::Grows && self.gather(batch)) {
            let mut tx = Tx {
                conn: &self.conn,
                now: self.clock.now(),
                signals: Signals::default(),
            };
            if run(batch[next].as_mut(), &mut tx)? {
                signals.merge(tx.signals);
            }
            next += 1;
        }
        plain(&self.conn, "COMMIT")?;
        Ok(signals)
    }
}

/// Whether a transaction takes in requests that come while it runs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Batch {
    Grows,
    Whole,
}

/// Why a transaction cannot be committed.
enum Undone {
    /// A request failed after it wrote, and the others cannot be told apart
    /// from it.
    Spoiled,
    /// All of it failed.
    Failed(StoreError),
}

impl From<StoreError> for Undone {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

/// Runs a request among others; whether it went well.
fn together(request: &mut dyn Request, tx: &mut Tx<'_>) -> std::result::Result<bool, Undone> {
    let before = tx.conn.total_changes();
    match request.run(tx) {
        Ok(()) => Ok(true),
        // A full disk can end the whole transaction by itself. Then the others
        // of the batch are undone too and must hear it.
        Err(error) if tx.conn.is_autocommit() => Err(Undone::Failed(error)),
        Err(_) if tx.conn.total_changes() == before => Ok(false),
        Err(_) => Err(Undone::Spoiled),
    }
}

/// Runs a request in a savepoint; whether it went well.
fn apart(request: &mut dyn Request, tx: &mut Tx<'_>) -> Result<bool> {
    plain(tx.conn, "SAVEPOINT request")?;
    let done = request.run(tx);
    if let Err(error) = &done {
        // A full disk can also leave the transaction fit for nothing but a
        // rollback.
        let undone = !tx.conn.is_autocommit() && plain(tx.conn, "ROLLBACK TO request").is_ok();
        if !undone {
            return Err(error.clone());
        }
    }
    plain(tx.conn, "RELEASE request")?;
    Ok(done.is_ok())
}

fn plain(conn: &Connection, sql: &str) -> Result<()> {
    conn.prepare_cached(sql)?.execute([])?;
    Ok(())
}
