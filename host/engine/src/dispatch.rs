//! The one loop that orders what the engine does: claims when there is room,
//! cancels when a person says so, expires what nobody answered, reminds, and clears
//! away sandboxes that no run owns. It never runs a step itself.

use crate::{EngineError, EngineOptions, drive};
use sortie_model::id::RunId;
use sortie_store::{Claim, ClaimLimits, StoreError};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

/// How often the queue is looked at without a reason. Every change signals;
/// this only bounds the harm of a signal that was missed.
const IDLE_LOOK: Duration = Duration::from_secs(30);
/// How long the engine may take to say that it is there.
const ENGINE_LOOK: Duration = Duration::from_secs(5);
/// How long to leave an engine alone that did not answer.
const ENGINE_PAUSE: Duration = Duration::from_secs(2);
/// The longest wait when the store is in trouble, such as a full disk.
const STORE_PAUSE: Duration = Duration::from_secs(1);

struct Dispatcher {
    options: Arc<EngineOptions>,
    tasks: JoinSet<()>,
    /// Which task has a run. A run that parked and goes on has a new one before
    /// the end of the old one is seen.
    running: HashMap<RunId, (tokio::task::Id, CancellationToken)>,
    sweep: Option<JoinHandle<()>>,
    sweep_at: Instant,
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
        sweep: None,
        sweep_at: Instant::now(),
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
        let (rest, pause) = dispatcher.turn().await;
        tokio::select! {
            () = shutdown.cancelled() => break,
            _ = work.changed(), if rest == Rest::UntilWork => {}
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
    /// Does what can be done now; returns how long nothing more is due, and
    /// whether a job that comes in is a reason to look before that.
    async fn turn(&mut self) -> (Rest, Duration) {
        if let Err(error) = self.expire().await {
            tracing::warn!(%error, "approvals could not be expired; trying again");
            return (Rest::Whole, STORE_PAUSE);
        }
        self.sweep();
        match self.fill().await {
            Ok(Filled::NothingDue) => (Rest::UntilWork, self.until_next_due().await),
            Ok(Filled::NoRoom) => (Rest::UntilWork, IDLE_LOOK),
            // However many jobs come in, they all wait for the same engine.
            Ok(Filled::EngineDown) => (Rest::Whole, ENGINE_PAUSE),
            Err(error) => {
                tracing::warn!(%error, "no job could be claimed; trying again");
                (Rest::Whole, STORE_PAUSE)
            }
        }
    }

    /// Halts what nobody answered in time, and reminds of what waits for long.
    /// Looks first: every job that comes in
    /// is a reason for a turn, and none for a write.
    async fn expire(&self) -> Result<(), StoreError> {
        let (store, now) = (&self.options.store, self.options.clock.now());
        if store.next_expiry().await?.is_some_and(|at| at <= now) {
            store.expire_approvals().await?;
            store.remind_due().await?;
        }
        Ok(())
    }

    /// Claims until there is no room or nothing due.
    async fn fill(&mut self) -> Result<Filled, StoreError> {
        let limits = self.options.limits;
        loop {
            if self.running.len() >= limits.max_parallel as usize {
                return Ok(Filled::NoRoom);
            }
            if !self.options.store.has_claimable().await? {
                return Ok(Filled::NothingDue);
            }
            // A queue must not burn its attempts while the engine is away.
            let answer = tokio::time::timeout(ENGINE_LOOK, self.options.sandbox.list()).await;
            if !matches!(answer, Ok(Ok(_))) {
                tracing::warn!(?answer, "the container engine does not answer; jobs wait");
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
        let options = self.options.clone();
        let token = cancel.clone();
        let task = self
            .tasks
            .spawn(async move { drive::run(options, claim, token).await });
        self.running.insert(run, (task.id(), cancel));
    }

    async fn on_cancel(
        &mut self,
        cancelled: Result<RunId, tokio::sync::broadcast::error::RecvError>,
    ) {
        match cancelled {
            Ok(run) => {
                if let Some((_, token)) = self.running.get(&run) {
                    token.cancel();
                }
                // A container that was being made just then is found so.
                self.sweep_at = Instant::now();
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
                    for (run, (_, token)) in &self.running {
                        if !alive.contains(run) {
                            token.cancel();
                        }
                    }
                    self.sweep_at = Instant::now();
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
        self.running.retain(|_, (task, _)| *task != id);
        self.sweep_at = Instant::now();
    }

    /// Removes sandboxes that no unfinished run owns: after every run's end and
    /// now and then, beside the loop, since an engine may be slow or come up
    /// later than we do.
    fn sweep(&mut self) {
        let under_way = self.sweep.as_ref().is_some_and(|task| !task.is_finished());
        if under_way || Instant::now() < self.sweep_at {
            return;
        }
        self.sweep_at = Instant::now() + IDLE_LOOK;
        let options = self.options.clone();
        self.sweep = Some(tokio::spawn(async move { sweep(&options).await }));
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

async fn sweep(options: &EngineOptions) {
    let keep = match options.store.unfinished_runs().await {
        Ok(runs) => runs.into_iter().map(|run| run.0).collect::<BTreeSet<u64>>(),
        Err(error) => {
            tracing::warn!(%error, "cannot tell which sandboxes are owned");
            return;
        }
    };
    match options.sandbox.sweep(&keep).await {
        Ok(swept) if swept.containers + swept.volumes > 0 => tracing::info!(
            containers = swept.containers,
            volumes = swept.volumes,
            "removed what no run owns"
        ),
        Ok(_) => {}
        Err(error) => tracing::debug!(%error, "orphans are not swept yet"),
    }
}

/// What ends a rest.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rest {
    /// The queue changed.
    UntilWork,
    /// Its time alone.
    Whole,
}

enum Filled {
    NoRoom,
    NothingDue,
    EngineDown,
}
