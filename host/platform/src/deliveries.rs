//! Tells notifiers what happened, from the outbox, until each delivery is made,
//! dropped or parked. Each notifier has its own pace.

use crate::backoff;
use crate::call::{Actor, view_of};
use crate::events::millis;
use crate::running::Running;
use crate::{Platform, PlatformError};
use sortie_model::clock::Timestamp;
use sortie_model::surface::Surface;
use sortie_plugins::outside::JobView;
use sortie_plugins::surfaces::notifier::{Delivery, Notification};
use sortie_store::{Again, CallCause, CallCommit, DueDelivery, StoreError};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Deliveries that one notifier makes at once, each about another job.
const MAX_AT_ONCE: u32 = 4;
/// How long rounds wait after something became due while none is under way:
/// whoever asked for it may be answered before others are told.
const GATHER: Duration = Duration::from_millis(5);
/// How often the store is looked at without a reason; every change signals.
const IDLE_LOOK: Duration = Duration::from_secs(30);
/// How long to leave a store alone that is in trouble.
const STORE_PAUSE: Duration = Duration::from_secs(1);
/// How long settled deliveries and events are kept for people to look at.
const KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// How often what is older is taken away.
const TIDY_EVERY: Duration = Duration::from_secs(60 * 60);

/// Works until `shutdown`.
pub(crate) async fn work(platform: &Platform, shutdown: CancellationToken) {
    let mut signal = platform.store().delivery_signal();
    let mut changed = platform.change_signal();
    let mut tasks: JoinSet<String> = JoinSet::new();
    let mut busy: BTreeSet<String> = BTreeSet::new();
    loop {
        signal.mark_unchanged();
        changed.mark_unchanged();
        let mut wait = IDLE_LOOK;
        for plugin in platform.all_running() {
            let notifies = plugin.manifest.surfaces.contains(&Surface::Notifier);
            if !notifies || busy.contains(&plugin.name) {
                continue;
            }
            match platform
                .store()
                .deliveries_due(&plugin.name, MAX_AT_ONCE)
                .await
            {
                Ok(due) if !due.is_empty() => {
                    busy.insert(plugin.name.clone());
                    let platform = platform.clone();
                    tasks.spawn(async move {
                        let name = plugin.name.clone();
                        round(&platform, &plugin, due).await;
                        name
                    });
                }
                Ok(_) => wait = wait.min(next(platform, &plugin.name).await),
                Err(error) => {
                    tracing::warn!(%error, "deliveries cannot be read; trying again");
                    wait = STORE_PAUSE;
                }
            }
        }
        tokio::select! {
            () = shutdown.cancelled() => break,
            _ = signal.changed() => if busy.is_empty() {
                tokio::time::sleep(GATHER).await;
            },
            _ = changed.changed() => {}
            Some(ended) = tasks.join_next() => match ended {
                Ok(name) => { busy.remove(&name); }
                Err(error) => {
                    tracing::error!(%error, "a round of deliveries died");
                    // Which one it was is not known; those under way settle
                    // their own.
                    busy.clear();
                }
            },
            () = tokio::time::sleep(wait) => {}
        }
    }
    tasks.shutdown().await;
}

async fn next(platform: &Platform, notifier: &str) -> Duration {
    let now = platform.0.options.clock.now();
    match platform.store().next_delivery_due(notifier).await {
        Ok(Some(at)) => at.since(now).clamp(Duration::from_millis(5), IDLE_LOOK),
        Ok(None) => IDLE_LOOK,
        Err(_) => STORE_PAUSE,
    }
}

async fn round(platform: &Platform, plugin: &Arc<Running>, due: Vec<DueDelivery>) {
    let mut tasks = JoinSet::new();
    for delivery in due {
        let (platform, plugin) = (platform.clone(), Arc::clone(plugin));
        tasks.spawn(async move { deliver(&platform, &plugin, delivery).await });
    }
    tasks.join_all().await;
}

