//! How many requests are under way at once, in total and for one subject, so
//! that neither memory nor a slow plugin's answers grow without end.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub(crate) struct Turns {
    all: Arc<Semaphore>,
    each: usize,
    subjects: Mutex<HashMap<String, Weak<Semaphore>>>,
}

/// A place among the requests under way; dropping it gives it back.
pub(crate) struct Turn {
    _own: OwnedSemaphorePermit,
    _all: OwnedSemaphorePermit,
}

impl Turns {
    pub(crate) fn new(all: usize, each: usize) -> Self {
        Self {
            all: Arc::new(Semaphore::new(all)),
            each,
            subjects: Mutex::default(),
        }
    }

    /// Waits for a place. The subject's own comes first: one that has many
    /// waiting holds none of the others' places meanwhile.
    pub(crate) async fn take(&self, subject: &str) -> Turn {
        let own = self.of(subject);
        Turn {
            _own: acquire(own).await,
            _all: acquire(self.all.clone()).await,
        }
    }

    fn of(&self, subject: &str) -> Arc<Semaphore> {
        // A poisoned map is whole: each change to it is a single call.
        let mut subjects = self.subjects.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = subjects.get(subject).and_then(Weak::upgrade) {
            return known;
        }
        subjects.retain(|_, semaphore| semaphore.strong_count() > 0);
        let new = Arc::new(Semaphore::new(self.each));
        subjects.insert(subject.to_owned(), Arc::downgrade(&new));
        new
    }
}

async fn acquire(semaphore: Arc<Semaphore>) -> OwnedSemaphorePermit {
    semaphore
        .acquire_owned()
        .await
        .expect("no semaphore here is ever closed")
}

#[cfg(test)]
mod tests {
    use super::*;
    use once::now;

    /// Polls once: a place is there or it is not.
    mod once {
        use std::future::Future;
        use std::pin::pin;
        use std::task::{Context, Poll, Waker};

        pub fn now<F: Future>(future: F) -> Option<F::Output> {
            match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(value) => Some(value),
                Poll::Pending => None,
            }
        }
    }

    #[test]
    fn one_subject_cannot_take_every_place() {
        let turns = Turns::new(3, 2);
        let a1 = now(turns.take("a")).expect("a place");
        let _a2 = now(turns.take("a")).expect("a place");
        assert!(now(turns.take("a")).is_none(), "a has its two");
        let b = now(turns.take("b")).expect("a place for b");
        assert!(now(turns.take("b")).is_none(), "three are under way");
        drop(a1);
        assert!(now(turns.take("a")).is_some());
        drop(b);
        assert_eq!(turns.of("c").available_permits(), 2);
        assert!(
            !turns.subjects.lock().expect("whole").contains_key("b"),
            "who is done is forgotten"
        );
    }
}
