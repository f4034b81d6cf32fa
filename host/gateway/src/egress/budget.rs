//! What is left of a run's limits, shared by its connections.

use super::warden::Warden;
use sortie_model::egress::EgressLimits;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{OnceCell, Semaphore, SemaphorePermit};
use tokio::time::Instant;

/// Which limit is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// Connections open at the same time.
    AtOnce,
    /// Connections in all, said for the first time.
    Connections,
    /// The same, said before.
    Again,
    /// Bytes out.
    Up,
    /// Bytes in.
    Down,
    /// Time.
    Time,
    /// Nobody knows: what was used before cannot be told now.
    Unknown,
}

/// A span that a clock can take: a year stands for ever.
pub(super) fn bounded(ms: u64) -> Duration {
    Duration::from_millis(ms.min(365 * 86_400_000))
}

pub(super) struct Budget {
    limits: EgressLimits,
    places: Semaphore,
    connections: AtomicU32,
    up: AtomicU64,
    down: AtomicU64,
    began: OnceLock<Instant>,
    seeded: OnceCell<()>,
}

impl Budget {
    pub(super) fn new(limits: EgressLimits) -> Self {
        let places = usize::try_from(limits.at_once).unwrap_or(Semaphore::MAX_PERMITS);
        Self {
            limits,
            places: Semaphore::new(places.min(Semaphore::MAX_PERMITS)),
            connections: AtomicU32::new(0),
            up: AtomicU64::new(0),
            down: AtomicU64::new(0),
            began: OnceLock::new(),
            seeded: OnceCell::new(),
        }
    }

    pub(super) fn limits(&self) -> EgressLimits {
        self.limits
    }

    /// A place for a connection, which counts whatever becomes of it.
    pub(super) async fn enter(&self, warden: &dyn Warden) -> Result<SemaphorePermit<'_>, Full> {
        self.seeded
            .get_or_try_init(|| async {
                let used = warden.used().await.map_err(|error| {
                    tracing::warn!(error, "what a run used of the network cannot be told");
                    Full::Unknown
                })?;
                self.connections
                    .fetch_add(used.connections, Ordering::Relaxed);
                self.up.fetch_add(used.up_bytes, Ordering::Relaxed);
                self.down.fetch_add(used.down_bytes, Ordering::Relaxed);
                Ok::<_, Full>(())
            })
            .await?;
        // Stops at the limit and one more, which tells those who come first
        // from those who come again.
        let taken = self
            .connections
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |taken| {
                (taken <= self.limits.connections).then(|| taken.saturating_add(1))
            });
        match taken {
            Ok(taken) if taken < self.limits.connections => {}
            Ok(_) => return Err(Full::Connections),
            Err(_) => return Err(Full::Again),
        }
        if self.deadline() <= Instant::now() {
            return Err(Full::Time);
        }
        if self.up.load(Ordering::Relaxed) >= self.limits.up_bytes {
            return Err(Full::Up);
        }
        if self.down.load(Ordering::Relaxed) >= self.limits.down_bytes {
            return Err(Full::Down);
        }
        self.places.try_acquire().map_err(|_| Full::AtOnce)
    }

    /// When the run's time on the network is over.
    pub(super) fn deadline(&self) -> Instant {
        *self.began.get_or_init(Instant::now) + bounded(self.limits.time_ms)
    }

    /// Takes bytes that may go out: as many as are wanted, or are left. Of two
    /// connections no one gets what the other has.
    pub(super) fn take_up(&self, wanted: u64) -> u64 {
        let taken = |up: u64| wanted.min(self.limits.up_bytes.saturating_sub(up));
        self.up
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |up| {
                Some(up.saturating_add(taken(up)))
            })
            .map_or(0, taken)
    }

    /// Gives back what was taken and did not go out.
    pub(super) fn give_up_back(&self, bytes: u64) {
        self.up.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Counts bytes that came in; false when they are too many.
    pub(super) fn add_down(&self, bytes: u64) -> bool {
        let before = self.down.fetch_add(bytes, Ordering::Relaxed);
        before.saturating_add(bytes) <= self.limits.down_bytes
    }
}