async fn deliver(platform: &Platform, plugin: &Arc<Running>, due: DueDelivery) {
    let (seq, attempt) = (due.seq, due.attempt);
    let tried = attempt.saturating_sub(due.attempts_before_retry);
    let clock = &*platform.0.options.clock;
    let (why, again) = match try_once(platform, plugin, due).await {
        Ok(None) => return,
        Ok(Some(Delivery::Permanent(why))) => (why, Again::Park),
        Ok(Some(Delivery::Retry(why, after_ms))) => {
            let after = after_ms.map(|ms| Duration::from_millis(ms.into()));
            (why, backoff::again(clock, tried, after))
        }
        Ok(Some(Delivery::Delivered(_))) => return,
        Err(PlatformError::Store(StoreError::Settled { .. })) => return,
        Err(PlatformError::Store(error)) if error.may_pass() => {
            tracing::warn!(%error, "a delivery waits for the store");
            tokio::time::sleep(STORE_PAUSE).await;
            return;
        }
        Err(error) => (error.to_string(), backoff::again(clock, tried, None)),
    };
    tracing::warn!(
        notifier = plugin.name,
        seq = seq.0,
        why,
        ?again,
        "a delivery failed"
    );
    let failed = platform
        .store()
        .fail_delivery(&plugin.name, seq, attempt, &why, again)
        .await;
    if let Err(error) = failed {
        tracing::warn!(%error, "the failure of a delivery could not be written");
        tokio::time::sleep(STORE_PAUSE).await;
    }
}

/// Makes one delivery. What the notifier says against it is given back.
async fn try_once(
    platform: &Platform,
    plugin: &Arc<Running>,
    due: DueDelivery,
) -> Result<Option<Delivery>, PlatformError> {
    let store = platform.store();
    let job = match due.job {
        Some(id) => {
            let found = store.job(id).await?;
            let job = found.ok_or_else(|| StoreError::NotFound {
                what: id.to_string(),
            })?;
            view_of(store, job).await?
        }
        None => of_host(due.at),
    };
    let turn = platform.plugins().turn(&plugin.name).await?;
    let event = Notification {
        seq: due.seq.0,
        at_ms: millis(due.at),
        kind: due.kind,
        data: due.data.to_string(),
        job,
    };
    // The instance keeps the keys of two hosts apart that tell the same place.
    let key = format!("{}-{}-{}", store.instance_id(), plugin.name, due.seq.0);
    let actor = Actor {
        sender: None,
        source: "timeline".to_owned(),
    };
    let by = actor.name(&plugin.name);
    let (context, ledger) = platform.context(plugin, actor);
    let said = platform
        .plugins()
        .notify(&plugin.name, &turn, event, key, Box::new(context))
        .await?;
    let Delivery::Delivered(receipt) = said else {
        return Ok(Some(said));
    };
    store
        .commit_call(CallCommit {
            plugin: plugin.name.clone(),
            cause: CallCause::Delivery {
                seq: due.seq,
                attempt: due.attempt,
                receipt,
            },
            actor: by,
            via: format!("plugin:{}", plugin.name),
            kv_max_bytes: plugin.kv_bytes(),
            button: None,
            effects: ledger.take(),
        })
        .await?;
    Ok(None)
}

/// What stands in the place of a job where the host tells of itself, as the WIT
/// says.
fn of_host(at: Timestamp) -> JobView {
    JobView {
        id: 0,
        project: String::new(),
        state: "host".to_owned(),
        is_final: false,
        title: String::new(),
        requested_by: String::new(),
        branch: None,
        asked_commit: None,
        detail: None,
        created_at_ms: millis(at),
        updated_at_ms: millis(at),
    }
}

impl Platform {
    /// Takes away what was settled long ago, now and then.
    pub(crate) async fn tidy(&self, shutdown: CancellationToken) {
        loop {
            let now = self.0.options.clock.now();
            let before = Timestamp(now.0 - i64::try_from(KEPT.as_millis()).unwrap_or(i64::MAX));
            let store = self.store();
            let taken = async {
                while store.prune_events(before).await? > 0 {}
                while store.prune_deliveries(before).await? > 0 {}
                while store.prune_buttons(before).await? > 0 {}
                Ok::<(), StoreError>(())
            };
            if let Err(error) = taken.await {
                tracing::debug!(%error, "old events are left for now");
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(TIDY_EVERY) => {}
            }
        }
    }
}
