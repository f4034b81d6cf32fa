//! Hands events to their connectors: one that is new at once, and stored ones
//! until each is handled, dropped or parked.

use crate::backoff;
use crate::call::Actor;
use crate::running::Running;
use crate::sources::sender::Verified;
use crate::{Platform, PlatformError};
use sortie_model::clock::Timestamp;
use sortie_model::id::PluginEventId;
use sortie_model::surface::Surface;
use sortie_plugins::surfaces::connector::{Event, Payload, Reply};
use sortie_store::{Again, CallCause, CallCommit, Committed, DueEvent, NewPluginEvent, StoreError};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Events of one plugin handled at once; none keeps another plugin's waiting.
const MAX_AT_ONCE: usize = 4;
/// A wait that is over before the clock moves would spin.
const SHORTEST_WAIT: Duration = Duration::from_millis(5);
/// How often the store is looked at without a reason; every change signals.
const IDLE_LOOK: Duration = Duration::from_secs(30);
/// How long to leave a store alone that is in trouble.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// Works until `shutdown`.
pub(crate) async fn work(platform: &Platform, shutdown: CancellationToken) {
    let mut signal = platform.store().inbound_signal();
    let mut changed = platform.change_signal();
    let mut tasks = JoinSet::new();
    let mut busy = HashMap::new();
    loop {
        signal.mark_unchanged();
        changed.mark_unchanged();
        let wait = match start(platform, &mut tasks, &mut busy).await {
            Ok(wait) => wait,
            Err(error) => {
                tracing::warn!(%error, "waiting events cannot be read; trying again");
                STORE_PAUSE
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => break,
            _ = signal.changed() => {}
            _ = changed.changed() => {}
            Some(ended) = tasks.join_next_with_id() => {
                let id = match ended {
                    Ok((id, ())) => id,
                    Err(error) => {
                        tracing::error!(%error, "the handling of an event died");
                        error.id()
                    }
                };
                busy.remove(&id);
            }
            () = tokio::time::sleep(wait) => {}
        }
    }
    // What is under way is not acknowledged and comes again.
    tasks.shutdown().await;
}

/// Starts what is due and not under way; returns how long nothing more is due.
async fn start(
    platform: &Platform,
    tasks: &mut JoinSet<()>,
    busy: &mut HashMap<tokio::task::Id, (String, PluginEventId)>,
) -> Result<Duration, StoreError> {
    let mut wait = IDLE_LOOK;
    for plugin in platform.all_running() {
        if !plugin.manifest.surfaces.contains(&Surface::Connector) {
            continue;
        }
        let name = &plugin.name;
        let under_way = busy.values().filter(|(of, _)| of == name).count();
        if under_way >= MAX_AT_ONCE {
            continue;
        }
        // Those under way are still due in the store.
        let asked = u32::try_from(MAX_AT_ONCE + under_way).unwrap_or(u32::MAX);
        let due = platform.store().due_events(name, asked).await?;
        let mut room = MAX_AT_ONCE - under_way;
        for event in due {
            if room == 0 {
                break;
            }
            let id = event.id;
            if busy.values().any(|(_, busy)| *busy == id) {
                continue;
            }
            let platform = platform.clone();
            let task = tasks.spawn(async move { handle(&platform, event).await });
            busy.insert(task.id(), (name.clone(), id));
            room -= 1;
        }
        if let Some(at) = platform.store().next_event_due(name).await? {
            let now = platform.0.options.clock.now();
            wait = wait.min(at.since(now).max(SHORTEST_WAIT));
        }
    }
    Ok(wait)
}

async fn handle(platform: &Platform, due: DueEvent) {
    let (id, attempt) = (due.id, due.attempt);
    let tried = attempt.saturating_sub(due.attempts_before_retry);
    let (plugin, source) = (due.plugin.clone(), due.source.clone());
    let error = match try_once(platform, due).await {
        Ok(()) => return,
        // Somebody else settled it, or took it up.
        Err(PlatformError::Store(StoreError::Settled { .. })) => return,
        Err(PlatformError::Store(StoreError::ButtonUsed)) => {
            return outrun(platform, id, attempt).await;
        }
        // The event is not to blame, and the disk is where the blame would go.
        Err(PlatformError::Store(error)) if error.may_pass() => {
            tracing::warn!(%error, "an event waits for the store");
            tokio::time::sleep(STORE_PAUSE).await;
            return;
        }
        Err(error) => error,
    };
    let again = backoff::again(&*platform.0.options.clock, tried, None);
    let text = error.to_string();
    match again {
        Again::Park => {
            tracing::error!(%error, plugin, source, event = id.0, "an event is parked; see `sortie plugin events`");
        }
        Again::At(_) => {
            tracing::warn!(%error, plugin, source, event = id.0, "an event is tried again later");
        }
    }
    let failed = platform.store().fail_event(id, attempt, &text, again).await;
    if let Err(error) = failed {
        tracing::warn!(%error, event = id.0, "the failure of an event could not be written");
        tokio::time::sleep(STORE_PAUSE).await;
    }
}

async fn try_once(platform: &Platform, due: DueEvent) -> Result<(), PlatformError> {
    let Some(running) = platform.running(&due.plugin) else {
        return Err(PlatformError::NotInstalled { plugin: due.plugin });
    };
    let payload: Payload = read(&due.plugin, &due.payload)?;
    let sender = match &due.sender {
        Some(sender) => {
            let verified: Verified = read(&due.plugin, sender.to_string().as_bytes())?;
            Some(verified.refreshed(platform).await?)
        }
        None => None,
    };
    let event = Event {
        id: due.id.0,
        source: due.source,
        received_at_ms: millis(due.received_at),
        attempt: due.attempt,
        sender: sender.as_ref().map(|verified| verified.sender.clone()),
        payload,
    };
    let cause = CallCause::Event {
        id: due.id,
        attempt: due.attempt,
    };
    carry_out(platform, &running, event, sender, cause)
        .await
        .map(drop)
}

/// A press that waited while another one of the same message was faster: there
/// is nothing left to do, and no plugin is to blame.
async fn outrun(platform: &Platform, id: PluginEventId, attempt: u32) {
    let why = "another button of the message was faster";
    let failed = platform
        .store()
        .fail_event(id, attempt, why, Again::Park)
        .await;
    if let Err(error) = failed {
        tracing::warn!(%error, event = id.0, "a press that came too late could not be parked");
        tokio::time::sleep(STORE_PAUSE).await;
    }
}

/// What came of an event.
pub(crate) struct Handled {
    pub(crate) committed: Committed,
    pub(crate) reply: Option<Reply>,
}

/// Hands an event that is not stored to its connector, while whoever sent it
/// waits. What it brought is written only with what the call asked for: when
/// this fails, nothing of it is.
pub(crate) async fn at_once(
    platform: &Platform,
    running: &Arc<Running>,
    new: NewPluginEvent,
    sender: Option<Verified>,
    payload: Payload,
) -> Result<Handled, PlatformError> {
    let event = Event {
        id: new.id.0,
        source: new.source.clone(),
        received_at_ms: millis(platform.0.options.clock.now()),
        attempt: 1,
        sender: sender.as_ref().map(|verified| verified.sender.clone()),
        payload,
    };
    carry_out(platform, running, event, sender, CallCause::NewEvent(new)).await
}

/// Hands an event to its connector, and writes all that the call asked for
/// together with what caused it.
///
/// When somebody changed what the call saw before it was written, nothing of it
/// is, and the connector is asked once more: it sees how things stand now, and
/// the person who waits hears that. Only people act on what others act on.
async fn carry_out(
    platform: &Platform,
    running: &Arc<Running>,
    event: Event,
    sender: Option<Verified>,
    cause: CallCause,
) -> Result<Handled, PlatformError> {
    let again = sender.is_some().then(|| (event.clone(), cause.clone()));
    match (
        call(platform, running, event, sender.clone(), cause).await,
        again,
    ) {
        (Err(PlatformError::Store(StoreError::Effect { why, .. })), Some((event, cause)))
            if !why.may_pass() =>
        {
            call(platform, running, event, sender, cause).await
        }
        (done, _) => done,
    }
}

async fn call(
    platform: &Platform,
    running: &Arc<Running>,
    event: Event,
    sender: Option<Verified>,
    cause: CallCause,
) -> Result<Handled, PlatformError> {
    let turn = platform.plugins().turn(&running.name).await?;
    let button = sender.as_ref().and_then(|verified| verified.button.clone());
    let actor = Actor {
        sender,
        source: event.source.clone(),
    };
    let by = actor.name(&running.name);
    let (context, ledger) = platform.context(running, actor);
    let reply = platform
        .plugins()
        .receive(&running.name, &turn, event, Box::new(context))
        .await?;
    let committed = platform
        .store()
        .commit_call(CallCommit {
            plugin: running.name.clone(),
            cause,
            actor: by,
            via: format!("plugin:{}", running.name),
            kv_max_bytes: running.kv_bytes(),
            button,
            effects: ledger.take(),
        })
        .await?;
    Ok(Handled { committed, reply })
}

/// A sender as the store keeps it.
pub(crate) fn stored(sender: Option<&Verified>) -> Option<serde_json::Value> {
    sender.and_then(|verified| serde_json::to_value(verified).ok())
}

fn read<T: serde::de::DeserializeOwned>(plugin: &str, bytes: &[u8]) -> Result<T, PlatformError> {
    serde_json::from_slice(bytes).map_err(|error| PlatformError::Package {
        plugin: plugin.to_owned(),
        path: "its stored event".into(),
        reason: error.to_string(),
    })
}

/// Milliseconds since 1970 UTC; what is earlier counts as that.
pub(crate) fn millis(at: Timestamp) -> u64 {
    u64::try_from(at.0).unwrap_or(0)
}
