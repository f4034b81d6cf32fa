//! What nobody knows of a message that was tried: whether it is in its chat. The
//! store has to know that much before anything else goes there, because whoever
//! is begun next takes the permits of its chat for unused.

use crate::deliver::Delivery;
use crate::limits::{PROBE_AHEAD, SEND_PAUSE};
use crate::pause;
use crate::queue::Task;
use crate::requests::Target;
use sortie_model::clock::Timestamp;
use sortie_store::{Again, ChatAction, ChatKindOfTask, ChatTask, Store, StoreError};
use std::time::Duration;

/// How long to leave the store alone that fails.
pub(crate) const STORE_PAUSE: Duration = Duration::from_secs(2);

impl Delivery {
    /// Whether a message goes without a further note: it has its permit still,
    /// which is for this very chat, and what would be looked for with it is near.
    pub(crate) fn is_permitted(&self, task: &ChatTask, target: Target) -> bool {
        let ChatAction::Send(message, _) = &task.action else {
            return false;
        };
        let ahead = task.floor.map(|floor| target.newest.saturating_sub(floor));
        self.task.unsent
            && !task.begun
            && message.place.chat == target.chat.to_string()
            && ahead.is_some_and(|ahead| (0..=PROBE_AHEAD).contains(&ahead))
    }
}

/// Notes a try that may have reached the service and when the next one is, and
/// gives back what is to be tried. Of a message it takes as long as the store
/// does; its chat is busy for so long.
pub(crate) async fn note(store: &Store, task: Task, why: &str, counts: bool) -> Task {
    let again = Again::At(task.not_before);
    while let Err(error) = store.chat_failed(task.id, why, again, counts).await {
        warn(task.id, &error);
        if task.kind != ChatKindOfTask::Send || error == StoreError::Closed {
            break;
        }
        tokio::time::sleep(STORE_PAUSE).await;
    }
    Task {
        unsent: false,
        ..task
    }
}

/// What is to be tried again after a panic, which may have come at any moment.
pub(crate) fn after_panic(task: Task, now: Timestamp) -> Task {
    let attempts = task.attempts.saturating_add(1);
    Task {
        attempts,
        not_before: now.plus(pause::after(attempts, SEND_PAUSE)),
        unsent: false,
        ..task
    }
}

pub(crate) fn warn(task: u64, error: &StoreError) {
    tracing::warn!(%error, task, "the store failed a message");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::{Next, Queue, When};
    use sortie_model::people::Class;
    use sortie_store::StoreOptions;

    fn message() -> Task {
        Task {
            id: 1,
            kind: ChatKindOfTask::Send,
            place: None,
            message: Some(1),
            class: Class::Reply,
            project: None,
            attempts: 0,
            not_before: Timestamp(0),
            queued_at: Timestamp(0),
            unsent: true,
            rank: 1,
        }
    }

    #[test]
    fn what_panicked_is_in_doubt_and_waits() {
        let mut queue = Queue::default();
        queue.put(message());
        queue.begin(1);
        let again = after_panic(message(), Timestamp(5_000));
        queue.end(1, Some(again.clone()));
        assert_eq!((again.attempts, again.not_before), (1, Timestamp(6_000)));
        // A reading knows nothing of it.
        queue.put(message());
        assert!(queue.get(1).is_some_and(|task| !task.unsent));
        assert_eq!(queue.next(|_| When::Now), Next::Go(1));
    }

    #[tokio::test]
    async fn a_try_is_noted_unless_nobody_is_there_to_note_it() {
        let dir = tempfile::tempdir().expect("a directory");
        let store = Store::open(StoreOptions::new(dir.path())).expect("a store");
        let noted = note(&store, message(), "cut", true).await;
        assert!(!noted.unsent);
        store.clone().close().await;
        let left = note(&store, message(), "cut", true).await;
        assert!(!left.unsent);
    }
}
