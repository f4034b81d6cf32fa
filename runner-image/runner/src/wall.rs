//! The container's wall clock. It runs whether or not a host is attached, and
//! only an attached host can move it. Monotonic: setting the machine's clock
//! changes nothing.

use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// Furthest deadline: a year. Beyond it, instants might not be representable.
const FURTHEST: Duration = Duration::from_secs(365 * 24 * 3600);

pub struct Wall {
    deadline: watch::Sender<Instant>,
}

impl Wall {
    pub fn new(limit: Duration) -> Self {
        Self {
            deadline: watch::Sender::new(after(limit)),
        }
    }

    pub fn set(&self, remaining: Duration) {
        self.deadline.send_replace(after(remaining));
    }

    pub fn remaining(&self) -> Duration {
        self.deadline
            .borrow()
            .saturating_duration_since(Instant::now())
    }

    /// Resolves when time is over.
    pub async fn over(&self) {
        let mut moved = self.deadline.subscribe();
        loop {
            let deadline = *moved.borrow_and_update();
            tokio::select! {
                () = sleep_until(deadline) => return,
                _ = moved.changed() => {}
            }
        }
    }
}

fn after(limit: Duration) -> Instant {
    Instant::now() + limit.min(FURTHEST)
}
