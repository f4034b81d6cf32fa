//! The pacer, shared by everything that speaks to Telegram, with a clock.

use crate::pacer::{Pacer, Shape};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Lets requests pass when their time has come.
pub(crate) struct Pace {
    pacer: Mutex<Pacer>,
    began: Instant,
    /// The highest message id that was seen of each counter.
    newest: Mutex<HashMap<Counter, i64>>,
}

impl Pace {
    pub(crate) fn new() -> Self {
        Self {
            pacer: Mutex::new(Pacer::new(0)),
            began: Instant::now(),
            newest: Mutex::default(),
        }
    }

    /// How long a request has to wait, in milliseconds.
    pub(crate) fn wait_ms(&self, shape: Shape) -> u64 {
        self.pacer().ready_at(shape).saturating_sub(self.now())
    }

    /// Takes the turn of a request if it may go now.
    pub(crate) fn try_take(self: &Arc<Self>, shape: Shape) -> Option<Turn> {
        let mut pacer = self.pacer();
        let now = self.now();
        if pacer.ready_at(shape) > now {
            return None;
        }
        pacer.went(shape, now);
        Some(Turn {
            pace: Arc::clone(self),
            shape,
            began: now,
        })
    }

    /// Waits until a request may go, and takes its turn.
    pub(crate) async fn take(self: &Arc<Self>, shape: Shape) -> Turn {
        loop {
            if let Some(turn) = self.try_take(shape) {
                return turn;
            }
            let ms = self.wait_ms(shape).max(1);
            tokio::time::sleep(Duration::from_millis(ms)).await;
        }
    }

    /// Telegram asked for a pause.
    pub(crate) fn freeze(&self, chat: Option<i64>, pause: Duration) {
        let ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
        self.pacer().freeze(chat, self.now(), ms);
    }

    /// A message of a chat has that id.
    pub(crate) fn saw(&self, chat: i64, message: i64) {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let known = newest.entry(Counter::of(chat)).or_default();
        *known = message.max(*known);
    }

    /// The highest id that a chat's counter has given out, as far as is known;
    /// `own` is the highest of the chat itself.
    pub(crate) fn newest(&self, chat: i64, own: i64) -> i64 {
        let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        newest
            .get(&Counter::of(chat))
            .copied()
            .unwrap_or(0)
            .max(own)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn pacer(&self) -> MutexGuard<'_, Pacer> {
        self.pacer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The turn of one request. It is kept until the answer is there: nobody knows
/// when a request arrives, only that it did by then.
#[must_use = "the next request counts from when this is dropped"]
pub(crate) struct Turn {
    pace: Arc<Pace>,
    shape: Shape,
    began: u64,
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut pacer = self.pace.pacer();
        let now = self.pace.now();
        pacer.landed(self.shape, self.began, now);
    }
}

/// Who numbers the messages of a chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Counter {
    /// The bot, for private chats and basic groups together.
    Bot,
    /// The supergroup or channel itself.
    Chat(i64),
}

impl Counter {
    /// Ids of supergroups and channels stand below that one.
    fn of(chat: i64) -> Self {
        match chat <= -1_000_000_000_000 {
            true => Self::Chat(chat),
            false => Self::Bot,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_chats_and_groups_share_their_numbers_and_supergroups_do_not() {
        let (pace, forum) = (Pace::new(), -1_001_234_567_890);
        pace.saw(1, 40);
        pace.saw(-5, 30);
        pace.saw(forum, 900);
        assert_eq!(pace.newest(2, 0), 40);
        assert_eq!(pace.newest(2, 50), 50);
        assert_eq!(pace.newest(forum, 10), 900);
        assert_eq!(pace.newest(-1_009_999_999_999, 10), 10);
    }

    #[test]
    fn a_turn_is_taken_once() {
        let mut pace = Pace::new();
        pace.pacer = Mutex::default();
        let pace = Arc::new(pace);
        let shape = Shape {
            chat: Some(1),
            edits: None,
        };
        let turn = pace.try_take(shape);
        assert!(turn.is_some() && pace.try_take(shape).is_none());
        drop(turn);
        assert!(pace.wait_ms(shape) > 900);
        pace.freeze(Some(2), Duration::from_secs(5));
        let other = Shape {
            chat: Some(2),
            edits: None,
        };
        assert!(pace.wait_ms(other) > 5_000);
    }
}
