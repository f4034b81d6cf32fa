//! Ticks. A tick is an event like any other: it is put on disk together with
//! the mark of how far the timer got, so that a restart neither repeats nor
//! loses one.

use crate::events::millis;
use crate::running::Running;
use crate::{Platform, PlatformError};
use serde_json::json;
use sha2::{Digest, Sha256};
use sortie_model::clock::Timestamp;
use sortie_model::id::PluginEventId;
use sortie_package::manifest::{Missed, Schedule, TimerSource};
use sortie_plugins::surfaces::connector::Payload;
use sortie_store::{DeliveryKey, NewPluginEvent};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long the clock is left alone at most. Wall clocks are set, and machines
/// sleep; a timer must not miss that by more.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// A tick that is later than this was missed, for timers that skip.
const LATE: Duration = Duration::from_secs(60);
/// Missed ticks that are counted; beyond that the number says nothing more.
const MAX_COUNTED: u32 = 100_000;

/// Ticks until `shutdown`.
pub(crate) async fn work(platform: &Platform, shutdown: CancellationToken) {
    let mut changed = platform.change_signal();
    loop {
        changed.mark_unchanged();
        let wait = look(platform).await;
        tokio::select! {
            () = shutdown.cancelled() => return,
            _ = changed.changed() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// Lets every timer tick that is due; returns how long none is.
async fn look(platform: &Platform) -> Duration {
    let mut next = LONGEST_WAIT;
    for plugin in platform.all_running() {
        for timer in plugin.timers() {
            match tick(platform, &plugin, timer).await {
                Ok(Some(wait)) => next = next.min(wait),
                Ok(None) => {}
                Err(error) => {
                    tracing::error!(%error, plugin = plugin.name, timer = timer.name, "a timer cannot tick; trying again");
                }
            }
        }
    }
    next
}

async fn tick(
    platform: &Platform,
    plugin: &Arc<Running>,
    timer: &TimerSource,
) -> Result<Option<Duration>, PlatformError> {
    let Ok(schedule) = timer.schedule() else {
        // Manifests are checked when they are read.
        return Ok(None);
    };
    let store = platform.store();
    let now = platform.0.options.clock.now();
    let cursor = store.source_cursor(&plugin.name, &timer.name).await?;
    let since = match cursor.and_then(|cursor| cursor["due_at_ms"].as_u64()) {
        Some(due) => due,
        // A new timer begins where it was last changed by a person.
        None => match store.plugin(&plugin.name).await? {
            Some(installed) => millis(installed.changed_at),
            None => return Ok(None),
        },
    };
    let due = due(&schedule, since, millis(now));
    if let Some((latest, missed)) = due.tick {
        let late = Duration::from_millis(millis(now).saturating_sub(latest)) > LATE;
        let forgotten = timer.missed == Missed::Skip && late;
        if !forgotten {
            store
                .accept_event(event(
                    plugin,
                    timer,
                    latest,
                    missed,
                    store.reserve_event_id().await?,
                )?)
                .await?;
        }
    }
    Ok(due.next.map(|at| until(now, at)))
}

struct Due {
    /// The latest tick that is due, and how many before it are not delivered.
    tick: Option<(u64, u32)>,
    /// When the next is.
    next: Option<u64>,
}

/// What is due after `since` and not after `now`, in milliseconds since 1970.
fn due(schedule: &Schedule, since: u64, now: u64) -> Due {
    let mut tick: Option<(u64, u32)> = None;
    let mut after = since;
    loop {
        let next = schedule.next_after(after);
        match next {
            Some(at) if at <= now => {
                let missed = tick.map_or(0, |(_, missed)| missed.saturating_add(1));
                tick = Some((at, missed.min(MAX_COUNTED)));
                // A clock that was years behind: jump, and count no further.
                after = if missed >= MAX_COUNTED { now } else { at };
            }
            next => return Due { tick, next },
        }
    }
}

fn event(
    plugin: &Running,
    timer: &TimerSource,
    due_at_ms: u64,
    missed: u32,
    id: PluginEventId,
) -> Result<NewPluginEvent, PlatformError> {
    let payload = Payload::Tick { due_at_ms, missed };
    let mut hash = Sha256::new();
    hash.update(b"tick\0");
    hash.update(due_at_ms.to_be_bytes());
    Ok(NewPluginEvent {
        id,
        plugin: plugin.name.clone(),
        source: timer.name.clone(),
        in_line: true,
        delivery: Some(DeliveryKey {
            hash: hash.finalize().into(),
            window_ms: None,
        }),
        sender: None,
        payload: serde_json::to_vec(&payload).unwrap_or_default(),
        cursor: Some(json!({ "due_at_ms": due_at_ms })),
        seen: None,
    })
}

fn until(now: Timestamp, at_ms: u64) -> Duration {
    Duration::from_millis(at_ms.saturating_sub(millis(now))).max(Duration::from_millis(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: u64 = 60_000;

    #[test]
    fn a_tick_counts_those_that_were_missed() {
        let schedule = Schedule::every("1m").expect("a schedule");
        let none = due(&schedule, 10 * MINUTE, 11 * MINUTE - 1);
        assert_eq!((none.tick, none.next), (None, Some(11 * MINUTE)));
        let one = due(&schedule, 10 * MINUTE, 11 * MINUTE);
        assert_eq!(
            (one.tick, one.next),
            (Some((11 * MINUTE, 0)), Some(12 * MINUTE))
        );
        let five = due(&schedule, 10 * MINUTE, 15 * MINUTE + 5);
        assert_eq!(
            (five.tick, five.next),
            (Some((15 * MINUTE, 4)), Some(16 * MINUTE))
        );
    }

    #[test]
    fn a_clock_that_was_years_behind_ends_the_count() {
        let schedule = Schedule::every("1s").expect("a schedule");
        let found = due(&schedule, 0, 1_700_000_000_000);
        let (at, missed) = found.tick.expect("one is due");
        assert!(missed <= MAX_COUNTED);
        assert!(at <= 1_700_000_000_000);
        assert_eq!(found.next, Some(1_700_000_001_000));
    }
}
