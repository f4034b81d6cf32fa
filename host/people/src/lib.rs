//! The host's own clockwork for people: a digest of the day, an alarm when many
//! jobs halt, and a heartbeat for whoever watches the host.
//!
//! It reads and writes the store alone. It words nothing: what it tells is an
//! event of the host, and notifiers put it into words. It never stops a run;
//! all that the alarm can do is to let no new one begin.

mod alarm;
mod digest;
mod error;
mod heartbeat;

pub use alarm::Alarm;
pub use error::PeopleError;

use digest::Digest;
use jiff::tz::TimeZone;
use sortie_model::clock::{Clock, Timestamp};
use sortie_store::{Store, StoreError};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often everything is looked at without a reason. It is how often the
/// heartbeat beats, too.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// How long to let events gather before the alarm counts: they come in crowds.
const GATHER: Duration = Duration::from_secs(1);

/// What it works with.
#[derive(Clone)]
pub struct PeopleOptions {
    /// What is counted, and where events go.
    pub store: Store,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// The heartbeat is a file in it.
    pub data_dir: PathBuf,
    /// The minute of the day at which the digest is told, and by which clock;
    /// none for never.
    pub digest: Option<(u16, TimeZone)>,
    /// When the alarm is raised; none for never.
    pub alarm: Option<Alarm>,
}

/// The clockwork.
pub struct People {
    options: PeopleOptions,
    digest: Option<Digest>,
    watch: alarm::Watch,
    beaten_at: Option<Timestamp>,
}

impl People {
    /// A clockwork that stands still until it is run.
    pub fn new(options: PeopleOptions) -> Self {
        let digest = options
            .digest
            .as_ref()
            .map(|(minute, zone)| Digest::new(*minute, zone, options.clock.now()));
        Self {
            options,
            digest,
            watch: alarm::Watch::default(),
            beaten_at: None,
        }
    }

    /// Works until `shutdown`.
    pub async fn run(mut self, shutdown: CancellationToken) {
        let mut events = self.options.store.event_signal();
        loop {
            events.mark_unchanged();
            let wait = self.look().await;
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
                Ok(()) = events.changed() => {
                    tokio::select! {
                        () = shutdown.cancelled() => return,
                        () = tokio::time::sleep(GATHER) => {}
                    }
                }
            }
        }
    }

    /// Does what is due; returns how long nothing more is.
    async fn look(&mut self) -> Duration {
        let now = self.options.clock.now();
        if let Err(error) = self.tell(now).await {
            tracing::warn!(%error, "the digest or the alarm waits for the store");
        }
        let beats = |at: Timestamp| now.since(at) < LOOK_EVERY && at <= now;
        if !self.beaten_at.is_some_and(beats) {
            match heartbeat::beat(&self.options.store, &self.options.data_dir, now).await {
                Ok(()) => self.beaten_at = Some(now),
                Err(error) => tracing::error!(%error, "the heartbeat stands still"),
            }
        }
        let next = self.digest.as_ref().and_then(|digest| digest.next(now));
        next.map_or(LOOK_EVERY, |at| {
            at.since(now).clamp(Duration::from_millis(1), LOOK_EVERY)
        })
    }

    async fn tell(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let store = &self.options.store;
        if let Some(alarm) = &self.options.alarm {
            alarm.look(store, &mut self.watch, now).await?;
        }
        if let Some(digest) = &self.digest {
            digest.look(store, now).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
