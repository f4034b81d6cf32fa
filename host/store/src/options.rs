//! How a store is opened.

use crate::limits;
use sortie_model::clock::{Clock, SystemClock};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Where the store is and how it works; see [`StoreOptions::new`] for the
/// defaults.
#[derive(Clone)]
pub struct StoreOptions {
    /// The data directory; made, for the owner only, when it is not there.
    pub dir: PathBuf,
    /// Says what time it is.
    pub clock: Arc<dyn Clock>,
    /// Read-only connections, at least 1.
    pub readers: usize,
    /// How long a lock of another program is waited for.
    pub busy_timeout: Duration,
    /// Requests per transaction, at least 1.
    pub max_batch: usize,
    /// Requests that may wait for the writer, at least 1.
    pub write_queue: usize,
}

impl StoreOptions {
    /// The defaults, with the machine's clock.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            clock: Arc::new(SystemClock),
            readers: limits::READERS,
            busy_timeout: limits::BUSY_TIMEOUT,
            max_batch: limits::MAX_BATCH,
            write_queue: limits::WRITE_QUEUE,
        }
    }

    /// The same with another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }
}
