//! The one loop that orders what the engine does: claims when there is room,
//! cancels when a person says so, expires what nobody answered, and clears
//! away sandboxes that no run owns. It never runs a step itself.

use crate::{EngineError, EngineOptions, drive};
use sortie_model::id::RunId;
use sortie_store::{Claim, ClaimLimits, StoreError};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How often the queue is looked at without a reason. Every change signals;
/// this only bounds the harm of a signal that was missed.
const IDLE_LOOK: Duration = Duration::from_secs(30);
/// How long to leave an engine alone that did not answer.
const ENGINE_PAUSE: Duration = Duration::from_secs(2);
/// The longest wait when the store is in trouble, such as a full disk.
const STORE_PAUSE: Duration = Duration::from_secs(1);

struct Dispatcher {
    options: Arc<EngineOptions>,
    tasks: JoinSet<()>,
    running: HashMap<RunId, CancellationToken>,
    runs: HashMap<tokio::task::Id, RunId>,
    swept: bool,
}

/// Works until `shutdown`.
pub(crate) async fn run(
    options: Arc<EngineOptions>,
    shutdown: CancellationToken,
) -> Result<(), EngineError> {
    let mut cancels = options.store.cancel_signal();
    let mut work = options.store.work_signal();
    let mut dispatcher = Dispatcher {
        options,
        tasks: JoinSet::new(),
        running: HashMap::new(),
        runs: HashMap::new(),
        swept: false,
    };
    for claim in dispatcher.options.store.reclaim().await? {
        tracing::info!(
            job = claim.job.id.0,
            run = claim.run.id.0,
            "taking up a run again"
        );
        dispatcher.start(claim);
    }
    loop {
        work.mark_unchanged();
        let pause = dispatcher.turn().await;
        tokio::select! {
            () = shutdown.cancelled() => break,
            _ = work.changed() => {}
            cancelled = cancels.recv() => dispatcher.on_cancel(cancelled).await,
            Some(ended) = dispatcher.tasks.join_next_with_id() => dispatcher.on_end(ended),
            () = tokio::time::sleep(pause) => {}
        }
    }
    // Dropping a run's task is the same as losing the process: everything it
    // knew is in the store, and its sandbox goes on.
    dispatcher.tasks.shutdown().await;
    Ok(())
}

impl Dispatcher {
    /// Does what can be done now; returns how long nothing more is due.
    async fn turn(&mut self) -> Duration {
        if let Err(error) = self.options.store.expire_approvals().await {
            tracing::warn!(%error, "approvals could not be expired; trying again");
            return STORE_PAUSE;
        }
        if !self.swept {
            self.sweep().await;
        }
        match self.fill().await {
            Ok(Filled::NothingDue) => self.until_next_due().await,
            Ok(Filled::NoRoom) => IDLE_LOOK,
            Ok(Filled::EngineDown) => ENGINE_PAUSE,
            Err(error) => {
                tracing::warn!(%error, "no job could be claimed; trying again");
                STORE_PAUSE
            }
        }
    }

    /// Claims until there is no room or nothing due.
    async fn fill(&mut self) -> Result<Filled, StoreError> {
        let limits = self.options.limits;
        loop {
            if self.running.len() >= limits.max_parallel as usize {
                return Ok(Filled::NoRoom);
            }
            let queue = self.options.store.queue_stats().await?;
            if queue.queued + queue.approved == 0 {
                return Ok(Filled::NothingDue);
            }
            // A queue must not burn its attempts while the engine is away.
            if let Err(error) = self.options.sandbox.list().await {
                tracing::warn!(%error, "the container engine does not answer; jobs wait");
                return Ok(Filled::EngineDown);
            }
            let claimed = self
                .options
                .store
                .claim(ClaimLimits {
                    max_running_total: limits.max_parallel,
                    max_running_per_project: limits.max_parallel_per_project,
                })
                .await?;
            match claimed {
                Some(claim) => self.start(claim),
                None => return Ok(Filled::NothingDue),
            }
        }
    }

    fn start(&mut self, claim: Claim) {
        let run = claim.run.id;
        let cancel = CancellationToken::new();
        self.running.insert(run, cancel.clone());
        let options = self.options.clone();
        let task = self
            .tasks
            .spawn(async move { drive::run(options, claim, cancel).await });
        self.runs.insert(task.id(), run);
    }

    async fn on_cancel(
        &mut self,
        cancelled: Result<RunId, tokio::sync::broadcast::error::RecvError>,
    ) {
        match cancelled {
            Ok(run) => {
                if let Some(token) = self.running.get(&run) {
                    token.cancel();
                }
                // A container that was being made just then is found so.
                self.swept = false;
                let sandbox = self.options.sandbox.clone();
                // Beside the loop: a slow engine must not hold up the queue.
                tokio::spawn(async move {
                    if let Err(error) = sandbox.remove(run.0).await {
                        tracing::warn!(%error, run = run.0, "a cancelled run's sandbox is left; the next start removes it");
                    }
                });
            }
            // Missed some: look at every run instead.
            Err(_) => {
                if let Ok(alive) = self.options.store.unfinished_runs().await {
                    let alive: BTreeSet<_> = alive.into_iter().collect();
                    for (run, token) in &self.running {
                        if !alive.contains(run) {
                            token.cancel();
                        }
                    }
                    self.swept = false;
                }
            }
        }
    }

    fn on_end(&mut self, ended: Result<(tokio::task::Id, ()), tokio::task::JoinError>) {
        let id = match ended {
            Ok((id, ())) => id,
            Err(error) => {
                tracing::error!(%error, "a run's task died; the run is taken up at the next start");
                error.id()
            }
        };
        if let Some(run) = self.runs.remove(&id) {
            self.running.remove(&run);
        }
    }

    /// Removes sandboxes that no unfinished run owns. Until it worked once it
    /// is tried in every turn, since the engine may come up later than we do.
    async fn sweep(&mut self) {
        let keep = match self.options.store.unfinished_runs().await {
            Ok(runs) => runs.into_iter().map(|run| run.0).collect::<BTreeSet<u64>>(),
            Err(error) => {
                tracing::warn!(%error, "cannot tell which sandboxes are owned");
                return;
            }
        };
        match self.options.sandbox.sweep(&keep).await {
            Ok(swept) => {
                self.swept = true;
                if swept.containers + swept.volumes > 0 {
                    tracing::info!(
                        containers = swept.containers,
                        volumes = swept.volumes,
                        "removed what no run owns"
                    );
                }
            }
            Err(error) => tracing::debug!(%error, "orphans are not swept yet"),
        }
    }

    /// When the next delayed job or unanswered question is due.
    async fn until_next_due(&self) -> Duration {
        let store = &self.options.store;
        let now = self.options.clock.now();
        let due = [store.next_due().await, store.next_expiry().await]
            .into_iter()
            .filter_map(|moment| moment.ok().flatten())
            .min();
        due.map_or(IDLE_LOOK, |moment| moment.since(now).min(IDLE_LOOK))
            .max(Duration::from_millis(10))
    }
}

enum Filled {
    NoRoom,
    NothingDue,
    EngineDown,
}
