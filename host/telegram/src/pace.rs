//! The pacer, shared by everything that speaks to Telegram, with a clock.

use crate::pacer::{Pacer, Shape};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Lets requests pass when their time has come.
pub(crate) struct Pace {
    pacer: Mutex<Pacer>,
    began: Instant,
    /// The highest message id of the counter that private chats and basic
    /// groups share.
    newest: AtomicI64,
}

impl Pace {
    pub(crate) fn new() -> Self {
        Self {
            pacer: Mutex::default(),
            began: Instant::now(),
            newest: AtomicI64::new(0),
        }
    }

    /// How long a request has to wait, in milliseconds.
    pub(crate) fn wait_ms(&self, shape: Shape) -> u64 {
        self.pacer().ready_at(shape).saturating_sub(self.now())
    }

    /// Takes the turn of a request if it may go now.
    pub(crate) fn try_take(&self, shape: Shape) -> bool {
        let (mut pacer, now) = (self.pacer(), self.now());
        let ready = pacer.ready_at(shape) <= now;
        if ready {
            pacer.went(shape, now);
        }
        ready
    }

    /// Waits until a request may go, and takes its turn.
    pub(crate) async fn take(&self, shape: Shape) {
        while !self.try_take(shape) {
            let ms = self.wait_ms(shape).max(1);
            tokio::time::sleep(Duration::from_millis(ms)).await;
        }
    }

    /// Telegram asked for a pause.
    pub(crate) fn freeze(&self, chat: Option<i64>, pause: Duration) {
        let ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
        self.pacer().freeze(chat, self.now(), ms);
    }

    /// A message of a chat has that id, or a higher one was given out.
    pub(crate) fn saw(&self, chat: i64, message: i64) {
        if !has_own_counter(chat) {
            self.newest.fetch_max(message, Ordering::Relaxed);
        }
    }

    /// The highest id of a chat's counter, when `own` is the chat's.
    pub(crate) fn newest(&self, chat: i64, own: i64) -> i64 {
        match has_own_counter(chat) {
            true => own,
            false => own.max(self.newest.load(Ordering::Relaxed)),
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn pacer(&self) -> MutexGuard<'_, Pacer> {
        self.pacer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Supergroups and channels number their messages themselves; their ids stand
/// below that one.
fn has_own_counter(chat: i64) -> bool {
    chat <= -1_000_000_000_000
}
